"""Was the batch's key good when the batch was anchored?  Checks 8 and 9.

The anchor names the key; the registry at anchor time decides. Retiring a key never breaks what it
signed earlier; a compromise breaks exactly what was anchored at or after it (review F10, F11).
"""

from __future__ import annotations

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence
from ledger.core.model import Purpose
from ledger.core.report import CheckId, CheckResult, failed, passed


def check_key_valid_at_anchor(evidence: Evidence) -> CheckResult:
    """Registered, of purpose credential, and inside its interval at anchor time?"""
    chain, anchor = evidence.need_chain, evidence.need_anchor
    check, as_of, key = CheckId.KEY_VALID_AT_ANCHOR, chain.head.confirmed_at, chain.key
    if key is None:
        return failed(check, Code.KEY_UNKNOWN, as_of, key=anchor.key)
    if key.purpose != Purpose.CREDENTIAL:
        return failed(check, Code.KEY_PURPOSE, as_of, key=key.number, purpose=key.purpose)
    times = {
        "key": key.number,
        "anchored_at": anchor.anchored_at,
        "valid_from": key.valid_from,
        "valid_until": key.valid_until,
    }
    if anchor.anchored_at < key.valid_from:
        return failed(check, Code.KEY_NOT_YET_VALID, as_of, **times)
    if anchor.anchored_at >= key.valid_until:
        return failed(check, Code.KEY_RETIRED_BEFORE, as_of, **times)
    return passed(check, Code.KEY_VALID, as_of, **times)


def check_key_compromise(evidence: Evidence) -> CheckResult:
    """Was the key honest at anchor time?"""
    chain, anchor = evidence.need_chain, evidence.need_anchor
    check, as_of, key = CheckId.KEY_COMPROMISE, chain.head.confirmed_at, chain.key
    if key is None:
        return failed(check, Code.KEY_UNKNOWN, as_of, key=anchor.key)
    since = key.compromised_since
    if since is None:
        return passed(check, Code.KEY_HONEST, as_of, key=key.number)
    times = {"key": key.number, "anchored_at": anchor.anchored_at, "compromised_since": since}
    if since <= anchor.anchored_at:
        return failed(check, Code.KEY_COMPROMISED, as_of, **times)
    return passed(check, Code.KEY_COMPROMISED_LATER, as_of, **times)
