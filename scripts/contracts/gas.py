"""Measures what each act costs on a cold chain and writes docs/gas.md. Usage: scripts/gas [--check].

Cold means: people who never sent before, a list and status words never written, an empty block before.
Signatures are deterministic, so the same code gives the same figures to the last unit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.core import eip712
from ledger.core.model import Batch, Role
from scripts.contracts.lab import (
    NO_STANDING,
    ROOT,
    Lab,
    Staff,
    batch_tuple,
    demo_uscc,
    issuer_id,
    root_of,
    set_statuses,
)
from scripts.contracts.passkey import Passkey

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "gas.md"
MANY = 10_000
BATCHES = 1_000
SUSPENDED, REVOKED = 2, 8


@dataclass(frozen=True)
class Row:
    """One line of the table. `goal` None: printed, not judged."""

    act: str
    gas: int
    goal: int | None

    @property
    def holds(self) -> bool:
        return self.goal is None or self.gas <= self.goal


class _Meter:
    """A world with a top-level issuer and one at level 5, and the gas of single acts in it."""

    def __init__(self) -> None:
        self.lab = Lab()
        lab = self.lab
        lab.send(lab.ledger.functions.open(), lab.governance)
        self.type_id = lab.register_type("HPF")
        admins = lab.root_admins
        lab.grant(ROOT, admins, ROOT, self.type_id)
        issuers = [demo_uscc(number) for number in range(2, 6)]
        parent = ROOT
        pairs = {ROOT: admins}
        for issuer in issuers:
            pairs[issuer] = lab.admit(parent, pairs[parent], issuer)
            lab.grant(parent, pairs[parent], issuer, self.type_id)
            parent = issuer
        self.top = self._staffed(ROOT, admins)
        self.second = self._staffed(issuers[0], pairs[issuers[0]])
        self.deep = self._staffed(issuers[-1], pairs[issuers[-1]])

    def _staffed(self, issuer: str, admins: Any) -> Staff:
        staff = self.lab.staff(issuer, admins)
        self.lab.register_key(issuer, admins)
        return staff

    def batch(self, staff: Staff, name: str, size: int, **others: Any) -> Batch:
        return self.lab.batch(staff, self.type_id, root_of(name), size, **others)

    def anchored(self, staff: Staff, name: str, size: int) -> Batch:
        batch = self.batch(staff, name, size)
        self.lab.send(self.lab.anchor_call(staff, batch), staff.operator)
        return batch

    def cost(self, call: Any, staff: Staff) -> int:
        """Gas of this call by a sender whose block before was empty."""
        self.lab.fund(staff.operator)
        self.lab.tester.mine_block()
        return int(self.lab.send(call, staff.operator)["gasUsed"])

    def apart(self, measure: Callable[[], int]) -> int:
        """Measure, and forget what it changed."""
        with self.lab.snapshot():
            return measure()


def measure() -> list[Row]:
    """Every row of the table, in its order."""
    meter = _Meter()
    return [*_anchors(meter), *_single_changes(meter), *_many_changes(meter), *_others(meter)]


def _anchors(meter: _Meter) -> list[Row]:
    def anchor(staff: Staff) -> int:
        return meter.apart(
            lambda: meter.cost(meter.lab.anchor_call(staff, meter.batch(staff, "a", MANY)), staff)
        )

    two_keys = "maker and approver by ECDSA"
    return [
        Row(f"anchor, the root itself, {two_keys}", anchor(meter.top), 100_000),
        Row(f"anchor, an issuer right below the root, {two_keys}", anchor(meter.second), 100_000),
        Row(
            f"anchor, an issuer at level 5, every ancestor's grant checked, {two_keys}",
            anchor(meter.deep),
            125_000,
        ),
        Row("anchor, two passkeys", meter.apart(lambda: _by_passkeys(meter)), 650_000),
        Row(
            "anchor under a standing approval, first of the day",
            meter.apart(lambda: _by_standing(meter)),
            None,
        ),
        Row(
            "anchor of 1,000 PENDING, their 16 status words written",
            meter.apart(lambda: _pending(meter)),
            None,
        ),
    ]


def _by_passkeys(meter: _Meter) -> int:
    staff, (maker, approver) = meter.second, (Passkey(1001), Passkey(1002))
    for passkey, role in ((maker, Role.MAKER), (approver, Role.APPROVER)):
        meter.lab.set_role(staff.issuer, staff.admins, passkey.signer, role)
    batch = meter.batch(staff, "a", MANY, maker=maker.signer, approver=approver.signer)
    digest = eip712.batch_digest(meter.lab.ledger_domain, batch)
    approvals = (maker.sign(digest), approver.sign(digest), NO_STANDING)
    return meter.cost(meter.lab.ledger.functions.anchor(batch_tuple(batch), approvals), staff)


def _pending(meter: _Meter) -> int:
    batch = meter.batch(meter.second, "a", 1_000, pending=True)
    return meter.cost(meter.lab.anchor_call(meter.second, batch), meter.second)


def _by_standing(meter: _Meter) -> int:
    staff, now = meter.second, meter.lab.now
    limits = (MANY, 0, 0)
    standing = eip712.StandingApproval(
        staff.issuer, meter.type_id, 1, *limits, now, now + 86_400, staff.approver.signer, 1
    )
    terms = (issuer_id(staff.issuer), meter.type_id, 1, *limits, now, now + 86_400, staff.approver.signer, 1)
    meter.lab.send(meter.lab.ledger.functions.registerStanding(terms, b""), staff.approver)
    number = eip712.standing_digest(meter.lab.ledger_domain, standing)
    return meter.cost(meter.lab.anchor_call(staff, meter.batch(staff, "a", MANY), number), staff)


def _single_changes(meter: _Meter) -> list[Row]:
    staff, lab = meter.second, meter.lab
    root = meter.anchored(staff, "changes", MANY).root

    def suspend(index: int) -> int:
        return meter.cost(lab.suspend_call(staff.issuer, root, set_statuses([index], SUSPENDED)), staff)

    def revoke(index: int, nonce: int) -> int:
        changes = set_statuses([index], REVOKED)
        return meter.cost(lab.change_call(staff, root, changes, nonce=nonce), staff)

    def after_suspension(action: Callable[[], int]) -> int:
        suspend(70)
        return action()

    def after_nonce(action: Callable[[], int]) -> int:
        revoke(9_000, 1)
        return action()

    fresh = meter.apart(lambda: suspend(71))
    used = meter.apart(lambda: after_suspension(lambda: suspend(71)))
    signed = meter.apart(lambda: after_nonce(lambda: revoke(71, 2)))
    signed_used = meter.apart(lambda: after_nonce(lambda: after_suspension(lambda: revoke(71, 2))))
    first = meter.apart(lambda: revoke(71, 1))
    return [
        Row("SUSPEND one, fresh status word", fresh, 60_000),
        Row("SUSPEND one, used status word", used, 42_000),
        Row("REVOKE one with two signatures, fresh status word", signed, fresh + 40_000),
        Row("REVOKE one with two signatures, used status word", signed_used, used + 40_000),
        Row("REVOKE one with two signatures, fresh status word, first of 256 nonces", first, None),
    ]


def _many_changes(meter: _Meter) -> list[Row]:
    staff, lab = meter.second, meter.lab
    root = meter.anchored(staff, "range", MANY).root
    everything = range(MANY)
    fresh = meter.cost(lab.suspend_call(staff.issuer, root, set_statuses(everything, SUSPENDED)), staff)
    lab.nonce = 0
    revoked = lab.change_call(staff, root, set_statuses(everything, REVOKED))
    used = meter.cost(revoked, staff)
    return [
        Row("10,000 changes within one batch, fresh words (SUSPEND)", fresh, 4_400_000),
        Row("10,000 changes within one batch, used words (REVOKE, two signatures)", used, 1_600_000),
        *_scattered(meter),
    ]


def _scattered(meter: _Meter) -> list[Row]:
    """Ten leaves in each of 1,000 batches, ten batches' worth measured and multiplied."""
    staff, lab, sample = meter.second, meter.lab, 10
    fresh = used = 0
    for number in range(sample):
        root = meter.anchored(staff, f"scattered {number}", MANY).root
        leaves = [137 + 997 * place for place in range(MANY // BATCHES)]
        fresh += meter.cost(lab.suspend_call(staff.issuer, root, set_statuses(leaves, SUSPENDED)), staff)
        used += meter.cost(lab.change_call(staff, root, set_statuses(leaves, REVOKED)), staff)
    times = BATCHES // sample
    return [
        Row("10,000 changes scattered over 1,000 batches, fresh words (SUSPEND)", fresh * times, None),
        Row("10,000 changes scattered over 1,000 batches, used words (REVOKE)", used * times, None),
    ]


def _others(meter: _Meter) -> list[Row]:
    staff, lab = meter.second, meter.lab
    root = meter.anchored(staff, "withdrawn", MANY).root
    wanted = eip712.BatchWithdrawal(
        staff.issuer, root, 2, staff.issuer, staff.maker.signer, staff.approver.signer, lab.now + 3600
    )
    digest = eip712.withdrawal_digest(lab.ledger_domain, wanted)
    own = issuer_id(staff.issuer)
    struct = (own, root, 2, own, staff.maker.signer, staff.approver.signer, wanted.deadline)
    call = lab.ledger.functions.withdrawBatch(struct, staff.maker.sign(digest), staff.approver.sign(digest))
    return [Row("a batch withdrawn", meter.cost(call, staff), 110_000)]


PEERS = (
    ("OpenAttestation document store: issue one root", 48_168),
    ("OpenAttestation document store: revoke one", 50_922),
    ("OpenAttestation document store: revoke 10,000", 302_600_000),
    ("Ethereum Attestation Service: attest once", 180_132),
)


def render(rows: Sequence[Row]) -> str:
    """Text of docs/gas.md."""
    lines = [
        "# Gas",
        "",
        "Made by `scripts/gas`; a test measures again and compares. Cold state: people who never sent",
        "before, status words never written, an empty block before. py-evm, Prague rules, the committed",
        "bytecode. Figures differ by a few dozen with the zero bytes of hashes and signatures.",
        "",
        "| act | gas | goal |",
        "|---|---:|---:|",
        *(f"| {row.act} | {row.gas:,} | {'–' if row.goal is None else f'≤ {row.goal:,}'} |" for row in rows),
        "",
        "The first of every 256 nonces of an issuer opens a word of the nonce map and costs 17,100 more;",
        "the two rows with a goal are the other 255. The scattered rows are ten batches measured, times 100:",
        "10,000 changes of 1,000 batches do not fit one block of 30 million, and need 1,000 calls.",
        "A PENDING batch writes one status word for every 64 credentials; the contract sets no other limit.",
        "",
        "For comparison, measured once on the same engine with the code as its authors ship it:",
        "",
        "| elsewhere | gas |",
        "|---|---:|",
        *(f"| {name} | {gas:,} |" for name, gas in PEERS),
        "",
        "Passkeys are checked in Solidity here; where a chain has the P-256 precompile, OpenZeppelin's library",
        "uses it (not measured).",
        "",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Write docs/gas.md; 1 when a goal is missed, or with --check when the document is stale."""
    parser = argparse.ArgumentParser(prog="scripts/gas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    rows = measure()
    text = render(rows)
    missed = [row for row in rows if not row.holds]
    for row in missed:
        sys.stderr.write(f"scripts/gas: goal missed: {row.act}: {row.gas:,} > {row.goal:,}\n")
    stale = not DOCUMENT.exists() or DOCUMENT.read_text("utf-8") != text
    if options.check and stale:
        sys.stderr.write("scripts/gas: docs/gas.md is not what is measured now\n")
    if not options.check:
        DOCUMENT.write_text(text, "utf-8")
    return 1 if missed or (options.check and stale) else 0


if __name__ == "__main__":
    sys.exit(main())
