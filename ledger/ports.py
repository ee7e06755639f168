"""What the services need from the outside world, as guarantees; adapters keep them.

Every port has a memory version beside the real one, and one test suite (tests/ports) runs against
all. No foreign exception crosses a port: adapters raise the classes of ledger.core.errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ledger.core.cells import Cell as Cell
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
    RowNote,
    SignedLeaf,
    StoredCredential,
    StoredTransaction,
    Superseded,
    TransactionState,
)
from ledger.core.limits import LimitKind
from ledger.core.model import (
    AnchorRecord,
    BlockRef,
    ChainInfo,
    GrantRecord,
    IssuerRecord,
    KeyRecord,
    LedgerEvent,
    StandingRecord,
    TypeRecord,
)
from ledger.core.model import ChainEvidence as ChainEvidence
from ledger.core.model import ParsedCredential as ParsedCredential
from ledger.core.model import ViewHead as ViewHead
from ledger.core.schema import SchemaFinding as SchemaFinding
from ledger.core.schema import SchemaValidator as SchemaValidator
from ledger.core.sd_jwt import Inspection as Inspection
from ledger.core.standing import StandingAlarm, StandingUse

ContractName = Literal["registry", "ledger"]


class Clock(Protocol):
    """Tells the time. Nothing else in the product may."""

    def now(self) -> int:
        """Seconds since 1970 UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""


class Entropy(Protocol):
    """Gives randomness. Nothing else in the product may."""

    def token(self, size: int) -> bytes:
        """`size` bytes that nobody can guess."""

    def permutation(self, size: int) -> Sequence[int]:
        """A uniformly random order of 0..size-1."""


class Limits(Protocol):
    """Counts how often somebody asks, for all processes together; the rules are in ledger.core.limits.

    `who` is any name: an address (see `client_name`), an account, a token. It is never stored in clear.
    Raises: UnavailableError(COUNTERS_UNAVAILABLE), except `take` of kinds that go on without counters.
    """

    def take(self, kind: LimitKind, who: str, count: int = 1) -> int:
        """Seconds until `who` may ask `count` times; 0: now, and they are taken."""

    def fail(self, kind: LimitKind, who: str) -> int:
        """`who` was wrong once more: seconds until `take` lets the next try through."""

    def forget(self, kind: LimitKind, who: str) -> None:
        """`who` was right: wrong answers before are forgotten."""


class CredentialSigner(Protocol):
    """Signs credentials, list tokens and directory entries with ES256. The key never leaves it."""

    @property
    def thumbprint(self) -> bytes:
        """RFC 7638 SHA-256 JWK thumbprint, 32 bytes; base64url of it is the `kid`."""

    @property
    def public_jwk(self) -> Mapping[str, str]:
        """kty, crv, x, y."""

    @property
    def x5c(self) -> tuple[bytes, ...]:
        """DER certificates, leaf first, without the root."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes r ‖ s over SHA-256 of `message` (RFC 7518 §3.4)."""


