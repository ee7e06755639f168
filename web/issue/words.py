"""How the desk says what is stored: states, progress, fields, faults; sentences come from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.core.flow import BatchRecord, BatchState
from ledger.core.intake import AT_WORK, Counts, Finding, Intake, IntakeKind, IntakeState
from ledger.core.row_messages import ROW_MESSAGES
from ledger.core.type_shape import Labels
from web.issue.rooms import t
from web.language import Language
from web.texts import code_text

QUIET_AFTER_S = 30
"""An upload that nobody moved for so long waits for a worker that is not there."""
LONG_TEXT = 250
TONES: Mapping[BatchState, str] = {
    BatchState.OPEN: "plain",
    BatchState.CLOSED: "info",
    BatchState.SIGNED: "paused",
    BatchState.MADE: "paused",
    BatchState.APPROVED: "info",
    BatchState.ANCHORED: "info",
    BatchState.RELEASED: "good",
    BatchState.REFUSED: "bad",
    BatchState.DEAD: "bad",
}
INTAKE_TONES: Mapping[IntakeState, str] = {
    IntakeState.RECEIVED: "info",
    IntakeState.CHECKING: "info",
    IntakeState.CHECKED: "paused",
    IntakeState.SUBMITTED: "info",
    IntakeState.IMPORTING: "info",
    IntakeState.CLOSED: "good",
    IntakeState.REFUSED: "bad",
    IntakeState.ABANDONED: "plain",
}
WAY = (
    BatchState.OPEN,
    BatchState.CLOSED,
    BatchState.SIGNED,
    BatchState.MADE,
    BatchState.APPROVED,
    BatchState.ANCHORED,
    BatchState.RELEASED,
)


@dataclass(frozen=True, slots=True)
class Doing:
    """What is going on: words, how much of how much, words for the time left, whether it goes on by itself."""

    words: str
    done: int
    total: int
    left: str
    is_running: bool
    is_quiet: bool = False


def intake_doing(
    intake: Intake, batches: Sequence[BatchRecord], signed: Mapping[int, int], now: int
) -> Doing:
    """How far an upload is."""
    counts = intake.counts
    quiet = intake.state in AT_WORK and now - intake.updated_at > QUIET_AFTER_S
    if intake.state in AT_WORK:
        left = None if intake.seconds_left is None else max(1, intake.seconds_left)
        words = t(f"issue.doing_{intake.state}")
        return Doing(
            words,
            min(counts.done, counts.rows),
            max(counts.rows, 1),
            time_left(left),
            is_running=True,
            is_quiet=quiet,
        )
    working = [batch for batch in batches if batch.state in (BatchState.OPEN, BatchState.CLOSED)]
    if intake.state is IntakeState.CLOSED and working:
        total = sum(batch.size for batch in batches)
        done = sum(min(signed.get(batch.id, 0), batch.size) for batch in batches)
        return Doing(
            t("issue.doing_signing"),
            done,
            max(total, 1),
            time_left(guess(intake.updated_at, now, done, total)),
            is_running=True,
        )
    return Doing(t(f"issue.doing_{intake.state}"), counts.rows, max(counts.rows, 1), "", is_running=False)


def batch_doing(batch: BatchRecord, signed: int, now: int, *, is_stuck: bool, is_unwitnessed: bool) -> Doing:
    """How far a batch is on its way by itself; nothing runs while it waits for people.

    Args:
        batch: as it is stored.
        signed: how many of its credentials are signed.
        now: for the time that is left.
        is_stuck: a job of it gave up.
        is_unwitnessed: it is on the ledger and waits for witnesses.
    """
    if batch.state is BatchState.CLOSED:
        left = guess(batch.created_at, now, signed, batch.size)
        return Doing(t("issue.doing_signing"), signed, batch.size, time_left(left), not is_stuck)
    running = batch.state in (BatchState.OPEN, BatchState.APPROVED, BatchState.ANCHORED)
    place = WAY.index(batch.state) if batch.state in WAY else 0
    name = "witnesses" if is_unwitnessed else batch.state
    return Doing(t(f"issue.batch_{name}"), place, len(WAY) - 1, "", running and not is_stuck)


def guess(started_at: int, now: int, done: int, total: int) -> int | None:
    """Seconds left at the speed so far; None while nothing was measured."""
    passed = now - started_at
    return None if done <= 0 or passed <= 0 else max(1, round(passed * (total - done) / done))


def time_left(seconds: int | None) -> str:
    """In words; empty when it is not known."""
    if seconds is None:
        return ""
    return (
        t("issue.left_seconds", count=seconds)
        if seconds < 100
        else t("issue.left_minutes", count=-(-seconds // 60))
    )


def label(labels: Labels, language: Language) -> str:
    """A name of the type file in the reader's language."""
    return str(getattr(labels, language))


@dataclass(frozen=True, slots=True)
class Told:
    """A finding in words: what is wrong and what to do about it."""

    row: int
    column: str
    what: str
    advice: str


def tell(finding: Finding, language: Language) -> Told:
    """A finding in the reader's language."""
    what, advice = row_words(finding.code, finding.text, language)
    return Told(finding.row, finding.column, what, advice)


def row_words(code: str, own: Mapping[str, str] | None, language: Language) -> tuple[str, str]:
    """(what is wrong, what to do) of a fault's code; a type's rule brings its own sentence."""
    words = code_text(code, language)
    if own is not None:
        return own.get(language, own["zh"]), t("issue.advice_rule")
    if words is not None:
        return words.title, words.advice
    zh, en = ROW_MESSAGES.get(code, (code, code))
    return (zh if language == "zh" else en), ""


def code_words(code: str, language: Language) -> tuple[str, str]:
    """(what happened, what to do) of a refusal's code."""
    words = code_text(code, language)
    return (code, "") if words is None else (words.title, words.advice)


def count_words(counts: Counts) -> list[tuple[int, str]]:
    """The figures of a check that are worth showing."""
    told = [(counts.rows, t("issue.count_rows")), (counts.issuable(), t("issue.count_good"))]
    for key, value in (
        ("issue.count_invalid", counts.invalid),
        ("issue.count_changed", counts.changed),
        ("issue.count_already", counts.already),
        ("issue.count_warnings", counts.warnings),
    ):
        if value:
            told.append((value, t(key)))
    return told


def intake_title(intake: Intake, file_name: str) -> str:
    """What a list calls an upload."""
    own = intake_number(intake)
    return f"{own} · {file_name}" if file_name else own


def intake_number(intake: Intake) -> str:
    """Its name for good: the file's own is destroyed with the file."""
    return t("issue.form_of" if intake.kind is IntakeKind.FORM else "issue.file_of", number=intake.id)
