"""The worker's side of an intake: check a file, import its good rows, close their batches, forget it.

Every step may run twice. A check leaves nothing behind but its result; an import finds its own rows
again by a digest that belongs to this intake alone. Between two pieces of a file the worker may do
other things (`breathe`), so that a long file holds up neither the chain nor anybody's status change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from ledger.core.cells import Cell, CellKind
from ledger.core.credential_type import CredentialType
from ledger.core.errors import ConflictError, InputError, LedgerError, NotFoundError, UnavailableError
from ledger.core.flow import ImportJob, ImportState, Lease
from ledger.core.intake import (
    FAILED_KEPT,
    FINDINGS_KEPT,
    KEEP_DRAFT_S,
    KEEP_S,
    REMARK_COLUMNS,
    Finding,
    FindingKind,
    Intake,
    IntakeKind,
    IntakeState,
    IntakeStep,
    Move,
)
from ledger.core.rows import RowIssue, header_key
from ledger.core.rules import Mode
from ledger.ports import Clock, Outbox, RowTable, Vault
from ledger.services.checking import CheckService, ImportReport, IssuePlan, Progress
from ledger.services.intake import FAILED_CONTEXT, GIVEN_UP, erase_content, open_content
from ledger.services.intake_book import IntakeBook, Sheets
from ledger.services.issue import IssueService
from ledger.services.kill_points import Hooks, KillPoint, NoHooks

LEASE_S = 30
CHUNK = 1_000  # rows between two looks at the rest of the world
NOTE_EVERY_S = 0.4
FAILED_PIECE = 500  # failed rows sealed together
TIDY_AT_ONCE = 50
_REMARKS = frozenset(map(header_key, REMARK_COLUMNS))
_TO_CHECK = (IntakeState.RECEIVED, IntakeState.CHECKING)
_TO_IMPORT = (IntakeState.SUBMITTED, IntakeState.IMPORTING)


def _no_breath() -> None:
    """For workers that do nothing else meanwhile."""


class IntakeWork:
    """Handles the jobs `import`.

    Args:
        book: uploads.
        outbox: finishes jobs that have nothing to do.
        vault: opens and erases content.
        sheets: reads files.
        check, issue: judge and import rows.
        types: every credential type by its ref.
        mode: demo or production.
        clock: progress, times.
        hooks: told about kill points.
        breathe: called between pieces of a file.
    """

    def __init__(
        self,
        book: IntakeBook,
        outbox: Outbox,
        vault: Vault,
        sheets: Sheets,
        check: CheckService,
        issue: IssueService,
        types: Mapping[str, CredentialType],
        mode: Mode,
        clock: Clock,
        hooks: Hooks | None = None,
        breathe: Callable[[], None] = _no_breath,
    ) -> None:
        self._book = book
        self._outbox = outbox
        self._vault = vault
        self._sheets = sheets
        self._check = check
        self._issue = issue
        self._types = types
        self._mode: Mode = mode
        self._clock = clock
        self._hooks = hooks or NoHooks()
        self.breathe = breathe

    def run(self, lease: Lease) -> None:
        """One step of one intake."""
        intake = self._book.intake(lease.job.payload["intake"])
        step = IntakeStep(lease.job.payload["step"])
        if intake.state not in (_TO_CHECK if step is IntakeStep.CHECK else _TO_IMPORT):
            self._outbox.finish(lease)  # given up, or done by the lease's heir
            return
        data = open_content(self._book, self._vault, intake)
        if data is None:
            self._book.move(intake.id, (intake.state,), GIVEN_UP, lease)
            return
        pulse = _Pulse(self, lease, intake)
        try:
            if step is IntakeStep.CHECK:
                self._run_check(intake, data, pulse)
            else:
                self._run_import(intake, data, pulse)
        except (InputError, NotFoundError) as error:
            self._give_back(intake, pulse.lease, step, error)
        except LedgerError as error:
            if isinstance(error, UnavailableError) or error.code in ("LEASE_LOST", "IMPORT_RUNNING"):
                raise
            self._give_back(intake, pulse.lease, step, error)

    def _run_check(self, intake: Intake, data: bytes, pulse: _Pulse) -> None:
        self._book.move(
            intake.id, _TO_CHECK, Move(IntakeState.CHECKING, {"started_at": self._clock.now(), "done": 0})
        )
        table = WithoutRemarks(self._sheets.read(data))
        plan = self._plan(intake)
        pulse.table = table
        report = self._check.check(table, plan, pulse)
        failed = self._seal_failed(intake, table, report)
        self._hooks.reach(KillPoint.INTAKE_JUDGED)
        values: dict[str, Any] = {
            "rows": report.rows,
            "done": report.rows,
            "valid": report.valid,
            "invalid": report.rows - report.valid,
            "already": report.already,
            "changed": report.changed,
            "replaceable": report.replaceable,
            "warnings": report.warned,
            "seconds_left": None,
            "code": "",
            "detail": {},
            "failed_kept": failed[1],
        }
        move = Move(IntakeState.CHECKED, values, findings=_findings(report), failed=failed[0])
        self._book.move(intake.id, (IntakeState.CHECKING,), move, pulse.lease)
        self._hooks.reach(KillPoint.INTAKE_CHECKED)

    def _run_import(self, intake: Intake, data: bytes, pulse: _Pulse) -> None:
        if intake.state is IntakeState.SUBMITTED:
            self._book.move(
                intake.id, _TO_IMPORT, Move(IntakeState.IMPORTING, {"started_at": self._clock.now()})
            )
        digest = self._vault.index("import", intake.name.hex())
        plan = self._plan(intake)
        job = self._book.import_of(intake.issuer, intake.type_code, digest)
        if job is None or job.state is not ImportState.ACCEPTED:
            table = WithoutRemarks(self._sheets.read(data))
            pulse.table = table
            report = self._issue.import_rows(table, plan, digest, pulse)
            if not report.accepted:
                self._refuse_form(intake, report, pulse.lease)
                return
            job = self._book.import_of(intake.issuer, intake.type_code, digest)
            if job is None:
                raise RuntimeError("an accepted import is not there")
        self._hooks.reach(KillPoint.INTAKE_IMPORTED)
        self._close(intake, job, pulse.lease)

    def _close(self, intake: Intake, job: ImportJob, lease: Lease) -> None:
        code = ""
        detail: Mapping[str, Any] = {}
        try:
            self._issue.close_import(job.id)
        except UnavailableError:
            raise
        except LedgerError as error:  # its batches stay open; the worker closes them once it is mended
            code, detail = error.code, error.detail
        self._hooks.reach(KillPoint.INTAKE_BATCHED)
        values = {
            "job_id": job.id,
            "done": job.rows_done,
            "rows": job.rows_done,
            "valid": job.rows_done - job.invalid,
            "invalid": job.invalid,
            "already": job.already,
            "changed": job.changed,
            "seconds_left": None,
            "code": code,
            "detail": detail,
        }
        closed = self._book.move(
            intake.id, _TO_IMPORT, Move(IntakeState.CLOSED, values, drop=("file",)), lease
        )
        self._hooks.reach(KillPoint.INTAKE_CLOSED)
        self._forget(closed)

    def _forget(self, intake: Intake) -> None:
        """Destroy the key of an ended intake; that of its failed rows stays while they are wanted."""
        keeps_failed = intake.state is IntakeState.CLOSED and intake.failed_kept > 0
        erase_content(
            self._book, self._vault, intake, self._clock.now(), failed=not keeps_failed, hooks=self._hooks
        )

    def _refuse_form(self, intake: Intake, report: ImportReport, lease: Lease) -> None:
        """Rows that were good when they were handed in and are not any more, for instance on another day."""
        values: dict[str, Any] = {
            "rows": report.rows,
            "done": report.rows,
            "valid": 0,
            "invalid": report.rows - report.valid,
            "seconds_left": None,
            "code": "ROWS_NOT_GOOD_NOW",
            "detail": {},
        }
        move = Move(IntakeState.CHECKED, values, findings=_findings(report))
        self._book.move(intake.id, _TO_IMPORT, move, lease)

    def _give_back(self, intake: Intake, lease: Lease, step: IntakeStep, error: LedgerError) -> None:
        """The clerk gets it back with the reason: a file that cannot be read, or something to be mended."""
        values = {"code": error.code, "detail": dict(error.detail), "seconds_left": None}
        states = (*_TO_CHECK, *_TO_IMPORT)
        if step is IntakeStep.CHECK:
            self._book.move(intake.id, states, Move(IntakeState.REFUSED, values, forget=True), lease)
        else:
            self._book.move(intake.id, states, Move(IntakeState.CHECKED, values), lease)

    def _plan(self, intake: Intake) -> IssuePlan:
        kind = self._types.get(intake.type_code)
        if kind is None:
            raise NotFoundError(
                "TYPE_NOT_HERE", f"There is no credential type {intake.type_code}.", type=intake.type_code
            )
        return IssuePlan(
            issuer=intake.issuer,
            credential_type=kind,
            mode=self._mode,
            only_valid=intake.kind is IntakeKind.FILE,
            supersede=intake.supersede,
            chunk=CHUNK,
        )

    def _seal_failed(
        self, intake: Intake, table: WithoutRemarks, report: ImportReport
    ) -> tuple[list[bytes], int]:
        """The rows with faults as they came, sealed in pieces, and how many they are."""
        faults: dict[int, list[tuple[str, str, Mapping[str, str] | None]]] = {}
        for issue in (*report.errors, *report.changes):
            if issue.row > 1 or table.header is None:
                faults.setdefault(issue.row, []).append((issue.column, issue.code, issue.text))
        if not faults:
            return [], 0
        rows: list[list[Any]] = []
        names: list[str] = list(table.header or ())
        for number, cells in table.rows():
            if number not in faults:
                continue
            if isinstance(cells, Mapping):
                names += [name for name in cells if name not in names]
                plain = [as_text(cells.get(name)) for name in names]
            else:
                plain = [as_text(cell) for cell in cells]
            rows.append([number, plain, faults[number]])
            if len(rows) >= FAILED_KEPT:
                break
        kept: list[list[Any]] = [[0, names, []], *rows]
        [key] = self._vault.create([intake.failed_name])
        pieces = [kept[at : at + FAILED_PIECE] for at in range(0, len(kept), FAILED_PIECE)]
        sealed = [
            key.seal(
                json.dumps(piece, ensure_ascii=False).encode(),
                FAILED_CONTEXT + intake.failed_name + number.to_bytes(4),
            )
            for number, piece in enumerate(pieces)
        ]
        return sealed, len(rows)

    def note(self, lease: Lease, intake_id: int, progress: Progress, rows: int) -> Lease:
        """Tell the desk how far it is and keep the lease."""
        left = None if progress.seconds_left is None else round(progress.seconds_left)
        return self._book.note(lease, LEASE_S, intake_id, progress.rows, rows, left)

    def monotonic(self) -> float:
        """For pacing."""
        return self._clock.monotonic()

    def tidy(self) -> int:
        """Give up what nobody went on with for a week, destroy keys that a killed process left; how many."""
        now = self._clock.now()
        done = 0
        for intake in self._book.stale(
            (IntakeState.CHECKED, IntakeState.REFUSED), now - KEEP_S, TIDY_AT_ONCE
        ):
            try:
                self._book.move(intake.id, (intake.state,), GIVEN_UP)
            except ConflictError:
                continue  # somebody went on with it at this very moment
            done += 1
        for intake in self._book.unerased(TIDY_AT_ONCE):
            self._forget(intake)
            done += 1
        for intake in self._book.stale_failed(now - KEEP_S, TIDY_AT_ONCE):
            self._book.move(
                intake.id, (IntakeState.CLOSED,), Move(IntakeState.CLOSED, {"failed_kept": 0}, failed=())
            )
            erase_content(self._book, self._vault, intake, now)
            done += 1
        for name in self._book.stale_drafts(now - KEEP_DRAFT_S):
            self._book.drop_draft(name)
            self._vault.erase([name], now)
            done += 1
        return done


class _Pulse:
    """Progress of one job: told to the desk now and then, the lease renewed, the world let breathe."""

    def __init__(self, work: IntakeWork, lease: Lease, intake: Intake) -> None:
        self.lease = lease
        self.table: WithoutRemarks | None = None
        self._work = work
        self._intake = intake
        self._told_at = work.monotonic()

    def __call__(self, progress: Progress) -> None:
        """After each durable or judged piece."""
        now = self._work.monotonic()
        if now - self._told_at >= NOTE_EVERY_S:
            self.lease = self._work.note(self.lease, self._intake.id, progress, self._rows(progress))
            self._told_at = now
        self._work.breathe()

    def _rows(self, progress: Progress) -> int:
        """How many rows the file has: known after a check, guessed from the bytes before."""
        if self._intake.counts.rows:
            return self._intake.counts.rows
        done, total = self.table.progress() if self.table is not None else (0, 0)
        return max(progress.rows, round(progress.rows * total / done)) if done else progress.rows


class WithoutRemarks:
    """A table without the columns that a download of failed rows added (port RowTable)."""

    def __init__(self, table: RowTable) -> None:
        self._table = table
        header = table.header
        dropped = [i for i, name in enumerate(header or ()) if header_key(name) in _REMARKS]
        self._kept = (
            None if header is None or not dropped else [i for i in range(len(header)) if i not in dropped]
        )
        self._width = len(header or ())
        self.kind = table.kind
        self.digest = table.digest
        self.header = header if self._kept is None else tuple((header or ())[i] for i in self._kept)

    def rows(self) -> Iterator[tuple[int, Sequence[Cell] | Mapping[str, Cell]]]:
        """As in the file, remarks left out."""
        for number, cells in self._table.rows():
            if isinstance(cells, Mapping):
                yield number, {n: cell for n, cell in cells.items() if header_key(n) not in _REMARKS}
            elif self._kept is None or len(cells) != self._width:
                yield number, cells
            else:
                yield number, [cells[i] for i in self._kept]

    def progress(self) -> tuple[int, int]:
        """How much of how much was read."""
        return self._table.progress()


def as_text(cell: Cell) -> str:
    """A cell as people would type it; empty for a formula or an error, whose text was never read."""
    if cell is None or isinstance(cell, CellKind):
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return format(cell, ".15g")
    if isinstance(cell, date):
        return cell.isoformat()[:10]
    return format(cell, "f") if isinstance(cell, Decimal) else str(cell)


def _findings(report: ImportReport) -> list[Finding]:
    """Errors and changes in the file's order, then warnings; as many as are kept."""
    told = [(FindingKind.ERROR, issue) for issue in report.errors]
    told += [(FindingKind.CHANGE, issue) for issue in report.changes]
    told.sort(key=lambda pair: pair[1].row)
    told = told[:FINDINGS_KEPT] + [(FindingKind.WARNING, issue) for issue in report.warnings]
    return [_finding(kind, issue) for kind, issue in told]


def _finding(kind: FindingKind, issue: RowIssue) -> Finding:
    return Finding(issue.row, kind, issue.column, issue.code, issue.text)
