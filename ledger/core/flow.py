"""Values of the way from a row to a released bundle: states, jobs, batches, as stores keep them.

Pure data; no rule that needs a clock, a key or a database. Times are whole seconds since 1970 UTC.
Batches are numbered by the store that holds them; the chain knows a batch by (issuer, root) only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ledger.core.model import CREDENTIALS_PER_WORD, BlockRef

MAX_BATCH = 10_000  # leaves; one status change over a whole batch still fits a block (docs/gas.md)
WORDS_PER_LIST = 16_384  # 2^20 credentials: a 2-bit list of 256 KiB before compression
DAY_S = 86_400
APPROVAL_DAYS = 7
"""How long a maker's signature waits for the approver's, and an approved call for the chain."""
SHANGHAI_S = 8 * 3600  # UTC+8, no summer time (docs/formats.md, Times)


NONCES_PER_WORD = 256
"""Nonces that the contract keeps in one word."""
NONCE_PREFIX_BYTES = 31
"""The rest of a nonce's 32 bytes: the number of its word."""


class BatchState(StrEnum):
    """Where a batch stands; the order of the normal way is the order of the members.

    `signed` waits for the maker (待经办确认), `made` for the approver, `approved` lies in the outbox,
    `anchored` is final on chain, `released` has its bundles written. `dead`: its job gave up, see
    the dead letter. `refused`: its range of the list is never used again.
    """

    OPEN = "open"
    CLOSED = "closed"
    SIGNED = "signed"
    MADE = "made"
    APPROVED = "approved"
    ANCHORED = "anchored"
    RELEASED = "released"
    REFUSED = "refused"
    DEAD = "dead"


RESERVED = (
    BatchState.CLOSED,
    BatchState.SIGNED,
    BatchState.MADE,
    BatchState.APPROVED,
    BatchState.ANCHORED,
    BatchState.REFUSED,
    BatchState.DEAD,
)
"""States in which a batch has a range of a status list and no credential of it was handed out."""
FINAL = (BatchState.ANCHORED, BatchState.RELEASED)
"""States in which a batch's anchor is final."""


class ImportState(StrEnum):
    """`running` rows are held: they enter no batch that can be closed before the file is accepted."""

    RUNNING = "running"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class RowOutcome(StrEnum):
    """What an import did with one row of the file."""

    ISSUED = "ISSUED"
    ALREADY = "ALREADY"
    CHANGED = "CHANGED"
    SUPERSEDES = "SUPERSEDES"
    INVALID = "INVALID"


class JobState(StrEnum):
    """State of an outbox job."""

    READY = "ready"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"


class JobKind(StrEnum):
    """What the worker does with a job."""

    SIGN = "sign"
    ROOT = "root"
    ANCHOR = "anchor"
    CALL = "call"
    RELEASE = "release"
    PUBLISH = "publish"
    DOCUMENT = "document"
    IMPORT = "import"
    DESK = "desk"  # of the verifier: a receipt, a list


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What identifies an import: the same request while one is unfinished resumes it."""

    issuer: str
    type_code: str
    type_id: int
    digest: bytes
    pending: bool
    max_batch: int


@dataclass(frozen=True, slots=True)
class ImportJob:
    """A file being imported. `rows_done` rows of it are durable; `fence` rises with every resume."""

    id: int
    request: ImportRequest
    state: ImportState
    fence: int
    rows_done: int
    issued: int
    already: int
    changed: int
    invalid: int
    updated_at: int


RowError = tuple[str, str, Mapping[str, str] | None]
"""Column as the file spells it, code, and the rule's own sentences where it has some."""


@dataclass(frozen=True, slots=True)
class NewRow:
    """A checked row on its way into the store. Indexes are keyed HMACs.

    `name` is 16 random bytes: it names the data key, the bundle's file and, in hex, is the serial of
    the licence identifier. A row keeps it for life, whatever batches it passes through.
    """

    row_number: int
    key_index: bytes
    content_index: bytes
    name: bytes
    sealed: bytes
    revision: int = 0
    supersedes: int | None = None


