"""The bad inputs: one sentence, one change of the good world, and every check's expected answer.

`expected` holds only what differs from the good world's row; the test and docs/checks.md overlay it on
that row, so that no cell is blank. Groups of checks that fail together for one reason have a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.core.checks.codes import Code
from ledger.core.report import CheckId
from tests.matrix.world import World

Answer = tuple[str, Code]
Answers = Mapping[CheckId, Answer]

P, F, S, U = "passed", "failed", "skipped", "unknown"
C = CheckId

GOOD: Answers = {
    C.PARSE: (P, Code.READ),
    C.CANONICAL: (P, Code.CANONICAL),
    C.PAYLOAD: (P, Code.PAYLOAD_COMPLETE),
    C.DISCLOSURES: (P, Code.DISCLOSURES_MATCH),
    C.DUPLICATES: (P, Code.NO_DUPLICATES),
    C.ALGORITHM: (P, Code.ALGORITHM_ALLOWED),
    C.SIGNATURE: (P, Code.SIGNATURE_GOOD),
    C.KEY_VALID_AT_ANCHOR: (P, Code.KEY_VALID),
    C.KEY_COMPROMISE: (P, Code.KEY_HONEST),
    C.GRANT_AT_ANCHOR: (P, Code.GRANT_GOOD),
    C.GRANT_CHAIN: (P, Code.GRANT_CHAIN_GOOD),
    C.ISSUER_NOW: (P, Code.ISSUER_ACTIVE),
    C.SCHEMA: (P, Code.SCHEMA_GOOD),
    C.INCLUSION: (P, Code.INCLUDED),
    C.ANCHOR: (P, Code.ANCHORED),
    C.FINALITY: (P, Code.SINGLE_OPERATOR),
    C.CONTRACT: (P, Code.CONTRACT_GOOD),
    C.ANCHOR_FACTS: (P, Code.FACTS_AGREE),
    C.ISSUED_BEFORE_ANCHOR: (P, Code.ISSUED_IN_TIME),
    C.NOT_BEFORE: (P, Code.IN_FORCE),
    C.EXPIRY: (P, Code.NOT_EXPIRED),
    C.REVOCATION: (P, Code.NOT_REVOKED),
    C.SUSPENSION: (P, Code.NOT_SUSPENDED),
    C.SUPERSESSION: (P, Code.NOT_SUPERSEDED),
    C.STATUS_LIST: (P, Code.LIST_AGREES),
    C.STATUS_OWNER: (P, Code.INDEX_OWNED),
    C.STATUS_AGE: (P, Code.VIEW_FRESH),
    C.HOLDER_BINDING: (S, Code.NOT_PRESENTED),
    C.AUDIENCE: (S, Code.NOT_PRESENTED),
    C.DELEGATION: (S, Code.NO_DELEGATION),
    C.ISSUER_BINDING: (P, Code.BINDING_GOOD),
    C.PAGE: (S, Code.NO_PAGE),
}
PRESENTATION = (C.HOLDER_BINDING, C.AUDIENCE, C.DELEGATION, C.PAGE)
OF_ANCHOR = (
    C.KEY_VALID_AT_ANCHOR,
    C.KEY_COMPROMISE,
    C.GRANT_AT_ANCHOR,
    C.GRANT_CHAIN,
    C.ISSUER_NOW,
    C.SCHEMA,
    C.INCLUSION,
    C.FINALITY,
    C.ANCHOR_FACTS,
    C.ISSUED_BEFORE_ANCHOR,
    C.REVOCATION,
    C.SUSPENSION,
    C.SUPERSESSION,
    C.STATUS_LIST,
    C.STATUS_OWNER,
    C.ISSUER_BINDING,
)
OF_CHAIN = (*OF_ANCHOR, C.ANCHOR, C.CONTRACT, C.STATUS_AGE)
OF_CREDENTIAL = (
    C.PARSE,
    C.CANONICAL,
    C.PAYLOAD,
    C.DISCLOSURES,
    C.DUPLICATES,
    C.ALGORITHM,
    C.SIGNATURE,
    C.SCHEMA,
    C.INCLUSION,
    C.ANCHOR_FACTS,
    C.ISSUED_BEFORE_ANCHOR,
    C.NOT_BEFORE,
    C.EXPIRY,
    C.STATUS_LIST,
    C.STATUS_OWNER,
    C.ISSUER_BINDING,
)


def all_unknown(checks: Iterable[CheckId], code: Code) -> dict[CheckId, Answer]:
    return dict.fromkeys(checks, (U, code))


def unread(check: CheckId, code: Code) -> Answers:
    """The bundle itself was refused: one check failed, the others were not reached."""
    others = [other for other in CheckId if other not in PRESENTATION]
    return {**all_unknown(others, Code.NOT_REACHED), check: (F, code)}


def illegible(check: CheckId, code: Code) -> Answers:
    """The receipt could be read and the credential could not."""
    return {**all_unknown(OF_CREDENTIAL, Code.NOT_REACHED), check: (F, code)}


def without_anchor(code: Code, outcome: str = F) -> Answers:
    """The ledger does not have the batch."""
    return {**all_unknown(OF_ANCHOR, Code.ANCHOR_MISSING), C.ANCHOR: (outcome, code)}


def without_chain(code: Code) -> Answers:
    """Nothing is known about the ledger."""
    return all_unknown(OF_CHAIN, code)


@dataclass(frozen=True)
class Case:
    """A bad input. `verdict`: national code, deciding code, exit code."""

    name: str
    sentence: str
    change: Callable[[World], Any]
    verdict: tuple[int, Code, int]
    expected: Answers

    @property
    def row(self) -> dict[CheckId, Answer]:
        return {**GOOD, **self.expected}


CASES: list[Case] = []


def case(
    sentence: str, verdict: tuple[int, Code, int], expected: Answers
) -> Callable[[Callable[[World], Any]], Callable[[World], Any]]:
    """Registers a change of the good world under the function's name."""

    def register(change: Callable[[World], Any]) -> Callable[[World], Any]:
        CASES.append(Case(change.__name__, sentence, change, verdict, expected))
        return change

    return register


def refused(national: int, check: CheckId, code: Code, more: Answers | None = None) -> dict[str, Any]:
    """One check fails, and decides."""
    return {"verdict": (national, code, 1), "expected": {check: (F, code), **(more or {})}}


def doubtful(check: CheckId, code: Code, more: Answers | None = None) -> dict[str, Any]:
    """One check cannot tell, and decides."""
    return {"verdict": (4, code, 3), "expected": {check: (U, code), **(more or {})}}


def accepted(expected: Answers | None = None) -> dict[str, Any]:
    return {"verdict": (0, Code.ACCEPTED, 0), "expected": expected or {}}
