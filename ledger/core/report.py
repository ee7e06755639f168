"""What a verification returns: one result per check, then one verdict.

Checks return, parsers raise. Nothing here touches a clock, a file or a network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any


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


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One answer. `as_of` is seconds since 1970 UTC, or None where time plays no part."""

    id: CheckId
    outcome: Outcome
    code: str
    as_of: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Presenter(Enum):
    """Who stands at the counter: the verdict on the credential never says it."""

    BOUND = "bound"
    NOT_CHECKED = "not_checked"
    REFUSED = "refused"


def passed(check: CheckId, code: str, as_of: int | None = None, **evidence: Any) -> CheckResult:
    return CheckResult(check, Outcome.PASSED, code, as_of, evidence)


def failed(check: CheckId, code: str, as_of: int | None = None, **evidence: Any) -> CheckResult:
    return CheckResult(check, Outcome.FAILED, code, as_of, evidence)


def skipped(check: CheckId, code: str, as_of: int | None = None, **evidence: Any) -> CheckResult:
    return CheckResult(check, Outcome.SKIPPED, code, as_of, evidence)


def unknown(check: CheckId, code: str, as_of: int | None = None, **evidence: Any) -> CheckResult:
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
    return all(
        check in by_id and by_id[check].outcome is Outcome.PASSED for check in wanted
    )
