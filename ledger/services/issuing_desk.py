"""What an issuing desk looks at: batches and how far they are, their rows in clear, figures, search.

Rows are opened here for the people who answer for them; who that is, the web decides. Nothing changes
here but a dead batch whose rows are queued again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from ledger.core.claims import shanghai_day
from ledger.core.credential_type import CredentialType
from ledger.core.errors import InputError, LedgerError
from ledger.core.flow import (
    DAY_S,
    FINAL,
    BatchRecord,
    BatchState,
    ImportedRow,
    JobKind,
    Place,
    RowOutcome,
    proof_number,
    shanghai_midnight,
)
from ledger.core.grants import GrantState
from ledger.core.intake import DeadJob, Intake, StoredRow
from ledger.core.model import CREDENTIALS_PER_WORD
from ledger.core.status import Status
from ledger.ports import Clock, Store, Vault
from ledger.services.calls import publish_job
from ledger.services.granting import RegistryView, grant_now
from ledger.services.intake_book import IntakeBook, SheetKind, Sheets
from ledger.services.issue import ROW_CONTEXT

SEARCH_DAYS = 3 * 366
"""How far back a data date is tried when a search names the number only."""
PROOF_BYTES = 8
FIGURE_DAYS = 30
_LANE_BITS = 4
_LANE = 15
_BATCH_KINDS = (JobKind.SIGN, JobKind.ROOT, JobKind.ANCHOR, JobKind.RELEASE)


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A row of a batch for people. `fields` is None once its data was erased.

    `status`: on chain; None before the batch is anchored.
    """

    record_id: int
    row_number: int
    leaf_index: int | None
    name: bytes
    outcome: RowOutcome
    status: Status | None
    fields: Mapping[str, Any] | None

    @property
    def proof_no(self) -> str:
        """证明编号."""
        return proof_number(self.name)


@dataclass(frozen=True, slots=True)
class DayFigure:
    """How many credentials became final on a day (Asia/Shanghai)."""

    day: date
    issued: int


class DeskBook(Protocol):
    """What the desk reads of batches beyond the ports of the flow."""

    def batches(
        self, issuers: Sequence[str], states: Sequence[BatchState], first: int, count: int
    ) -> tuple[BatchRecord, ...]:
        """Newest first; no states: all."""

    def signed(self, batch_ids: Sequence[int]) -> Mapping[int, int]:
        """How many leaves of each batch are signed."""

    def rows(self, batch_id: int, first: int, count: int) -> tuple[StoredRow, ...]:
        """In the order of their records."""

    def rows_at(self, batch_id: int, leaves: Sequence[int]) -> tuple[StoredRow, ...]:
        """The rows at these leaves, in their order."""

    def issued_since(self, issuers: Collection[str], since: int) -> tuple[tuple[int, int], ...]:
        """(time, size) of batches that became final."""

    def places_of_proof(self, issuer: str, prefix: bytes) -> tuple[Place, ...]:
        """Rows whose name begins like this."""

    def places_of_keys(self, issuer: str, keys: Sequence[bytes]) -> tuple[Place, ...]:
        """Every revision of the records with these business keys, newest first."""