@dataclass(frozen=True, slots=True)
class RowNote:
    """What to remember of a row that was not stored anew. `errors` never hold a value of the row."""

    row_number: int
    outcome: RowOutcome
    record_id: int | None = None
    errors: tuple[RowError, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownRow:
    """The newest record under a business key.

    `is_dead`: its batch was refused or it was dropped. `batch_root`: None before its batch is signed.
    """

    record_id: int
    revision: int
    content_index: bytes
    name: bytes
    job_id: int | None
    job_state: ImportState | None
    job_updated_at: int
    batch_state: BatchState
    is_dead: bool
    batch_root: bytes | None


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """One line of the result file. `name` is the bundle's file name and the identifier's serial."""

    row_number: int
    outcome: RowOutcome
    record_id: int | None
    name: bytes | None
    batch_id: int | None
    batch_state: BatchState | None
    errors: tuple[RowError, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch as the store knows it. Members that its state has not reached yet are None or zero."""

    id: int
    issuer: str
    type_code: str
    type_id: int
    job_id: int | None
    pending: bool
    state: BatchState
    size: int
    created_at: int
    issued_on: int
    list: int
    first_word: int
    key: int
    root: bytes | None
    maker: bytes | None
    approver: bytes | None
    deadline: int
    maker_signature: bytes | None
    approver_signature: bytes | None
    block: BlockRef | None
    tx_hash: bytes | None
    reason: str
    refused_by: bytes | None = None
    refused_at: int | None = None
    standing_id: bytes | None = None
    """The standing approval that stands for the approver's signature, if there is one."""

    @property
    def words(self) -> int:
        """Words of the status list that the batch owns."""
        return words_of(self.size)

    @property
    def expires_on(self) -> int:
        """First second at which no approval of this batch can be good: 24:00 of the iat day + 7."""
        return self.issued_on + 8 * DAY_S


@dataclass(frozen=True, slots=True)
class Leaf:
    """One member of a closed batch, as the signer needs it."""

    leaf_index: int
    record_id: int
    name: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class SignedLeaf:
    """One credential: `entry` = SHA-256 of the issuer-signed JWT, `sealed` = the encrypted SD-JWT."""

    leaf_index: int
    record_id: int
    entry: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A credential to be written out. `sealed` is None once it was destroyed with its batch."""

    leaf_index: int
    name: bytes
    entry: bytes
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row lies. `leaf_index` and `root` are None before its batch is closed and rooted."""

    record_id: int
    name: bytes
    issuer: str
    type_code: str
    batch_id: int
    batch_state: BatchState
    leaf_index: int | None
    root: bytes | None


@dataclass(frozen=True, slots=True)
class ReservedRange:
    """Words of a status list that are a batch's for ever. `size` in credentials; no root before it is signed."""

    first_word: int
    size: int
    state: BatchState
    root: bytes | None


@dataclass(frozen=True, slots=True)
class Superseded:
    """A released credential that a row of a newer batch replaces."""

    issuer: str
    root: bytes
    leaf_index: int


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be put into the outbox. (kind, subject) is unique: the second of a pair is the first.

    `payload` is JSON-able and never personal.
    """

    kind: JobKind
    subject: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    run_at: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """An outbox job as it lies there."""

    id: int
    kind: JobKind
    subject: str
    payload: Mapping[str, Any]
    state: JobState
    attempts: int
    run_at: int
    code: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lease:
    """A claimed job. Whoever finishes it must show the fence; a later claim raises the fence."""

    job: Job
    owner: str
    fence: int
    until: int


class TransactionState(StrEnum):
    """`dropped`: can never be included, its nonce is free again."""

    PREPARED = "prepared"
    FINAL = "final"
    REVERTED = "reverted"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A signed transaction, recorded before it is sent."""

    id: int
    job_id: int
    sender: bytes
    nonce: int
    hash: bytes
    raw: bytes
    state: TransactionState


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A status change that maker and approver sign together with a batch and that follows its anchor.

    `changes`: (word, mask, value) of the older batch `root`. Signatures as the contracts want them.
    """

    root: bytes
    nonce: int
    deadline: int
    changes: tuple[tuple[int, int, int], ...]
    maker_signature: bytes
    approver_signature: bytes = b""


def words_of(size: int) -> int:
    """Words that `size` credentials need: exactly ceil(size / 64)."""
    return -(-size // CREDENTIALS_PER_WORD)


def shanghai_midnight(now: int) -> int:
    """00:00 (Asia/Shanghai) of the day that `now` lies in, as seconds UTC."""
    return now - (now + SHANGHAI_S) % DAY_S


def proof_number(name: bytes) -> str:
    """The proof number (证明编号) of a row: four groups of four hex digits of its name."""
    digits = name.hex().upper()
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def batch_subject(batch_id: int, *parts: object) -> str:
    """Subject of a job about a batch; every one starts with `batch:<id>:`."""
    return ":".join(["batch", str(batch_id), *(str(part) for part in parts)])