class ChainSigner(Protocol):
    """Signs transactions and EIP-712 digests with secp256k1. The key never leaves it."""

    @property
    def address(self) -> bytes:
        """20 bytes."""

    @property
    def signer_id(self) -> bytes:
        """32 bytes: the address, left-padded (IIssuerRegistry)."""

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v, v in {27, 28}, low s. The contracts want a kind byte 0x01 in front."""


@dataclass(frozen=True, slots=True)
class ContractCall:
    """One call of a contract: Solidity function name and Python arguments in ABI shape.

    Tuples are plain Python tuples; issuers are 18 bytes, hashes 32 bytes.
    """

    contract: ContractName
    function: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class PreparedTransaction:
    """A signed transaction: store it before sending, send it as often as needed."""

    hash: bytes
    raw: bytes
    sender: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class TransactionOutcome:
    """What became of a transaction.

    `unknown`: the chain never saw it (or lost it); `pending`: seen, not yet in a final block;
    `final`: executed in a final block; `reverted`: in a final block, without effect; `rejected`: seen,
    and it can never be included (its nonce is used, it wants too much gas): prepare another one.
    `error` is the decoded custom error, name and values, or why it was rejected.
    """

    state: Literal["unknown", "pending", "final", "reverted", "rejected"]
    block: BlockRef | None = None
    error: tuple[str, tuple[Any, ...]] | None = None


class Chain(Protocol):
    """A chain that runs the two contracts.

    Guarantees: a root is stored at most once per issuer; `anchor_of` sees it once final; sending the
    same raw transaction twice has the effect of once; a transaction signed for another chain id is
    refused with InputError(WRONG_CHAIN). No answer in time: UnavailableError(CHAIN_UNAVAILABLE).
    """

    def info(self) -> ChainInfo: ...

    def head(self) -> BlockRef:
        """The newest final block."""

    def block(self, number: int) -> BlockRef | None:
        """The final block of that height, None above the head."""

    def next_nonce(self, address: bytes) -> int:
        """Transactions of this account in final blocks."""

    def encode(self, call: ContractCall) -> bytes:
        """ABI calldata of a call, as a proposal carries it (IIssuerRegistry.propose)."""

    def prepare(self, call: ContractCall, signer: ChainSigner, nonce: int) -> PreparedTransaction:
        """Encode and sign; sends nothing."""

    def send(self, raw: bytes) -> None:
        """Hand over for inclusion. Known already: no effect. Raises InputError if it can never be included."""

    def outcome(self, transaction_hash: bytes) -> TransactionOutcome: ...

    def read(self, call: ContractCall) -> Any:
        """Result of a view at the head. A revert raises RefusedError with the custom error's name as code."""

    def events(self, first: int, last: int) -> Iterator[LedgerEvent]:
        """Decoded events of both contracts in final blocks first..last, in order."""


class ChainView(Protocol):
    """A local projection of registry, anchors and status words: the only source of verification.

    Reading it sends nothing to anybody. Advanced by one leased follower, events and head together.
    """

    def head(self) -> ViewHead | None:
        """None before the first block was taken."""

    def evidence(
        self,
        issuer: str,
        root: bytes,
        leaf_index: int | None,
        *,
        thumbprint: bytes | None = None,
        block_number: int | None = None,
    ) -> ChainEvidence | None:
        """None only when the view is empty."""

    def anchors(self, issuer: str | None = None) -> Iterator[AnchorRecord]:
        """In order of anchoring."""

    def status_words(self, issuer: str, root: bytes) -> Mapping[int, int]:
        """Words that were ever written; others are 0."""

    def issuers(self) -> Iterator[IssuerRecord]: ...

    def keys(self, issuer: str) -> tuple[KeyRecord, ...]: ...

    def types(self) -> tuple[TypeRecord, ...]: ...

    def grants(self, issuer: str, type_id: int) -> tuple[GrantRecord, ...]:
        """Intervals of (issuer, type), oldest first."""

    def standings(self, issuer: str | None = None) -> tuple[StandingRecord, ...]:
        """Standing approvals ever registered, ended and revoked ones too."""


class CredentialFormat(Protocol):
    """Writes and reads one wire format of credentials."""

    def issue(
        self,
        payload: Mapping[str, Any],
        disclosable: Sequence[tuple[str, Any]],
        signer: CredentialSigner,
        entropy: Entropy,
    ) -> str:
        """`payload` in clear plus every pair of `disclosable` as a salted disclosure, in random order."""

    def inspect(self, text: str) -> Inspection:
        """Every fault that can be seen, and the credential as far as it can be read.

        The code of a fault names the check that fails (ledger.core.sd_jwt.CHECK_OF_CODE).
        """

    def parse(self, text: str) -> ParsedCredential:
        """Like `inspect`, raising the first fault (InputError)."""


