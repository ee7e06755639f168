"""Turns a report into what a result page shows: one of four states, groups of checks, labelled values.

Decides nothing about a credential: it only sorts and names what the report says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from ledger.core.checks.texts import advice_of, check_name, text_of
from ledger.core.credential_type import CredentialType
from ledger.core.report import CheckId, CheckResult, Outcome, Report
from web.claims import credential_rows
from web.language import Language
from web.texts import text

State = Literal["good", "bad", "paused", "unknown"]
SHANGHAI = timezone(timedelta(hours=8))  # no summer time since 1991; docs/formats.md, Times
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
            CheckId.PAGE,
        ),
    ),
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
    as_of: str | None


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
    groups: tuple[CheckGroup, ...]
    count: str
    checked_at: str
    ledger_as_of: str | None


def state_of(report: Report) -> State:
    """Which of the four states this report is shown as."""
    if report.accepted:
        return "good"
    failures = {check.id for check in report.checks if check.outcome is Outcome.FAILED}
    if not failures:
        return "unknown"
    return "paused" if failures <= PAUSING else "bad"


def shanghai_time(seconds: int) -> str:
    """Date and time of day in Beijing time, as clerks write it."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def result_page(report: Report, types: Sequence[CredentialType], language: Language, now: int) -> ResultPage:
    """The page of one report, checked at `now`."""
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
        notes=(_presenter_note(report, language), _ledger_note(results, language, report)),
        rows=credential_rows(report.credential, types, language),
        groups=tuple(_group(key, ids, results, language) for key, ids in GROUPS),
        count=text("checks_count", language, **counts),
        checked_at=shanghai_time(now),
        ledger_as_of=None if as_of is None else shanghai_time(as_of),
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
    found = [results[check] for check in ids if check in results]
    worst = min((check.outcome for check in found), key=ORDER.index, default=Outcome.UNKNOWN)
    return CheckGroup(
        title=text(key, language),
        outcome=text(f"outcome_{worst.value}", language),
        icon=OUTCOME_ICONS[worst],
        icon_name=worst.value,
        is_open=worst in {Outcome.FAILED, Outcome.UNKNOWN},
        lines=tuple(_line(check, language) for check in found),
    )


def _line(check: CheckResult, language: Language) -> CheckLine:
    needs_action = check.outcome in {Outcome.FAILED, Outcome.UNKNOWN}
    return CheckLine(
        id=check.id.value,
        name=check_name(check.id, language),
        outcome=text(f"outcome_{check.outcome.value}", language),
        icon=OUTCOME_ICONS[check.outcome],
        icon_name=check.outcome.value,
        sentence=text_of(check.code, language),
        advice=advice_of(check.code, language) if needs_action else "",
        code=check.code,
        as_of=None if check.as_of is None else shanghai_time(check.as_of),
    )
