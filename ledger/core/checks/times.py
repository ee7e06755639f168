"""Do its times hold together, and is it in force now?  Checks 19, 20 and 21.

Calendar rules are Asia/Shanghai: UTC+8 since 1992, no summer time.
"""

from __future__ import annotations

from typing import Final

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence
from ledger.core.report import CheckId, CheckResult, failed, passed, unknown

DAY_S: Final = 86_400
SHANGHAI_S: Final = 8 * 3600
MAX_DAYS_BEFORE_ANCHOR: Final = 7
MAX_AFTER_ANCHOR_S: Final = 120  # a signing machine's clock may run this much ahead of the chain's


def shanghai_day(seconds: int) -> int:
    """Number of the calendar day in Asia/Shanghai, days since 1970-01-01."""
    return (seconds + SHANGHAI_S) // DAY_S


def check_issued_before_anchor(evidence: Evidence) -> CheckResult:
    """day(anchor) − 7 ≤ day(iat) ≤ day(anchor + 120 s)?

    Nothing else compares `iat` with key or certificate times.  Source: architecture, check 19.
    """
    anchored_at = evidence.need_anchor.anchored_at
    check, issued_at = CheckId.ISSUED_BEFORE_ANCHOR, evidence.need_credential.payload.get("iat")
    if type(issued_at) is not int:
        return unknown(check, Code.NOT_REACHED)
    day = shanghai_day(issued_at)
    if day < shanghai_day(anchored_at) - MAX_DAYS_BEFORE_ANCHOR:
        return failed(check, Code.ISSUED_TOO_EARLY, iat=issued_at, anchored_at=anchored_at)
    if day > shanghai_day(anchored_at + MAX_AFTER_ANCHOR_S):
        return failed(check, Code.ISSUED_AFTER_ANCHOR, iat=issued_at, anchored_at=anchored_at)
    return passed(check, Code.ISSUED_IN_TIME, iat=issued_at, anchored_at=anchored_at)


def check_not_before(evidence: Evidence) -> CheckResult:
    """Has its validity begun?  `nbf`, or the issue day without it."""
    payload, check = evidence.need_credential.payload, CheckId.NOT_BEFORE
    begins_at = payload.get("nbf", payload.get("iat"))
    if type(begins_at) is not int:
        return unknown(check, Code.NOT_REACHED)
    if evidence.now < begins_at:
        return failed(check, Code.NOT_YET_VALID, evidence.now, begins_at=begins_at)
    return passed(check, Code.IN_FORCE, evidence.now, begins_at=begins_at)


def check_expiry(evidence: Evidence) -> CheckResult:
    """Has its validity not ended?  `exp` itself is outside (RFC 7519 §4.1.4)."""
    payload, check = evidence.need_credential.payload, CheckId.EXPIRY
    if "exp" not in payload:
        return passed(check, Code.NO_EXPIRY, evidence.now)
    expires_at = payload["exp"]
    if type(expires_at) is not int:
        return unknown(check, Code.NOT_REACHED)
    if evidence.now >= expires_at:
        return failed(check, Code.EXPIRED, evidence.now, expires_at=expires_at)
    return passed(check, Code.NOT_EXPIRED, evidence.now, expires_at=expires_at)
