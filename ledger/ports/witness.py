"""Ports of checkpoints and of the node: where statements are kept, and what a node hands out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ledger.core.checkpoint import SignedCheckpoint
from ledger.core.model import BlockRef, ChainInfo, ViewHead, WitnessHead

Signatory = Literal["operator", "witness"]
"""In which office a key signed; the keeper has checked that it holds it."""
MOST_STRAY = 1_000


@dataclass(frozen=True, slots=True)
class KeptStatement:
    """A signed checkpoint that is kept, and the office it was signed in."""

    signatory: Signatory
    signed: SignedCheckpoint


class CheckpointBook(Protocol):
    """Keeps signed checkpoints, each already found to be by whom it should be.

    A statement that contradicts another is kept beside it: nothing here is ever replaced but an older
    word of the same key about the same block. Raises: UnavailableError(CHECKPOINTS_UNAVAILABLE).
    """

    def keep(self, signed: SignedCheckpoint, signatory: Signatory, *, is_stray: bool = False) -> None:
        """Remember; it outlives this process when it returns. Twice: no effect.

        `is_stray`: it does not agree with our blocks. Of each key only MOST_STRAY such are kept, so that a
        stolen witness key cannot fill the disk.
        """

    def newest(self, signatory: Signatory) -> SignedCheckpoint | None:
        """Of the highest block, the newest."""

    def at(self, number: int) -> Sequence[KeptStatement]:
        """Everything about one height, operator first."""

    def newest_of_each(self) -> Sequence[SignedCheckpoint]:
        """Of each witness its highest."""

    def witnessed(self, hash_of: Callable[[int], bytes | None], head: int) -> tuple[WitnessHead, ...]:
        """Of each witness the highest statement at or below `head` that agrees with our blocks."""

    def stray(self, hash_of: Callable[[int], bytes | None], head: int) -> Sequence[SignedCheckpoint]:
        """Of each witness its highest statement that is above our head, and the highest that contradicts us."""

    def stamp(self) -> bytes:
        """Differs from an earlier one when something was kept in between; costs a microsecond."""


class FinalityRule(Protocol):
    """Which blocks are final for this installation; see ledger.core.finality."""

    def height(self, head: ViewHead) -> int:
        """The highest final block; NOTHING_FINAL when there is none."""


class BlockFile(Protocol):
    """Final blocks as bytes, and who they belong to."""

    def info(self) -> ChainInfo:
        """Which chain, which contracts."""

    def head(self) -> BlockRef:
        """The newest block."""

    def block(self, number: int) -> BlockRef | None:
        """None above the head."""

    def block_rlp(self, number: int) -> bytes | None:
        """None above the head."""

    def state_root(self, number: int) -> bytes:
        """What the header of a block at or below the head commits to, 32 bytes."""


class LeafTiles(Protocol):
    """Leaf hashes of batches."""

    def leaf_hashes(self, issuer: str, root: bytes, first: int, last: int) -> bytes | None:
        """Joined RFC 9162 leaf hashes first..last-1, cut at the batch's end; None: not kept here."""


class TrustFiles(Protocol):
    """The trust file and its earlier versions, as bytes."""

    def newest(self) -> bytes:
        """The one in use."""

    def version(self, number: int) -> bytes | None:
        """One version, None when it is not here."""
