"""Ports to what is durable: imports, batches, approvals, the outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ledger.core.flow import (
    BatchRecord,
    BatchState,
    ImportedRow,
    ImportJob,
    ImportRequest,
    Job,
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
    SignedLeaf,
    StoredCredential,
    StoredTransaction,
    Superseded,
    TransactionState,
)
from ledger.core.model import (
    BlockRef,
)
from ledger.core.standing import StandingAlarm, StandingUse
from ledger.ports.world import Entropy, PreparedTransaction


class ImportStore(Protocol):
    """Rows of files: each business key of (issuer, type) has at most one living record.

    Rows of a running import are held: no batch with them can be closed before `accept`.
    """

    def begin(self, request: ImportRequest) -> ImportJob:
        """A new import, or the unfinished one of the same file, its fence raised: its old process loses."""

    def job(self, job_id: int) -> ImportJob:
        """Raises NotFoundError(IMPORT_UNKNOWN)."""

    def known(self, issuer: str, type_code: str, keys: Sequence[bytes]) -> Mapping[bytes, KnownRow]:
        """The newest record of each business key that has one."""

    def add(
        self,
        job: ImportJob,
        rows: Sequence[NewRow],
        notes: Sequence[RowNote],
        rows_done: int,
    ) -> ImportJob:
        """Everything about one piece of the file in one transaction.

        Raises ConflictError(IMPORT_TAKEN_OVER) on a stale fence, ConflictError(ROW_RACE) when another
        import stored one of the keys since `known` was asked: ask again.
        """

    def finish(self, job: ImportJob, *, accepted: bool) -> tuple[bytes, ...]:
        """Accept, or refuse and remove the held rows; gives the names of keys that became useless."""

    def rows(self, job_id: int) -> Iterator[ImportedRow]:
        """What became of each row of the file, in the file's order."""


class BatchStore(Protocol):
    """Batches by number, and their two beginnings and ends: closing and refusing."""

    def batch(self, batch_id: int) -> BatchRecord:
        """Raises NotFoundError(BATCH_UNKNOWN)."""

    def batches(
        self,
        issuer: str | None = None,
        states: Sequence[BatchState] = (),
        job_id: int | None = None,
    ) -> tuple[BatchRecord, ...]:
        """Oldest first; no states: all."""

    def open_ranges(self, issuer: str, list_number: int) -> tuple[ReservedRange, ...]:
        """Ranges of this status list whose credentials were not handed out, those of refused batches too."""

    def newest_list(self, issuer: str) -> int:
        """Number of the issuer's newest status list; lists count from 1, 0: there is none."""

    def close(
        self, batch_id: int, entropy: Entropy, issued_on: int, key: int, leaves_per_job: int
    ) -> BatchRecord:
        """Fix members, a random leaf order, ceil(size / 64) words nobody had, key and signing jobs.

        One transaction; closed already: no effect. `key`: number of the registered key that will sign.
        Raises: ConflictError(BATCH_EMPTY, BATCH_HELD).
        """

    def refuse(
        self,
        batch_id: int,
        reason: str,
        *,
        requeue: bool,
        without: Sequence[int] = (),
        by: bytes | None = None,
    ) -> int | None:
        """Refuse a batch that is not approved; destroys its credentials, never reuses its range.

        `by`: signer id of who refused it, kept with the time; None when no person did.
        `requeue`: the rows (without these records) go into a new open batch, whose id is returned.
        Raises ConflictError(BATCH_STATE).
        """

    def place(self, name: bytes) -> Place | None:
        """Where the row of that name lies: batch, leaf, root."""

    def place_of_record(self, record_id: int) -> Place | None: ...


class SigningStore(Protocol):
    """Members of closed batches on their way to signed credentials. Each leaf is stored once, ever."""

    def leaves(self, batch_id: int, first: int, last: int) -> Sequence[Leaf]:
        """Leaves first..last-1 in leaf order."""

    def add_credentials(self, lease: Lease, batch_id: int, leaves: Sequence[SignedLeaf]) -> None:
        """Stores them and finishes the job; the batch's last ones queue its root."""

    def entries(self, batch_id: int) -> bytes:
        """All entry hashes joined, in leaf order, 32 bytes each."""

    def set_root(self, lease: Lease, batch_id: int, root: bytes) -> None:
        """closed → signed, and finishes the job."""

    def sealed_rows(self, batch_id: int, first: int, count: int) -> Sequence[Leaf]:
        """Rows of a batch in any state, for people who look at it; leaf_index -1 while it is open."""


class ApprovalStore(Protocol):
    """Signatures of maker and approver over one batch, and over what follows from it."""

    def make(
        self,
        batch: BatchRecord,
        signature: bytes,
        changes: Sequence[PlannedChange],
        expected: BatchRecord | None = None,
    ) -> BatchRecord:
        """signed, made or dead → made by the maker of `batch`; ConflictError(BATCH_CHANGED) if not `expected`."""

    def approve(
        self,
        batch: BatchRecord,
        signature: bytes,
        changes: Sequence[PlannedChange],
        job: NewJob,
    ) -> BatchRecord:
        """made → approved with its job in the outbox, in one transaction."""

    def changes(self, batch_id: int) -> tuple[PlannedChange, ...]:
        """Status changes that follow this batch's anchor."""

    def superseded(self, batch_id: int) -> tuple[Superseded, ...]:
        """Released credentials that rows of this batch replace."""


