"""What the intake services need from storage and from spreadsheets, as guarantees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

from ledger.core.flow import ImportJob, JobKind, Lease
from ledger.core.intake import (
    DeadJob,
    Draft,
    Finding,
    FindingKind,
    Intake,
    IntakeState,
    Move,
    NewIntake,
    Part,
)
from ledger.ports import RowTable


class IntakeBook(Protocol):
    """Uploads and drafts; an upload and its job are one transaction, and so is every later step."""

    def receive(
        self, new: NewIntake, pieces: Sequence[bytes], draft: bytes | None = None
    ) -> tuple[Intake, bool]:
        """Keep it with its job, or give the one that has this digest already; True when it is new.

        `draft`: the name of a draft that goes in the same transaction.
        """

    def intake(self, intake_id: int) -> Intake:
        """Raises NotFoundError(INTAKE_UNKNOWN)."""

    def intakes(
        self, issuers: Sequence[str], states: Sequence[IntakeState], first: int, count: int
    ) -> tuple[Intake, ...]:
        """Newest first; no states: all."""

    def of_digest(self, issuer: str, type_code: str, digest: bytes) -> Intake | None:
        """The intake that has this digest."""

    def of_import(self, job_id: int) -> Intake | None:
        """The intake whose rows went through this import."""

    def pieces(self, intake_id: int, part: Part) -> Sequence[bytes]:
        """Sealed, in order."""

    def findings(
        self, intake_id: int, kinds: Sequence[FindingKind], first: int, count: int
    ) -> tuple[Finding, ...]:
        """In the file's order."""

    def move(
        self, intake_id: int, before: Sequence[IntakeState], move: Move, lease: Lease | None = None
    ) -> Intake:
        """Change an intake that is in one of these states; `lease`: and finish that job.

        Raises: ConflictError(INTAKE_STATE, LEASE_LOST), NotFoundError(INTAKE_UNKNOWN).
        """

    def note(
        self, lease: Lease, lease_s: int, intake_id: int, done: int, rows: int, seconds_left: int | None
    ) -> Lease:
        """How far the job is, and the lease renewed. Raises: ConflictError(LEASE_LOST)."""

    def import_of(self, issuer: str, type_code: str, digest: bytes) -> ImportJob | None:
        """The newest import of this digest, in whatever state."""

    def stale(self, states: Sequence[IntakeState], before: int, count: int) -> tuple[Intake, ...]:
        """Intakes in these states that nobody moved since."""

    def stale_failed(self, before: int, count: int) -> tuple[Intake, ...]:
        """Closed ones that still hold failed rows and that nobody moved since."""

    def unerased(self, count: int) -> tuple[Intake, ...]:
        """Closed and abandoned ones whose key may still exist."""

    def set_erased(self, intake_id: int, at: int) -> None:
        """The content's key is destroyed."""

    def dead_jobs(self, kinds: Sequence[JobKind], subjects: str) -> tuple[DeadJob, ...]:
        """Dead letters whose subject starts like this."""

    def save_draft(self, draft: Draft) -> None:
        """New or changed. Raises NotFoundError(DRAFT_UNKNOWN) when the name is somebody else's."""

    def draft(self, name: bytes) -> Draft | None:
        """None when it was handed in, dropped or never there."""

    def drafts(self, issuer: str, person: int) -> tuple[Draft, ...]:
        """Newest first."""

    def drop_draft(self, name: bytes) -> bool:
        """Whether there was one."""

    def stale_drafts(self, before: int) -> tuple[bytes, ...]:
        """Names of drafts that nobody touched since."""


SheetKind = Literal["xlsx", "csv"]


class Sheets(Protocol):
    """Reads what people hand in and writes what they take away; no cell it writes is ever a formula."""

    def read(self, data: bytes) -> RowTable:
        """Raises: InputError FILE_*."""

    def write(
        self, kind: SheetKind, title: str, header: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> bytes:
        """A workbook of texts, or CSV in UTF-8 with a byte order mark."""

    def template(self, kind: SheetKind, type_ref: str, titles: tuple[str, str]) -> bytes:
        """An empty table under the type's headers and one invented line as an example.

        `titles`: of the sheet to fill in and of that with the example.
        """
