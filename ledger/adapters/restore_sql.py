"""What the store knows of the past, and how it takes a plan that makes it agree with its chain.

Port RestoreBook of services.healing. Rows keep their identity: nothing is deleted but jobs that write
out bundles, which are made anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import (
    batch,
    chain_transaction,
    credential,
    list_head,
    nonce_word,
    outbox,
    planned_change,
    record,
)
from ledger.adapters.store_sql_batches import batch_in
from ledger.adapters.store_sql_imports import open_batch_in
from ledger.adapters.store_sql_outbox import cancel_in, enqueue_in
from ledger.adapters.tables_documents import printed_copy
from ledger.adapters.tables_programs import standing_use
from ledger.adapters.tables_restore import lost_rows
from ledger.core.flow import BatchState, JobKind, JobState, NewJob, TransactionState, batch_subject
from ledger.core.model import DOCUMENT_TYPE, BlockRef
from ledger.core.restoring import RESTORED, CallAgain, Hold, LostRows, Mending, Settled

SHADOWED = "CHAIN_HAS_OTHERS"
"""Reason of a batch whose words lie on chain under another root."""
_ENDED = (TransactionState.FINAL, TransactionState.REVERTED)


class SqlRestoreBook:
    """Port RestoreBook.

    Args:
        database: of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def settled(self) -> Iterator[Settled]:
        """See RestoreBook."""
        query = (
            sa.select(
                chain_transaction.c.id,
                chain_transaction.c.job_id,
                outbox.c.kind,
                outbox.c.subject,
                outbox.c.payload,
                outbox.c.state.label("job_state"),
                chain_transaction.c.sender,
                chain_transaction.c.nonce,
                chain_transaction.c.hash,
                chain_transaction.c.state,
            )
            .join(outbox, outbox.c.id == chain_transaction.c.job_id)
            .where(chain_transaction.c.state.in_(_ENDED))
            .order_by(chain_transaction.c.id)
        )
        with self._database.read() as connection:
            for row in connection.execute(query):
                yield Settled(
                    id=row.id,
                    job_id=row.job_id,
                    kind=JobKind(row.kind),
                    subject=row.subject,
                    payload=json.loads(row.payload),
                    is_done=row.job_state == JobState.DONE,
                    sender=bytes(row.sender),
                    nonce=row.nonce,
                    hash=bytes(row.hash),
                    state=TransactionState(row.state),
                )

    def newest_nonces(self) -> Mapping[bytes, int]:
        """The highest nonce of each sender that the chain was seen to take."""
        query = (
            sa.select(chain_transaction.c.sender, sa.func.max(chain_transaction.c.nonce))
            .where(chain_transaction.c.state.in_(_ENDED))
            .group_by(chain_transaction.c.sender)
        )
        with self._database.read() as connection:
            return {bytes(sender): int(nonce) for sender, nonce in connection.execute(query)}

    def newest_blocks(self, most: int) -> tuple[BlockRef, ...]:
        """Blocks of the anchors that lie highest, each as it was seen."""
        query = (
            sa.select(batch.c.block_number, batch.c.block_hash, batch.c.block_time)
            .where(batch.c.block_number.is_not(None))
            .order_by(batch.c.block_number.desc())
            .limit(most)
        )
        with self._database.read() as connection:
            return tuple(
                BlockRef(number, bytes(hash_), time) for number, hash_, time in connection.execute(query)
            )

    def roots(self) -> frozenset[bytes]:
        """Every root that a batch here has."""
        with self._database.read() as connection:
            found = connection.execute(sa.select(batch.c.root).where(batch.c.root.is_not(None))).scalars()
            return frozenset(bytes(root) for root in found)

    def lost_rows(self) -> tuple[LostRows, ...]:
        """Anchors without rows that were noted, oldest first."""
        query = sa.select(lost_rows).order_by(lost_rows.c.block_number)
        with self._database.read() as connection:
            return tuple(
                LostRows(row.issuer, bytes(row.root), row.block_number, row.size)
                for row in connection.execute(query)
            )

    def apply(self, mending: Mending, now: int) -> None:
        """See RestoreBook."""
        with self._database.write() as connection:
            for number in mending.dropped:
                connection.execute(
                    sa.update(chain_transaction)
                    .where(chain_transaction.c.id == number)
                    .values(state=TransactionState.DROPPED)
                )
            for batch_id in mending.again:
                _anchor_again(connection, batch_id, now)
            for batch_id in mending.asked:
                _ask_people(connection, batch_id)
            for call in mending.calls:
                _call_again(connection, call)
            for hold in mending.holds:
                _hold(connection, hold)
            for moved in mending.moved:
                _note_place(connection, moved.batch_id, moved.block, moved.tx_hash)
            for batch_id in mending.arrived:
                _arrive(connection, batch_id, now)
            for batch_id in mending.shadowed:
                _give_way(connection, batch_id, now)
            _note_lost_rows(connection, mending.lost_rows, now)
            _move_heads(connection, mending.heads)
            if mending != Mending():
                connection.execute(sa.delete(nonce_word))  # others may be spent: draw from a new word


def _set(connection: Connection, batch_id: int, **values: Any) -> None:
    connection.execute(sa.update(batch).where(batch.c.id == batch_id).values(**values))


def _forget_release(connection: Connection, batch_id: int) -> None:
    """A job is unique by its subject: the next release needs the place of the last."""
    connection.execute(
        sa.delete(outbox).where(
            outbox.c.kind == JobKind.RELEASE, outbox.c.subject == batch_subject(batch_id, "release")
        )
    )


def _revive(connection: Connection, job_id: int) -> None:
    connection.execute(
        sa.update(outbox)
        .where(outbox.c.id == job_id)
        .values(
            state=JobState.READY,
            run_at=0,
            attempts=0,
            code="",
            detail="{}",
            fence=outbox.c.fence + 1,
        )
    )


