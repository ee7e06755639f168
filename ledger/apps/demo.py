"""The demo's story over the demo installation: data, issue, approve, anchor, release, four bundles to check.

Each step looks first whether it was done: run twice, or killed and run again, it ends the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ledger.apps.demo_office import DemoOffice, Login
from ledger.apps.issuing import IssueOrder, issue_file
from ledger.apps.working import work_or_wait
from ledger.bootstrap import BoundVerifier, Installation, open_verifier
from ledger.bootstrap_demo import BUREAU, DEPOSIT, FUND, LICENCE
from ledger.bootstrap_work import Desk, open_desk, write_private
from ledger.core.flow import BatchRecord, BatchState
from ledger.core.jose import b64url_decode, b64url_encode
from ledger.core.model import ReasonClass
from ledger.core.report import Report
from ledger.core.status import Status
from ledger.demo_data import deposit_rows, licence_rows, write_csv, write_xlsx
from ledger.services.status import Grounds

AS_OF_DAY = 31
SEED = 20_261_122
FIRST_ACCOUNT = 5_000_000  # far from the accounts of sample exports that people will try
FINISHED = frozenset({BatchState.RELEASED, BatchState.REFUSED, BatchState.DEAD})


@dataclass(frozen=True, slots=True)
class Example:
    """A bundle to try, and what to expect. `expect` is the exit code of `ecert verify`."""

    name: str
    path: Path
    expect: int


class DemoStory:
    """Plays the demo.

    Args:
        here: the demo installation.
        say: told the name of each step with its numbers.
    """

    def __init__(self, here: Installation, say: Callable[..., None]) -> None:
        self._here = here
        self._say = say
        self.folder = here.home.path / "demo"
        self._as_of = _last_month_end(here.record.created_at)

    def files(self, deposits: int, licences: int) -> tuple[Path, Path]:
        """The agencies' exports: invented rows, the same for the same numbers."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        deposit = self.folder / "deposits.gb18030.csv"
        licence = self.folder / "licences.xlsx"
        if not deposit.exists():
            write_csv(deposit, deposit_rows(deposits, SEED, self._as_of, first=FIRST_ACCOUNT))
        if not licence.exists():
            write_xlsx(licence, licence_rows(licences, SEED, self._as_of))
        return deposit, licence

    def issue(self, issuer: str, type_name: str, file: Path) -> int:
        """Import, sign, make, approve, anchor, release; how many credentials are out."""
        self._say("import", file=file.name)
        order = IssueOrder(issuer, type_name, file)
        outcome = issue_file(self._here, order, lambda progress: self._say("rows", rows=progress.rows))
        self._say("issued", issued=outcome.report.issued, already=outcome.report.already)
        desk = open_desk(self._here)
        agencies = self._here.agencies
        maker = agencies.chain_signer(issuer, "maker")
        approver = agencies.chain_signer(issuer, "approver")

        def mine() -> tuple[BatchRecord, ...]:
            return _of_first_import(desk.approve.batches(issuer))

        for batch in mine():
            if batch.state is BatchState.SIGNED:
                desk.approve.make(batch.id, maker, approver.signer_id)
                self._say("made", batch=batch.id)
        for batch in mine():
            if batch.state is BatchState.MADE:
                desk.approve.approve(batch.id, approver)
                self._say("approved", batch=batch.id)
        work_or_wait(self._here, lambda: _are_finished(mine()))
        released = desk.approve.batches(issuer, (BatchState.RELEASED,))
        count = sum(batch.size for batch in released)
        self._say("released", count=count)
        return count

    def examples(self) -> list[Example]:
        """One good bundle and three bad ones: altered, declared void, with a foreign receipt."""
        desk = open_desk(self._here)
        batch = desk.approve.batches(FUND, (BatchState.RELEASED,))[0]
        bundles = sorted(desk.released.path(FUND, batch.id).glob("*.ecert.json"))
        good, altered, voided, foreign = (path.read_bytes() for path in bundles[:4])
        self._void(desk, bundles[2])
        made = (
            ("good", good, 0),
            ("altered", _with_other_balance(altered), 1),
            ("voided", voided, 1),
            ("foreign-receipt", _with_receipt_of(foreign, good), 1),
        )
        examples = []
        for name, data, expect in made:
            path = self.folder / f"{name}.ecert.json"
            write_private(path, data)
            examples.append(Example(name, path, expect))
        return examples

    def _void(self, desk: Desk, bundle: Path) -> None:
        """Maker and approver declare one proof void, with both signatures, once."""
        name = bytes.fromhex(bundle.name.removesuffix(".ecert.json"))
        place = self._here.store.batches.place(name)
        if place is None or place.root is None or place.leaf_index is None:
            raise RuntimeError("a released bundle has no place")
        evidence = self._here.view.evidence(FUND, place.root, place.leaf_index)
        if evidence is not None and evidence.status == Status.VOID:
            return
        agencies = self._here.agencies
        approver = agencies.chain_signer(FUND, "approver")
        grounds = Grounds(ReasonClass.ISSUER_ERROR, "演示用途 (demo)", "DEMO-1")
        maker = agencies.chain_signer(FUND, "maker")
        case = desk.status.make([name], Status.VOID, grounds, maker, approver.signer_id)
        desk.status.approve(case.id, approver)
        self._say("voiding")
        work_or_wait(self._here, lambda: not desk.jobs_of_case(case.id))

    def office(self) -> tuple[Login, ...]:
        """People, work that waits, prints; how people log in."""

        def write_rows(file: Path, first: int, count: int) -> None:
            if not file.exists():
                write_csv(file, deposit_rows(count, SEED + first, self._as_of, first=first))

        return DemoOffice(self._here, write_rows, self._say).play()

    def check(self, example: Example) -> Report:
        """Verify an example with the installation's own trust file and chain."""
        return self._verifier().verify(example.path.read_bytes())

    def _verifier(self) -> BoundVerifier:
        return open_verifier(self._here.home.trust_file, self._here.home.path)

    def play(self, deposits: int, licences: int) -> dict[str, int]:
        """Everything up to the released bundles; how many of each type are out."""
        deposit, licence = self.files(deposits, licences)
        return {
            DEPOSIT: self.issue(FUND, DEPOSIT, deposit),
            LICENCE: self.issue(BUREAU, LICENCE, licence),
        }


