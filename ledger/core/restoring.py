"""What a database and its chain do not agree on after one of them was set back, as values.

Pure data; services.healing finds it, the store applies it in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.core.flow import JobKind, NewJob, TransactionState
from ledger.core.model import BlockRef

RESTORED = "CHAIN_RESTORED"
"""Reason of a batch that has to be anchored again, or asks its people again."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A transaction whose end the database has seen, and the job it was made for."""

    id: int
    job_id: int
    kind: JobKind
    subject: str
    payload: Mapping[str, Any]
    is_done: bool
    sender: bytes
    nonce: int
    hash: bytes
    state: TransactionState


@dataclass(frozen=True, slots=True)
class CallAgain:
    """A job whose call the chain lost: to be sent once more.

    Args:
        job_id: of the outbox.
        after: the batch that must be anchored again before, None: at once.
        is_late: its signatures have run out, people must decide anew.
    """

    job_id: int
    after: int | None = None
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A suspension of credentials until people have decided again what the chain lost. `after`: as CallAgain."""

    job: NewJob
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A batch that lies on chain elsewhere than the database says."""

    batch_id: int
    block: BlockRef
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class LostRows:
    """An anchor of ours on chain, of which this database has no rows."""

    issuer: str
    root: bytes
    block: int
    size: int


@dataclass(frozen=True, slots=True)
class Mending:
    """Everything that must change in the database so that it agrees with its chain.

    Args:
        dropped: numbers of transactions that the chain does not know any more.
        again: batches whose approvals still hold: anchored again by the worker.
        asked: batches whose approvals ran out: their people are asked again.
        calls: calls to be sent again, in order.
        holds: suspensions until then.
        moved: places that are noted anew.
        arrived: batches that the chain has and the database was still working on.
        shadowed: batches whose words lie on chain under another root; their rows go into new batches.
        lost_rows: anchors without rows.
        heads: newest list and next free word of it, by issuer.
    """

    dropped: tuple[int, ...] = ()
    again: tuple[int, ...] = ()
    asked: tuple[int, ...] = ()
    calls: tuple[CallAgain, ...] = ()
    holds: tuple[Hold, ...] = ()
    moved: tuple[Moved, ...] = ()
    arrived: tuple[int, ...] = ()
    shadowed: tuple[int, ...] = ()
    lost_rows: tuple[LostRows, ...] = ()
    heads: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_chain_behind(self) -> bool:
        """Whether the chain lacks what the database has seen final."""
        return bool(self.dropped or self.again or self.asked or self.calls)

    @property
    def is_store_behind(self) -> bool:
        """Whether the chain has what the database never saw."""
        return bool(self.lost_rows or self.shadowed)

    @property
    def late(self) -> int:
        """How many calls need new decisions."""
        return sum(call.is_late for call in self.calls)
