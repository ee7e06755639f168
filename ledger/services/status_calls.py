"""Cases as what people sign and what the operator sends: EIP-712 structs and contract calls."""

from __future__ import annotations

from typing import Any

from ledger.core.eip712 import BatchWithdrawal, StatusChange, changes_hash
from ledger.core.status import Status
from ledger.ports import ContractCall
from ledger.services.cases import Case, Part

NO_STANDING = bytes(32)


def status_change(case: Case, part: Part) -> StatusChange:
    """What both sign about credentials of one batch."""
    return StatusChange(
        issuer=case.issuer,
        root=part.root,
        changes_hash=changes_hash(part.changes),
        reason_class=int(case.grounds.reason),
        by=case.acting,
        maker=case.maker,
        approver=case.approver,
        nonce=part.nonce,
        deadline=case.deadline,
    )


def batch_withdrawal(case: Case, part: Part) -> BatchWithdrawal:
    """What both sign about a whole batch."""
    return BatchWithdrawal(
        issuer=case.issuer,
        root=part.root,
        reason_class=int(case.grounds.reason),
        by=case.acting,
        maker=case.maker,
        approver=case.approver,
        deadline=case.deadline,
    )


def call_of(case: Case, part: Part) -> ContractCall:
    """What the operator of the acting agency sends."""
    issuer, by = case.issuer.encode("ascii"), case.acting.encode("ascii")
    reason = int(case.grounds.reason)
    words = [(change.word, change.mask, change.value) for change in part.changes]
    if case.status is None:
        struct = (issuer, part.root, reason, by, case.maker, case.approver, case.deadline)
        args: tuple[Any, ...] = (struct, part.maker_signature, part.approver_signature)
        return ContractCall("ledger", "withdrawBatch", args)
    if case.status is Status.SUSPENDED:
        return ContractCall("ledger", "suspend", (issuer, part.root, by, reason, words))
    signed = (
        issuer,
        part.root,
        changes_hash(part.changes),
        reason,
        by,
        case.maker,
        case.approver,
        part.nonce,
        case.deadline,
    )
    approvals = (part.maker_signature, part.approver_signature, NO_STANDING)
    return ContractCall("ledger", "changeStatus", (signed, words, approvals))
