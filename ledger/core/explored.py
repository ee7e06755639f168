"""What the ledger shows to anybody: blocks, transactions, events, and where an entry lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ledger.core.model import AnchorRecord, BlockRef
from ledger.core.proof import Proof


@dataclass(frozen=True, slots=True)
class EventFacts:
    """One event: decoded, and as the chain keeps it."""

    name: str
    args: Mapping[str, Any]
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    tx_hash: bytes
    log_index: int


@dataclass(frozen=True, slots=True)
class TransactionFacts:
    """One transaction in a final block. `error` is set when it had no effect."""

    hash: bytes
    block: BlockRef
    position: int
    sender: bytes
    gas_used: int
    error: str | None
    events: tuple[EventFacts, ...]


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """One block with its transactions, oldest first."""

    ref: BlockRef
    transactions: tuple[TransactionFacts, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """What a question led to: a block, a transaction, a batch, or an entry in a batch."""

    kind: Literal["block", "transaction", "batch", "entry"]
    block: int = 0
    hash: bytes = b""
    issuer: str = ""
    leaf_index: int = 0


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """One entry of an anchored batch with the proof that it lies there."""

    anchor: AnchorRecord
    proof: Proof
    is_document: bool
