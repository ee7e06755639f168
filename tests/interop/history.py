"""One agency's whole history on real parts: every status a credential can come to, by the way it really goes.

Store, outbox, contracts, chain view and publisher are the product's own; nothing is written past them.
The clock stands a few minutes back at first and is the real one in the end, since the verifiers of
others ask the machine. Two types are the product's; no real type is single-use, so USED is reached
through a type file made here, which is registered, granted and redeemed like any other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from ledger.adapters.abi import word_change_tuples
from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.case_files import MemoryCases
from ledger.adapters.row_readers import open_rows
from ledger.adapters.system import ManualClock, SystemEntropy
from ledger.adapters.type_files import builtin_type_bytes, load_types
from ledger.core.flow import BatchRecord
from ledger.core.model import ReasonClass, Role, WithdrawalCause
from ledger.core.receipt import parse_bundle
from ledger.core.status import Status, word_changes
from ledger.demo_data import deposit_rows, licence_rows, write_csv, write_xlsx
from ledger.ports import ContractCall
from ledger.services.calls import enqueue_call
from ledger.services.registry import Act, Registry
from ledger.services.signing import CREDENTIAL_CONTEXT
from ledger.services.status import Grounds, StatusService
from tests.flow_world import FOREVER, ISSUER, TYPE_REF, World, chain_signer, found

LICENCE_REF = "BIZ_LICENSE:1"
TICKET_REF = "TEST_TICKET:2"
GRANTED = (TYPE_REF, LICENCE_REF, TICKET_REF)
TICKET = GRANTED.index(TICKET_REF) + 1
HISTORY_S = 240  # more seconds than there are blocks; the chain refuses a clock that jumps by 300
GROUNDS = Grounds(ReasonClass.AUTHORITY_DECISION, "interop", "HISTORY-1")
ME = ISSUER.encode("ascii")
Row = Mapping[str, str]


def write_ticket_type(folder: Path) -> None:
    """A single-use type: the deposit proof with USED instead of its other ends."""
    value = json.loads(builtin_type_bytes()["HPF_PERSONAL_DEPOSIT.json"])
    value |= {"code": "TEST_TICKET", "version": 2, "single_use": True}
    value |= {"statuses": ["VALID", "USED"], "transitions": {"VALID": ["USED"]}}
    folder.mkdir()
    (folder / "TEST_TICKET.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


class History:
    """Plays it once; `credentials` are what holders (or thieves) have, by what became of them.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        write_ticket_type(folder / "types")
        types = load_types(folder / "types")
        clock = ManualClock(int(time.time()) - HISTORY_S)
        found(folder / "home", clock, types, GRANTED)
        self.world = World(folder / "home", clock, type_files=types)
        self.credentials: dict[str, str] = {}
        self.bundles: dict[str, bytes] = {}
        self._status = self._open_status()
        self._cases = 0
        self._play()

    def _open_status(self) -> StatusService:
        world = self.world

        return StatusService(
            batches=world.store.batches,
            view=world.view,
            types=world.types,
            info=world.chain.info(),
            vault=world.vault,
            cases=MemoryCases(),
            enqueue=partial(enqueue_call, world.store),
            clock=world.clock,
            entropy=SystemEntropy(),
            nonces=world.store.nonces,
        )

    def _play(self) -> None:
        self._deposits()
        self._licences()
        self._tickets()
        self._withdrawn_batch()
        self.published_by_jobs = self.published()
        self._batches_that_never_came_far()
        self._stolen_key()
        self.publish()
        assert self.world.store.outbox.jobs(dead=True) == ()

    def publish(self) -> None:
        """Every list again and the view confirmed, as the worker does before a token runs out."""
        self.world.clock.set(int(time.time()))
        self.world.follower.advance()
        self.world.lists.publish_all([ISSUER])

    def published(self) -> str:
        """The token of the agency's only list, as a web server finds it."""
        [path] = (self.world.folder / "published").rglob("*.jwt")
        return path.read_text("ascii")

    # The acts.

    def _deposits(self) -> None:
        rows = self._people(0, 6)
        self._issue(["valid", "suspended", "resumed", "cancelled", "void", "superseded"], TYPE_REF, rows)
        self._suspend("suspended", "resumed")
        self._decide("resumed", Status.VALID)
        self._decide("cancelled", Status.CANCELLED)
        self._decide("void", Status.VOID)
        moved = {**rows[-1], "账户余额": "1.00"}
        self._issue(["replacement"], TYPE_REF, [moved], supersede=True)

    def _licences(self) -> None:
        rows = licence_rows(4, today=_last_month_end())
        self._issue(
            ["pending", "activated", "revoked", "refused_activation"], LICENCE_REF, rows, pending=True
        )
        self._decide("activated", Status.VALID)
        self._decide("revoked", Status.VALID)
        self._decide("revoked", Status.REVOKED)
        self._decide("refused_activation", Status.CANCELLED)

    def _tickets(self) -> None:
        """Also a grant that was renewed, then withdrawn with a cause that breaks what came after a day."""
        world = self.world
        self._govern(
            "setRole", ME, chain_signer("operator").signer_id, int(Role.REDEEMER), TICKET, 1, FOREVER
        )
        batch = self._issue(["used", "unused"], TICKET_REF, self._people(100, 2))
        used = word_change_tuples(word_changes([self._leaf("used")], Status.USED))
        call = ContractCall("ledger", "redeem", (ME, batch.root, used))
        enqueue_call(world.store, ISSUER, call, subject="redeem:1", publish=[batch.list])
        world.work()
        now = world.clock.now()
        self._govern("grantType", ME, TICKET, now, FOREVER)
        broken = self._issue(["grant_broken"], TICKET_REF, self._people(200, 1))
        assert broken.block is not None
        self._govern("withdrawGrant", ME, TICKET, broken.block.time, int(WithdrawalCause.MISCONDUCT))

    def _withdrawn_batch(self) -> None:
        batch = self._issue(["withdrawn"], TYPE_REF, self._people(300, 1))
        approver = chain_signer("approver")
        case = self._status.make_withdrawal(batch.id, GROUNDS, chain_signer("maker"), approver.signer_id)
        self._status.approve(case.id, approver)
        self.world.work()

    def _batches_that_never_came_far(self) -> None:
        """Their credentials were signed, so a thief may have them; no bundle was ever written."""
        self._start("refused", self._people(400, 1))
        self._start("not_yet_approved", self._people(500, 1))
        self._start("not_yet_anchored", self._people(600, 1))

    def _start(self, name: str, rows: Sequence[Row]) -> None:
        world = self.world
        batch = self._signed(TYPE_REF, rows)
        [found_credential] = world.store.releases.credentials(batch.id, 0, batch.size)
        key = world.vault.load([found_credential.name])[found_credential.name]
        assert found_credential.sealed is not None
        text = key.open(found_credential.sealed, CREDENTIAL_CONTEXT + found_credential.name)
        self.credentials[name] = text.decode("ascii")
        if name == "refused":
            world.approve.reject(batch.id, "not these", requeue=False)
        elif name == "not_yet_anchored":
            self._last = batch.id

    def _stolen_key(self) -> None:
        """The last anchor is made with a key that was no longer the agency's alone."""
        batch = self._issue(["compromised_before"], TYPE_REF, self._people(700, 1))
        assert batch.block is not None
        self._govern("compromiseKey", ME, 1, batch.block.time)
        self.world.make(self._last)
        self.world.give(self._last)  # queued, and no worker comes before the verifiers ask

    # How they are done.

    def _people(self, first: int, count: int) -> list[dict[str, str]]:
        return deposit_rows(count, as_of=_last_month_end(), first=first)

    def _signed(self, ref: str, rows: Sequence[Row], **plan: object) -> BatchRecord:
        world = self.world
        path = (
            self._folder
            / f"rows{len(list(self._folder.iterdir()))}.{'xlsx' if ref == LICENCE_REF else 'csv'}"
        )
        (write_xlsx if ref == LICENCE_REF else write_csv)(path, rows)
        report = world.load(open_rows(path), credential_type=world.types[ref], **plan)
        assert report.issued == len(rows), report
        [batch] = world.issue.close_import(report.job_id or 0)
        world.work()
        return world.store.batches.batch(batch.id)

    def _issue(self, names: Sequence[str], ref: str, rows: Sequence[Row], **plan: object) -> BatchRecord:
        """A file all the way to bundles; `names` in the order of the file."""
        world = self.world
        batch = self._signed(ref, rows, **plan)
        world.make(batch.id)
        world.give(batch.id)
        world.work()
        after = world.store.batches.batch(batch.id)
        bundles = world.bundles()
        lines = sorted(world.issue.results(after.job_id or 0), key=lambda line: line.row_number)
        for name, line in zip(names, lines, strict=True):
            assert line.name is not None
            self.bundles[name] = bundles[f"{line.name.hex()}.ecert.json"]
            self.credentials[name] = parse_bundle(self.bundles[name]).credential
        return after

    def _serial(self, name: str) -> bytes:
        [path] = [path for path, data in self.world.bundles().items() if data == self.bundles[name]]
        return bytes.fromhex(path.removesuffix(".ecert.json"))

    def _leaf(self, name: str) -> int:
        place = self.world.store.batches.place(self._serial(name))
        assert place is not None
        assert place.leaf_index is not None
        return place.leaf_index

    def _suspend(self, *names: str) -> None:
        self._status.suspend([self._serial(name) for name in names], GROUNDS)
        self.world.work()

    def _decide(self, name: str, status: Status) -> None:
        """Maker and approver, then the worker."""
        approver = chain_signer("approver")
        maker = chain_signer("maker")
        case = self._status.make([self._serial(name)], status, GROUNDS, maker, approver.signer_id)
        self._status.approve(case.id, approver)
        self.world.work()

    def _govern(self, function: str, *args: object) -> None:
        """An act of two admins, the issuer acting for itself."""
        world = self.world
        registry = Registry(world.chain, DirectCarrier(world.chain, pause=world.pause))
        registry.carry_out([Act(function, (ME, *args))], chain_signer("admin1"), chain_signer("admin2"))
        world.follower.advance()

    def on_chain(self) -> dict[str, Status]:
        """What the contract itself says about everything that was handed out."""
        found_statuses = {}
        for name, data in self.bundles.items():
            receipt = parse_bundle(data).receipt
            assert receipt is not None
            call = ContractCall("ledger", "statusOf", (ME, receipt.root, receipt.leaf_index))
            found_statuses[name] = Status(self.world.chain.read(call))
        return found_statuses


def _last_month_end() -> date:
    return datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