class IssuingDesk:
    """Looks at the batches of organisations.

    Args:
        book: uploads, for dead letters.
        desk: batches and rows beyond the ports.
        store: batches, imports, outbox.
        vault: opens rows, makes search indexes.
        view: statuses and grants.
        types: every credential type by its ref.
        sheets: writes results.
        clock: days and grants.
        loads: reads the JSON of a stored row.
    """

    def __init__(
        self,
        book: IntakeBook,
        desk: DeskBook,
        store: Store,
        vault: Vault,
        view: RegistryView,
        types: Mapping[str, CredentialType],
        sheets: Sheets,
        clock: Clock,
        loads: Callable[[bytes], Any] = json.loads,
    ) -> None:
        self._book = book
        self._desk = desk
        self._store = store
        self._vault = vault
        self._view = view
        self._types = types
        self._sheets = sheets
        self._clock = clock
        self._loads = loads

    def granted_types(self, issuer: str) -> tuple[CredentialType, ...]:
        """Types that the organisation may issue now, as the chain has it; of each code the newest version."""
        now = self._clock.now()
        found: dict[str, CredentialType] = {}
        for record in self._view.types():
            kind = self._known_type(record.code, record.version, record.file_hash)
            if kind is None or grant_now(self._view, issuer, record.type_id, now)[0] is not GrantState.GOOD:
                continue
            before = found.get(kind.code)
            if before is None or before.version < kind.version:
                found[kind.code] = kind
        return tuple(found.values())

    def granted_type(self, issuer: str, code: str) -> CredentialType | None:
        """The newest version of this type that the organisation may issue now."""
        return next((kind for kind in self.granted_types(issuer) if kind.code == code), None)

    def type_of(self, type_ref: str) -> CredentialType | None:
        """A known type by its ref."""
        return self._types.get(type_ref)

    def batches(
        self, issuers: Sequence[str], states: Sequence[BatchState], first: int, count: int
    ) -> tuple[BatchRecord, ...]:
        """Newest first; no states: all."""
        return self._desk.batches(issuers, states, first, count)

    def batch(self, batch_id: int) -> BatchRecord:
        """Raises NotFoundError(BATCH_UNKNOWN)."""
        return self._store.batches.batch(batch_id)

    def batches_of_import(self, job_id: int) -> tuple[BatchRecord, ...]:
        """Batches that the rows of an import went into, oldest first."""
        return self._store.batches.batches(job_id=job_id)

    def signed(self, batches: Sequence[BatchRecord]) -> Mapping[int, int]:
        """How many credentials of each batch are signed."""
        return self._desk.signed([batch.id for batch in batches])

    def intake_of(self, batch: BatchRecord) -> Intake | None:
        """The upload that a batch's rows came with."""
        return None if batch.job_id is None else self._book.of_import(batch.job_id)

    def dead_jobs(self, batch_id: int) -> tuple[DeadJob, ...]:
        """Jobs of a batch that gave up."""
        return self._book.dead_jobs(_BATCH_KINDS, f"batch:{batch_id}:")

    def dead_intake_jobs(self, intake_id: int) -> tuple[DeadJob, ...]:
        """Jobs of an upload that gave up."""
        return self._book.dead_jobs((JobKind.IMPORT,), f"intake:{intake_id}:")

    def rows(self, batch: BatchRecord, first: int, count: int, *, clear: bool) -> list[BatchRow]:
        """A page of a batch's rows; `clear`: with their values."""
        return self._open(batch, self._desk.rows(batch.id, first, count), clear=clear)

    def rows_with_status(
        self, batch: BatchRecord, status: Status, first: int, count: int, *, clear: bool
    ) -> tuple[list[BatchRow], int]:
        """A page of the rows that have this status on chain, and how many there are in all."""
        leaves = [leaf for leaf, now in self.statuses(batch).items() if now is status]
        page = leaves[first : first + count]
        return self._open(batch, self._desk.rows_at(batch.id, page), clear=clear), len(leaves)

    def row(self, batch: BatchRecord, record_id: int) -> BatchRow | None:
        """One row of a batch in clear."""
        for start in range(0, batch.size, 1_000):
            for stored in self._desk.rows(batch.id, start, 1_000):
                if stored.record_id == record_id:
                    return self._open(batch, [stored], clear=True)[0]
        return None

    def statuses(self, batch: BatchRecord) -> dict[int, Status]:
        """Status of every leaf; empty before the batch is anchored."""
        if batch.root is None or batch.state not in FINAL:
            return {}
        words = self._view.status_words(batch.issuer, batch.root)
        return {
            leaf: Status(words.get(leaf // CREDENTIALS_PER_WORD, 0) >> _shift(leaf) & _LANE)
            for leaf in range(batch.size)
        }

    def results(self, job_id: int) -> Iterator[ImportedRow]:
        """What became of each row of an import, in the file's order."""
        return self._store.imports.rows(job_id)

    def result_file(
        self, kind: SheetKind, title: str, header: Sequence[str], rows: Sequence[Sequence[object]]
    ) -> bytes:
        """A table for taking away; no cell is a formula."""
        return self._sheets.write(kind, title, header, rows)

    def template(self, kind: SheetKind, type_ref: str, titles: tuple[str, str]) -> bytes:
        """What a clerk fills in."""
        return self._sheets.template(kind, type_ref, titles)

    def figures(self, issuers: Collection[str], days: int = FIGURE_DAYS) -> list[DayFigure]:
        """Credentials of these organisations that became final on each of the last days, oldest first."""
        today = shanghai_midnight(self._clock.now())
        since = today - (days - 1) * DAY_S
        counts: dict[date, int] = {}
        for at, size in self._desk.issued_since(issuers, since):
            day = shanghai_day(at)
            counts[day] = counts.get(day, 0) + size
        first = shanghai_day(since)
        return [
            DayFigure(first + timedelta(days=n), counts.get(first + timedelta(days=n), 0))
            for n in range(days)
        ]

    def search(self, issuer: str, text: str, day: date | None = None) -> tuple[Place, ...]:
        """Rows by proof number, licence identifier or business key; the words are indexed, never stored.

        Args:
            issuer: whose rows.
            text: a proof number, a licence identifier, or an account or licence number.
            day: the data date where the number alone is not the key; None tries the last three years.

        Raises: InputError(SEARCH_EMPTY).
        """
        wanted = "".join(text.split())
        if not wanted:
            raise InputError("SEARCH_EMPTY", "Nothing to search for.")
        prefix = _proof_prefix(wanted)
        found = () if prefix is None else self._desk.places_of_proof(issuer, prefix)
        return found or self._desk.places_of_keys(issuer, self._keys(issuer, wanted.upper(), day))

    def requeue(self, batch_id: int, reason: str, without: Sequence[int]) -> int | None:
        """Refuse a batch that cannot go on and queue its rows, without these records; the worker closes it.

        Returns: the new batch's id, None when no row is left.
        Raises: ConflictError(BATCH_STATE).
        """
        batch = self._store.batches.batch(batch_id)
        new_id = self._store.batches.refuse(batch_id, reason, requeue=True, without=without)
        self._store.outbox.enqueue(publish_job(batch.issuer, batch.list, f"refused-{batch_id}"))
        return new_id

    def chain_answers(self) -> bool:
        """Whether the chain view can be read just now."""
        try:
            return self._view.head() is not None
        except LedgerError:
            return False

    def _known_type(self, code: str, version: int, file_hash: bytes) -> CredentialType | None:
        for kind in self._types.values():
            if (kind.type_code, kind.version, kind.file_hash) == (code, version, file_hash):
                return kind
        return None

    def _keys(self, issuer: str, number: str, day: date | None) -> list[bytes]:
        keys = []
        today = shanghai_day(self._clock.now())
        for ref, kind in self._types.items():
            days = [""]
            if kind.business_key.as_of is not None:
                tried = [day] if day else [today - timedelta(days=back) for back in range(SEARCH_DAYS)]
                days = [one.isoformat() for one in tried]
            keys += [self._vault.index("row", f"{issuer}\n{ref}\n{number}\n{one}") for one in days]
        return keys

    def _open(self, batch: BatchRecord, stored: Sequence[StoredRow], *, clear: bool) -> list[BatchRow]:
        keys = self._vault.load([row.name for row in stored]) if clear and stored else {}
        statuses = self._statuses_of(batch, [row.leaf_index for row in stored])
        return [
            BatchRow(
                record_id=row.record_id,
                row_number=row.row_number,
                leaf_index=row.leaf_index,
                name=row.name,
                outcome=RowOutcome.ISSUED if row.supersedes is None else RowOutcome.SUPERSEDES,
                status=statuses.get(row.leaf_index) if row.leaf_index is not None else None,
                fields=self._loads(keys[row.name].open(row.sealed, ROW_CONTEXT + row.name))
                if row.name in keys
                else None,
            )
            for row in stored
        ]

    def _statuses_of(self, batch: BatchRecord, leaves: Sequence[int | None]) -> dict[int, Status]:
        if batch.root is None or batch.state not in FINAL:
            return {}
        words = self._view.status_words(batch.issuer, batch.root)
        return {
            leaf: Status(words.get(leaf // CREDENTIALS_PER_WORD, 0) >> _shift(leaf) & _LANE)
            for leaf in leaves
            if leaf is not None
        }


def _shift(leaf: int) -> int:
    return _LANE_BITS * (leaf % CREDENTIALS_PER_WORD)


def _proof_prefix(text: str) -> bytes | None:
    """The first bytes of a row's name, from a proof number or the serial in a licence identifier."""
    parts = text.upper().split(".")
    serial = parts[7] if len(parts) == 10 else text.upper().replace("-", "")
    try:
        found = bytes.fromhex(serial)
    except ValueError:
        return None
    return found if len(found) in (PROOF_BYTES, 2 * PROOF_BYTES) else None
