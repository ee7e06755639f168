"""Did the key of the signing certificate sign these bytes?  Check 7."""

from __future__ import annotations

from typing import Final

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence
from ledger.core.report import CheckId, CheckResult, passed, unknown
from ledger.core.sd_jwt import require_signature

_PASSED: Final = passed(CheckId.SIGNATURE, Code.SIGNATURE_GOOD)
_NOT_REACHED: Final = unknown(CheckId.SIGNATURE, Code.NOT_REACHED)
_NO_KEY: Final = unknown(CheckId.SIGNATURE, Code.SIGNER_KEY_MISSING)


def check_signature(evidence: Evidence) -> CheckResult:
    """Whose key that is, and whether it may sign, are other checks (8, 9, 31).

    Source: RFC 9901 §7.1, RFC 7518 §3.4.
    """
    if evidence.faults and CheckId.ALGORITHM in evidence.faults:
        return _NOT_REACHED
    if evidence.leaf is None:
        return _NO_KEY
    require_signature(evidence.need_credential, evidence.leaf.public_jwk)
    return _PASSED
