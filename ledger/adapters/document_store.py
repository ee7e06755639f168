"""Prints in SQL: ordered, made, collected into document batches, revoked; each step one transaction.

A document batch is a row of `batch` like any other, with type id 0 and its root from the start: makers,
approvers, standing approvals, anchors and dead letters treat it as they treat all batches.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import batch, credential, record, stream
from ledger.adapters.store_sql_outbox import enqueue_in
from ledger.adapters.tables_documents import print_run, printed_copy
from ledger.core.errors import ConflictError, NotFoundError
from ledger.core.flow import BatchState, NewJob
from ledger.core.paper import DOCUMENT_TYPE, DOCUMENT_TYPE_ID, Print, PrintKind, PrintRun, PrintState

_EVERY_COLUMN = (*printed_copy.c, record.c.name, stream.c.issuer, stream.c.type_code)


def _select() -> sa.Select[Any]:
    return (
        sa.select(*_EVERY_COLUMN)
        .join(record, record.c.id == printed_copy.c.record_id)
        .join(stream, stream.c.id == record.c.stream_id)
    )


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _print(row: Row[Any]) -> Print:
    return Print(
        id=bytes(row.document_id),
        name=bytes(row.name),
        issuer=row.issuer,
        type_code=row.type_code,
        batch_id=row.batch_id,
        leaf_index=row.leaf_index,
        kind=PrintKind(row.kind),
        language=row.language,
        fields=tuple(json.loads(row.fields)),
        template=row.template,
        state=PrintState(row.state),
        ordered_at=row.ordered_at,
        ordered_by=row.ordered_by,
        made_at=row.made_at,
        file_hash=_bytes(row.file_hash),
        size=row.size,
        crc32=row.crc32,
        page_batch=row.page_batch,
        page_index=row.page_index,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
        run_id=_bytes(row.run_id),
        purpose_sealed=_bytes(row.purpose),
        code=row.code,
    )


@dataclass(frozen=True, slots=True)
class PrintLeaf:
    """A credential of a batch, as a run over it needs it."""

    leaf_index: int
    record_id: int
    name: bytes


class SqlPrints:
    """Port PrintStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, wanted: Print, record_id: int, job: NewJob) -> None:
        """One ordered print and its job, in one transaction."""
        with self._database.write() as connection:
            connection.execute(sa.insert(printed_copy).values(**_row(wanted, record_id, 0)))
            enqueue_in(connection, job)

    def add_run(self, run: PrintRun, wanted: Sequence[tuple[Print, int, int]], job: NewJob) -> PrintRun:
        """A run, its prints as (print, record, piece), and the job of its first piece.

        One run a batch and language: a second order finds the first.
        """
        with self._database.write() as connection:
            there = connection.execute(
                sa.select(print_run.c.run_id).where(
                    print_run.c.batch_id == run.batch_id, print_run.c.language == run.language
                )
            ).scalar()
            if there is not None:
                return self._run(connection, bytes(there))
            connection.execute(
                sa.insert(print_run).values(
                    run_id=run.id,
                    batch_id=run.batch_id,
                    language=run.language,
                    ordered_at=run.ordered_at,
                    ordered_by=run.ordered_by,
                    total=len(wanted),
                )
            )
            rows = [_row(one, record_id, piece) for one, record_id, piece in wanted]
            connection.execute(sa.insert(printed_copy), rows)
            enqueue_in(connection, job)
            return self._run(connection, run.id)

    def leaves(self, batch_id: int) -> list[PrintLeaf]:
        """Every credential of a batch in leaf order."""
        query = (
            sa.select(credential.c.leaf_index, credential.c.record_id, record.c.name)
            .join(record, record.c.id == credential.c.record_id)
            .where(credential.c.batch_id == batch_id)
            .order_by(credential.c.leaf_index)
        )
        with self._database.read() as connection:
            return [PrintLeaf(leaf, one, bytes(name)) for leaf, one, name in connection.execute(query)]

    def get(self, document_id: bytes) -> Print:
        """Raises NotFoundError(PRINT_UNKNOWN)."""
        found = self.find(document_id)
        if found is None:
            raise NotFoundError("PRINT_UNKNOWN", "There is no such print.")
        return found

    def find(self, document_id: bytes) -> Print | None:
        """None for an unknown id."""
        return self._one(printed_copy.c.document_id == document_id)

    def withdrawn_at(self, document_id: bytes) -> int | None:
        """When a print was taken back, seconds since 1970; None for one that was not and for an unknown id."""
        query = sa.select(printed_copy.c.revoked_at).where(printed_copy.c.document_id == document_id)
        with self._database.read() as connection:
            found = connection.execute(query).scalar()
            return None if found is None else int(found)

    def queued(self) -> int:
        """Single prints that wait for the worker."""
        query = sa.select(sa.func.count()).where(
            printed_copy.c.page_batch.is_(None),
            printed_copy.c.state == PrintState.ORDERED,
            printed_copy.c.run_id.is_(None),
        )
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def of_credential(self, name: bytes) -> tuple[Print, ...]:
        """Newest first."""
        query = _select().where(record.c.name == name).order_by(printed_copy.c.ordered_at.desc())
        with self._database.read() as connection:
            return tuple(_print(row) for row in connection.execute(query))

    def of_piece(self, run_id: bytes, piece: int) -> tuple[Print, ...]:
        """Prints of one piece of a run, in leaf order."""
        which = sa.and_(printed_copy.c.run_id == run_id, printed_copy.c.piece == piece)
        query = _select().where(which).order_by(printed_copy.c.leaf_index)
        with self._database.read() as connection:
            return tuple(_print(row) for row in connection.execute(query))

    def of_run(self, run_id: bytes) -> tuple[Print, ...]:
        """Made prints of a run, in leaf order."""
        which = sa.and_(printed_copy.c.run_id == run_id, printed_copy.c.state == PrintState.MADE)
        query = _select().where(which).order_by(printed_copy.c.leaf_index)
        with self._database.read() as connection:
            return tuple(_print(row) for row in connection.execute(query))

    def run(self, run_id: bytes) -> PrintRun:
        """Raises NotFoundError(PRINT_UNKNOWN)."""
        with self._database.read() as connection:
            return self._run(connection, run_id)

    def runs(self, batch_id: int) -> tuple[PrintRun, ...]:
        """Oldest first."""
        query = (
            sa.select(print_run.c.run_id)
            .where(print_run.c.batch_id == batch_id)
            .order_by(print_run.c.ordered_at)
        )
        with self._database.read() as connection:
            return tuple(self._run(connection, bytes(one)) for one in connection.execute(query).scalars())

    def _run(self, connection: Connection, run_id: bytes) -> PrintRun:
        row = connection.execute(
            sa.select(print_run, stream.c.issuer)
            .join(batch, batch.c.id == print_run.c.batch_id)
            .join(stream, stream.c.id == batch.c.stream_id)
            .where(print_run.c.run_id == run_id)
        ).first()
        if row is None:
            raise NotFoundError("PRINT_UNKNOWN", "There is no such run of prints.")
        counted = connection.execute(
            sa.select(printed_copy.c.state, sa.func.count())
            .where(printed_copy.c.run_id == run_id)
            .group_by(printed_copy.c.state)
        ).all()
        states: dict[str, int] = {row[0]: row[1] for row in counted}
        return PrintRun(
            id=bytes(row.run_id),
            batch_id=row.batch_id,
            issuer=row.issuer,
            language=row.language,
            ordered_at=row.ordered_at,
            ordered_by=row.ordered_by,
            total=row.total,
            made=states.get(PrintState.MADE, 0),
            failed=states.get(PrintState.FAILED, 0),
        )

    def made(
        self,
        document_id: bytes,
        *,
        file_hash: bytes,
        size: int,
        crc32: int,
        code_index: bytes,
        secret_index: bytes,
    ) -> None:
        """ordered → made. A print that is made already keeps its file: this one is forgotten."""
        self._move(
            document_id,
            state=PrintState.MADE,
            made_at=self._database.clock.now(),
            file_hash=file_hash,
            size=size,
            crc32=crc32,
            code_index=code_index,
            secret_index=secret_index,
        )

    def failed(self, document_id: bytes, code: str) -> None:
        """ordered → failed; `code` says why."""
        self._move(document_id, state=PrintState.FAILED, code=code)

    def _move(self, document_id: bytes, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(printed_copy)
                .where(
                    printed_copy.c.document_id == document_id,
                    printed_copy.c.state.in_([PrintState.ORDERED, PrintState.FAILED]),
                )
                .values(**values)
            )

    def revoke(self, document_id: bytes, at: int, by: str) -> Print:
        """Whoever finds it from now on is told that it was taken back; twice keeps the first time."""
        with self._database.write() as connection:
            connection.execute(
                sa.update(printed_copy)
                .where(printed_copy.c.document_id == document_id, printed_copy.c.revoked_at.is_(None))
                .values(revoked_at=at, revoked_by=by)
            )
        return self.get(document_id)

    def by_code_index(self, index: bytes) -> Print | None:
        """The print whose number and check code have this index."""
        return self._one(printed_copy.c.code_index == index)

    def by_secret_index(self, index: bytes) -> Print | None:
        """The print whose QR secret has this index."""
        return self._one(printed_copy.c.secret_index == index)

    def by_file_hash(self, file_hash: bytes) -> Print | None:
        """The print whose sealed file has this SHA-256."""
        return self._one(printed_copy.c.file_hash == file_hash)

    def _one(self, which: sa.ColumnElement[bool]) -> Print | None:
        with self._database.read() as connection:
            row = connection.execute(_select().where(which)).first()
            return None if row is None else _print(row)

    def name_of_number(self, first: bytes, last: bytes) -> tuple[bytes, ...]:
        """Names of credentials between these two, at most two of them."""
        query = sa.select(record.c.name).where(record.c.name.between(first, last)).limit(2)
        with self._database.read() as connection:
            return tuple(bytes(one) for one in connection.execute(query).scalars())

    # Document batches.

    def waiting(self) -> tuple[tuple[str, int, int], ...]:
        """(issuer, how many made files are in no batch, when the oldest was made)."""
        query = (
            sa.select(stream.c.issuer, sa.func.count(), sa.func.min(printed_copy.c.made_at))
            .select_from(printed_copy)
            .join(record, record.c.id == printed_copy.c.record_id)
            .join(stream, stream.c.id == record.c.stream_id)
            .where(printed_copy.c.page_batch.is_(None), printed_copy.c.state == PrintState.MADE)
            .group_by(stream.c.issuer)
        )
        with self._database.read() as connection:
            return tuple((issuer, count, oldest) for issuer, count, oldest in connection.execute(query))

    def next_files(self, issuer: str, limit: int) -> tuple[tuple[bytes, bytes], ...]:
        """(id, SHA-256) of made files in no batch, by id: ids are random, so the order says nothing."""
        query = (
            sa.select(printed_copy.c.document_id, printed_copy.c.file_hash)
            .join(record, record.c.id == printed_copy.c.record_id)
            .join(stream, stream.c.id == record.c.stream_id)
            .where(
                printed_copy.c.page_batch.is_(None),
                printed_copy.c.state == PrintState.MADE,
                stream.c.issuer == issuer,
            )
            .order_by(printed_copy.c.document_id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple((bytes(one), bytes(digest)) for one, digest in connection.execute(query))

    def collect(self, issuer: str, files: Sequence[bytes], root: bytes, key: int, issued_on: int) -> int:
        """A document batch of these files in this order, waiting for its maker; gives its number.

        Raises: ConflictError(PAGES_TAKEN) when another process collected one of them: look again.
        """
        with self._database.write() as connection:
            made = connection.execute(
                sa.insert(batch).values(
                    stream_id=_stream_in(connection, issuer),
                    type_id=DOCUMENT_TYPE_ID,
                    job_id=None,
                    pending=False,
                    state=BatchState.SIGNED,
                    size=len(files),
                    signed=len(files),
                    created_at=self._database.clock.now(),
                    issued_on=issued_on,
                    list_number=0,
                    first_word=0,
                    key_number=key,
                    root=root,
                    deadline=0,
                    reason="",
                )
            ).inserted_primary_key
            if made is None:
                raise RuntimeError("the database gave no key for a batch")
            taken = 0
            for index, document_id in enumerate(files):
                taken += connection.execute(
                    sa.update(printed_copy)
                    .where(printed_copy.c.document_id == document_id, printed_copy.c.page_batch.is_(None))
                    .values(page_batch=made[0], page_index=index)
                ).rowcount
            if taken != len(files):
                raise ConflictError("PAGES_TAKEN", "Another process collected some of these files.")
            return int(made[0])

    def page_entries(self, batch_id: int) -> bytes:
        """Joined SHA-256 of a document batch's files in leaf order."""
        query = (
            sa.select(printed_copy.c.file_hash)
            .where(printed_copy.c.page_batch == batch_id)
            .order_by(printed_copy.c.page_index)
        )
        with self._database.read() as connection:
            return b"".join(connection.execute(query).scalars())


def _stream_in(connection: Connection, issuer: str) -> int:
    known = sa.select(stream.c.id).where(stream.c.issuer == issuer, stream.c.type_code == DOCUMENT_TYPE)
    found = connection.execute(known).scalar()
    if found is not None:
        return int(found)
    connection.execute(sa.insert(stream).values(issuer=issuer, type_code=DOCUMENT_TYPE))
    return int(connection.execute(known).scalar_one())


def _row(wanted: Print, record_id: int, piece: int) -> dict[str, Any]:
    return {
        "document_id": wanted.id,
        "record_id": record_id,
        "batch_id": wanted.batch_id,
        "leaf_index": wanted.leaf_index,
        "run_id": wanted.run_id,
        "piece": piece,
        "kind": str(wanted.kind),
        "language": wanted.language,
        "fields": json.dumps(list(wanted.fields)),
        "purpose": wanted.purpose_sealed,
        "template": wanted.template,
        "state": str(PrintState.ORDERED),
        "code": "",
        "ordered_at": wanted.ordered_at,
        "ordered_by": wanted.ordered_by,
        "size": 0,
        "crc32": 0,
        "revoked_by": "",
    }
