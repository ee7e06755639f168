"""Values of the two contracts as Python sees them: enumerations, signed structs, records.

Names and numbers are those of contracts/src/interfaces; a test compares them. All times are whole
seconds since 1970 UTC (`int`), as on chain. An issuer is its USCC: 18 ASCII characters (`str`).
Hashes, roots, thumbprints and signer ids are 32 raw `bytes`; addresses are 20 raw `bytes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, NamedTuple

MAX_LEVEL = 5  # root is level 1; contracts/src/bases/RegistryState.sol _MAX_LEVEL
CREDENTIALS_PER_WORD = 64  # 4 bits each in a 256-bit word
DOCUMENT_TYPE = 0  # type id of document batches (sealed PDFs)


class Purpose(IntEnum):
    """What an issuer's registered key may sign."""

    CREDENTIAL = 1
    STATUS = 2
    SEAL = 3
    SNAPSHOT = 4
    CHECKPOINT = 5
    REQUEST = 6


class Role(IntEnum):
    """What a signer may do for an issuer."""

    ADMIN = 1
    OPERATOR = 2
    MAKER = 3
    APPROVER = 4
    REDEEMER = 5


class WithdrawalCause(IntEnum):
    """Why a grant was withdrawn; values with bit 7 break what was anchored since."""

    ADMINISTRATIVE = 1
    REORGANISATION = 2
    MISCONDUCT = 129
    COMPROMISE = 130

    @property
    def is_breaking(self) -> bool:
        """Whether the cause breaks what was anchored since the date it names."""
        return bool(self & 0x80)


class ReasonClass(IntEnum):
    """The only reasons that ever go on chain (review F21)."""

    HOLDER_REQUEST = 1
    ISSUER_ERROR = 2
    AUTHORITY_DECISION = 3
    SECURITY = 4
    ADMINISTRATIVE = 5


class StandingAct(IntFlag):
    """Acts that a standing approval may cover."""

    ANCHOR = 1
    SUPERSEDE = 2
    USE = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """The struct that maker and approver sign (EIP-712 `Batch`)."""

    issuer: str
    type_id: int
    key: int
    root: bytes
    size: int
    list: int
    first_word: int
    pending: bool
    maker: bytes
    approver: bytes
    deadline: int


@dataclass(frozen=True, slots=True)
class WordChange:
    """One status word: bits inside `mask` become those of `value`, others stay."""

    word: int
    mask: int
    value: int


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block: height, hash (32 bytes), time (seconds)."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """Which chain and which contracts; compared with the trust file, never believed."""

    chain_id: int
    ledger_id: bytes
    registry: bytes
    ledger: bytes
    registry_code_hash: bytes
    ledger_code_hash: bytes


@dataclass(frozen=True, slots=True)
class AnchorRecord:
    """What the ledger stores for (issuer, root), and what its event added."""

    issuer: str
    root: bytes
    type_id: int
    key: int
    size: int
    anchored_at: int
    list: int
    first_word: int
    pending: bool
    operator: bytes
    maker: bytes
    approver: bytes
    standing_id: bytes
    block: BlockRef
    tx_hash: bytes
    withdrawn_at: int | None
    withdrawn_reason: int | None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A registered key. `compromised_since` is None while the key is honest."""

    issuer: str
    number: int
    thumbprint: bytes
    purpose: int
    valid_from: int
    valid_until: int
    compromised_since: int | None


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """One grant interval of (issuer, type). `valid_until` is exclusive.

    `withdrawn_at` is when the withdrawal was written (block time), `withdrawn_since` the date it
    names, which may lie earlier; only a breaking cause acts on what was anchored since that date.
    """

    issuer: str
    type_id: int
    valid_from: int
    valid_until: int
    withdrawn_since: int | None
    withdrawn_at: int | None
    cause: int | None


@dataclass(frozen=True, slots=True)
class IssuerRecord:
    """One node of the issuer tree. `directory` is every hash ever set with its time, oldest first."""

    issuer: str
    parent: str | None
    level: int
    admitted_at: int
    dissolved_at: int | None
    successor: str | None
    directory: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True, slots=True)
class TypeRecord:
    """A registered credential type: `code` is the 21-character 证照类型代码."""

    type_id: int
    code: str
    version: int
    file_hash: bytes
    single_use: bool


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One decoded contract event; `args` has the Solidity names and Python values."""

    name: str
    args: dict[str, object]
    block: BlockRef
    tx_hash: bytes
    log_index: int


@dataclass(frozen=True, slots=True)
class StandingRecord:
    """A registered standing approval. Limits count leaves a day (Asia/Shanghai); `valid_until` is exclusive."""

    id: bytes
    issuer: str
    type_id: int
    acts: int
    anchor_limit: int
    supersede_limit: int
    use_limit: int
    valid_from: int
    valid_until: int
    approver: bytes
    revoked_at: int | None

    def is_good(self, now: int) -> bool:
        """Begun, not ended, not revoked."""
        return self.revoked_at is None and self.valid_from <= now < self.valid_until


@dataclass(frozen=True, slots=True)
class WitnessHead:
    """The highest block of ours that a key signed as a witness, and when it last did so (its clock)."""

    thumbprint: bytes
    block: int
    signed_at: int


@dataclass(frozen=True, slots=True)
class ViewHead:
    """Up to where the view knows the chain, and when that was last confirmed to be the source's head.

    `kind` picks the maximum age of the trust file: embedded, mirror, consortium, snapshot.
    `witnessed`: at most one entry a key; which keys count, the trust file says (ledger.core.finality).
    `forked` is set when the source contradicted a block that the view had already taken.
    """

    block: BlockRef
    confirmed_at: int
    kind: str
    forked: bool = False
    witnessed: tuple[WitnessHead, ...] = ()


@dataclass(frozen=True, slots=True)
class ListedBatch:
    """A batch that has a range of a status list, with all that its public statuses follow from.

    `grants`: of its type, held by its issuer and by those above it. `words`: those ever written; others are 0.
    """

    anchor: AnchorRecord
    key: KeyRecord | None
    grants: tuple[GrantRecord, ...]
    words: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class ChainEvidence:
    """Everything the checks need about one credential, read in one consistent look.

    Entries are None (or empty) when the chain does not have them. `grants` maps each issuer from the
    credential's own up to the root to its grant intervals of this type. `status` is None when the
    anchor is missing, the index is not below size, or no index was asked for.
    `receipt_block_hash` is the view's hash at the height that was asked for, None if above the head.
    """

    info: ChainInfo
    head: ViewHead
    anchor: AnchorRecord | None
    key: KeyRecord | None
    issuer: IssuerRecord | None
    ancestors: tuple[IssuerRecord, ...]
    grants: Mapping[str, tuple[GrantRecord, ...]]
    credential_type: TypeRecord | None
    status: int | None
    receipt_block_hash: bytes | None
    credential_key: KeyRecord | None
    """The key registered under the thumbprint that was asked for (the `kid`), of any issuer."""


class ParsedCredential(NamedTuple):
    """An SD-JWT as read, before anything is believed.

    `claims` has the disclosed values put back; `disclosed` names them; `undisclosed` counts digests
    without a disclosure. `issuer_jwt` are the exact bytes that were signed, with signature.
    """

    text: str
    issuer_jwt: bytes
    header: Mapping[str, Any]
    payload: Mapping[str, Any]
    claims: Mapping[str, Any]
    disclosed: tuple[str, ...]
    undisclosed: int
    key_binding_jwt: str | None
    signing_input: bytes
    signature: bytes