def _anchor_job(connection: Connection, batch_id: int, now: int) -> None:
    """The batch's last anchor job once more, in its old place of the queue; a new one where there is none."""
    found = connection.execute(
        sa.select(outbox.c.id)
        .where(
            outbox.c.kind == JobKind.ANCHOR,
            outbox.c.subject.startswith(batch_subject(batch_id, "anchor", ""), autoescape=True),
        )
        .order_by(outbox.c.id.desc())
        .limit(1)
    ).scalar()
    if found is None:
        subject = batch_subject(batch_id, "anchor", f"restored-{now}")
        enqueue_in(connection, NewJob(JobKind.ANCHOR, subject, {"batch": batch_id}))
    else:
        _revive(connection, int(found))


def _anchor_again(connection: Connection, batch_id: int, now: int) -> None:
    _set(
        connection,
        batch_id,
        state=BatchState.APPROVED,
        reason=RESTORED,
        block_number=None,
        block_hash=None,
        block_time=None,
        tx_hash=None,
    )
    _forget_release(connection, batch_id)
    _anchor_job(connection, batch_id, now)


def _ask_people(connection: Connection, batch_id: int) -> None:
    """As a batch that nobody signed yet; its credentials stay what they are."""
    _set(
        connection,
        batch_id,
        state=BatchState.SIGNED,
        reason=RESTORED,
        block_number=None,
        block_hash=None,
        block_time=None,
        tx_hash=None,
        maker=None,
        approver=None,
        deadline=0,
        maker_signature=None,
        approver_signature=None,
        standing_id=None,
    )
    _forget_release(connection, batch_id)
    connection.execute(sa.delete(planned_change).where(planned_change.c.batch_id == batch_id))
    connection.execute(sa.delete(standing_use).where(standing_use.c.batch_id == batch_id))


def _call_again(connection: Connection, call: CallAgain) -> None:
    if call.after is None:
        _revive(connection, call.job_id)
    else:
        _lay_aside(connection, call.job_id, call.after)


def _lay_aside(connection: Connection, job_id: int, batch_id: int) -> None:
    """A dead letter that the batch's new anchor revives (AnchorService): nobody waits for it in the queue."""
    detail = json.dumps({"batch": batch_id}, ensure_ascii=True)
    _revive(connection, job_id)
    connection.execute(
        sa.update(outbox)
        .where(outbox.c.id == job_id)
        .values(state=JobState.DEAD, code=RESTORED, detail=detail)
    )


def _hold(connection: Connection, hold: Hold) -> None:
    job_id = enqueue_in(connection, hold.job)
    if hold.after is not None:
        _lay_aside(connection, job_id, hold.after)


def _note_place(connection: Connection, batch_id: int, block: BlockRef, tx_hash: bytes) -> None:
    _set(
        connection,
        batch_id,
        block_number=block.number,
        block_hash=block.hash,
        block_time=block.time,
        tx_hash=tx_hash,
    )


def _arrive(connection: Connection, batch_id: int, now: int) -> None:
    """Signed and sent after the backup: the worker finds the anchor, notes it and writes the bundles out."""
    _set(connection, batch_id, state=BatchState.APPROVED, reason=RESTORED)
    connection.execute(
        sa.delete(planned_change).where(
            planned_change.c.batch_id == batch_id, planned_change.c.approver_signature == b""
        )
    )
    _anchor_job(connection, batch_id, now)


def _give_way(connection: Connection, batch_id: int, now: int) -> None:
    """Refused, without a range of any list; the rows go into a new batch under their old names, with the reason."""
    found = batch_in(connection, batch_id, lock=True)
    _set(
        connection,
        batch_id,
        state=BatchState.REFUSED,
        reason=SHADOWED,
        refused_at=now,
        list_number=0,
        first_word=0,
    )
    connection.execute(sa.update(credential).where(credential.c.batch_id == batch_id).values(sealed=None))
    cancel_in(connection, batch_subject(batch_id, ""))
    if found.type_id == DOCUMENT_TYPE:
        connection.execute(
            sa.update(printed_copy)
            .where(printed_copy.c.page_batch == batch_id)
            .values(page_batch=None, page_index=None)
        )
        return
    stream_id = connection.execute(sa.select(batch.c.stream_id).where(batch.c.id == batch_id)).scalar_one()
    values = {"type_id": found.type_id, "pending": found.pending, "created_at": now}
    new_id = open_batch_in(connection, stream_id, found.job_id, values)
    moved = connection.execute(sa.update(record).where(record.c.batch_id == batch_id).values(batch_id=new_id))
    _set(connection, new_id, size=moved.rowcount, reason=SHADOWED)


def _note_lost_rows(connection: Connection, found: Sequence[LostRows], now: int) -> None:
    for one in found:
        same = (lost_rows.c.issuer == one.issuer, lost_rows.c.root == one.root)
        if connection.execute(sa.select(lost_rows.c.size).where(*same)).first() is None:
            connection.execute(
                sa.insert(lost_rows).values(
                    issuer=one.issuer, root=one.root, block_number=one.block, size=one.size, noted_at=now
                )
            )


def _move_heads(connection: Connection, heads: Mapping[str, tuple[int, int]]) -> None:
    """The next batch begins behind everything that the chain has."""
    for issuer, (number, word) in heads.items():
        mine = list_head.c.issuer == issuer
        row = connection.execute(sa.select(list_head).where(mine)).first()
        if row is None:
            connection.execute(sa.insert(list_head).values(issuer=issuer, list_number=number, next_word=word))
        elif (row.list_number, row.next_word) < (number, word):
            connection.execute(sa.update(list_head).where(mine).values(list_number=number, next_word=word))
