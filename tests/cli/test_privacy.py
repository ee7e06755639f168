"""The real command line leaves nothing of a row readable, anywhere it could write.

Every command is a process of its own, told to keep its temporary files in a folder that is looked at
while it runs. A connection of ours keeps each database open, so that write-ahead logs stay. Searched is
everything but the inputs and `released/`, where bundles hold everything by design. Twins show that the
search finds the same values where they are, and that the watch sees a temporary file nobody can name.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Protocol

import pytest

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.type_files import load_types
from ledger.core.receipt import parse_bundle
from ledger.demo_data import deposit_rows, licence_rows, write_csv, write_xlsx
from tests.cli.nursery import NURSERY
from tests.privacy_search import Finding, patterns, search, search_folder

pytestmark = [pytest.mark.xdist_group("cli-privacy"), pytest.mark.timeout(600)]
FUND, BUREAU = "12990100MAXXXX023E", "11990100MAXXXX031C"
DEPOSIT, LICENCE = "HPF_PERSONAL_DEPOSIT", "BIZ_LICENSE"
ROWS = 6
DEMO_FIRMS = 900  # firms are numbered: ours come after the demo's
BY_DESIGN = ("released", "demo")
"""Folders of the home with bundles and inputs; the demo's own examples lie in the second."""
PEOPLE = ("欧阳澄心", "上官若水", "诸葛望舒", "尉迟怀瑾", "司马知秋", "皇甫明远")
DATABASES = ("store.db", "keys.db", "chain.db", "view.db")
CASE = ("DOC-2026-PRIVATE-7", "某条例第四十二条第三款")
NUMBERS = ("identifier", "proof_no")
"""Made of a random serial, and in the result file on purpose: they say nothing about anybody."""
LOOK_EVERY_S = 0.01


class Started(Protocol):
    """A process, as `subprocess` and the nursery give it."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...


class Place:
    """A machine's corner: home of the ledger, home of the user, temporary files, inputs, results."""

    def __init__(self, folder: Path) -> None:
        self.home, self.user = folder / "home", folder / "user"
        self.temporary, self.inputs, self.results = folder / "tmp", folder / "in", folder / "results"
        for path in (self.user, self.temporary, self.inputs, self.results):
            path.mkdir(parents=True)
        self.folder = folder
        self.said: list[bytes] = []
        self.seen: dict[str, set[bytes]] = {}

    def run(self, *argv: str, code: int = 0, keep: bool = True) -> str:
        """One command in a process of its own; what it says is searched too, unless it is asked for values."""
        out = self.start(lambda environ, said: NURSERY.start(argv, environ, said, said), code)
        if keep:
            self.said.append(out)
        return out.decode("utf-8")

    def start(self, begin: Callable[[dict[str, str], IO[bytes]], Started], code: int = 0) -> bytes:
        """Run a process to its end and look at its temporary files meanwhile."""
        environ = {
            "PATH": "/usr/bin:/bin", "HOME": str(self.user), "ECERT_HOME": str(self.home), "ECERT_LANG": "zh",
            "TMPDIR": str(self.temporary), "SQLITE_TMPDIR": str(self.temporary), "PYTHONUTF8": "1",
        }  # fmt: skip
        with (self.folder / "said").open("w+b") as said:
            process = begin(environ, said)
            while (ended := process.poll()) is None:
                self._look(process.pid)
                time.sleep(LOOK_EVERY_S)
            said.seek(0)
            found = said.read()
        assert ended == code, found.decode("utf-8")
        return found

    def _look(self, pid: int) -> None:
        """Temporary files by name, and those that were unlinked at once and only the process still has."""
        paths = [path for path in self.temporary.rglob("*") if path.is_file()]
        with contextlib.suppress(OSError):  # the process may end while we look
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(link.readlink()).startswith(str(self.temporary)):
                        paths.append(link)
        for path in paths:
            with contextlib.suppress(OSError):
                self.seen.setdefault(path.name, set()).add(path.read_bytes())


