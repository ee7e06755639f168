"""Batches in SQL: closing, refusing, signing, approving, releasing; each step one transaction."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import (
    approval,
    batch,
    credential,
    import_job,
    list_head,
    list_word,
    planned_change,
    record,
    stream,
)
from ledger.adapters.store_sql_imports import open_batch_in
from ledger.adapters.store_sql_outbox import cancel_in, enqueue_in, finish_in, lose
from ledger.adapters.tables_documents import printed_copy
from ledger.core.errors import ConflictError, NotFoundError
from ledger.core.flow import (
    RESERVED,
    WORDS_PER_LIST,
    BatchRecord,
    BatchState,
    ImportState,
    JobKind,
    Leaf,
    Lease,
    NewJob,
    Place,
    PlannedChange,
    ReservedRange,
    SignedLeaf,
    StoredCredential,
    Superseded,
    batch_subject,
    words_of,
)
from ledger.core.model import DOCUMENT_TYPE, BlockRef
from ledger.ports import Entropy

_REFUSABLE = (BatchState.CLOSED, BatchState.SIGNED, BatchState.MADE, BatchState.DEAD)
_WITHOUT_ORDER = [column for column in batch.c if column.name != "leaf_order"]


def _select_batch() -> sa.Select[Any]:
    return sa.select(*_WITHOUT_ORDER, stream.c.issuer, stream.c.type_code).join(
        stream, stream.c.id == batch.c.stream_id
    )


def batch_in(connection: Connection, batch_id: int, *, lock: bool = False) -> BatchRecord:
    """One batch; `lock` keeps it for this transaction where the database has row locks."""
    query = _select_batch().where(batch.c.id == batch_id)
    if lock:
        query = query.with_for_update(of=batch)
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError("BATCH_UNKNOWN", f"There is no batch {batch_id}.", batch=batch_id)
    return _batch(row)


def _batch(row: Row[Any]) -> BatchRecord:
    block = None
    if row.block_number is not None:
        block = BlockRef(row.block_number, bytes(row.block_hash), row.block_time)
    return BatchRecord(
        id=row.id,
        issuer=row.issuer,
        type_code=row.type_code,
        type_id=row.type_id,
        job_id=row.job_id,
        pending=bool(row.pending),
        state=BatchState(row.state),
        size=row.size,
        created_at=row.created_at,
        issued_on=row.issued_on,
        list=row.list_number,
        first_word=row.first_word,
        key=row.key_number,
        root=_bytes(row.root),
        maker=_bytes(row.maker),
        approver=_bytes(row.approver),
        deadline=row.deadline,
        maker_signature=_bytes(row.maker_signature),
        approver_signature=_bytes(row.approver_signature),
        block=block,
        tx_hash=_bytes(row.tx_hash),
        reason=row.reason,
        refused_by=_bytes(row.refused_by),
        refused_at=row.refused_at,
        standing_id=_bytes(row.standing_id),
    )


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _require_state(found: BatchRecord, states: Sequence[BatchState]) -> None:
    if found.state not in states:
        raise ConflictError(
            "BATCH_STATE",
            f"Batch {found.id} is {found.state}; this needs {' or '.join(states)}.",
            batch=found.id,
            state=str(found.state),
        )


def _set(connection: Connection, batch_id: int, **values: Any) -> None:
    connection.execute(sa.update(batch).where(batch.c.id == batch_id).values(**values))


def _order_in(connection: Connection, batch_id: int) -> array[int]:
    blob = connection.execute(sa.select(batch.c.leaf_order).where(batch.c.id == batch_id)).scalar_one()
    order = array("q")
    if blob is not None:
        order.frombytes(bytes(blob))
    return order


class SqlBatches:
    """Port BatchStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def batch(self, batch_id: int) -> BatchRecord:
        with self._database.read() as connection:
            return batch_in(connection, batch_id)

    def batches(
        self,
        issuer: str | None = None,
        states: Sequence[BatchState] = (),
        job_id: int | None = None,
    ) -> tuple[BatchRecord, ...]:
        query = _select_batch().order_by(batch.c.id)
        if issuer is not None:
            query = query.where(stream.c.issuer == issuer)
        if states:
            query = query.where(batch.c.state.in_(list(states)))
        if job_id is not None:
            query = query.where(batch.c.job_id == job_id)
        with self._database.read() as connection:
            return tuple(_batch(row) for row in connection.execute(query))

    def open_ranges(self, issuer: str, list_number: int) -> tuple[ReservedRange, ...]:
        query = (
            sa.select(batch.c.first_word, batch.c.size, batch.c.state, batch.c.root)
            .join(stream, stream.c.id == batch.c.stream_id)
            .where(
                batch.c.state.in_(list(RESERVED)),
                batch.c.list_number == list_number,
                stream.c.issuer == issuer,
                batch.c.type_id != DOCUMENT_TYPE,
            )
            .order_by(batch.c.first_word)
        )
        with self._database.read() as connection:
            return tuple(
                ReservedRange(first_word, size, BatchState(state), _bytes(root))
                for first_word, size, state, root in connection.execute(query)
            )

    def newest_list(self, issuer: str) -> int:
        query = sa.select(list_head.c.list_number).where(list_head.c.issuer == issuer)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def close(
        self, batch_id: int, entropy: Entropy, issued_on: int, key: int, leaves_per_job: int
    ) -> BatchRecord:
        with self._database.write() as connection:
            found = batch_in(connection, batch_id, lock=True)
            if found.state is not BatchState.OPEN:
                return found
            _require_accepted(connection, found)
            members = array(
                "q",
                connection.execute(
                    sa.select(record.c.id)
                    .where(record.c.batch_id == batch_id, record.c.is_dropped.is_(False))
                    .order_by(record.c.id)
                )
                .scalars()
                .all(),
            )
            if not members:
                raise ConflictError("BATCH_EMPTY", f"Batch {batch_id} has no rows.", batch=batch_id)
            order = array("q", (members[place] for place in entropy.permutation(len(members))))
            list_number, first_word = self._reserve(connection, found, len(order))
            _set(
                connection,
                batch_id,
                state=BatchState.CLOSED,
                size=len(order),
                issued_on=issued_on,
                key_number=key,
                list_number=list_number,
                first_word=first_word,
                leaf_order=order.tobytes(),
            )
            for first in range(0, len(order), leaves_per_job):
                last = min(first + leaves_per_job, len(order))
                payload = {"batch": batch_id, "first": first, "last": last}
                enqueue_in(
                    connection,
                    NewJob(JobKind.SIGN, batch_subject(batch_id, "sign", first), payload),
                )
            return batch_in(connection, batch_id)

    def _reserve(self, connection: Connection, found: BatchRecord, size: int) -> tuple[int, int]:
        """Exactly ceil(size / 64) words of the issuer's newest list, or of a new one."""
        words = words_of(size)
        head = connection.execute(
            sa.select(list_head).where(list_head.c.issuer == found.issuer).with_for_update()
        ).first()
        if head is None:
            number, word = 1, 0
            connection.execute(
                sa.insert(list_head).values(issuer=found.issuer, list_number=1, next_word=words)
            )
        else:
            number, word = head.list_number, head.next_word
            if word + words > WORDS_PER_LIST:
                number, word = number + 1, 0
            connection.execute(
                sa.update(list_head)
                .where(list_head.c.issuer == found.issuer)
                .values(list_number=number, next_word=word + words)
            )
        self._database.insert_many(
            connection,
            list_word,
            ("issuer", "list_number", "word", "batch_id"),
            [(found.issuer, number, owned, found.id) for owned in range(word, word + words)],
        )
        return number, word

    def refuse(
        self,
        batch_id: int,
        reason: str,
        *,
        requeue: bool,
        without: Sequence[int] = (),
        by: bytes | None = None,
    ) -> int | None:
        with self._database.write() as connection:
            found = batch_in(connection, batch_id, lock=True)
            _require_state(found, _REFUSABLE)
            _set(
                connection,
                batch_id,
                state=BatchState.REFUSED,
                reason=reason,
                refused_by=by,
                refused_at=self._database.clock.now(),
            )
            connection.execute(
                sa.update(credential).where(credential.c.batch_id == batch_id).values(sealed=None)
            )
            cancel_in(connection, batch_subject(batch_id, ""))
            if found.type_id == DOCUMENT_TYPE:  # its files go into the next document batch
                connection.execute(
                    sa.update(printed_copy)
                    .where(printed_copy.c.page_batch == batch_id)
                    .values(page_batch=None, page_index=None)
                )
                return None
            kept = sa.and_(record.c.batch_id == batch_id, record.c.id.not_in(list(without)))
            if not requeue:
                return None
            stream_id = connection.execute(
                sa.select(batch.c.stream_id).where(batch.c.id == batch_id)
            ).scalar_one()
            values = {
                "type_id": found.type_id,
                "pending": found.pending,
                "created_at": self._database.clock.now(),
            }
            new_id = open_batch_in(connection, stream_id, found.job_id, values)
            moved = connection.execute(sa.update(record).where(kept).values(batch_id=new_id))
            if moved.rowcount == 0:
                connection.execute(sa.delete(batch).where(batch.c.id == new_id))
                return None
            _set(connection, new_id, size=moved.rowcount)
            return new_id

    def place(self, name: bytes) -> Place | None:
        return self._place(record.c.name == name)

    def place_of_record(self, record_id: int) -> Place | None:
        return self._place(record.c.id == record_id)

    def _place(self, which: sa.ColumnElement[bool]) -> Place | None:
        query = (
            sa.select(
                record.c.id,
                record.c.name,
                record.c.batch_id,
                batch.c.state,
                batch.c.root,
                stream.c.issuer,
                stream.c.type_code,
            )
            .join(batch, batch.c.id == record.c.batch_id)
            .join(stream, stream.c.id == record.c.stream_id)
            .where(which)
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            order = _order_in(connection, row.batch_id)
        return Place(
            record_id=row.id,
            name=bytes(row.name),
            issuer=row.issuer,
            type_code=row.type_code,
            batch_id=row.batch_id,
            batch_state=BatchState(row.state),
            leaf_index=order.index(row.id) if row.id in order else None,
            root=_bytes(row.root),
        )


def _require_accepted(connection: Connection, found: BatchRecord) -> None:
    state = connection.execute(sa.select(import_job.c.state).where(import_job.c.id == found.job_id)).scalar()
    if state is not None and state != ImportState.ACCEPTED:
        raise ConflictError("BATCH_HELD", f"The import of batch {found.id} is not finished.", batch=found.id)


class SqlSigning:
    """Port SigningStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def leaves(self, batch_id: int, first: int, last: int) -> Sequence[Leaf]:
        with self._database.read() as connection:
            wanted = _order_in(connection, batch_id)[first:last]
            rows = connection.execute(
                sa.select(record.c.id, record.c.name, record.c.sealed).where(record.c.id.in_(wanted.tolist()))
            )
            found = {record_id: (name, sealed) for record_id, name, sealed in rows.all()}
        leaves = []
        for leaf_index, record_id in enumerate(wanted, start=first):
            name, sealed = found[record_id]
            leaves.append(Leaf(leaf_index, record_id, bytes(name), bytes(sealed)))
        return leaves

    def add_credentials(self, lease: Lease, batch_id: int, leaves: Sequence[SignedLeaf]) -> None:
        with self._database.write() as connection:
            found = batch_in(connection, batch_id, lock=True)
            if found.state is not BatchState.CLOSED:
                raise lose()
            try:
                self._database.insert_many(
                    connection,
                    credential,
                    ("batch_id", "leaf_index", "record_id", "entry", "sealed"),
                    [(batch_id, leaf.leaf_index, leaf.record_id, leaf.entry, leaf.sealed) for leaf in leaves],
                )
            except IntegrityError as error:
                raise lose() from error  # somebody signed a leaf of these: theirs stays
            signed = batch.c.signed + len(leaves)
            _set(connection, batch_id, signed=signed)
            total = connection.execute(sa.select(batch.c.signed).where(batch.c.id == batch_id)).scalar_one()
            follow = NewJob(JobKind.ROOT, batch_subject(batch_id, "root"), {"batch": batch_id})
            finish_in(connection, lease, (follow,) if total == found.size else ())

    def entries(self, batch_id: int) -> bytes:
        with self._database.read() as connection:
            return b"".join(
                connection.execute(
                    sa.select(credential.c.entry)
                    .where(credential.c.batch_id == batch_id)
                    .order_by(credential.c.leaf_index)
                )
                .scalars()
                .all()
            )

    def set_root(self, lease: Lease, batch_id: int, root: bytes) -> None:
        with self._database.write() as connection:
            _require_state(batch_in(connection, batch_id, lock=True), (BatchState.CLOSED,))
            _set(connection, batch_id, state=BatchState.SIGNED, root=root)
            finish_in(connection, lease)

    def sealed_rows(self, batch_id: int, first: int, count: int) -> Sequence[Leaf]:
        with self._database.read() as connection:
            order = _order_in(connection, batch_id)
            rows = connection.execute(
                sa.select(record.c.id, record.c.name, record.c.sealed)
                .where(record.c.batch_id == batch_id)
                .order_by(record.c.id)
                .offset(first)
                .limit(count)
            ).all()
        places = {record_id: leaf_index for leaf_index, record_id in enumerate(order)}
        return [Leaf(places.get(row.id, -1), row.id, bytes(row.name), bytes(row.sealed)) for row in rows]


def batch_changed(batch_id: int) -> ConflictError:
    """What was signed is not what is stored now."""
    return ConflictError(
        "BATCH_CHANGED",
        "This batch was changed or signed by somebody else meanwhile; look at it again.",
        batch=batch_id,
    )


class SqlApprovals:
    """Port ApprovalStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(
        self,
        wanted: BatchRecord,
        signature: bytes,
        changes: Sequence[PlannedChange],
        expected: BatchRecord | None = None,
    ) -> BatchRecord:
        with self._database.write() as connection:
            found = batch_in(connection, wanted.id, lock=True)
            if expected is not None and found != expected:
                raise batch_changed(wanted.id)
            _require_state(found, (BatchState.SIGNED, BatchState.MADE, BatchState.DEAD))
            if found.state is BatchState.DEAD:
                cancel_in(connection, batch_subject(wanted.id, "anchor", ""))
            _set(
                connection,
                wanted.id,
                state=BatchState.MADE,
                maker=wanted.maker,
                approver=wanted.approver,
                deadline=wanted.deadline,
                maker_signature=signature,
                approver_signature=None,
            )
            self._sign(connection, wanted, "maker", wanted.maker, signature)
            self._replace_changes(connection, wanted.id, changes)
            return batch_in(connection, wanted.id)

    def approve(
        self,
        wanted: BatchRecord,
        signature: bytes,
        changes: Sequence[PlannedChange],
        job: NewJob,
    ) -> BatchRecord:
        with self._database.write() as connection:
            found = batch_in(connection, wanted.id, lock=True)
            _require_state(found, (BatchState.MADE,))
            if replace(wanted, state=found.state) != found:
                raise batch_changed(wanted.id)
            _set(connection, wanted.id, state=BatchState.APPROVED, approver_signature=signature)
            self._sign(connection, wanted, "approver", wanted.approver, signature)
            self._replace_changes(connection, wanted.id, changes)
            enqueue_in(connection, job)
            return batch_in(connection, wanted.id)

    def _sign(
        self,
        connection: Connection,
        wanted: BatchRecord,
        role: str,
        signer: bytes | None,
        signature: bytes,
    ) -> None:
        connection.execute(
            sa.insert(approval).values(
                batch_id=wanted.id,
                role=role,
                signer=signer,
                signature=signature,
                deadline=wanted.deadline,
                made_at=self._database.clock.now(),
            )
        )

    def _replace_changes(
        self, connection: Connection, batch_id: int, changes: Sequence[PlannedChange]
    ) -> None:
        connection.execute(sa.delete(planned_change).where(planned_change.c.batch_id == batch_id))
        for change in changes:
            connection.execute(
                sa.insert(planned_change).values(
                    batch_id=batch_id,
                    root=change.root,
                    nonce=change.nonce.to_bytes(32, "big"),
                    deadline=change.deadline,
                    changes=json.dumps(change.changes),
                    maker_signature=change.maker_signature,
                    approver_signature=change.approver_signature,
                )
            )

    def changes(self, batch_id: int) -> tuple[PlannedChange, ...]:
        query = (
            sa.select(planned_change)
            .where(planned_change.c.batch_id == batch_id)
            .order_by(planned_change.c.root)
        )
        with self._database.read() as connection:
            return tuple(
                PlannedChange(
                    root=bytes(row.root),
                    nonce=int.from_bytes(bytes(row.nonce), "big"),
                    deadline=row.deadline,
                    changes=tuple((word, mask, value) for word, mask, value in json.loads(row.changes)),
                    maker_signature=bytes(row.maker_signature),
                    approver_signature=bytes(row.approver_signature),
                )
                for row in connection.execute(query)
            )

    def superseded(self, batch_id: int) -> tuple[Superseded, ...]:
        old = record.alias("old")
        query = (
            sa.select(old.c.id, old.c.batch_id, batch.c.root, stream.c.issuer)
            .select_from(record)
            .join(old, old.c.id == record.c.supersedes)
            .join(batch, batch.c.id == old.c.batch_id)
            .join(stream, stream.c.id == old.c.stream_id)
            .where(
                record.c.batch_id == batch_id,
                batch.c.state.in_([BatchState.ANCHORED, BatchState.RELEASED]),
            )
            .order_by(old.c.id)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            places: dict[int, Mapping[int, int]] = {}
            for row in rows:
                if row.batch_id not in places:
                    order = _order_in(connection, row.batch_id)
                    places[row.batch_id] = {record_id: leaf for leaf, record_id in enumerate(order)}
        return tuple(Superseded(row.issuer, bytes(row.root), places[row.batch_id][row.id]) for row in rows)


class SqlReleases:
    """Port ReleaseStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def anchored(
        self, lease: Lease, batch_id: int, block: BlockRef, tx_hash: bytes, jobs: Sequence[NewJob]
    ) -> None:
        with self._database.write() as connection:
            _require_state(batch_in(connection, batch_id, lock=True), (BatchState.APPROVED,))
            _set(
                connection,
                batch_id,
                state=BatchState.ANCHORED,
                block_number=block.number,
                block_hash=block.hash,
                block_time=block.time,
                tx_hash=tx_hash,
            )
            finish_in(connection, lease, jobs)

    def credentials(self, batch_id: int, first: int, last: int) -> Sequence[StoredCredential]:
        query = (
            sa.select(credential.c.leaf_index, record.c.name, credential.c.entry, credential.c.sealed)
            .join(record, record.c.id == credential.c.record_id)
            .where(
                credential.c.batch_id == batch_id,
                credential.c.leaf_index >= first,
                credential.c.leaf_index < last,
            )
            .order_by(credential.c.leaf_index)
        )
        with self._database.read() as connection:
            return [
                StoredCredential(leaf_index, bytes(name), bytes(entry), _bytes(sealed))
                for leaf_index, name, entry, sealed in connection.execute(query).all()
            ]

    def released(self, lease: Lease, batch_id: int) -> None:
        with self._database.write() as connection:
            _require_state(batch_in(connection, batch_id, lock=True), (BatchState.ANCHORED,))
            _set(connection, batch_id, state=BatchState.RELEASED)
            finish_in(connection, lease)
