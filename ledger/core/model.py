"""Values of the two contracts as Python sees them: enumerations, signed structs, records.

Names and numbers are those of contracts/src/interfaces; a test compares them. All times are whole
seconds since 1970 UTC (`int`), as on chain. An issuer is its USCC: 18 ASCII characters (`str`).
Hashes, roots, thumbprints and signer ids are 32 raw `bytes`; addresses are 20 raw `bytes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

MAX_LEVEL = 5  # root is level 1; contracts/src/IssuerRegistry.sol MAX_LEVEL
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