class StandingBook(Protocol):
    """Batches that go to the chain under a standing approval, and what was used of it a day."""

    def sanction(
        self,
        batch: BatchRecord,
        signature: bytes,
        changes: Sequence[PlannedChange],
        job: NewJob,
        uses: Sequence[StandingUse],
    ) -> BatchRecord:
        """signed → approved with its job and what it uses, in one transaction.

        `batch` carries maker, approver, deadline and standing_id. Raises ConflictError(BATCH_STATE).
        """

    def give_back(self, lease: Lease, batch_id: int, reason: str) -> None:
        """approved → signed: it waits for people, what it used is free again, the job is finished."""

    def uses(self, standing_id: bytes, since_day: int) -> tuple[StandingUse, ...]:
        """Leaves of each act and day since that day, by the day on which a batch was queued."""

    def raise_alarm(self, alarm: StandingAlarm) -> bool:
        """Keep it; False when there was one of that standing approval and day."""

    def alarms(self, since_day: int) -> tuple[StandingAlarm, ...]:
        """Newest first."""


class NonceBook(Protocol):
    """Nonces of status changes, in the order in which they cost the chain least.

    The contract marks a nonce as one bit of the word `nonce // 256`, and a word costs 17,100 gas more
    when nothing is in it yet. So each issuer begins with a random number of 248 bits and fills its
    word; then draws another. Unordered: a nonce that is never used is no harm. Random, so that two
    installations do not meet. One that was restored from an older backup may draw up to 255 numbers
    again; the contract refuses them (LedgerNonceUsed), and the change is made anew.
    """

    def draw(self, issuer: str, entropy: Entropy) -> int:
        """A number that this issuer never drew, durable before it is given."""


class ReleaseStore(Protocol):
    """The last steps of a batch: final on chain, then written out."""

    def anchored(
        self, lease: Lease, batch_id: int, block: BlockRef, tx_hash: bytes, jobs: Sequence[NewJob]
    ) -> None:
        """approved → anchored, finishes the job and queues `jobs`, in one transaction."""

    def credentials(self, batch_id: int, first: int, last: int) -> Sequence[StoredCredential]:
        """Leaves first..last-1 in leaf order."""

    def released(self, lease: Lease, batch_id: int) -> None:
        """anchored → released, and finishes the job."""


class Outbox(Protocol):
    """Jobs, put in with the business rows in one transaction: the only way to the chain.

    A claimed job belongs to its claimer until the lease ends; whoever claims it then raises the
    fence, and a finish under an older fence raises ConflictError(LEASE_LOST) and changes nothing.
    """

    def enqueue(self, job: NewJob) -> int:
        """Id of the job of that kind and subject, new or old."""

    def claim(self, kinds: Sequence[JobKind], owner: str, lease_s: int) -> Lease | None:
        """The oldest job that is due and free."""

    def renew(self, lease: Lease, lease_s: int) -> Lease: ...

    def finish(self, lease: Lease, jobs: Sequence[NewJob] = ()) -> None:
        """Done; `jobs` follow from it, in the same transaction."""

    def retry(self, lease: Lease, run_at: int, code: str) -> None:
        """Free again at `run_at`; `code` says why. An empty code is mere waiting and no attempt."""

    def hurry(self, kinds: Sequence[JobKind]) -> int:
        """Jobs that merely wait are due at once; how many. Those put off for a reason keep their pause."""

    def bury(self, lease: Lease, code: str, detail: Mapping[str, Any]) -> None:
        """Dead letter; the batch of an anchor job is dead with it."""

    def revive(self, job_id: int) -> None:
        """A dead letter becomes ready again, and its batch approved. Raises ConflictError(JOB_NOT_DEAD)."""

    def jobs(self, *, dead: bool = False) -> tuple[Job, ...]:
        """Unfinished jobs, or the dead letters."""


class TransactionLog(Protocol):
    """Signed transactions, recorded before they are sent; one per (sender, nonce) that may live."""

    def current(self, job_id: int) -> StoredTransaction | None:
        """The newest transaction of a job that was not dropped."""

    def record(
        self,
        lease: Lease,
        sender: bytes,
        chain_nonce: int,
        prepare: Callable[[int], PreparedTransaction],
    ) -> StoredTransaction:
        """Signs on the smallest nonce >= `chain_nonce` that no living transaction has, and keeps it.

        The job's earlier transaction, if any, must have been settled.
        """

    def settle(self, transaction: StoredTransaction, state: TransactionState) -> None: ...

    def leave_chain(self) -> int:
        """Drops every transaction, since the ledger moved to another chain, where nonces begin anew; how many."""


class Store(Protocol):
    """Everything durable of one installation but keys, chain and view."""

    @property
    def imports(self) -> ImportStore: ...

    @property
    def batches(self) -> BatchStore: ...

    @property
    def signing(self) -> SigningStore: ...

    @property
    def approvals(self) -> ApprovalStore: ...

    @property
    def standing(self) -> StandingBook: ...

    @property
    def nonces(self) -> NonceBook: ...

    @property
    def releases(self) -> ReleaseStore: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def transactions(self) -> TransactionLog: ...
