"""Values of an upload on its way from a desk to closed batches: states, findings, drafts.

An *intake* is one file (or one form) that a clerk handed in for one organisation and type. Its content
is sealed; what is kept in clear are counts, row numbers, columns and codes, never a value of a row.
Times are whole seconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

from ledger.core.flow import DAY_S

MAX_UPLOAD: Final = 20 << 20
"""Bytes of one upload; nothing above is read."""
PIECE_BYTES: Final = 1 << 20
KEEP_S: Final = 7 * DAY_S
"""How long an upload that nobody goes on with, and the failed rows of a finished one, are kept."""
KEEP_DRAFT_S: Final = 30 * DAY_S
FINDINGS_KEPT: Final = 5_000
"""Errors and changed rows that are listed one by one; all of them are counted."""
FAILED_KEPT: Final = 20_000
"""Failed rows that can be downloaded again."""
MAX_FILE_NAME: Final = 120
ROW_COLUMN: Final = "原文件行号"
REASON_COLUMN: Final = "失败原因"
REMARK_COLUMNS: Final = (ROW_COLUMN, REASON_COLUMN)
"""Columns that a download of failed rows adds; an upload that still has them is read without them."""


class IntakeKind(StrEnum):
    """A file of rows, or one form filled in by hand."""

    FILE = "file"
    FORM = "form"


class IntakeState(StrEnum):
    """Where an intake stands, in the order of the normal way.

    `checked` waits for the clerk; `closed` has its rows in batches. `refused`: the file cannot be read.
    `abandoned`: given up by a person or after a week; its content is erased.
    """

    RECEIVED = "received"
    CHECKING = "checking"
    CHECKED = "checked"
    SUBMITTED = "submitted"
    IMPORTING = "importing"
    CLOSED = "closed"
    REFUSED = "refused"
    ABANDONED = "abandoned"


AT_WORK: Final = (
    IntakeState.RECEIVED,
    IntakeState.CHECKING,
    IntakeState.SUBMITTED,
    IntakeState.IMPORTING,
)
"""States in which the worker has something to do."""
ENDED: Final = (IntakeState.REFUSED, IntakeState.ABANDONED)
"""States after which the same file counts as a new one."""


class IntakeStep(StrEnum):
    """What a job does with an intake."""

    CHECK = "check"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows. `replaceable` of the changed ones can be issued as corrected versions."""

    rows: int = 0
    done: int = 0
    valid: int = 0
    invalid: int = 0
    already: int = 0
    changed: int = 0
    replaceable: int = 0
    warnings: int = 0

    def issuable(self, *, supersede: bool = False) -> int:
        """Rows that an import would issue."""
        return self.valid - self.already - self.changed + (self.replaceable if supersede else 0)


@dataclass(frozen=True, slots=True)
class NewIntake:
    """What is handed in. `digest`: keyed, over issuer, type and content. `label`: the sealed file name."""

    name: bytes
    failed_name: bytes
    issuer: str
    type_code: str
    kind: IntakeKind
    digest: bytes
    person: int
    label: bytes
    size: int
    state: IntakeState
    supersede: bool
    step: IntakeStep


@dataclass(frozen=True, slots=True)
class Intake:
    """An intake as the store knows it.

    Args:
        name: of the data key that seals the content; `failed_name` that of the failed rows.
        digest: None once the same file would be a new intake.
        round: counts the jobs that were made for it.
        code, detail: why it was refused or came back, empty otherwise.
        job_id: the import that its rows went through.
        started_at: when the running phase began.
        seconds_left: a guess from measured speed, as of `updated_at`.
        erased_at: when the content's key was destroyed.
    """

    id: int
    name: bytes
    failed_name: bytes
    issuer: str
    type_code: str
    kind: IntakeKind
    digest: bytes | None
    person: int
    label: bytes
    size: int
    state: IntakeState
    supersede: bool
    round: int
    counts: Counts
    code: str
    detail: Mapping[str, Any]
    job_id: int | None
    created_at: int
    updated_at: int
    started_at: int
    seconds_left: int | None
    failed_kept: int
    erased_at: int | None


class FindingKind(StrEnum):
    """A fault of the file, a row whose record is known with other values, or something that was mended."""

    ERROR = "error"
    CHANGE = "change"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check. `text`: the type rule's own sentences by language, None for a code of ours."""

    row: int
    kind: FindingKind
    column: str
    code: str
    text: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A form that is not handed in yet. `sealed`: its values; `supersedes`: the record it corrects."""

    name: bytes
    issuer: str
    type_code: str
    person: int
    supersedes: int | None
    sealed: bytes
    updated_at: int


Part = Literal["file", "failed"]
"""Of an upload's content: as it came, and the rows that were not taken."""


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of an intake in one transaction.

    Args:
        state: the new one.
        values: columns that change with it.
        step: what the worker shall do next, None for nothing.
        findings: replace the old ones, None leaves them.
        failed: sealed pieces of the failed rows, None leaves them.
        drop: parts of the content that go.
        forget: the same file is a new intake from now on.
    """

    state: IntakeState
    values: Mapping[str, Any] = field(default_factory=dict)
    step: IntakeStep | None = None
    findings: Sequence[Finding] | None = None
    failed: Sequence[bytes] | None = None
    drop: tuple[Part, ...] = ()
    forget: bool = False


@dataclass(frozen=True, slots=True)
class DeadJob:
    """A job that gave up, for the people who can help."""

    id: int
    kind: str
    code: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row of a batch as it lies there; `leaf_index` is None before the batch is closed."""

    record_id: int
    row_number: int
    leaf_index: int | None
    name: bytes
    sealed: bytes
    supersedes: int | None


def clean_file_name(name: str) -> str:
    """What to show of a file name that somebody sent: no folders, nothing invisible, not long."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable()).strip()[:MAX_FILE_NAME]


def intake_subject(intake_id: int, round_number: int) -> str:
    """Subject of a job about an intake; every one starts with `intake:<id>:`."""
    return f"intake:{intake_id}:{round_number}"
