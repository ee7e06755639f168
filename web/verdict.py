"""Turns a report into what a result page shows: one of four states, groups of checks, labelled values.

Decides nothing about a credential: it only sorts and names what the report says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from ledger.core.checks.texts import advice_of, check_name, text_of
from ledger.core.credential_type import CredentialType
from ledger.core.report import CheckId, CheckResult, Outcome, Report
from web.claims import credential_rows, withheld_labels
from web.frame import age_words, spell_time
from web.kept import Kept
from web.language import Language
from web.texts import text

State = Literal["good", "bad", "paused", "unknown"]
PAUSING = frozenset({CheckId.NOT_BEFORE, CheckId.EXPIRY, CheckId.SUSPENSION})
ICONS: Mapping[State, str] = {"good": "✓", "bad": "✕", "paused": "!", "unknown": "?"}
OUTCOME_ICONS: Mapping[Outcome, str] = {
    Outcome.PASSED: "✓",
    Outcome.FAILED: "✕",
    Outcome.UNKNOWN: "?",
    Outcome.SKIPPED: "–",
}
# Worst first: a group is as good as its worst check.
ORDER = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED, Outcome.SKIPPED)
GROUPS: tuple[tuple[str, tuple[CheckId, ...]], ...] = (
    (
        "group_file",
        (
            CheckId.PARSE,
            CheckId.CANONICAL,
            CheckId.PAYLOAD,
            CheckId.DISCLOSURES,
            CheckId.DUPLICATES,
            CheckId.SCHEMA,
        ),
    ),
    ("check.group_page", (CheckId.PAGE,)),
    (
        "group_signature",
        (
            CheckId.ALGORITHM,
            CheckId.SIGNATURE,
            CheckId.ISSUER_BINDING,
            CheckId.KEY_VALID_AT_ANCHOR,
            CheckId.KEY_COMPROMISE,
        ),
    ),
    ("group_right", (CheckId.GRANT_AT_ANCHOR, CheckId.GRANT_CHAIN, CheckId.ISSUER_NOW)),
    (
        "group_anchor",
        (
            CheckId.INCLUSION,
            CheckId.ANCHOR,
            CheckId.FINALITY,
            CheckId.CONTRACT,
            CheckId.ANCHOR_FACTS,
            CheckId.ISSUED_BEFORE_ANCHOR,
        ),
    ),
    ("group_term", (CheckId.NOT_BEFORE, CheckId.EXPIRY)),
    (
        "group_status",
        (
            CheckId.REVOCATION,
            CheckId.SUSPENSION,
            CheckId.SUPERSESSION,
            CheckId.STATUS_LIST,
            CheckId.STATUS_OWNER,
            CheckId.STATUS_AGE,
        ),
    ),
    ("group_presenter", (CheckId.HOLDER_BINDING, CheckId.AUDIENCE, CheckId.DELEGATION)),
)


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check in words."""

    id: str
    name: str
    outcome: str
    icon: str
    icon_name: str
    sentence: str
    advice: str
    code: str


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """Checks that answer one question of a clerk."""

    title: str
    outcome: str
    icon: str
    icon_name: str
    is_open: bool
    lines: tuple[CheckLine, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A fact beside the verdict, with its tone: calm or warning."""

    title: str
    value: str
    hint: str
    tone: Literal["calm", "warning"]


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Everything the template prints."""

    state: State
    icon: str
    heading: str
    reason: str
    advice: str
    code: str
    national: int
    accepted: bool
    notes: tuple[Note, ...]
    rows: tuple[tuple[str, str], ...]
    withheld: tuple[str, ...]
    groups: tuple[CheckGroup, ...]
    as_of: Mapping[str, str]
    count: str
    checked_at: str
    ledger_as_of: str | None
    ages: tuple[tuple[str, str, str], ...]
    issuer_name: str | None
    phone: str | None


def state_of(report: Report) -> State:
    """Which of the four states this report is shown as."""
    if report.accepted:
        return "good"
    failures = {check.id for check in report.checks if check.outcome is Outcome.FAILED}
    if not failures:
        return "unknown"
    return "paused" if failures <= PAUSING else "bad"


def result_page(report: Report, types: Sequence[CredentialType], language: Language, now: int) -> ResultPage:
    """The page of one report, checked at `now` (seconds)."""
    summary = report.credential
    # whatever else the page says follows from the checks, which certificates of a batch may share
    verdict = report.verdict
    said = (str(verdict.code), verdict.national, report.accepted, report.presenter, report.single_operator)
    page = _shared(lambda: _shared_page(report, language, now), report.checks, *said, language, now)
    name = None if summary is None else summary.issuer_name
    return replace(
        page,
        rows=credential_rows(summary, types, language),
        withheld=withheld_labels(summary, types, language),
        issuer_name=None if name is None else name.get(language) or name["zh"],
        phone=None if summary is None else summary.issuer_phone,
    )


_shared = Kept[ResultPage]()


def _shared_page(report: Report, language: Language, now: int) -> ResultPage:
    """The page without what the credential itself says."""
    state = state_of(report)
    results = {check.id: check for check in report.checks}
    counts = {outcome.value: sum(check.outcome is outcome for check in report.checks) for outcome in Outcome}
    as_of = results[CheckId.STATUS_AGE].as_of if CheckId.STATUS_AGE in results else None
    return ResultPage(
        state=state,
        icon=ICONS[state],
        heading=text(state, language),
        # the verdict's own text repeats what the notes beside it say
        reason=text("good_hint", language) if report.accepted else text_of(report.verdict.code, language),
        advice=advice_of(report.verdict.code, language),
        code=report.verdict.code,
        national=report.verdict.national,
        accepted=report.accepted,
        notes=_notes(report, results, language),
        rows=(),
        withheld=(),
        groups=tuple(_group(key, ids, results, language) for key, ids in GROUPS),
        as_of={check.id.value: spell_time(check.as_of) for check in report.checks if check.as_of is not None},
        count=text("checks_count", language, **counts),
        checked_at=spell_time(now),
        ledger_as_of=None if as_of is None else spell_time(as_of),
        ages=_ages(results, now, language),
        issuer_name=None,
        phone=None,
    )


def _notes(report: Report, results: Mapping[CheckId, CheckResult], language: Language) -> tuple[Note, ...]:
    """Beside the verdict: the presenter, the ledger and, where there is one, the page."""
    notes = (_presenter_note(report, language), _ledger_note(results, language, report))
    page = results.get(CheckId.PAGE)
    if page is None or page.outcome is Outcome.SKIPPED:
        return notes
    tone: Literal["calm", "warning"] = "calm" if page.outcome is Outcome.PASSED else "warning"
    value = text(f"check.page_{page.outcome.value}", language)
    hint = f"{text_of(page.code, language)} {'' if tone == 'calm' else advice_of(page.code, language)}"
    return (*notes, Note(text("check.page_title", language), value, hint.strip(), tone))


def _ages(
    results: Mapping[CheckId, CheckResult], now: int, language: Language
) -> tuple[tuple[str, str, str], ...]:
    """How old each piece of knowledge is: name, Beijing time, age in words."""
    known: list[tuple[str, int | None]] = [("check.age_check", now)]
    if CheckId.STATUS_AGE in results:
        known.append(("check.age_ledger", results[CheckId.STATUS_AGE].as_of))
    for check, key in (
        (CheckId.KEY_VALID_AT_ANCHOR, "check.age_anchor"),
        (CheckId.PAGE, "check.age_page"),
    ):
        if check in results and isinstance(at := results[check].evidence.get("anchored_at"), int):
            known.append((key, at))
    return tuple(
        (text(key, language), spell_time(at), age_words(now - at, language))
        for key, at in known
        if at is not None
    )


def _presenter_note(report: Report, language: Language) -> Note:
    key = f"presenter_{report.presenter.value}"
    tone: Literal["calm", "warning"] = "calm" if key == "presenter_bound" else "warning"
    return Note(text("presenter_title", language), text(key, language), text(f"{key}_hint", language), tone)


def _ledger_note(results: Mapping[CheckId, CheckResult], language: Language, report: Report) -> Note:
    finality = results.get(CheckId.FINALITY)
    tone: Literal["calm", "warning"] = "warning"
    if report.single_operator:
        key = "single"
    elif finality is not None and finality.outcome is Outcome.PASSED:
        key, tone = "witnessed", "calm"
    else:
        key = "finality_unknown"
    return Note(text("single_title", language), text(key, language), text(f"{key}_hint", language), tone)


def _group(
    key: str, ids: tuple[CheckId, ...], results: Mapping[CheckId, CheckResult], language: Language
) -> CheckGroup:
    found = tuple(results[check] for check in ids if check in results)
    return _group_in_words(key, tuple((check.id, check.outcome, check.code) for check in found), language)


@lru_cache(maxsize=4096)  # most results say the same: what is not about this credential is worded once
def _group_in_words(
    key: str, found: tuple[tuple[CheckId, Outcome, str], ...], language: Language
) -> CheckGroup:
    worst = min((outcome for _, outcome, _ in found), key=ORDER.index, default=Outcome.UNKNOWN)
    return CheckGroup(
        title=text(key, language),
        outcome=text(f"outcome_{worst.value}", language),
        icon=OUTCOME_ICONS[worst],
        icon_name=worst.value,
        is_open=worst in {Outcome.FAILED, Outcome.UNKNOWN},
        lines=tuple(_line(*one, language) for one in found),
    )


def _line(check: CheckId, outcome: Outcome, code: str, language: Language) -> CheckLine:
    needs_action = outcome in {Outcome.FAILED, Outcome.UNKNOWN}
    return CheckLine(
        id=check.value,
        name=check_name(check, language),
        outcome=text(f"outcome_{outcome.value}", language),
        icon=OUTCOME_ICONS[outcome],
        icon_name=outcome.value,
        sentence=text_of(code, language),
        advice=advice_of(code, language) if needs_action else "",
        code=code,
    )