class DataKey(Protocol):
    """The key of one credential's personal data, in the clear only inside this process."""

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Encrypted and authenticated, 29 bytes longer. `context` says what and whose this is."""

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raises InputError(VAULT_TAMPERED) if bytes, context or key differ from what was sealed."""


class Vault(Protocol):
    """Keeps a data key per credential, apart from the data; who destroys the key erases the data.

    Names are 16 random bytes: not guessable, nothing personal. Guarantees: a key is durable before
    `create` returns it; one name has one key for ever; an erased name never gets a key again.
    """

    def create(self, names: Sequence[bytes]) -> Sequence[DataKey]:
        """Keys of these names in this order, made where missing, in one transaction.

        Raises: RefusedError(DATA_KEY_ERASED).
        """

    def load(self, names: Sequence[bytes]) -> Mapping[bytes, DataKey]:
        """Keys of these names; unknown and erased ones are absent."""

    def erase(self, names: Sequence[bytes], at: int) -> int:
        """Destroys keys and remembers the names; how many keys there were. Twice: no effect."""

    def erasures(self) -> Sequence[tuple[bytes, int]]:
        """Erased names with their times, oldest first: replay them on every restore."""

    def index(self, kind: str, value: str) -> bytes:
        """32 bytes that only this installation can compute: for searching and for uniqueness."""


@dataclass(frozen=True, slots=True)
class Step:
    """One contract call and the account that stands behind it."""

    call: ContractCall
    sender: ChainSigner


class Carrier(Protocol):
    """Brings governance calls to the chain and waits until each is decided.

    Guarantees: calls take effect in the given order; each outcome is final, reverted or rejected; a call
    whose transaction is lost is never reported as done. Raises UnavailableError(CHAIN_SLOW).
    """

    def carry(self, steps: Sequence[Step]) -> Sequence[TransactionOutcome]: ...


PasswordSource = Callable[[str], str]
"""Asked for the password of a key URI; only the edge of a process has one."""


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


class Agencies(Protocol):
    """Papers and keys of the issuers that this installation works for."""

    def directory_entry(self, issuer: str) -> str:
        """The signed directory entry whose hash is on chain. Raises NotFoundError(ISSUER_UNKNOWN)."""

    def credential_signer(self, issuer: str) -> CredentialSigner: ...

    def operator(self, issuer: str) -> ChainSigner:
        """The service key that carries this issuer's transactions."""


class ListPublisher(Protocol):
    """Puts an issuer's status list token where the public reads it."""

    def publish(self, issuer: str, list_number: int) -> None:
        """A fresh token, made from the chain view and the open ranges of the store. May run twice."""


class ReleaseFolder(Protocol):
    """Where bundles are handed out: only complete batches are ever seen in it."""

    def is_complete(self, issuer: str, batch_id: int) -> bool: ...

    def write(self, issuer: str, batch_id: int, bundles: Iterator[tuple[str, bytes]]) -> int:
        """All bundles of a batch appear at once, 0600 in 0700; complete already: no effect."""


class Glyphs(Protocol):
    """Which characters can be drawn on paper with the fonts of the product."""

    def missing(self, text: str) -> tuple[str, ...]:
        """Characters that no shipped font has, each once, in order."""


class RowTable(Protocol):
    """The rows of one import file, read as a stream as often as asked.

    `kind` is csv, xlsx or jsonl; `digest` is the SHA-256 of the file's bytes; `header` is row 1, None
    where every row names its own columns (JSON lines). Rows without any value are left out.
    """

    @property
    def kind(self) -> str: ...

    @property
    def digest(self) -> bytes: ...

    @property
    def header(self) -> tuple[str, ...] | None: ...

    def rows(self) -> Iterator[tuple[int, Sequence[Cell] | Mapping[str, Cell]]]:
        """Number in the file (header 1; JSON lines: the line) and cells. Raises: InputError FILE_*."""

    def progress(self) -> tuple[int, int]:
        """How much of how much the newest `rows()` has read, in bytes or rows."""
