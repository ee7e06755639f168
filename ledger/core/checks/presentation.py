"""Who presents it, to whom, on whose behalf?  Checks 28, 29 and 30.

A file in hand is no presentation: these checks do not apply to it, say so, and leave the verdict's
second field, the presenter, at "not checked" (review F28).
"""

from __future__ import annotations

from typing import Final

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence
from ledger.core.report import CheckId, CheckResult, skipped

_NO_HOLDER: Final = skipped(CheckId.HOLDER_BINDING, Code.NOT_PRESENTED)
_HOLDER: Final = skipped(CheckId.HOLDER_BINDING, Code.KEY_BINDING_NOT_CHECKED)
_AUDIENCE: Final = skipped(CheckId.AUDIENCE, Code.NOT_PRESENTED)
_DELEGATION: Final = skipped(CheckId.DELEGATION, Code.NO_DELEGATION)


def check_holder_binding(evidence: Evidence) -> CheckResult:
    """Does the presenter hold the key that the credential is bound to?"""
    credential = evidence.credential
    return _NO_HOLDER if credential is None or credential.key_binding_jwt is None else _HOLDER


def check_audience(_evidence: Evidence) -> CheckResult:
    """Was it presented to this verifier, for this purpose, just now?"""
    return _AUDIENCE


def check_delegation(_evidence: Evidence) -> CheckResult:
    """May the presenter act for the holder?"""
    return _DELEGATION
