"""Outbox and transaction log in SQL.

`enqueue_in` is how the other parts of the store put jobs in within their own transaction, and
`finish_in` how they end one; both keep the fence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import batch, chain_transaction, outbox
from ledger.adapters.tables_documents import printed_copy
from ledger.core.errors import ConflictError
from ledger.core.flow import (
    BatchState,
    Job,
    JobKind,
    JobState,
    Lease,
    NewJob,
    StoredTransaction,
    TransactionState,
)
from ledger.core.paper import PrintState
from ledger.ports import PreparedTransaction


def enqueue_in(connection: Connection, job: NewJob) -> int:
    """Put a job in, or find the one of the same kind and subject."""
    found = connection.execute(
        sa.select(outbox.c.id).where(outbox.c.kind == job.kind, outbox.c.subject == job.subject)
    ).scalar()
    if found is not None:
        return int(found)
    result = connection.execute(
        sa.insert(outbox).values(
            kind=job.kind,
            subject=job.subject,
            payload=json.dumps(dict(job.payload), ensure_ascii=True),
            state=JobState.READY,
            run_at=job.run_at,
            lease_owner="",
            lease_until=0,
            fence=0,
            attempts=0,
            code="",
            detail="{}",
        )
    )
    key = result.inserted_primary_key
    if key is None:
        message = "the database gave no key for a job"
        raise RuntimeError(message)
    return int(key[0])


def lose() -> ConflictError:
    """What a worker gets that comes too late."""
    return ConflictError("LEASE_LOST", "Another worker has this job now; nothing was changed.")


def finish_in(connection: Connection, lease: Lease, jobs: Sequence[NewJob] = ()) -> None:
    """Finish a leased job and put in what follows from it."""
    _update_leased(connection, lease, state=JobState.DONE, code="", detail="{}")
    for job in jobs:
        enqueue_in(connection, job)


def renew_in(connection: Connection, lease: Lease, until: int) -> Lease:
    """Keep a leased job until then, within a transaction that notes how far it is."""
    _update_leased(connection, lease, lease_until=until)
    return Lease(lease.job, lease.owner, lease.fence, until)


def bury_in(connection: Connection, lease: Lease, code: str, detail: Mapping[str, Any]) -> None:
    """Turn a leased job into a dead letter."""
    text = json.dumps(dict(detail), ensure_ascii=True, default=_hex)
    _update_leased(connection, lease, state=JobState.DEAD, code=code, detail=text)
    if lease.job.kind is JobKind.ANCHOR:
        _move_batch(connection, lease.job.payload, BatchState.APPROVED, BatchState.DEAD, code)
    if lease.job.kind is JobKind.DOCUMENT:
        _fail_prints(connection, lease.job.payload, code)


def cancel_in(connection: Connection, subjects: str) -> None:
    """End every unfinished or dead job whose subject starts like this; their workers lose the lease."""
    connection.execute(
        sa.update(outbox)
        .where(outbox.c.subject.startswith(subjects, autoescape=True), outbox.c.state != JobState.DONE)
        .values(state=JobState.DONE, fence=outbox.c.fence + 1, code="CANCELLED")
    )


def _move_batch(
    connection: Connection,
    payload: Mapping[str, Any],
    before: BatchState,
    after: BatchState,
    reason: str,
) -> None:
    connection.execute(
        sa.update(batch)
        .where(batch.c.id == payload["batch"], batch.c.state == before)
        .values(state=after, reason=reason)
    )


def _fail_prints(connection: Connection, payload: Mapping[str, Any], code: str) -> None:
    """Prints of a dead job; made after all when it is revived."""
    if "print" in payload:
        which = printed_copy.c.document_id == bytes.fromhex(payload["print"])
    else:
        run_id = bytes.fromhex(payload["run"])
        which = sa.and_(printed_copy.c.run_id == run_id, printed_copy.c.piece == payload["piece"])
    connection.execute(
        sa.update(printed_copy)
        .where(which, printed_copy.c.state == PrintState.ORDERED)
        .values(state=PrintState.FAILED, code=code)
    )


def _hex(value: object) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    message = f"{type(value).__name__} cannot be kept in a dead letter"
    raise TypeError(message)


def _update_leased(connection: Connection, lease: Lease, **values: Any) -> None:
    result = connection.execute(
        sa.update(outbox)
        .where(
            outbox.c.id == lease.job.id,
            outbox.c.state == JobState.LEASED,
            outbox.c.fence == lease.fence,
        )
        .values(**values)
    )
    if result.rowcount != 1:
        raise lose()


class SqlOutbox:
    """Port Outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(self, job: NewJob) -> int:
        with self._database.write() as connection:
            return enqueue_in(connection, job)

    def claim(self, kinds: Sequence[JobKind], owner: str, lease_s: int) -> Lease | None:
        now = self._database.clock.now()
        due = sa.and_(
            outbox.c.kind.in_(list(kinds)),
            outbox.c.run_at <= now,
            sa.or_(
                outbox.c.state == JobState.READY,
                sa.and_(outbox.c.state == JobState.LEASED, outbox.c.lease_until <= now),
            ),
        )
        wanted = sa.select(outbox).where(due).order_by(outbox.c.id).limit(1)
        with self._database.read() as connection:  # most looks find nothing: write nothing then
            if connection.execute(wanted).first() is None:
                return None
        with self._database.write() as connection:
            row = connection.execute(wanted.with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            fence = row.fence + 1
            connection.execute(
                sa.update(outbox)
                .where(outbox.c.id == row.id)
                .values(
                    state=JobState.LEASED,
                    lease_owner=owner,
                    lease_until=now + lease_s,
                    fence=fence,
                )
            )
            return Lease(_job(row), owner, fence, now + lease_s)

    def renew(self, lease: Lease, lease_s: int) -> Lease:
        until = self._database.clock.now() + lease_s
        with self._database.write() as connection:
            return renew_in(connection, lease, until)

    def finish(self, lease: Lease, jobs: Sequence[NewJob] = ()) -> None:
        with self._database.write() as connection:
            finish_in(connection, lease, jobs)

    def retry(self, lease: Lease, run_at: int, code: str) -> None:
        with self._database.write() as connection:
            _update_leased(
                connection,
                lease,
                state=JobState.READY,
                run_at=run_at,
                lease_owner="",
                code=code,
                attempts=outbox.c.attempts + (1 if code else 0),
            )

    def hurry(self, kinds: Sequence[JobKind]) -> int:
        now = self._database.clock.now()
        waits = sa.and_(
            outbox.c.kind.in_(list(kinds)),
            outbox.c.state == JobState.READY,
            outbox.c.run_at > now,
            outbox.c.code == "",
        )
        with self._database.read() as connection:  # mostly there is none: write nothing then
            if connection.execute(sa.select(outbox.c.id).where(waits).limit(1)).first() is None:
                return 0
        with self._database.write() as connection:
            return int(connection.execute(sa.update(outbox).where(waits).values(run_at=now)).rowcount)

    def bury(self, lease: Lease, code: str, detail: Mapping[str, Any]) -> None:
        with self._database.write() as connection:
            bury_in(connection, lease, code, detail)

    def revive(self, job_id: int) -> None:
        with self._database.write() as connection:
            result = connection.execute(
                sa.update(outbox)
                .where(outbox.c.id == job_id, outbox.c.state == JobState.DEAD)
                .values(state=JobState.READY, run_at=0, attempts=0, code="", detail="{}")
            )
            if result.rowcount != 1:
                raise ConflictError("JOB_NOT_DEAD", "Only a dead letter can be revived.", job=job_id)
            row = connection.execute(sa.select(outbox).where(outbox.c.id == job_id)).one()
            if row.kind == JobKind.ANCHOR:
                payload = json.loads(row.payload)
                _move_batch(connection, payload, BatchState.DEAD, BatchState.APPROVED, "")

    def jobs(self, *, dead: bool = False) -> tuple[Job, ...]:
        states = [JobState.DEAD] if dead else [JobState.READY, JobState.LEASED]
        query = sa.select(outbox).where(outbox.c.state.in_(states)).order_by(outbox.c.id)
        with self._database.read() as connection:
            return tuple(_job(row) for row in connection.execute(query))


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        subject=row.subject,
        payload=json.loads(row.payload),
        state=JobState(row.state),
        attempts=row.attempts,
        run_at=row.run_at,
        code=row.code,
        detail=json.loads(row.detail),
    )


