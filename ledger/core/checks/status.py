"""What state is the credential in, and is that state its own?  Checks 22 to 26."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence, fault_result, list_reference
from ledger.core.model import CREDENTIALS_PER_WORD
from ledger.core.report import CheckId, CheckResult, Outcome, failed, passed, unknown
from ledger.core.status import Status
from ledger.core.status_list import parse_status_uri

ENDED: Final[Mapping[int, Code]] = {
    Status.REVOKED: Code.REVOKED,
    Status.CANCELLED: Code.CANCELLED,
    Status.VOID: Code.VOID,
    Status.USED: Code.USED,
}
_DEFINED: Final = frozenset(int(status) for status in Status)


def _status(evidence: Evidence, check: CheckId) -> int | CheckResult:
    """The chain's status of this leaf, or why a status check cannot tell."""
    chain = evidence.need_chain
    if chain.status is None:  # the index of the receipt is not one of this batch
        return unknown(check, Code.STATUS_MISSING, chain.head.confirmed_at)
    if chain.status not in _DEFINED:
        return unknown(check, Code.STATUS_UNDEFINED, chain.head.confirmed_at, status=chain.status)
    return chain.status


def check_revocation(evidence: Evidence) -> CheckResult:
    """Has it ended: revoked, cancelled, void or used?"""
    check, as_of = CheckId.REVOCATION, evidence.need_chain.head.confirmed_at
    status = _status(evidence, check)
    if isinstance(status, CheckResult):
        return status
    code = ENDED.get(status)
    if code is None:
        return CheckResult(*_NOT_REVOKED, as_of)
    registered = evidence.need_chain.credential_type
    if code is Code.USED and registered is not None and not registered.single_use:
        code = Code.USED_NOT_SINGLE_USE
    return failed(check, code, as_of, status=status)


def check_suspension(evidence: Evidence) -> CheckResult:
    """Is it suspended, or not activated yet?"""
    check, as_of = CheckId.SUSPENSION, evidence.need_chain.head.confirmed_at
    status = _status(evidence, check)
    if isinstance(status, CheckResult):
        return status
    if status == Status.SUSPENDED:
        return failed(check, Code.SUSPENDED, as_of, status=status)
    if status == Status.PENDING:
        return failed(check, Code.PENDING, as_of, status=status)
    return CheckResult(*_NOT_SUSPENDED, as_of)


def check_supersession(evidence: Evidence) -> CheckResult:
    """Has a newer version replaced it?  By which one is told only by the newer one (review F21)."""
    check, as_of = CheckId.SUPERSESSION, evidence.need_chain.head.confirmed_at
    status = _status(evidence, check)
    if isinstance(status, CheckResult):
        return status
    if status == Status.SUPERSEDED:
        return failed(check, Code.SUPERSEDED, as_of, status=status)
    return CheckResult(*_NOT_SUPERSEDED, as_of)


_NOT_REVOKED: Final = passed(CheckId.REVOCATION, Code.NOT_REVOKED)[:3]
_NOT_SUSPENDED: Final = passed(CheckId.SUSPENSION, Code.NOT_SUSPENDED)[:3]
_NOT_SUPERSEDED: Final = passed(CheckId.SUPERSESSION, Code.NOT_SUPERSEDED)[:3]


_parse_uri = lru_cache(maxsize=1024)(parse_status_uri)  # an agency has few lists


def check_status_list(evidence: Evidence) -> CheckResult:
    """Is the list named in the credential the batch's list, and the token handed in a good one?

    The token part applies only when a token is the evidence. The chain view is the finer source; a
    good token that contradicts it makes us say that we cannot tell.
    """
    payload, check = evidence.need_credential.payload, CheckId.STATUS_LIST
    reference = list_reference(payload)
    if reference is None:
        return unknown(check, Code.NOT_REACHED)
    uri = _parse_uri(reference[0])
    if uri.iss != payload.get("iss"):
        return failed(check, Code.LIST_ISSUER_DIFFERS, list=uri.iss, credential=payload.get("iss"))
    trust = evidence.trust
    if uri.ledger_id != trust.ledger_id and uri.ledger_id not in [link.ledger_id for link in trust.links]:
        return failed(check, Code.LIST_LEDGER_DIFFERS, list=uri.ledger_id, trusted=trust.ledger_id)
    number = evidence.need_anchor.list
    if uri.number != number:
        return failed(check, Code.LIST_NUMBER_DIFFERS, credential=uri.number, anchor=number)
    return _list_token(evidence, number)


_NO_LIES: Final = frozenset({Code.LIST_TOKEN_EXPIRED, Code.CHAIN_UNAVAILABLE})


def _list_token(evidence: Evidence, number: int) -> CheckResult:
    token, check = evidence.list_token, CheckId.STATUS_LIST
    if token is None:
        return passed(check, Code.LIST_AGREES, list=number, given="none")
    if token.fault is not None:
        is_lie = token.fault.code not in _NO_LIES
        return fault_result(check, token.fault, Outcome.FAILED if is_lie else Outcome.UNKNOWN)
    facts: dict[str, Any] = {"list": number, "given": "token", "value": token.value}
    if token.value != 0 and evidence.need_chain.status == Status.VALID:
        return unknown(check, Code.LIST_DISAGREES, token.issued_at, **facts)
    return passed(check, Code.LIST_TOKEN_GOOD, token.issued_at, **facts)


def check_status_owner(evidence: Evidence) -> CheckResult:
    """Does idx − 64·firstWord = leaf index < size hold?  Otherwise idx points at another credential's status."""
    anchor, receipt, check = evidence.need_anchor, evidence.need_receipt, CheckId.STATUS_OWNER
    reference = list_reference(evidence.need_credential.payload)
    if reference is None:
        return unknown(check, Code.NOT_REACHED)
    expected = anchor.first_word * CREDENTIALS_PER_WORD + receipt.leaf_index
    if reference[1] != expected or receipt.leaf_index >= anchor.size:
        return failed(
            check,
            Code.INDEX_OF_OTHER,
            idx=reference[1],
            expected=expected,
            leaf_index=receipt.leaf_index,
            size=anchor.size,
        )
    return _INDEX_OWNED


_INDEX_OWNED: Final = passed(CheckId.STATUS_OWNER, Code.INDEX_OWNED)
