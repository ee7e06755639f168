"""What a clerk's assistant in these tests can do: run a command for its JSON, name keys, take a file to bundles."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.demo_data import write_csv
from tests.cli.nursery import CLOCK_AHEAD
from tests.cli.story import Ran, ecert

FUND = "12990100MAXXXX023E"
BUREAU = "11990100MAXXXX031C"
ROOT_ISSUER = "11990000MAXXXX015H"
DEPOSIT = ("--issuer", FUND, "--type", "HPF_PERSONAL_DEPOSIT")
LICENCE = ("--issuer", BUREAU, "--type", "BIZ_LICENSE")


@dataclass(frozen=True)
class Clerk:
    """Works in one installation; `ahead_s`: so many seconds later than now."""

    home: Path
    ahead_s: int = 0

    def run(self, *argv: object, **environ: str) -> Ran:
        """A command line as a person would type it."""
        if self.ahead_s:
            environ[CLOCK_AHEAD] = str(self.ahead_s)
        return ecert(*(str(word) for word in argv), home=self.home, **environ)

    def later(self, seconds: int) -> Clerk:
        """The same clerk so much later; earlier ones see a clock that was set back."""
        return Clerk(self.home, self.ahead_s + seconds)

    def ask(self, *argv: object, code: int = 0) -> Any:
        """Its JSON; it must end with this exit code."""
        ran = self.run(*argv, "--json")
        assert ran.code == code, ran.out + ran.err
        return json.loads(ran.out)

    def key(self, who: str, issuer: str = FUND) -> str:
        """A person's key."""
        return f"file:{self.home / 'keys' / issuer / who}"

    def admins(self, issuer: str = ROOT_ISSUER) -> tuple[str, ...]:
        """Options that name both admins."""
        return ("--admin", self.key("admin1", issuer), "--admin", self.key("admin2", issuer))

    def sign(self, batch: int, issuer: str = FUND) -> dict[str, Any]:
        """Maker and approver sign; the batch as it is then."""
        self.ask("batch", "make", batch, "--key", self.key("maker", issuer))
        done = self.ask("batch", "approve", batch, "--key", self.key("approver", issuer))
        return dict(done["batches"][0])

    def bundle(self, identifier: str) -> str:
        """Where the bundle of a credential lies."""
        return str(self.ask("show", identifier)["bundle"])


def clerk_of_a_copy(home: Path, folder: Path) -> Clerk:
    """A clerk with an installation of his own: a copied chain is nobody's source until a worker opened it."""
    clerk = Clerk(folder / "home")
    shutil.copytree(home, clerk.home)
    ran = clerk.run("worker", "--once")
    assert ran.code == 0, ran.out + ran.err
    return clerk


def results(file: Path) -> list[dict[str, str]]:
    """The result file beside a data file."""
    text = file.with_name(file.name + ".result.csv").read_text(encoding="utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def batch_of(file: Path) -> int:
    """The batch that the first row of a data file went into."""
    return int(results(file)[0]["batch"])


def written(file: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """The file, written."""
    write_csv(file, rows)
    return file


def altered(rows: Sequence[Mapping[str, str]], row: int, column: str, value: str) -> list[Mapping[str, str]]:
    """The rows with one cell changed; numbered as users see them, the header is 1."""
    return [{**one, column: value} if at == row else one for at, one in enumerate(rows, start=2)]