class SqlTransactionLog:
    """Port TransactionLog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self, job_id: int) -> StoredTransaction | None:
        query = (
            sa.select(chain_transaction)
            .where(
                chain_transaction.c.job_id == job_id,
                chain_transaction.c.state != TransactionState.DROPPED,
            )
            .order_by(chain_transaction.c.id.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _transaction(row)

    def record(
        self,
        lease: Lease,
        sender: bytes,
        chain_nonce: int,
        prepare: Callable[[int], PreparedTransaction],
    ) -> StoredTransaction:
        with self._database.write() as connection:
            _update_leased(connection, lease, state=JobState.LEASED)  # the fence still holds
            taken = set(
                connection.execute(
                    sa.select(chain_transaction.c.nonce).where(
                        chain_transaction.c.sender == sender,
                        chain_transaction.c.nonce >= chain_nonce,
                        chain_transaction.c.state != TransactionState.DROPPED,
                    )
                ).scalars()
            )
            nonce = chain_nonce
            while nonce in taken:
                nonce += 1
            prepared = prepare(nonce)
            connection.execute(
                sa.insert(chain_transaction).values(
                    job_id=lease.job.id,
                    sender=sender,
                    nonce=nonce,
                    hash=prepared.hash,
                    raw=prepared.raw,
                    state=TransactionState.PREPARED,
                )
            )
            row = connection.execute(
                sa.select(chain_transaction).where(
                    chain_transaction.c.sender == sender,
                    chain_transaction.c.nonce == nonce,
                    chain_transaction.c.state != TransactionState.DROPPED,
                )
            ).one()
            return _transaction(row)

    def settle(self, transaction: StoredTransaction, state: TransactionState) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(chain_transaction)
                .where(chain_transaction.c.id == transaction.id)
                .values(state=state)
            )

    def leave_chain(self) -> int:
        with self._database.write() as connection:
            done = connection.execute(
                sa.update(chain_transaction)
                .where(chain_transaction.c.state != TransactionState.DROPPED)
                .values(state=TransactionState.DROPPED)
            )
        return done.rowcount


def _transaction(row: Row[Any]) -> StoredTransaction:
    return StoredTransaction(
        id=row.id,
        job_id=row.job_id,
        sender=bytes(row.sender),
        nonce=row.nonce,
        hash=bytes(row.hash),
        raw=bytes(row.raw),
        state=TransactionState(row.state),
    )
