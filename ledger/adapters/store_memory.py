"""The store in memory: the same promises as the SQL one, kept in plain dictionaries under one lock.

For tests and for reading how the store behaves without SQL. Nothing survives the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from ledger.adapters.store_memory_jobs import (
    MemoryData,
    MemoryNonces,
    MemoryOutbox,
    MemoryRow,
    MemoryTransactionLog,
    Part,
)
from ledger.adapters.store_memory_standing import MemoryStanding
from ledger.core.errors import ConflictError, NotFoundError
from ledger.core.flow import (
    RESERVED,
    WORDS_PER_LIST,
    BatchRecord,
    BatchState,
    ImportedRow,
    ImportJob,
    ImportRequest,
    ImportState,
    JobKind,
    KnownRow,
    Leaf,
    Lease,
    NewJob,
    NewRow,
    Place,
    PlannedChange,
    ReservedRange,
    RowNote,
    RowOutcome,
    SignedLeaf,
    StoredCredential,
    Superseded,
    batch_subject,
    words_of,
)
from ledger.core.model import DOCUMENT_TYPE, BlockRef
from ledger.ports import Clock, Entropy


class MemoryImports(Part):
    """Port ImportStore."""

    def begin(self, request: ImportRequest) -> ImportJob:
        with self._locked() as data:
            now = data.clock.now()
            for job in data.imports.values():
                same = (job.request.issuer, job.request.type_code, job.request.digest) == (
                    request.issuer,
                    request.type_code,
                    request.digest,
                )
                if same and job.state is ImportState.RUNNING:
                    data.imports[job.id] = replace(job, fence=job.fence + 1, updated_at=now)
                    return data.imports[job.id]
            job_id = data.next_id()
            data.imports[job_id] = ImportJob(job_id, request, ImportState.RUNNING, 0, 0, 0, 0, 0, 0, now)
            return data.imports[job_id]

    def job(self, job_id: int) -> ImportJob:
        found = self._data.imports.get(job_id)
        if found is None:
            raise NotFoundError("IMPORT_UNKNOWN", f"There is no import {job_id}.", job=job_id)
        return found

    def known(self, issuer: str, type_code: str, keys: Sequence[bytes]) -> Mapping[bytes, KnownRow]:
        with self._locked() as data:
            found: dict[bytes, KnownRow] = {}
            for key in keys:
                row_id = data.keys.get(((issuer, type_code), key))
                if row_id is not None:
                    found[key] = _known(data, data.rows[row_id])
            return found

    def add(
        self, job: ImportJob, rows: Sequence[NewRow], notes: Sequence[RowNote], rows_done: int
    ) -> ImportJob:
        with self._locked() as data:
            _require_fence(data, job)
            stream = (job.request.issuer, job.request.type_code)
            for row in rows:
                there = data.keys.get((stream, row.key_index))
                if there is not None and data.rows[there].new.revision >= row.revision:
                    raise ConflictError("ROW_RACE", "Another import stored one of these rows.")
            for row in rows:
                row_id, batch_id = data.next_id(), _room(data, job)
                data.rows[row_id] = MemoryRow(row_id, stream, row, job.id, batch_id)
                data.keys[stream, row.key_index] = row_id
                batch = data.batches[batch_id]
                data.batches[batch_id] = replace(batch, size=batch.size + 1)
            for note in notes:
                data.notes[job.id, note.row_number] = note
            count = [note.outcome for note in notes].count
            changed = replace(
                job,
                rows_done=rows_done,
                issued=job.issued + len(rows),
                already=job.already + count(RowOutcome.ALREADY),
                changed=job.changed + count(RowOutcome.CHANGED),
                invalid=job.invalid + count(RowOutcome.INVALID),
                updated_at=data.clock.now(),
            )
            data.imports[job.id] = changed
            return changed

    def finish(self, job: ImportJob, *, accepted: bool) -> tuple[bytes, ...]:
        with self._locked() as data:
            _require_fence(data, job)
            state = ImportState.ACCEPTED if accepted else ImportState.REFUSED
            data.imports[job.id] = replace(data.imports[job.id], state=state)
            if accepted:
                return ()
            gone = [row for row in data.rows.values() if row.job_id == job.id]
            for row in gone:
                del data.rows[row.id]
                before = [
                    other.id
                    for other in data.rows.values()
                    if other.stream == row.stream and other.new.key_index == row.new.key_index
                ]
                del data.keys[row.stream, row.new.key_index]
                if before:
                    data.keys[row.stream, row.new.key_index] = max(before)
            for batch_id in [each.id for each in data.batches.values() if each.job_id == job.id]:
                del data.batches[batch_id]
            return tuple(row.new.name for row in gone)

    def rows(self, job_id: int) -> Iterator[ImportedRow]:
        with self._locked() as data:
            told = {
                row.new.row_number: _imported(data, row) for row in data.rows.values() if row.job_id == job_id
            }
            for (job, number), note in data.notes.items():
                if job == job_id:
                    told[number] = _noted(data, note)
        yield from (told[number] for number in sorted(told))


def _require_fence(data: MemoryData, job: ImportJob) -> None:
    found = data.imports[job.id]
    if found.fence != job.fence or found.state is not ImportState.RUNNING:
        raise ConflictError("IMPORT_TAKEN_OVER", "Another process goes on with this import.", job=job.id)


def _room(data: MemoryData, job: ImportJob) -> int:
    for batch in data.batches.values():
        open_here = batch.job_id == job.id and batch.state is BatchState.OPEN
        if open_here and batch.size < job.request.max_batch:
            return batch.id
    batch_id = data.next_id()
    data.batches[batch_id] = _open_batch(data, batch_id, job.request, job.id)
    return batch_id


def _open_batch(data: MemoryData, batch_id: int, request: ImportRequest, job_id: int | None) -> BatchRecord:
    return BatchRecord(
        id=batch_id,
        issuer=request.issuer,
        type_code=request.type_code,
        type_id=request.type_id,
        job_id=job_id,
        pending=request.pending,
        state=BatchState.OPEN,
        size=0,
        created_at=data.clock.now(),
        issued_on=0,
        list=0,
        first_word=0,
        key=0,
        root=None,
        maker=None,
        approver=None,
        deadline=0,
        maker_signature=None,
        approver_signature=None,
        block=None,
        tx_hash=None,
        reason="",
    )


def _known(data: MemoryData, row: MemoryRow) -> KnownRow:
    job = data.imports[row.job_id]
    batch = data.batches[row.batch_id]
    return KnownRow(
        record_id=row.id,
        revision=row.new.revision,
        content_index=row.new.content_index,
        name=row.new.name,
        job_id=row.job_id,
        job_state=job.state,
        job_updated_at=job.updated_at,
        batch_state=batch.state,
        is_dead=batch.state is BatchState.REFUSED,
        batch_root=batch.root,
    )


def _imported(data: MemoryData, row: MemoryRow) -> ImportedRow:
    outcome = RowOutcome.ISSUED if row.new.supersedes is None else RowOutcome.SUPERSEDES
    state = data.batches[row.batch_id].state
    return ImportedRow(row.new.row_number, outcome, row.id, row.new.name, row.batch_id, state)


def _noted(data: MemoryData, note: RowNote) -> ImportedRow:
    row = None if note.record_id is None else data.rows.get(note.record_id)
    if row is None:
        return ImportedRow(note.row_number, note.outcome, None, None, None, None, note.errors)
    state = data.batches[row.batch_id].state
    return ImportedRow(note.row_number, note.outcome, row.id, row.new.name, row.batch_id, state, note.errors)


class MemoryBatches(Part):
    """Port BatchStore."""

    def batch(self, batch_id: int) -> BatchRecord:
        return self._data.batch(batch_id)

    def batches(
        self,
        issuer: str | None = None,
        states: Sequence[BatchState] = (),
        job_id: int | None = None,
    ) -> tuple[BatchRecord, ...]:
        with self._locked() as data:
            return tuple(
                batch
                for batch in data.batches.values()
                if (issuer is None or batch.issuer == issuer)
                and (not states or batch.state in states)
                and (job_id is None or batch.job_id == job_id)
            )

    def open_ranges(self, issuer: str, list_number: int) -> tuple[ReservedRange, ...]:
        with self._locked() as data:
            found = [
                batch
                for batch in data.batches.values()
                if (batch.issuer, batch.list) == (issuer, list_number)
                and batch.state in RESERVED
                and batch.type_id != DOCUMENT_TYPE
            ]
        return tuple(
            ReservedRange(batch.first_word, batch.size, batch.state, batch.root)
            for batch in sorted(found, key=lambda batch: batch.first_word)
        )

    def newest_list(self, issuer: str) -> int:
        return self._data.heads.get(issuer, (0, 0))[0]

    def close(
        self, batch_id: int, entropy: Entropy, issued_on: int, key: int, leaves_per_job: int
    ) -> BatchRecord:
        with self._locked() as data:
            found = data.batch(batch_id)
            if found.state is not BatchState.OPEN:
                return found
            if found.job_id and data.imports[found.job_id].state is not ImportState.ACCEPTED:
                raise ConflictError("BATCH_HELD", f"The import of batch {batch_id} is not finished.")
            members = data.members(batch_id)
            if not members:
                raise ConflictError("BATCH_EMPTY", f"Batch {batch_id} has no rows.", batch=batch_id)
            data.orders[batch_id] = [members[at].id for at in entropy.permutation(len(members))]
            number, word = data.heads.get(found.issuer, (1, 0))
            words = words_of(len(members))
            if word + words > WORDS_PER_LIST:
                number, word = number + 1, 0
            data.heads[found.issuer] = (number, word + words)
            for owned in range(word, word + words):
                if (found.issuer, number, owned) in data.words:
                    raise RuntimeError("a word of a list was reserved twice")
                data.words[found.issuer, number, owned] = batch_id
            data.batches[batch_id] = replace(
                found,
                state=BatchState.CLOSED,
                size=len(members),
                issued_on=issued_on,
                key=key,
                list=number,
                first_word=word,
            )
            for first in range(0, len(members), leaves_per_job):
                last = min(first + leaves_per_job, len(members))
                payload = {"batch": batch_id, "first": first, "last": last}
                data.enqueue(NewJob(JobKind.SIGN, batch_subject(batch_id, "sign", first), payload))
            return data.batches[batch_id]

    def refuse(
        self,
        batch_id: int,
        reason: str,
        *,
        requeue: bool,
        without: Sequence[int] = (),
        by: bytes | None = None,
    ) -> int | None:
        refusable = (BatchState.CLOSED, BatchState.SIGNED, BatchState.MADE, BatchState.DEAD)
        with self._locked() as data:
            found = data.require(batch_id, refusable)
            data.batches[batch_id] = replace(
                found, state=BatchState.REFUSED, reason=reason, refused_by=by, refused_at=data.clock.now()
            )
            data.destroyed.add(batch_id)
            data.cancel(batch_subject(batch_id, ""))
            moved = [row for row in data.members(batch_id) if row.id not in without]
            if not requeue or not moved:
                return None
            new_id = data.next_id()
            request = ImportRequest(found.issuer, found.type_code, found.type_id, b"", found.pending, 0)
            opened = _open_batch(data, new_id, request, found.job_id)
            data.batches[new_id] = replace(opened, size=len(moved))
            for row in moved:
                row.batch_id = new_id
            return new_id

    def place(self, name: bytes) -> Place | None:
        return self._place(lambda row: row.new.name == name)

    def place_of_record(self, record_id: int) -> Place | None:
        return self._place(lambda row: row.id == record_id)

    def _place(self, wanted: Callable[[MemoryRow], bool]) -> Place | None:
        with self._locked() as data:
            row = next((row for row in data.rows.values() if wanted(row)), None)
            if row is None:
                return None
            batch = data.batches[row.batch_id]
            order = data.orders.get(batch.id, [])
            leaf = order.index(row.id) if row.id in order else None
            return Place(
                row.id, row.new.name, batch.issuer, batch.type_code, batch.id, batch.state, leaf, batch.root
            )


class MemorySigning(Part):
    """Port SigningStore."""

    def leaves(self, batch_id: int, first: int, last: int) -> Sequence[Leaf]:
        with self._locked() as data:
            leaves = []
            for leaf_index, row_id in enumerate(data.orders[batch_id][first:last], start=first):
                new = data.rows[row_id].new
                leaves.append(Leaf(leaf_index, row_id, new.name, new.sealed))
            return leaves

    def add_credentials(self, lease: Lease, batch_id: int, leaves: Sequence[SignedLeaf]) -> None:
        with self._locked() as data:
            data.leased(lease)
            found = data.batch(batch_id)
            there = data.credentials.setdefault(batch_id, {})
            if found.state is not BatchState.CLOSED or any(leaf.leaf_index in there for leaf in leaves):
                raise ConflictError("LEASE_LOST", "Somebody signed a leaf of these: theirs stays.")
            there.update({leaf.leaf_index: leaf for leaf in leaves})
            follow = NewJob(JobKind.ROOT, batch_subject(batch_id, "root"), {"batch": batch_id})
            data.finish(lease, (follow,) if len(there) == found.size else ())

    def entries(self, batch_id: int) -> bytes:
        with self._locked() as data:
            there = data.credentials.get(batch_id, {})
            return b"".join(there[leaf].entry for leaf in sorted(there))

    def set_root(self, lease: Lease, batch_id: int, root: bytes) -> None:
        with self._locked() as data:
            data.leased(lease)
            found = data.require(batch_id, (BatchState.CLOSED,))
            data.batches[batch_id] = replace(found, state=BatchState.SIGNED, root=root)
            data.finish(lease)

    def sealed_rows(self, batch_id: int, first: int, count: int) -> Sequence[Leaf]:
        with self._locked() as data:
            order = data.orders.get(batch_id, [])
            return [
                Leaf(order.index(row.id) if row.id in order else -1, row.id, row.new.name, row.new.sealed)
                for row in data.members(batch_id)[first : first + count]
            ]


class MemoryApprovals(Part):
    """Port ApprovalStore."""

    def make(
        self,
        batch: BatchRecord,
        signature: bytes,
        changes: Sequence[PlannedChange],
        expected: BatchRecord | None = None,
    ) -> BatchRecord:
        with self._locked() as data:
            states = (BatchState.SIGNED, BatchState.MADE, BatchState.DEAD)
            if expected is not None and data.batches[batch.id] != expected:
                raise ConflictError("BATCH_CHANGED", "The batch was changed or signed meanwhile.")
            found = data.require(batch.id, states)
            if found.state is BatchState.DEAD:
                data.cancel(batch_subject(batch.id, "anchor", ""))
            data.batches[batch.id] = replace(
                found,
                state=BatchState.MADE,
                maker=batch.maker,
                approver=batch.approver,
                deadline=batch.deadline,
                maker_signature=signature,
                approver_signature=None,
            )
            data.changes[batch.id] = tuple(changes)
            return data.batches[batch.id]

    def approve(
        self,
        batch: BatchRecord,
        signature: bytes,
        changes: Sequence[PlannedChange],
        job: NewJob,
    ) -> BatchRecord:
        with self._locked() as data:
            found = data.require(batch.id, (BatchState.MADE,))
            if found != batch:
                raise ConflictError("BATCH_CHANGED", "The maker signed this batch anew meanwhile.")
            data.batches[batch.id] = replace(found, state=BatchState.APPROVED, approver_signature=signature)
            data.changes[batch.id] = tuple(changes)
            data.enqueue(job)
            return data.batches[batch.id]

    def changes(self, batch_id: int) -> tuple[PlannedChange, ...]:
        return tuple(sorted(self._data.changes.get(batch_id, ()), key=lambda change: change.root))

    def superseded(self, batch_id: int) -> tuple[Superseded, ...]:
        with self._locked() as data:
            found = []
            for row in data.members(batch_id):
                old = None if row.new.supersedes is None else data.rows.get(row.new.supersedes)
                if old is None:
                    continue
                batch = data.batches[old.batch_id]
                if batch.state in (BatchState.ANCHORED, BatchState.RELEASED) and batch.root:
                    leaf = data.orders[batch.id].index(old.id)
                    found.append((old.id, Superseded(batch.issuer, batch.root, leaf)))
            return tuple(each for _, each in sorted(found, key=lambda pair: pair[0]))


class MemoryReleases(Part):
    """Port ReleaseStore."""

    def anchored(
        self, lease: Lease, batch_id: int, block: BlockRef, tx_hash: bytes, jobs: Sequence[NewJob]
    ) -> None:
        with self._locked() as data:
            data.leased(lease)
            found = data.require(batch_id, (BatchState.APPROVED,))
            data.batches[batch_id] = replace(found, state=BatchState.ANCHORED, block=block, tx_hash=tx_hash)
            data.finish(lease, jobs)

    def credentials(self, batch_id: int, first: int, last: int) -> Sequence[StoredCredential]:
        with self._locked() as data:
            there = data.credentials.get(batch_id, {})
            gone = batch_id in data.destroyed
            return [
                StoredCredential(
                    leaf,
                    data.rows[there[leaf].record_id].new.name,
                    there[leaf].entry,
                    None if gone else there[leaf].sealed,
                )
                for leaf in range(first, last)
                if leaf in there
            ]

    def released(self, lease: Lease, batch_id: int) -> None:
        with self._locked() as data:
            data.leased(lease)
            found = data.require(batch_id, (BatchState.ANCHORED,))
            data.batches[batch_id] = replace(found, state=BatchState.RELEASED)
            data.finish(lease)


class MemoryStore:
    """Port Store, in memory."""

    def __init__(self, clock: Clock) -> None:
        data = MemoryData(clock)
        self.imports = MemoryImports(data)
        self.batches = MemoryBatches(data)
        self.signing = MemorySigning(data)
        self.approvals = MemoryApprovals(data)
        self.standing = MemoryStanding(data)
        self.nonces = MemoryNonces(data)
        self.releases = MemoryReleases(data)
        self.outbox = MemoryOutbox(data)
        self.transactions = MemoryTransactionLog(data)
