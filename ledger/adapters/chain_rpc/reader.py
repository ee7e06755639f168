"""The reading half of the Chain port over nodes: final blocks only, each answer a quorum's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ledger.adapters.abi import Artifacts, ContractCodec, json_values, keccak256
from ledger.adapters.chain_rpc.finality import Finality
from ledger.adapters.chain_rpc.node import CallAnswer, LogEntry, Node, NodeSilentError
from ledger.adapters.chain_rpc.nodes import Nodes
from ledger.core.errors import NotFoundError, RefusedError, UnavailableError
from ledger.core.model import BlockRef, ChainInfo, LedgerEvent
from ledger.ports import ContractCall, ContractName

_EVENT_BLOCKS = 5_000  # asked for at once; nodes for the public refuse more than 10,000
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """Which chain and where on it. `since`: no contract of ours is in a block before this one."""

    chain_id: int
    ledger_id: bytes
    registry: bytes
    ledger: bytes
    since: int = 0


class RpcReader:
    """See the module.

    Args:
        nodes: of one chain.
        place: which chain, and where the contracts are.
        finality: the chain's rule.
        artifacts: of the contracts; None loads the shipped ones when first needed.
    """

    def __init__(
        self, nodes: Nodes, place: Place, finality: Finality, artifacts: Artifacts | None = None
    ) -> None:
        self.nodes = nodes
        self.place = place
        self._finality = finality
        self._artifacts = artifacts
        self._info: ChainInfo | None = None
        self._highest = -1  # what was final stays final: no need to ask for the head below it
        self._fetched: dict[int, BlockRef] = {}

    @cached_property
    def codec(self) -> ContractCodec:
        return ContractCodec(self._artifacts)

    @property
    def first_block(self) -> int:
        """Where a view begins to follow."""
        return self.place.since

    def close(self) -> None:
        self.nodes.close()

    # facts

    def info(self) -> ChainInfo:
        """Code hashes are those of the code that the nodes have at these addresses.

        Raises: NotFoundError(CONTRACT_MISSING).
        """
        if self._info is None:
            place, height = self.place, self.head().number
            self._info = ChainInfo(
                chain_id=place.chain_id,
                ledger_id=place.ledger_id,
                registry=place.registry,
                ledger=place.ledger,
                registry_code_hash=keccak256(self._code(place.registry, height)),
                ledger_code_hash=keccak256(self._code(place.ledger, height)),
            )
        return self._info

    def _code(self, address: bytes, height: int) -> bytes:
        code = self.nodes.agree(lambda node: node.code(address, height))
        if not code:
            raise NotFoundError("CONTRACT_MISSING", "a contract of this ledger is not on the chain")
        return code

    def head(self) -> BlockRef:
        """The newest block that a quorum of nodes calls final.

        Raises: UnavailableError(CHAIN_UNAVAILABLE, CHAIN_DISAGREES).
        """
        told = Counter(self.nodes.gather(self._finality.block))
        heights = sorted((block.number for block in told.elements()), reverse=True)
        height = heights[self.nodes.quorum - 1]
        self._highest = max(self._highest, height)
        for block, count in told.items():
            if block.number == height and count == told.total():
                return block  # nobody says anything else: no need to ask again
        return self._block(height)

    def block(self, number: int) -> BlockRef | None:
        if number < 0 or (number > self._highest and number > self.head().number):
            return None
        return self._block(number)

    def _block(self, number: int) -> BlockRef:
        def ask(node: Node) -> BlockRef:
            found = node.block(number)
            if found is None:
                raise NodeSilentError(f"behind block {number}", is_down=False)
            return found

        block = self.nodes.agree(ask)
        if len(self._fetched) > _REMEMBERED:
            self._fetched.clear()
        self._fetched[number] = block
        return block

    def next_nonce(self, address: bytes) -> int:
        height = self.head().number
        return self.nodes.agree(lambda node: node.transaction_count(address, height))

    # calls

    def encode(self, call: ContractCall) -> bytes:
        return self.codec.encode(call)

    def contract(self, name: ContractName) -> bytes:
        """Address of a contract, 20 bytes."""
        return self.place.registry if name == "registry" else self.place.ledger

    def read(self, call: ContractCall) -> Any:
        """Raises: RefusedError(<custom error's name>) with its values in `detail`."""
        data, to, height = self.encode(call), self.contract(call.contract), self.head().number

        def ask(node: Node) -> CallAnswer:
            answer = node.call(to, data, height)
            if not answer.reverted and not answer.output:
                raise NodeSilentError("no code where the contract should be", is_down=False)
            return answer

        answer = self.nodes.agree(ask)
        if answer.reverted:
            name, values = self.codec.decode_error(answer.output)
            raise RefusedError(name, f"{call.function} refused: {name}{values}", values=json_values(values))
        return self.codec.decode_result(call, answer.output)

    # events

    def events(self, first: int, last: int, names: frozenset[str] | None = None) -> Iterator[LedgerEvent]:
        """See Chain; of these names only."""
        start, end = max(first, self.place.since), min(last, self.head().number)
        for lowest in range(start, end + 1, _EVENT_BLOCKS):
            yield from self._events(lowest, min(lowest + _EVENT_BLOCKS - 1, end), names)

    def _events(self, first: int, last: int, names: frozenset[str] | None) -> Iterator[LedgerEvent]:
        topics = None if names is None else frozenset(self.codec.event_topics(names))
        for log in self.logs(first, last):
            if topics is not None and log.topics[:1] and log.topics[0] not in topics:
                continue
            event = self.decoded(log, self._block_of(log))
            if event is not None:
                yield event

    def proposed(self, transaction_hash: bytes) -> tuple[ContractCall, bytes] | None:
        """The act that this transaction proposed; None when it cannot be told."""
        seen = self.nodes.agree(lambda node: node.transaction(transaction_hash))
        return None if seen is None else self.codec.proposed(seen.data)

    def logs(self, first: int, last: int) -> tuple[LogEntry, ...]:
        """Events of both contracts as the nodes tell them."""
        addresses = (self.place.registry, self.place.ledger)
        return self.nodes.agree(lambda node: node.logs(first, last, addresses))

    def _block_of(self, log: LogEntry) -> BlockRef:
        """The block of a log; logs and blocks must be of one history."""
        block = self._fetched.get(log.block)
        if block is None or block.hash != log.block_hash:
            block = self._block(log.block)
        if block.hash != log.block_hash:
            raise UnavailableError(
                "CHAIN_DISAGREES", "Events and blocks of the chain contradict each other.", block=log.block
            )
        return block

    def decoded(self, log: LogEntry, block: BlockRef) -> LedgerEvent | None:
        """None for an event that our contracts do not have."""
        contract: ContractName = "registry" if log.address == self.place.registry else "ledger"
        decoded = self.codec[contract].decode_log(log.topics, log.data)
        if decoded is None:
            return None
        name, args = decoded
        return LedgerEvent(name, args, block, log.transaction, log.index)
