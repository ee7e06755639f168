"""Judges the rows of a file without writing anything, and holds what an import does in the same way.

A record is found again by keyed indexes of its business key and of its content, so looking it up needs
the vault; cells are judged by core.rows alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ledger.core.claims import shanghai_day
from ledger.core.credential_type import CredentialType
from ledger.core.flow import FINAL, MAX_BATCH, KnownRow, RowOutcome
from ledger.core.rows import ROW_CHANGED, ROW_TWICE, BoundRows, RowChecker, RowIssue, business_key
from ledger.core.rules import Mode
from ledger.core.schema import SchemaValidator
from ledger.ports import Clock, RowTable, Vault
from ledger.services.records import KnownRecords

CHUNK = 2_000  # rows a transaction: bounded memory, few syncs
WARNINGS_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class IssuePlan:
    """What to issue. `mode` and demo rules are core.rows' business."""

    issuer: str
    credential_type: CredentialType
    mode: Mode
    only_valid: bool = False
    supersede: bool = False
    pending: bool = False
    max_batch: int = MAX_BATCH
    chunk: int = CHUNK


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is. Rates are rows a second; the time left is a guess from the bytes read."""

    rows: int
    valid: int
    invalid: int
    per_second: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file. `job_id` is None for a check and for a file whose header is wrong.

    `errors` are faults of rows. `changes`: rows without fault whose record is known with other values.
    `is_looked_up`: False for a check that could not look whether records are known. `replaceable`: how many
    of the changed ones are final on chain, so that a corrected version can be issued. `warned`: rows in
    which something was mended, also those whose warnings are not listed.
    """

    job_id: int | None
    rows: int
    valid: int
    issued: int
    already: int
    changed: int
    errors: tuple[RowIssue, ...]
    warnings: tuple[RowIssue, ...]
    accepted: bool
    changes: tuple[RowIssue, ...] = ()
    is_looked_up: bool = True
    replaceable: int = 0
    warned: int = 0


ProgressHook = Callable[[Progress], None]
RowWriter = Callable[[Mapping[str, Any]], bytes]


