"""A data file through the issue service: read, check, store, close, sign; and its result file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ledger.apps.working import work_or_wait
from ledger.bootstrap import Installation
from ledger.bootstrap_work import open_desk, open_file, write_private
from ledger.core.errors import InputError, RefusedError
from ledger.core.flow import BatchRecord, BatchState, ImportedRow, RowOutcome
from ledger.core.identifiers import make_licence_identifier
from ledger.core.rows import ROW_CHANGED, ROW_TWICE
from ledger.core.status import Status
from ledger.services.checking import ImportReport, IssuePlan, Progress
from ledger.services.export import bundle_name
from ledger.services.granting import require_grant

BEFORE_SIGNED = (BatchState.OPEN, BatchState.CLOSED)
RESULT_HEADER = ("row", "outcome", "identifier", "batch", "state", "bundle", "errors")


@dataclass(frozen=True, slots=True)
class IssueOrder:
    """What to issue from which file."""

    issuer: str
    type_name: str
    file: Path
    only_valid: bool = False
    supersede: bool = False
    pending: bool = False


@dataclass(frozen=True, slots=True)
class IssueOutcome:
    """What became of it. `result` is the result file, None when nothing was written."""

    report: ImportReport
    batches: tuple[BatchRecord, ...] = ()
    result: Path | None = None


def check_file(here: Installation, order: IssueOrder, tell: Callable[[Progress], None]) -> IssueOutcome:
    """Judge every row, write nothing."""
    desk = open_desk(here)
    plan = _plan(here, order)
    kind = plan.credential_type
    require_grant(here.view, plan.issuer, here.type_id(kind), kind.ref, here.clock.now())
    table, _digest = open_file(order.file)
    return IssueOutcome(desk.check.check(table, plan, tell))


def issue_file(
    here: Installation,
    order: IssueOrder,
    tell: Callable[[Progress], None],
    *,
    result: Path | None = None,
    on_wait: Callable[[], None] = lambda: None,
) -> IssueOutcome:
    """Import, close the batches and have them signed; returns when they wait for their maker.

    Args:
        here: the installation.
        order: what to issue.
        tell: told how far it is.
        result: where the result file goes; None: beside the data file.
        on_wait: called when another process does the signing.
    """
    desk = open_desk(here)
    plan = _plan(here, order)
    table, digest = open_file(order.file)
    report = desk.issue.import_rows(table, plan, digest, tell)
    if report.job_id is None:
        return IssueOutcome(report)
    batches: tuple[BatchRecord, ...] = ()
    if report.accepted:
        desk.issue.close_import(report.job_id)

        def is_signed() -> bool:
            return all(batch.state not in BEFORE_SIGNED for batch in _batches_of(here, plan, digest))

        if not is_signed():
            work_or_wait(here, is_signed, on_wait=on_wait)
        batches = _batches_of(here, plan, digest)
    type_code = here.credential_type(order.type_name).type_code
    data = _result_csv(desk.issue.results(report.job_id), order.issuer, type_code)
    return IssueOutcome(report, batches, _save_result(here, order, data, result))


def _batches_of(here: Installation, plan: IssuePlan, digest: bytes) -> tuple[BatchRecord, ...]:
    """Batches of this file that nobody has signed yet, of an earlier run that was cut short too."""
    waiting = here.store.batches.batches(plan.issuer, (*BEFORE_SIGNED, BatchState.SIGNED))
    jobs = {
        batch.job_id: here.store.imports.job(batch.job_id) for batch in waiting if batch.job_id is not None
    }
    ours = {number for number, job in jobs.items() if job.request.digest == digest}
    return tuple(batch for batch in waiting if batch.job_id in ours)


def _save_result(here: Installation, order: IssueOrder, data: bytes, wanted: Path | None) -> Path:
    """Beside the data file or where it was asked for; else in the home: the rows are durable already."""
    name = order.file.name + ".result.csv"
    path = wanted or order.file.with_name(name)
    try:
        write_private(path, data)
    except RefusedError:
        path = here.home.path / "results" / name
        write_private(path, data)
    return path


def _plan(here: Installation, order: IssueOrder) -> IssuePlan:
    here.record.agency(order.issuer)  # of this installation
    kind = here.credential_type(order.type_name).type
    if order.pending and Status.PENDING not in kind.statuses:
        raise InputError(
            "TYPE_WITHOUT_PENDING", f"Credentials of {kind.ref} are never PENDING.", type=kind.ref
        )
    return IssuePlan(
        issuer=order.issuer,
        credential_type=kind,
        mode=here.record.mode,
        only_valid=order.only_valid,
        supersede=order.supersede,
        pending=order.pending,
    )


def _result_csv(rows: Iterable[ImportedRow], issuer: str, type_code: str) -> bytes:
    """UTF-8 with BOM, which spreadsheets want; no values of the row, so it may be passed on."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(RESULT_HEADER)
    for row in rows:
        identifier = bundle = ""
        if row.name is not None:
            identifier = make_licence_identifier(type_code, issuer, row.name.hex().upper())
            bundle = bundle_name(row.name)
        faults = "; ".join(f"{column}: {code}" for column, code, _text in row.errors)
        if row.outcome is RowOutcome.CHANGED:
            faults = ROW_TWICE if row.record_id is None else ROW_CHANGED
        writer.writerow(
            (
                row.row_number,
                row.outcome,
                identifier,
                "" if row.batch_id is None else row.batch_id,
                row.batch_state or "",
                bundle,
                faults,
            )
        )
    return text.getvalue().encode("utf-8-sig")