def _of_first_import(batches: tuple[BatchRecord, ...]) -> tuple[BatchRecord, ...]:
    """Batches of an issuer's first file: later ones wait for the demo's people, also when it is played again."""
    first = next((batch.job_id for batch in batches if batch.job_id is not None), None)
    return tuple(batch for batch in batches if batch.job_id is not None and batch.job_id == first)


def _are_finished(batches: tuple[BatchRecord, ...]) -> bool:
    return all(batch.state in FINISHED for batch in batches)


def _last_month_end(now: int) -> date:
    """Last day of the month before `now`: what a real export of deposits is dated."""
    today = date.fromordinal(date(1970, 1, 1).toordinal() + now // 86_400)
    return date.fromordinal(today.replace(day=1).toordinal() - 1)


def _with_other_balance(bundle: bytes) -> bytes:
    """The same bundle with another first digit in one amount: what a forger does to a number."""
    value: dict[str, Any] = json.loads(bundle)
    parts = value["credential"].split("~")
    for position, text in enumerate(parts[1:-1], 1):
        salt, name, shown = json.loads(b64url_decode(text))
        if isinstance(shown, str) and "." in shown and shown[0].isdecimal() and len(shown) > 6:
            digit = "9" if shown[0] != "9" else "8"
            forged = json.dumps([salt, name, digit + shown[1:]]).encode()
            parts[position] = b64url_encode(forged)
            value["credential"] = "~".join(parts)
            return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    raise RuntimeError("a deposit proof has amounts")


def _with_receipt_of(bundle: bytes, other: bytes) -> bytes:
    """The same credential with somebody else's receipt."""
    value: dict[str, Any] = json.loads(bundle)
    value["receipt"] = json.loads(other)["receipt"]
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
