"""Could it be read, and is it written in the one permitted way?  Checks 1 to 6."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence, fault_result
from ledger.core.report import CheckId, CheckResult, passed, unknown
from ledger.core.sd_jwt import require_algorithm, require_payload

_PASSED: Final[Mapping[CheckId, CheckResult]] = {
    CheckId.PARSE: passed(CheckId.PARSE, Code.READ),
    CheckId.CANONICAL: passed(CheckId.CANONICAL, Code.CANONICAL),
    CheckId.DISCLOSURES: passed(CheckId.DISCLOSURES, Code.DISCLOSURES_MATCH),
    CheckId.DUPLICATES: passed(CheckId.DUPLICATES, Code.NO_DUPLICATES),
}
_PAYLOAD_COMPLETE: Final = passed(CheckId.PAYLOAD, Code.PAYLOAD_COMPLETE)
_ALGORITHM_ALLOWED: Final = passed(CheckId.ALGORITHM, Code.ALGORITHM_ALLOWED, alg="ES256")


def reading_check(check: CheckId) -> Callable[[Evidence], CheckResult]:
    """Check that passes when reading met no fault of its kind.

    Without a credential the readers stopped at a fault of another kind, and nothing is known.
    """

    def judge(evidence: Evidence) -> CheckResult:
        if evidence.faults and check in evidence.faults:
            return fault_result(check, evidence.faults[check])
        if evidence.credential is None:
            return unknown(check, Code.NOT_REACHED)
        return good

    good = _PASSED[check]
    return judge


def check_payload(evidence: Evidence) -> CheckResult:
    """Are all statements in clear there, with the right types?  Source: docs/formats.md, Credential."""
    if evidence.faults and CheckId.PAYLOAD in evidence.faults:
        return fault_result(CheckId.PAYLOAD, evidence.faults[CheckId.PAYLOAD])
    require_payload(evidence.need_credential.payload)
    return _PAYLOAD_COMPLETE


def check_algorithm(evidence: Evidence) -> CheckResult:
    """Is it the one permitted algorithm?  Decided before any cryptography (RFC 8725 §3.1)."""
    require_algorithm(evidence.need_credential.header)
    return _ALGORITHM_ALLOWED