def inputs(place: Place) -> tuple[Path, Path, Path]:
    """A fund's export, the same with one row changed, and a bureau's workbook."""
    as_of = datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
    deposits = deposit_rows(ROWS, seed=77, as_of=as_of, first=60_000_000)
    for row, name in zip(deposits, reversed(PEOPLE), strict=True):
        row["姓名"] = name
    licences = licence_rows(DEMO_FIRMS + ROWS, seed=78, today=as_of)[DEMO_FIRMS:]
    for number, (row, name) in enumerate(zip(licences, PEOPLE, strict=True)):
        row |= {
            "法定代表人": name,
            "注册资本": f"{31_415_920 + number}",
            "住所": f"示范市隐私区{number + 9001}号",
        }
    changed = [dict(deposits[0], 账户余额="87654321.09"), *deposits[1:]]
    paths = tuple(place.inputs / name for name in ("export.csv", "changed.csv", "licences.xlsx"))
    write_csv(paths[0], deposits, "gb18030")
    write_csv(paths[1], changed, "utf-8-sig")
    write_xlsx(paths[2], licences)
    write_csv(place.inputs / "licences.csv", licences)  # the same values, for the search
    return paths[0], paths[1], paths[2]


def key(place: Place, issuer: str, who: str) -> str:
    return f"file:{place.home / 'keys' / issuer / who}"


def release(place: Place, issuer: str, batch: str, *, by_worker: bool = False) -> None:
    """Maker and approver; then the approver's own process, or a worker with its log."""
    place.run("batch", "make", batch, "--key", key(place, issuer, "maker"))
    approve = ("batch", "approve", batch, "--key", key(place, issuer, "approver"))
    if by_worker:
        place.run(*approve, "--queue")
        place.run("worker", "--once")
    else:
        place.run(*approve)


def newest(place: Place) -> str:
    """The number of the batch that was signed last: the demo has batches of its own before it."""
    batches = json.loads(place.run("batch", "list", "--json"))["batches"]
    return str(max(batch["id"] for batch in batches if batch["state"] == "signed"))


def bundles(place: Place, issuer: str) -> list[Path]:
    return sorted((place.home / "released" / issuer).rglob("*.ecert.json"))


def play(place: Place) -> None:
    """What clerks do in a day, good and bad."""
    export, changed, licences = inputs(place)
    deposit = ("issue", "--issuer", FUND, "--type", DEPOSIT)
    spoiled = place.inputs / "spoiled.csv"
    spoiled.write_bytes(export.read_bytes().replace(b",01,", b",77,", 1))
    place.run(*deposit, str(spoiled), "--result", str(place.results / "spoiled.csv"), code=1)
    place.run(*deposit, str(export), "--result", str(place.results / "export.csv"))
    release(place, FUND, newest(place), by_worker=True)
    place.run(*deposit, str(changed), "--supersede", "--result", str(place.results / "changed.csv"))
    release(place, FUND, newest(place))
    place.run(
        "issue", "--issuer", BUREAU, "--type", LICENCE, str(licences),
        "--result", str(place.results / "licences.csv"),
    )  # fmt: skip
    batch = newest(place)
    place.run("batch", "show", batch, "--samples", "3", keep=False)  # shows values: the maker asks for them
    release(place, BUREAU, batch)
    licence = bundles(place, BUREAU)[0]
    serial = licence.name.removesuffix(".ecert.json").upper()
    document, basis = CASE
    made = place.run(
        "status", "set", serial, "--to", "revoked", "--reason", "authority", "--document", document,
        "--legal-basis", basis, "--key", key(place, BUREAU, "maker"), "--json",
        keep=False,
    )  # fmt: skip
    place.run(
        "status",
        "approve",
        json.loads(made)["case"]["id"],
        "--key",
        key(place, BUREAU, "approver"),
        keep=False,
    )
    place.run("list", "--issuer", FUND)
    place.run("verify", str(licence), keep=False, code=1)


def always(code: str) -> set[str]:
    """Fields that everybody may see."""
    loaded = load_types().by_ref(code)
    assert loaded is not None
    return {field.key for field in loaded.type.fields if field.disclosure == "always"}


