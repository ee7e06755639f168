"""From 32 answers to one verdict, by a table.

Any FAILED refuses; else any required check that did not pass means "cannot tell". The national
result code is that of the worst answer; which is worse is the order below. Source: architecture
section 4; result codes of the national e-licence platform 0 to 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ledger.core.checks.codes import Code
from ledger.core.checks.texts import NATIONAL_TEXTS, SINGLE_OPERATOR_TEXT, TEXTS, Language
from ledger.core.report import (
    CheckId,
    CheckResult,
    CredentialSummary,
    Outcome,
    Presenter,
    Report,
    Verdict,
)

NOT_REQUIRED: Final = frozenset(
    {
        CheckId.ISSUER_NOW,  # reported apart
        CheckId.HOLDER_BINDING,  # these four speak of a presentation, and a file is none
        CheckId.AUDIENCE,
        CheckId.DELEGATION,
        CheckId.PAGE,
    }
)
REQUIRED: Final = frozenset(CheckId) - NOT_REQUIRED

SEVERITY: Final = (6, 5, 4, 3, 2, 1)
"""National codes, worst first: wrong, not found, cannot tell, ended, suspended, not active yet."""

_LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
_CANNOT_TELL: Final = 4


def make_report(checks: Sequence[CheckResult], credential: CredentialSummary | None) -> Report:
    """The report of these answers."""
    passing = Outcome.PASSED
    others = [result for result in checks if result.outcome is not passing]
    refusals = [result for result in others if result.outcome is Outcome.FAILED]
    doubts = [result for result in others if result.id in REQUIRED]
    single = result_of(checks, CheckId.FINALITY).code == Code.SINGLE_OPERATOR
    accepted = not refusals and not doubts and len(checks) == len(CheckId)
    if refusals:
        verdict = _verdict(_worst(refusals), single=single)
    elif doubts:
        verdict = _verdict(_first_cause(doubts), single=single)
    else:
        verdict = _ACCEPTED_SINGLE if single else _ACCEPTED
    return Report(
        verdict=verdict,
        accepted=accepted,
        presenter=Presenter.NOT_CHECKED,
        checks=tuple(checks),
        credential=credential,
        single_operator=single,
        exit_code=_exit_code(refusals, accepted=accepted),
    )


def same_report(report: Report, credential: CredentialSummary) -> Report:
    """The report on another credential about which every check said the same."""
    return Report(
        report.verdict,
        report.accepted,
        report.presenter,
        report.checks,
        credential,
        report.single_operator,
        report.exit_code,
    )


def result_of(checks: Sequence[CheckResult], check: CheckId) -> CheckResult:
    """The answer of one check; `checks` are all 32, in order."""
    return checks[_PLACE[check]]


_PLACE: Final = {check: place for place, check in enumerate(CheckId)}


def national_code(result: CheckResult) -> int:
    """National result code of one FAILED or UNKNOWN answer."""
    if result.outcome is Outcome.UNKNOWN:
        return _CANNOT_TELL
    national = TEXTS[Code(result.code)].national
    if national is None:
        raise RuntimeError(f"{result.code} has no national result code")
    return national


def _worst(results: Iterable[CheckResult]) -> CheckResult:
    """The worst one, the first of these in the order of the checks."""
    return min(results, key=lambda result: SEVERITY.index(national_code(result)))


def _first_cause(doubts: Sequence[CheckResult]) -> CheckResult:
    """The first doubt that is not a mere consequence of another one."""
    causes = [result for result in doubts if result.code not in _CONSEQUENCES]
    return (causes or list(doubts))[0]


_CONSEQUENCES: Final = frozenset({Code.NOT_REACHED, Code.ANCHOR_MISSING})


def _verdict(result: CheckResult, *, single: bool) -> Verdict:
    national, row = national_code(result), TEXTS[Code(result.code)]
    sentences = {"zh": row.zh, "en": row.en}
    text: dict[str, str] = {}
    for language in _LANGUAGES:
        separator = "：" if language == "zh" else ": "
        text[language] = NATIONAL_TEXTS[national][language] + separator + sentences[language]
        if single:
            text[language] += SINGLE_OPERATOR_TEXT[language]
    return Verdict(national, result.code, text)


def _accepted(*, single: bool) -> Verdict:
    return Verdict(
        0,
        Code.ACCEPTED,
        {
            language: NATIONAL_TEXTS[0][language] + (SINGLE_OPERATOR_TEXT[language] if single else "")
            for language in _LANGUAGES
        },
    )


_ACCEPTED: Final = _accepted(single=False)
_ACCEPTED_SINGLE: Final = _accepted(single=True)


def _exit_code(refusals: Sequence[CheckResult], *, accepted: bool) -> int:
    if accepted:
        return 0
    if any(result.id is CheckId.PARSE for result in refusals):
        return 2
    return 1 if refusals else 3
