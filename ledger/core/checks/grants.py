"""Was this agency entitled to this type, and its superiors too?  Checks 10, 11 and 12.

A withdrawal stops new batches from the block that wrote it; only a breaking cause reaches back to
the date that it names. What has become of the agency since is told apart and changes no verdict.
"""

from __future__ import annotations

from collections.abc import Iterable

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence
from ledger.core.grants import GrantState, grant_state
from ledger.core.model import MAX_LEVEL, ChainEvidence, GrantRecord, IssuerRecord
from ledger.core.report import CheckId, CheckResult, failed, passed

_FAULTS = {
    GrantState.MISSING: Code.GRANT_MISSING,
    GrantState.WITHDRAWN: Code.GRANT_WITHDRAWN,
    GrantState.BROKEN: Code.GRANT_BROKEN,
}


def grant_fault(history: Iterable[GrantRecord], at: int) -> Code | None:
    """Why this history, oldest first, does not entitle at `at` (seconds); None if it does."""
    return _FAULTS.get(grant_state(history, at))


def check_grant_at_anchor(evidence: Evidence) -> CheckResult:
    """Was the agency itself in office and entitled to this type at anchor time?"""
    chain, anchor = evidence.need_chain, evidence.need_anchor
    check, as_of, at = CheckId.GRANT_AT_ANCHOR, chain.head.confirmed_at, anchor.anchored_at
    if chain.issuer is None:
        return failed(check, Code.ISSUER_UNKNOWN, as_of, issuer=anchor.issuer)
    if chain.issuer.dissolved_at is not None and chain.issuer.dissolved_at < at:
        return failed(
            check,
            Code.ISSUER_DISSOLVED_BEFORE,
            as_of,
            dissolved_at=chain.issuer.dissolved_at,
            anchored_at=at,
        )
    fault = grant_fault(chain.grants.get(anchor.issuer, ()), at)
    if fault is not None:
        return failed(check, fault, as_of, issuer=anchor.issuer, type_id=anchor.type_id, anchored_at=at)
    return passed(check, Code.GRANT_GOOD, as_of, type_id=anchor.type_id, anchored_at=at)


def check_grant_chain(evidence: Evidence) -> CheckResult:
    """Did every superior, up to the root that the trust file names, hold this type at anchor time?"""
    chain, anchor = evidence.need_chain, evidence.need_anchor
    check, as_of = CheckId.GRANT_CHAIN, chain.head.confirmed_at
    if chain.issuer is None:
        return failed(check, Code.ISSUER_UNKNOWN, as_of, issuer=anchor.issuer)
    superiors = _superiors(chain, chain.issuer)
    top = superiors[-1] if superiors else chain.issuer
    if top.issuer != evidence.trust.root_issuer:
        return failed(
            check,
            Code.ROOT_ISSUER_DIFFERS,
            as_of,
            root_issuer=evidence.trust.root_issuer,
            found=top.issuer,
        )
    for superior in superiors:
        fault = grant_fault(chain.grants.get(superior.issuer, ()), anchor.anchored_at)
        if fault is not None:
            return failed(
                check,
                Code.GRANT_CHAIN_BROKEN,
                as_of,
                superior=superior.issuer,
                level=superior.level,
                reason=fault.value,
                anchored_at=anchor.anchored_at,
            )
    return passed(check, Code.GRANT_CHAIN_GOOD, as_of, superiors=[record.issuer for record in superiors])


def _superiors(chain: ChainEvidence, issuer: IssuerRecord) -> list[IssuerRecord]:
    """From the parent upward; stops where a record is missing, so that the top shows it."""
    known = {record.issuer: record for record in chain.ancestors}
    found: list[IssuerRecord] = []
    parent = issuer.parent
    while parent is not None and parent in known and len(found) < MAX_LEVEL:
        record = known.pop(parent)
        found.append(record)
        parent = record.parent
    return found


def check_issuer_now(evidence: Evidence) -> CheckResult:
    """What has become of the agency since?  Reported apart: it never fails."""
    chain, anchor, now = evidence.need_chain, evidence.need_anchor, evidence.now
    check, as_of, issuer = CheckId.ISSUER_NOW, chain.head.confirmed_at, chain.issuer
    if issuer is not None and issuer.dissolved_at is not None and issuer.dissolved_at <= now:
        return passed(
            check,
            Code.ISSUER_DISSOLVED,
            as_of,
            dissolved_at=issuer.dissolved_at,
            successor=issuer.successor,
        )
    fault = grant_fault(chain.grants.get(anchor.issuer, ()), now)
    if fault is Code.GRANT_MISSING:
        return passed(check, Code.GRANT_ENDED, as_of)
    if fault is not None:
        return passed(check, Code.GRANT_WITHDRAWN_SINCE, as_of)
    if chain.key is not None and chain.key.valid_until <= now:
        return passed(check, Code.ISSUER_KEY_RETIRED, as_of, valid_until=chain.key.valid_until)
    return passed(check, Code.ISSUER_ACTIVE, as_of)
