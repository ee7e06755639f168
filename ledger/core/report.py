"""What a verification returns: one result per check, then one verdict.

Checks return, parsers raise. Nothing here touches a clock, a file or a network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple


class Outcome(StrEnum):
    """UNKNOWN is never shown as forged and never as valid."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


class CheckId(StrEnum):
    """The 32 checks of the architecture, in their order."""

    PARSE = "parse"
    CANONICAL = "canonical"
    PAYLOAD = "payload"
    DISCLOSURES = "disclosures"
    DUPLICATES = "duplicates"
    ALGORITHM = "algorithm"
    SIGNATURE = "signature"
    KEY_VALID_AT_ANCHOR = "key_valid_at_anchor"
    KEY_COMPROMISE = "key_compromise"
    GRANT_AT_ANCHOR = "grant_at_anchor"
    GRANT_CHAIN = "grant_chain"
    ISSUER_NOW = "issuer_now"
    SCHEMA = "schema"
    INCLUSION = "inclusion"
    ANCHOR = "anchor"
    FINALITY = "finality"
    CONTRACT = "contract"
    ANCHOR_FACTS = "anchor_facts"
    ISSUED_BEFORE_ANCHOR = "issued_before_anchor"
    NOT_BEFORE = "not_before"
    EXPIRY = "expiry"
    REVOCATION = "revocation"
    SUSPENSION = "suspension"
    SUPERSESSION = "supersession"
    STATUS_LIST = "status_list"
    STATUS_OWNER = "status_owner"
    STATUS_AGE = "status_age"
    HOLDER_BINDING = "holder_binding"
    AUDIENCE = "audience"
    DELEGATION = "delegation"
    ISSUER_BINDING = "issuer_binding"
    PAGE = "page"


NO_EVIDENCE: Final[Mapping[str, Any]] = MappingProxyType({})
_AS_IT_IS: Final = frozenset({str, int, float, bool, type(None)})


class CheckResult(NamedTuple):
    """One answer. `as_of` is seconds since 1970 UTC, or None where time plays no part.

    A tuple, not a dataclass: 32 of them are made for each credential.
    """

    id: CheckId
    outcome: Outcome
    code: str
    as_of: int | None = None
    evidence: Mapping[str, Any] = NO_EVIDENCE


class Presenter(Enum):
    """Who stands at the counter: the verdict on the credential never says it."""

    BOUND = "bound"
    NOT_CHECKED = "not_checked"
    REFUSED = "refused"


def passed(check: CheckId, code: str, as_of: int | None = None, **evidence: Any) -> CheckResult:
    """This check found what it wants."""
    return CheckResult(check, Outcome.PASSED, code, as_of, evidence)


def failed(check: CheckId, code: str, as_of: int | None = None, **evidence: Any) -> CheckResult:
    """This check found the opposite of what it wants."""
    return CheckResult(check, Outcome.FAILED, code, as_of, evidence)


def skipped(check: CheckId, code: str, as_of: int | None = None, **evidence: Any) -> CheckResult:
    """This check does not apply."""
    return CheckResult(check, Outcome.SKIPPED, code, as_of, evidence)


def unknown(check: CheckId, code: str, as_of: int | None = None, **evidence: Any) -> CheckResult:
    """This check could not tell."""
    return CheckResult(check, Outcome.UNKNOWN, code, as_of, evidence)


def accept(results: Iterable[CheckResult], required: Iterable[CheckId]) -> bool:
    """True only if every required check PASSED and no check FAILED.

    An empty report or an empty requirement refuses.
    """
    by_id = {result.id: result for result in results}
    wanted = tuple(required)
    if not by_id or not wanted:
        return False
    if any(result.outcome is Outcome.FAILED for result in by_id.values()):
        return False
    return all(check in by_id and by_id[check].outcome is Outcome.PASSED for check in wanted)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The national result code 0 to 6, the code that decided, and a sentence in two languages."""

    national: int
    code: str
    text: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CredentialSummary:
    """What the credential says. Name and telephone are None unless the directory entry on chain gave them."""

    type: str
    identifier: str | None
    issuer: str
    issuer_name: Mapping[str, str] | None
    claims: Mapping[str, Any]
    issuer_phone: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All answers about one bundle. `checks` are the 32 in the order of CheckId.

    `credential` is None when it could not be read or its signature does not hold: values that
    nobody vouches for are not repeated. `exit_code`: 0 accepted, 1 refused, 2 unreadable, 3 cannot tell.
    """

    verdict: Verdict
    accepted: bool
    presenter: Presenter
    checks: tuple[CheckResult, ...]
    credential: CredentialSummary | None
    single_operator: bool
    exit_code: int

    def check(self, check: CheckId) -> CheckResult:
        """The answer of one check."""
        return next(result for result in self.checks if result.id is check)

    def as_json(self, checks: Any = None) -> dict[str, Any]:
        """Members as in docs/report.schema.json; bytes become 0x hex.

        Args:
            checks: what stands for `checks_as_json(self.checks)` where somebody made it before.
        """
        summary = self.credential
        return {
            "verdict": {
                "national": self.verdict.national,
                "code": str(self.verdict.code),
                "text": dict(self.verdict.text),
            },
            "accepted": self.accepted,
            "presenter": self.presenter.value,
            "checks": checks_as_json(self.checks) if checks is None else checks,
            "credential": None
            if summary is None
            else {
                "type": summary.type,
                "identifier": summary.identifier,
                "issuer": {
                    "uscc": summary.issuer,
                    "name": None if summary.issuer_name is None else dict(summary.issuer_name),
                },
                "claims": _plain(summary.claims),
            },
        }


def checks_as_json(checks: Iterable[CheckResult]) -> list[dict[str, Any]]:
    """The member `checks` of a report."""
    return [
        {
            "id": result.id.value,
            "outcome": result.outcome.value,
            "code": str(result.code),
            "as_of": result.as_of,
            "evidence": _plain(result.evidence),
        }
        for result in checks
    ]


def _plain(value: Any) -> Any:
    """JSON form of evidence and claims; what JSON is made of first: a report has some hundred such values."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is dict:
        return {str(name): item if type(item) in _AS_IT_IS else _plain(item) for name, item in value.items()}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list | frozenset | set):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return value
