"""Data of the memory store, and its outbox and transaction log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ledger.core.errors import ConflictError, NotFoundError
from ledger.core.flow import (
    NONCE_PREFIX_BYTES,
    NONCES_PER_WORD,
    BatchRecord,
    BatchState,
    ImportJob,
    Job,
    JobKind,
    JobState,
    Lease,
    NewJob,
    NewRow,
    PlannedChange,
    RowNote,
    SignedLeaf,
    StoredTransaction,
    TransactionState,
)
from ledger.core.standing import StandingAlarm, StandingUse
from ledger.ports import Clock, Entropy, PreparedTransaction


@dataclass
class MemoryRow:
    """A stored row, and where it lies now."""

    id: int
    stream: tuple[str, str]
    new: NewRow
    job_id: int
    batch_id: int


@dataclass
class MemoryData:
    """Everything, and the lock that makes a method a transaction."""

    clock: Clock
    lock: threading.RLock = field(default_factory=threading.RLock)
    imports: dict[int, ImportJob] = field(default_factory=dict)
    notes: dict[tuple[int, int], RowNote] = field(default_factory=dict)
    rows: dict[int, MemoryRow] = field(default_factory=dict)
    keys: dict[tuple[tuple[str, str], bytes], int] = field(default_factory=dict)
    batches: dict[int, BatchRecord] = field(default_factory=dict)
    orders: dict[int, list[int]] = field(default_factory=dict)
    words: dict[tuple[str, int, int], int] = field(default_factory=dict)
    heads: dict[str, tuple[int, int]] = field(default_factory=dict)
    credentials: dict[int, dict[int, SignedLeaf]] = field(default_factory=dict)
    destroyed: set[int] = field(default_factory=set)
    changes: dict[int, tuple[PlannedChange, ...]] = field(default_factory=dict)
    jobs: dict[int, Lease] = field(default_factory=dict)
    subjects: dict[tuple[str, str], int] = field(default_factory=dict)
    transactions: list[StoredTransaction] = field(default_factory=list)
    nonces: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    uses: dict[int, tuple[StandingUse, ...]] = field(default_factory=dict)
    alarms: dict[tuple[bytes, int], StandingAlarm] = field(default_factory=dict)
    last_id: int = 0

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def batch(self, batch_id: int) -> BatchRecord:
        found = self.batches.get(batch_id)
        if found is None:
            raise NotFoundError("BATCH_UNKNOWN", f"There is no batch {batch_id}.", batch=batch_id)
        return found

    def require(self, batch_id: int, states: Sequence[BatchState]) -> BatchRecord:
        found = self.batch(batch_id)
        if found.state not in states:
            raise ConflictError(
                "BATCH_STATE", f"Batch {batch_id} is {found.state}.", batch=batch_id, state=str(found.state)
            )
        return found

    def members(self, batch_id: int) -> list[MemoryRow]:
        return [row for row in self.rows.values() if row.batch_id == batch_id]

    def enqueue(self, job: NewJob) -> int:
        key = (str(job.kind), job.subject)
        if key not in self.subjects:
            job_id = self.next_id()
            stored = Job(
                job_id, job.kind, job.subject, dict(job.payload), JobState.READY, 0, job.run_at, "", {}
            )
            self.jobs[job_id] = Lease(stored, "", 0, 0)
            self.subjects[key] = job_id
        return self.subjects[key]

    def leased(self, lease: Lease) -> Lease:
        found = self.jobs[lease.job.id]
        if found.job.state is not JobState.LEASED or found.fence != lease.fence:
            raise ConflictError("LEASE_LOST", "Another worker has this job now; nothing was changed.")
        return found

    def set_job(self, lease: Lease, **values: Any) -> None:
        found = self.leased(lease)
        self.jobs[lease.job.id] = replace(found, job=replace(found.job, **values))

    def finish(self, lease: Lease, jobs: Sequence[NewJob] = ()) -> None:
        self.set_job(lease, state=JobState.DONE, code="", detail={})
        for job in jobs:
            self.enqueue(job)

    def cancel(self, start: str) -> None:
        for job_id, found in self.jobs.items():
            if found.job.subject.startswith(start) and found.job.state is not JobState.DONE:
                done = replace(found.job, state=JobState.DONE, code="CANCELLED")
                self.jobs[job_id] = replace(found, job=done, fence=found.fence + 1)


class Part:
    """One port over the shared data."""

    def __init__(self, data: MemoryData) -> None:
        self._data = data

    @contextmanager
    def _locked(self) -> Iterator[MemoryData]:
        with self._data.lock:
            yield self._data


class MemoryNonces(Part):
    """Port NonceBook."""

    def draw(self, issuer: str, entropy: Entropy) -> int:
        with self._locked() as data:
            prefix, used = data.nonces.get(issuer, (b"", NONCES_PER_WORD))
            if used == NONCES_PER_WORD:
                prefix, used = entropy.token(NONCE_PREFIX_BYTES), 0
            data.nonces[issuer] = (prefix, used + 1)
            return int.from_bytes(prefix) * NONCES_PER_WORD + used


class MemoryOutbox(Part):
    """Port Outbox."""

    def enqueue(self, job: NewJob) -> int:
        with self._locked() as data:
            return data.enqueue(job)

    def claim(self, kinds: Sequence[JobKind], owner: str, lease_s: int) -> Lease | None:
        with self._locked() as data:
            now = data.clock.now()
            for job_id, found in data.jobs.items():
                free = found.job.state is JobState.READY or (
                    found.job.state is JobState.LEASED and found.until <= now
                )
                if free and found.job.kind in kinds and found.job.run_at <= now:
                    leased = replace(found.job, state=JobState.LEASED)
                    data.jobs[job_id] = Lease(leased, owner, found.fence + 1, now + lease_s)
                    return data.jobs[job_id]
            return None

    def renew(self, lease: Lease, lease_s: int) -> Lease:
        with self._locked() as data:
            found = replace(data.leased(lease), until=data.clock.now() + lease_s)
            data.jobs[lease.job.id] = found
            return found

    def finish(self, lease: Lease, jobs: Sequence[NewJob] = ()) -> None:
        with self._locked() as data:
            data.finish(lease, jobs)

    def retry(self, lease: Lease, run_at: int, code: str) -> None:
        with self._locked() as data:
            attempts = lease.job.attempts + (1 if code else 0)
            data.set_job(lease, state=JobState.READY, run_at=run_at, code=code, attempts=attempts)

    def hurry(self, kinds: Sequence[JobKind]) -> int:
        with self._locked() as data:
            now, count = data.clock.now(), 0
            for job_id, found in data.jobs.items():
                job = found.job
                if job.kind in kinds and job.state is JobState.READY and job.run_at > now and not job.code:
                    data.jobs[job_id] = replace(found, job=replace(job, run_at=now))
                    count += 1
            return count

    def bury(self, lease: Lease, code: str, detail: Mapping[str, Any]) -> None:
        with self._locked() as data:
            data.set_job(lease, state=JobState.DEAD, code=code, detail=dict(detail))
            _move_batch(data, lease.job, BatchState.APPROVED, BatchState.DEAD, code)

    def revive(self, job_id: int) -> None:
        with self._locked() as data:
            found = data.jobs.get(job_id)
            if found is None or found.job.state is not JobState.DEAD:
                raise ConflictError("JOB_NOT_DEAD", "Only a dead letter can be revived.", job=job_id)
            ready = replace(found.job, state=JobState.READY, run_at=0, attempts=0, code="", detail={})
            data.jobs[job_id] = replace(found, job=ready)
            _move_batch(data, ready, BatchState.DEAD, BatchState.APPROVED, "")

    def jobs(self, *, dead: bool = False) -> tuple[Job, ...]:
        states = (JobState.DEAD,) if dead else (JobState.READY, JobState.LEASED)
        with self._locked() as data:
            return tuple(each.job for each in data.jobs.values() if each.job.state in states)


def _move_batch(data: MemoryData, job: Job, before: BatchState, after: BatchState, reason: str) -> None:
    if job.kind is JobKind.ANCHOR and job.payload["batch"] in data.batches:
        batch = data.batches[job.payload["batch"]]
        if batch.state is before:
            data.batches[batch.id] = replace(batch, state=after, reason=reason)


class MemoryTransactionLog(Part):
    """Port TransactionLog."""

    def current(self, job_id: int) -> StoredTransaction | None:
        living = [
            each
            for each in self._data.transactions
            if each.job_id == job_id and each.state is not TransactionState.DROPPED
        ]
        return living[-1] if living else None

    def record(
        self,
        lease: Lease,
        sender: bytes,
        chain_nonce: int,
        prepare: Callable[[int], PreparedTransaction],
    ) -> StoredTransaction:
        with self._locked() as data:
            data.leased(lease)
            taken = {
                each.nonce
                for each in data.transactions
                if each.sender == sender and each.state is not TransactionState.DROPPED
            }
            nonce = chain_nonce
            while nonce in taken:
                nonce += 1
            prepared = prepare(nonce)
            stored = StoredTransaction(
                data.next_id(),
                lease.job.id,
                sender,
                nonce,
                prepared.hash,
                prepared.raw,
                TransactionState.PREPARED,
            )
            data.transactions.append(stored)
            return stored

    def settle(self, transaction: StoredTransaction, state: TransactionState) -> None:
        with self._locked() as data:
            at = next(i for i, each in enumerate(data.transactions) if each.id == transaction.id)
            data.transactions[at] = replace(data.transactions[at], state=state)

    def leave_chain(self) -> int:
        with self._locked() as data:
            living = [one for one in data.transactions if one.state is not TransactionState.DROPPED]
            data.transactions[:] = [replace(one, state=TransactionState.DROPPED) for one in data.transactions]
        return len(living)
