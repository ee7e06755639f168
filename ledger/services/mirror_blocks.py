"""Blocks for a mirror, taken piece by piece, each piece up to a block that the ledger's operator signed."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.core.block_header import BlockHeader, header_of
from ledger.core.checkpoint import SignedCheckpoint, require_signed
from ledger.core.contradictions import CLOCK_TOLERANCE_S
from ledger.core.errors import InputError, UnavailableError
from ledger.ports.mirror import LedgerNode


class BackdatedError(Exception):
    """Block `number` is dated before a statement that it was not there."""

    def __init__(self, number: int, earlier: SignedCheckpoint) -> None:
        super().__init__(number)
        self.number = number
        self.earlier = earlier


class Piece:
    """Blocks from a height up to one that the operator signed.

    Args:
        source: asked.
        first: height of the first one.
        offered: what is aimed at.
        before: the operator's last statement, before which no new block may be dated.
    """

    def __init__(
        self, source: LedgerNode, first: int, offered: SignedCheckpoint, before: SignedCheckpoint | None
    ) -> None:
        self._source = source
        self._first = first
        self._offered = offered
        self._before = before
        self._covering: SignedCheckpoint | None = None
        self.newest = b""

    def covering(self) -> SignedCheckpoint:
        """The statement about the last block."""
        if self._covering is None:
            raise RuntimeError("asked before the blocks were taken")
        return self._covering

    def is_early(self, now: int) -> bool:
        """Whether the block in hand is refused because our clock is behind it."""
        return bool(self.newest) and header_of(self.newest).time > now

    def blocks(self) -> Iterator[bytes]:
        """Each block's bytes. Raises: what the source raises, InputError(NODE_ANSWER), BackdatedError."""
        number, target = self._first, self._offered.checkpoint.block.number
        while self._covering is None:
            raw = self._source.blocks_from(number)[: target - number + 1]
            if not raw:
                raise UnavailableError(
                    "NODE_SILENT", f"{self._source.name} has no block {number}.", why="blocks"
                )
            for item in raw:
                self.newest = item
                self._look_at(header_of(item), number)
                yield item
                number += 1
            self._covering = self._offered if number > target else self._stated(number - 1)

    def _look_at(self, header: BlockHeader, number: int) -> None:
        if header.number != number:
            raise InputError(
                "NODE_ANSWER", f"{self._source.name} serves another block than asked.", what="blocks"
            )
        before = self._before
        if before is None or number != before.checkpoint.block.number + 1:
            return
        if header.time + CLOCK_TOLERANCE_S < before.checkpoint.signed_at:
            raise BackdatedError(number, before)

    def _stated(self, number: int) -> SignedCheckpoint | None:
        """A statement about the last block so far; without one, more blocks are taken before any is kept."""
        header = header_of(self.newest)
        for signed in self._source.statements(number)[0]:
            checkpoint = signed.checkpoint
            if (
                checkpoint.block.hash == header.hash
                and checkpoint.ledger_id == self._offered.checkpoint.ledger_id
            ):
                require_signed(signed)
                return signed
        return None
