"""Import of files in SQL: every business key once, rows in bulk, held until the file is accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import batch, import_job, import_note, record, stream
from ledger.core.errors import ConflictError, NotFoundError
from ledger.core.flow import (
    BatchState,
    ImportedRow,
    ImportJob,
    ImportRequest,
    ImportState,
    KnownRow,
    NewRow,
    RowNote,
    RowOutcome,
)

RECORD_COLUMNS = (
    "stream_id",
    "key_index",
    "revision",
    "content_index",
    "name",
    "job_id",
    "row_number",
    "batch_id",
    "supersedes",
    "is_dropped",
    "sealed",
)
_PAGE = 5_000  # rows of a result file read at once
_KNOWN = (  # built once: single issues ask it all the time
    sa.select(
        record.c.key_index,
        record.c.id,
        record.c.revision,
        record.c.content_index,
        record.c.name,
        record.c.job_id,
        record.c.is_dropped,
        import_job.c.state.label("job_state"),
        import_job.c.updated_at,
        batch.c.state.label("batch_state"),
        batch.c.root,
    )
    .join(stream, stream.c.id == record.c.stream_id)
    .join(batch, batch.c.id == record.c.batch_id)
    .outerjoin(import_job, import_job.c.id == record.c.job_id)
    .where(
        stream.c.issuer == sa.bindparam("issuer"),
        stream.c.type_code == sa.bindparam("type_code"),
        record.c.key_index.in_(sa.bindparam("keys", expanding=True)),
    )
    .order_by(record.c.revision)
)


def stream_in(connection: Connection, issuer: str, type_code: str) -> int:
    """Number of (issuer, type), made on first use."""
    query = sa.select(stream.c.id).where(stream.c.issuer == issuer, stream.c.type_code == type_code)
    found = connection.execute(query).scalar()
    if found is None:
        connection.execute(sa.insert(stream).values(issuer=issuer, type_code=type_code))
        found = connection.execute(query).scalar_one()
    return int(found)


def open_batch_in(
    connection: Connection, stream_id: int, job_id: int | None, values: Mapping[str, Any]
) -> int:
    """A new open batch; `values`: type_id, pending, created_at."""
    result = connection.execute(
        sa.insert(batch).values(
            stream_id=stream_id,
            job_id=job_id,
            state=BatchState.OPEN,
            size=0,
            signed=0,
            issued_on=0,
            list_number=0,
            first_word=0,
            key_number=0,
            deadline=0,
            reason="",
            **values,
        )
    )
    key = result.inserted_primary_key
    if key is None:
        message = "the database gave no key for a batch"
        raise RuntimeError(message)
    return int(key[0])


class SqlImports:
    """Port ImportStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, request: ImportRequest) -> ImportJob:
        now = self._database.clock.now()
        with self._database.write() as connection:
            stream_id = stream_in(connection, request.issuer, request.type_code)
            same_running = sa.select(import_job.c.id).where(
                import_job.c.stream_id == stream_id,
                import_job.c.digest == request.digest,
                import_job.c.state == ImportState.RUNNING,
            )
            running = connection.execute(same_running).scalar()
            if running is None:
                connection.execute(
                    sa.insert(import_job).values(
                        stream_id=stream_id,
                        type_id=request.type_id,
                        digest=request.digest,
                        pending=request.pending,
                        max_batch=request.max_batch,
                        state=ImportState.RUNNING,
                        fence=0,
                        rows_done=0,
                        issued=0,
                        already=0,
                        changed=0,
                        invalid=0,
                        updated_at=now,
                    )
                )
                running = connection.execute(same_running).scalar_one()
            else:
                connection.execute(
                    sa.update(import_job)
                    .where(import_job.c.id == running)
                    .values(fence=import_job.c.fence + 1, updated_at=now)
                )
            return _job_in(connection, int(running))

    def job(self, job_id: int) -> ImportJob:
        with self._database.read() as connection:
            return _job_in(connection, job_id)

    def of_digest(self, issuer: str, type_code: str, digest: bytes) -> ImportJob | None:
        """The newest import of this digest, in whatever state."""
        query = (
            sa.select(import_job.c.id)
            .join(stream, stream.c.id == import_job.c.stream_id)
            .where(stream.c.issuer == issuer, stream.c.type_code == type_code, import_job.c.digest == digest)
            .order_by(import_job.c.id.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalar()
            return None if found is None else _job_in(connection, int(found))

    def known(self, issuer: str, type_code: str, keys: Sequence[bytes]) -> Mapping[bytes, KnownRow]:
        if not keys:
            return {}
        rows = self._database.fetch(_KNOWN, {"issuer": issuer, "type_code": type_code, "keys": list(keys)})
        return {bytes(row[0]): _known(row) for row in rows}  # the newest revision wins

    def add(
        self,
        job: ImportJob,
        rows: Sequence[NewRow],
        notes: Sequence[RowNote],
        rows_done: int,
    ) -> ImportJob:
        counts = _counts(rows, notes)
        with self._database.write() as connection:
            _require_fence(connection, job)
            stream_id = stream_in(connection, job.request.issuer, job.request.type_code)
            self._insert(connection, job, stream_id, rows)
            self._note(connection, job, notes)
            changed = {name: getattr(job, name) + count for name, count in counts.items()}
            now = self._database.clock.now()
            connection.execute(
                sa.update(import_job)
                .where(import_job.c.id == job.id)
                .values(rows_done=rows_done, updated_at=now, **changed)
            )
        return replace(job, rows_done=rows_done, updated_at=now, **changed)

    def _insert(self, connection: Connection, job: ImportJob, stream_id: int, rows: Sequence[NewRow]) -> None:
        start = 0
        while start < len(rows):
            batch_id, free = self._room(connection, job, stream_id)
            piece = rows[start : start + free]
            try:
                self._database.insert_many(
                    connection,
                    record,
                    RECORD_COLUMNS,
                    [
                        (
                            stream_id,
                            row.key_index,
                            row.revision,
                            row.content_index,
                            row.name,
                            job.id,
                            row.row_number,
                            batch_id,
                            row.supersedes,
                            False,
                            row.sealed,
                        )
                        for row in piece
                    ],
                )
            except IntegrityError as error:
                raise ConflictError(
                    "ROW_RACE", "Another import stored one of these rows at the same moment."
                ) from error
            _grow(connection, batch_id, len(piece))
            start += len(piece)

    def _room(self, connection: Connection, job: ImportJob, stream_id: int) -> tuple[int, int]:
        row = connection.execute(
            sa.select(batch.c.id, batch.c.size)
            .where(
                batch.c.job_id == job.id,
                batch.c.state == BatchState.OPEN,
                batch.c.size < job.request.max_batch,
            )
            .order_by(batch.c.id)
            .limit(1)
        ).first()
        if row is not None:
            return int(row.id), job.request.max_batch - int(row.size)
        values = {
            "type_id": job.request.type_id,
            "pending": job.request.pending,
            "created_at": self._database.clock.now(),
        }
        return open_batch_in(connection, stream_id, job.id, values), job.request.max_batch

    def _note(self, connection: Connection, job: ImportJob, notes: Sequence[RowNote]) -> None:
        self._database.insert_many(
            connection,
            import_note,
            ("job_id", "row_number", "outcome", "record_id", "errors"),
            [
                (
                    job.id,
                    note.row_number,
                    str(note.outcome),
                    note.record_id,
                    json.dumps(note.errors, ensure_ascii=False),
                )
                for note in notes
            ],
        )

    def finish(self, job: ImportJob, *, accepted: bool) -> tuple[bytes, ...]:
        with self._database.write() as connection:
            _require_fence(connection, job)
            connection.execute(
                sa.update(import_job)
                .where(import_job.c.id == job.id)
                .values(
                    state=ImportState.ACCEPTED if accepted else ImportState.REFUSED,
                    updated_at=self._database.clock.now(),
                )
            )
            if accepted:
                return ()
            names = tuple(
                bytes(name)
                for name in connection.execute(
                    sa.select(record.c.name).where(record.c.job_id == job.id)
                ).scalars()
            )
            connection.execute(sa.delete(record).where(record.c.job_id == job.id))
            connection.execute(sa.delete(batch).where(batch.c.job_id == job.id))
            return names

    def rows(self, job_id: int) -> Iterator[ImportedRow]:
        stored = (
            sa.select(
                record.c.row_number,
                record.c.id,
                record.c.name,
                record.c.supersedes,
                batch.c.id.label("batch_id"),
                batch.c.state,
            )
            .join(batch, batch.c.id == record.c.batch_id)
            .where(record.c.job_id == job_id)
        )
        notes = (
            sa.select(
                import_note.c.row_number,
                import_note.c.outcome,
                import_note.c.errors,
                record.c.id,
                record.c.name,
                batch.c.id.label("batch_id"),
                batch.c.state,
            )
            .outerjoin(record, record.c.id == import_note.c.record_id)
            .outerjoin(batch, batch.c.id == record.c.batch_id)
            .where(import_note.c.job_id == job_id)
        )
        last = -1
        while True:
            page: list[ImportedRow] = []
            with self._database.read() as connection:
                for query, column, make in (
                    (stored, record.c.row_number, _stored_row),
                    (notes, import_note.c.row_number, _noted_row),
                ):
                    page.extend(
                        make(row)
                        for row in connection.execute(
                            query.where(column > last).order_by(column).limit(_PAGE)
                        )
                    )
            if not page:
                return
            page.sort(key=lambda row: row.row_number)
            yield from page[:_PAGE]
            last = page[:_PAGE][-1].row_number


def _grow(connection: Connection, batch_id: int, count: int) -> None:
    connection.execute(sa.update(batch).where(batch.c.id == batch_id).values(size=batch.c.size + count))


def _counts(rows: Sequence[NewRow], notes: Sequence[RowNote]) -> dict[str, int]:
    counted = {"issued": len(rows), "already": 0, "changed": 0, "invalid": 0}
    names = {
        RowOutcome.ALREADY: "already",
        RowOutcome.CHANGED: "changed",
        RowOutcome.INVALID: "invalid",
    }
    for note in notes:
        counted[names[note.outcome]] += 1
    return counted


def _require_fence(connection: Connection, job: ImportJob) -> None:
    row = connection.execute(
        sa.select(import_job.c.fence, import_job.c.state).where(import_job.c.id == job.id).with_for_update()
    ).one()
    if row.fence != job.fence or row.state != ImportState.RUNNING:
        raise ConflictError("IMPORT_TAKEN_OVER", "Another process goes on with this import.", job=job.id)


def _job_in(connection: Connection, job_id: int) -> ImportJob:
    row = connection.execute(
        sa.select(import_job, stream.c.issuer, stream.c.type_code)
        .join(stream, stream.c.id == import_job.c.stream_id)
        .where(import_job.c.id == job_id)
    ).first()
    if row is None:
        raise NotFoundError("IMPORT_UNKNOWN", f"There is no import {job_id}.", job=job_id)
    request = ImportRequest(
        issuer=row.issuer,
        type_code=row.type_code,
        type_id=row.type_id,
        digest=bytes(row.digest),
        pending=row.pending,
        max_batch=row.max_batch,
    )
    return ImportJob(
        id=row.id,
        request=request,
        state=ImportState(row.state),
        fence=row.fence,
        rows_done=row.rows_done,
        issued=row.issued,
        already=row.already,
        changed=row.changed,
        invalid=row.invalid,
        updated_at=row.updated_at,
    )


def _known(row: tuple[Any, ...]) -> KnownRow:
    """A row of _KNOWN."""
    _, record_id, revision, content_index, name, job_id, is_dropped, job_state, updated_at, *of_batch = row
    batch_state, root = of_batch
    state = BatchState(batch_state)
    return KnownRow(
        record_id=record_id,
        revision=revision,
        content_index=bytes(content_index),
        name=bytes(name),
        job_id=job_id,
        job_state=None if job_state is None else ImportState(job_state),
        job_updated_at=updated_at or 0,
        batch_state=state,
        is_dead=bool(is_dropped) or state is BatchState.REFUSED,
        batch_root=None if root is None else bytes(root),
    )


def _stored_row(row: Row[Any]) -> ImportedRow:
    return ImportedRow(
        row_number=row.row_number,
        outcome=RowOutcome.ISSUED if row.supersedes is None else RowOutcome.SUPERSEDES,
        record_id=row.id,
        name=bytes(row.name),
        batch_id=row.batch_id,
        batch_state=BatchState(row.state),
    )


def _noted_row(row: Row[Any]) -> ImportedRow:
    return ImportedRow(
        row_number=row.row_number,
        outcome=RowOutcome(row.outcome),
        record_id=row.id,
        name=None if row.name is None else bytes(row.name),
        batch_id=row.batch_id,
        batch_state=None if row.state is None else BatchState(row.state),
        errors=tuple((column, code, text) for column, code, text in json.loads(row.errors)),
    )