def values(place: Place) -> set[str]:
    """Every cell of the inputs and every field as it was issued, without those that are always shown."""
    shown: set[str] = set()
    hidden: set[str] = set()
    parser = SdJwtFormat()
    for path in [*bundles(place, FUND), *bundles(place, BUREAU)]:
        parsed = parser.parse(parse_bundle(path.read_bytes()).credential)
        if parsed.claims["name"] not in cells(place):
            continue  # the demo's own
        hidden |= {str(parsed.claims[name]) for name in parsed.disclosed if name not in NUMBERS}
        ref = str(parsed.payload["vct"]).removeprefix("urn:ecert:type:")
        shown |= {str(parsed.claims[name]) for name in always(ref)}
    return (hidden | cells(place)) - shown


def cells(place: Place) -> set[str]:
    found: set[str] = set()
    for name, encoding in (
        ("export.csv", "gb18030"),
        ("changed.csv", "utf-8-sig"),
        ("licences.csv", "gb18030"),
    ):
        table = list(csv.reader(io.StringIO((place.inputs / name).read_text(encoding))))
        found |= {cell for row in table[1:] for cell in row}
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("corner"))
    place.run("demo", "--deposits", "4", "--licences", "1")
    opened = [sqlite3.connect(place.home / name) for name in DATABASES]
    for connection in opened:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    play(place)
    yield place
    for connection in opened:
        connection.close()


def leaks(place: Place) -> list[Finding]:
    """Everything searched."""
    wanted = values(place) | set(CASE)
    found = search_folder(place.home, wanted, without=BY_DESIGN)
    for folder in (place.user, place.temporary, place.results):
        found += search_folder(folder, wanted)
    for name, contents in place.seen.items():
        for data in contents:
            found += search(f"temporary {name}", data, patterns(wanted))
    for said in place.said:
        found += search("what was said", said, patterns(wanted))
    return found


def test_nothing_of_a_row_is_readable_where_the_program_wrote(place: Place) -> None:
    assert leaks(place) == []
    assert (place.home / "store.db-wal").stat().st_size, "the write-ahead log was to be searched"
    assert list((place.home / "cases").iterdir())
    assert list((place.home / "published").rglob("*.jwt"))
    assert (place.home / "logs" / "worker.log").exists()
    assert len(list(place.results.iterdir())) == 4


def test_no_password_lies_outside_its_own_file(place: Place) -> None:
    passwords = {path.read_text().strip() for path in (place.home / "keys").rglob("password")}
    assert len(passwords) > 10
    found = [
        finding
        for folder in (place.home, place.user, place.temporary, place.results)
        for finding in search_folder(folder, passwords)
        if Path(finding.place).name != "password"
    ]
    assert found == []
    assert not any(search("said", said, patterns(passwords)) for said in place.said)


def test_the_same_search_finds_every_value_where_it_is(place: Place) -> None:
    """The twin: bundles and inputs hold what nothing else holds."""
    wanted = values(place)
    readable = {value for value in wanted if value.encode() in patterns([value])}
    assert set(PEOPLE) <= readable
    assert len(readable) > 8 * ROWS
    told = {finding.value for finding in search_folder(place.home / "released", wanted)}
    told |= {finding.value for finding in search_folder(place.inputs, wanted)}
    assert readable <= told
    released = {finding.value for finding in search_folder(place.home / "released", PEOPLE)}
    assert released == set(PEOPLE)


SPILL = """
import tempfile, time
file = tempfile.TemporaryFile()
file.write("尉迟怀瑾".encode("utf-16-le")); file.flush(); time.sleep(0.5)
"""


def test_the_watch_sees_a_temporary_file_without_a_name(tmp_path: Path) -> None:
    place = Place(tmp_path)
    argv = [sys.executable, "-c", SPILL]
    place.start(lambda environ, said: subprocess.Popen(argv, env=environ, stdout=said, stderr=said))
    assert list(place.temporary.iterdir()) == []
    contents = [data for each in place.seen.values() for data in each]
    assert any(search("temporary", data, patterns(["尉迟怀瑾"])) for data in contents)