def write_json(fields: Mapping[str, Any]) -> bytes:
    """JSON of a row by the standard library."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def ignore_progress(_progress: Progress) -> None:
    """For callers that show nothing."""


class CheckService:
    """Judges files, writes nothing.

    Args:
        records: what is known of earlier rows.
        vault: makes search indexes; None when it cannot be unlocked: records are not looked up then.
        validator: makes the schema validator of a type.
        clock: the issue day, rates.
        dumps: JSON of a row, the same as that of the import.
    """

    def __init__(
        self,
        records: KnownRecords,
        vault: Vault | None,
        validator: Callable[[Mapping[str, Any]], SchemaValidator],
        clock: Clock,
        dumps: RowWriter = write_json,
    ) -> None:
        self._records = records
        self._vault = vault
        self._validator = validator
        self._clock = clock
        self._dumps = dumps

    def check(
        self, table: RowTable, plan: IssuePlan, progress: ProgressHook = ignore_progress
    ) -> ImportReport:
        """What an import of this file would say."""
        bound = row_checker(plan, self._validator, self._clock).bind(table.header)
        if bound.errors:
            return header_refused(bound)
        meter = Meter(self._clock, table, progress, 0)
        column = number_column(bound, plan)
        errors: list[RowIssue] = []
        warnings: list[RowIssue] = []
        changes: list[RowIssue] = []
        seen: dict[bytes, bytes] = {}
        total = invalid = already = replaceable = warned = 0
        rows = iter(table.rows())
        while piece := list(islice(rows, plan.chunk)):
            good = []
            for number, cells in piece:
                result = bound.check(number, cells)
                if result.fields is None:
                    invalid += 1
                    errors.extend(result.errors)
                else:
                    good.append((number, result.fields))
                warned += bool(result.warnings)
                if result.warnings and len(warnings) < WARNINGS_KEPT:
                    warnings.extend(result.warnings)
            total += len(piece)
            for number, outcome, found in self._look_up(plan, good, seen):
                if outcome is RowOutcome.CHANGED:
                    changes.append(change_issue(number, column, is_stored=found is not None))
                    replaceable += found is not None and is_final(found)
                already += outcome is RowOutcome.ALREADY
            meter.tell(total, invalid)
        return ImportReport(
            job_id=None,
            rows=total,
            valid=total - invalid,
            issued=0,
            already=already,
            changed=len(changes),
            errors=tuple(errors),
            warnings=tuple(warnings),
            accepted=invalid == 0,
            changes=tuple(changes),
            is_looked_up=self._vault is not None,
            replaceable=replaceable,
            warned=warned,
        )

    def _look_up(
        self, plan: IssuePlan, good: list[tuple[int, dict[str, Any]]], seen: dict[bytes, bytes]
    ) -> Iterator[tuple[int, RowOutcome, KnownRow | None]]:
        """(row, outcome, what the store knows of the record) of rows that would not be issued anew."""
        vault = self._vault
        if vault is None:
            return
        indexed = [(number, *index_row(vault, plan, fields, self._dumps)) for number, fields in good]
        known = self._records.known(plan.issuer, plan.credential_type.ref, [key for _, key, _, _ in indexed])
        for number, key, content_index, _content in indexed:
            before, found = seen.get(key), known.get(key)
            if before is not None:
                same = before == content_index
                yield number, RowOutcome.ALREADY if same else RowOutcome.CHANGED, None
                continue
            if found is not None:
                outcome = judge(found, content_index, supersede=plan.supersede)
                if outcome in (RowOutcome.ALREADY, RowOutcome.CHANGED):
                    yield number, outcome, found
                    continue
            seen[key] = content_index


def row_checker(
    plan: IssuePlan, validator: Callable[[Mapping[str, Any]], SchemaValidator], clock: Clock
) -> RowChecker:
    """Judges the rows of this plan as of today."""
    today = shanghai_day(clock.now())
    return RowChecker(plan.credential_type, validator(plan.credential_type.schema), plan.mode, today)


def number_column(bound: BoundRows, plan: IssuePlan) -> str:
    """The column of the account or licence number as the file spells it."""
    return bound.column_of(plan.credential_type.business_key.number)


def change_issue(row: int, column: str, *, is_stored: bool) -> RowIssue:
    """What to say of a row whose record has other values: in the store, or earlier in the file."""
    return RowIssue(row, column, ROW_CHANGED if is_stored else ROW_TWICE)


def index_row(
    vault: Vault, plan: IssuePlan, fields: Mapping[str, Any], dumps: RowWriter
) -> tuple[bytes, bytes, bytes]:
    """Index of the business key, index of the content, and the content itself."""
    account, as_of = business_key(plan.credential_type, fields)
    # in the type's order, so that the order of a file's columns makes no difference
    ordered = {field.key: fields[field.key] for field in plan.credential_type.fields if field.key in fields}
    content = dumps(ordered)
    return (
        vault.index("row", f"{plan.issuer}\n{plan.credential_type.ref}\n{account}\n{as_of}"),
        vault.index("content", content.decode()),
        content,
    )


def judge(found: KnownRow, content_index: bytes, *, supersede: bool) -> RowOutcome:
    """What to do with a row whose record is known."""
    if found.is_dead:
        return RowOutcome.ISSUED
    if found.content_index == content_index:
        return RowOutcome.ALREADY
    return RowOutcome.SUPERSEDES if supersede and is_final(found) else RowOutcome.CHANGED


def is_final(found: KnownRow) -> bool:
    """Whether the record's credential is on chain for good, so that a newer one can replace it."""
    return found.batch_state in FINAL


def header_refused(bound: BoundRows) -> ImportReport:
    """The report about a file whose header is wrong."""
    return ImportReport(
        job_id=None,
        rows=0,
        valid=0,
        issued=0,
        already=0,
        changed=0,
        errors=tuple(bound.errors),
        warnings=(),
        accepted=False,
    )


class Meter:
    """Rate and time left, from the monotonic clock and the share of the file's bytes.

    Args:
        clock: monotonic time.
        table: how much of the file was read.
        tell: told.
        skipped: rows that an earlier process did.
    """

    def __init__(self, clock: Clock, table: RowTable, tell: ProgressHook, skipped: int) -> None:
        self._clock = clock
        self._table = table
        self._tell = tell
        self._skipped = skipped
        self._start = clock.monotonic()

    def tell(self, rows: int, invalid: int) -> None:
        """So many rows are done, so many of them are faulty."""
        elapsed = self._clock.monotonic() - self._start
        done, total = self._table.progress()
        left = None
        if elapsed > 0 and done > 0 and total >= done:
            left = elapsed * (total - done) / done
        rate = (rows - self._skipped) / elapsed if elapsed > 0 else 0.0
        self._tell(Progress(rows, rows - invalid, invalid, rate, left))
