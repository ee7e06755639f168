"""A reader that keeps events of governance, for processes that ask for them again and again."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice

from ledger.adapters.abi import Artifacts
from ledger.adapters.chain_rpc.finality import Finality
from ledger.adapters.chain_rpc.node import LogEntry
from ledger.adapters.chain_rpc.nodes import Nodes
from ledger.adapters.chain_rpc.reader import Place, RpcReader
from ledger.core.explored import BlockFacts, EventFacts, TransactionFacts
from ledger.core.model import BlockRef, ChainInfo, LedgerEvent

BULK = frozenset({"BatchAnchored", "BatchImported", "StatusChanged"})
"""Events that come by the million. Of these only their blocks are kept; their facts are in the view."""


class WatchingReader(RpcReader):
    """As RpcReader; each final block is asked about once.

    Kept in memory: events that are not BULK, and which blocks hold any (about 100 bytes each).
    """

    def __init__(
        self, nodes: Nodes, place: Place, finality: Finality, artifacts: Artifacts | None = None
    ) -> None:
        super().__init__(nodes, place, finality, artifacts)
        self._kept: list[LedgerEvent] = []
        self._blocks: list[BlockRef] = []
        self._upto = place.since - 1
        self._guard = threading.Lock()

    def events(self, first: int, last: int, names: frozenset[str] | None = None) -> Iterator[LedgerEvent]:
        """See RpcReader; what is kept is not asked for again."""
        if names is None or names & BULK:
            yield from super().events(first, last, names)
            return
        kept = self._advance(last)
        start = bisect_left(kept, first, key=lambda event: event.block.number)
        for event in islice(kept, start, len(kept)):
            if event.block.number > last:
                return
            if event.name in names:
                yield event

    def blocks(self) -> list[BlockRef]:
        """Final blocks that hold events of ours, oldest first."""
        self._advance(self.head().number)
        return self._blocks

    def _advance(self, last: int) -> list[LedgerEvent]:
        with self._guard:
            if last > self._upto:
                end = min(last, self.head().number)
                seen = list(super().events(self._upto + 1, end))
                self._kept.extend(event for event in seen if event.name not in BULK)
                self._blocks.extend(dict.fromkeys(event.block for event in seen))
                self._upto = max(self._upto, end)
            return self._kept


class NodeLog:
    """What people see of a chain that others run (LedgerLog): the transactions that touched our contracts.

    Args:
        reader: of the chain.
    """

    def __init__(self, reader: WatchingReader) -> None:
        self._reader = reader

    def info(self) -> ChainInfo:
        return self._reader.info()

    def head(self) -> BlockRef:
        return self._reader.head()

    def block(self, number: int) -> BlockFacts | None:
        ref = self._reader.block(number)
        if ref is None:
            return None
        logs = self._reader.logs(number, number)
        hashes = dict.fromkeys(log.transaction for log in logs)
        return BlockFacts(ref, tuple(self._facts(one, ref, index, logs) for index, one in enumerate(hashes)))

    def block_number(self, block_hash: bytes) -> int | None:
        for block in self._reader.blocks():
            if block.hash == block_hash:
                return block.number
        return None

    def blocks(self, before: int, count: int) -> Sequence[BlockRef]:
        known = self._reader.blocks()
        end = bisect_left(known, before, key=lambda block: block.number)
        return known[max(0, end - count) : end][::-1]

    def transaction(self, transaction_hash: bytes) -> TransactionFacts | None:
        receipt = self._reader.nodes.agree(lambda node: node.receipt(transaction_hash))
        if receipt is None:
            return None
        ref = self._reader.block(receipt.block)
        if ref is None or ref.hash != receipt.block_hash:
            return None
        return self._facts(transaction_hash, ref, 0, self._reader.logs(ref.number, ref.number))

    def _facts(
        self, transaction_hash: bytes, ref: BlockRef, position: int, logs: Sequence[LogEntry]
    ) -> TransactionFacts:
        nodes = self._reader.nodes
        seen = nodes.agree(lambda node: node.transaction(transaction_hash))
        receipt = nodes.agree(lambda node: node.receipt(transaction_hash))
        return TransactionFacts(
            hash=transaction_hash,
            block=ref,
            position=position,
            sender=b"" if seen is None else seen.sender,
            gas_used=0 if receipt is None else receipt.gas_used,
            error=None if receipt is not None and receipt.succeeded else "Reverted",
            events=tuple(self._event(log, ref) for log in logs if log.transaction == transaction_hash),
        )

    def _event(self, log: LogEntry, block: BlockRef) -> EventFacts:
        event = self._reader.decoded(log, block)
        name, args = ("", {}) if event is None else (event.name, event.args)
        return EventFacts(name, args, log.address, log.topics, log.data, log.transaction, log.index)
