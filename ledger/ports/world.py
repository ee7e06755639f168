"""Ports to everything but the store: time, chance, keys, chain, formats, files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ledger.core.cells import Cell as Cell
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
from ledger.core.model import ListedBatch as ListedBatch
from ledger.core.model import ParsedCredential as ParsedCredential
from ledger.core.model import ViewHead as ViewHead
from ledger.core.model import WitnessHead as WitnessHead
from ledger.core.schema import SchemaFinding as SchemaFinding
from ledger.core.schema import SchemaValidator as SchemaValidator
from ledger.core.sd_jwt import Inspection as Inspection

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

    def events(self, first: int, last: int, names: frozenset[str] | None = None) -> Iterator[LedgerEvent]:
        """Decoded events of both contracts in final blocks first..last, in order; of `names` only, if given."""


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

    def newest_anchors(self, count: int) -> tuple[AnchorRecord, ...]:
        """The last `count`, newest first, without looking at the others."""

    def anchors_between(self, since: int, until: int, most: int) -> tuple[int, tuple[AnchorRecord, ...]]:
        """How many batches were anchored in blocks of [since, until), and the last `most`, newest first."""

    def status_words(self, issuer: str, root: bytes) -> Mapping[int, int]:
        """Words that were ever written; others are 0."""

    def listed(self, issuer: str, list_number: int, known: Collection[bytes] = ()) -> tuple[ListedBatch, ...]:
        """Batches with a range of this status list, in its order, as of one moment; document batches have none.

        `known`: roots of batches that are left out.
        """

    def altered(self) -> int:
        """Grows with every event that may change what batches show which were anchored before it."""

    def lists(self, issuer: str) -> frozenset[int]:
        """Numbers of the status lists in which this issuer has a batch."""

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
