"""The embedded chain: the Chain port for the one process that holds the lock.

Guarantees beyond the port: a sent transaction is durable before `send` returns; a block is written
whole or not at all; its time is the clock's, at most one block a second; a transaction that can never
run is taken out with its reason and does not disturb the others; a nonce gap waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from eth_typing import Address

from ledger.adapters.abi import BLOCK_GAS, Artifacts, json_values
from ledger.adapters.chain_embedded.clock_guard import ClockGuard
from ledger.adapters.chain_embedded.engine import (
    BlockBuilder,
    BlockFullError,
    Engine,
    Sealed,
    TransactionRefusedError,
    decode_block,
)
from ledger.adapters.chain_embedded.process_lock import PROBED_S, ProcessLock
from ledger.adapters.chain_embedded.reader import HEARTBEAT, ChainFile
from ledger.adapters.chain_embedded.store import MEMORY, ChainStore
from ledger.adapters.chain_embedded.transactions import CheckedTransaction, check_transaction
from ledger.core.errors import ConflictError, InputError, NotFoundError, RefusedError
from ledger.core.model import BlockRef
from ledger.ports import Clock, ContractCall, Entropy

_CHAIN_ID_BASE = 1 << 30
"""Installations draw from 2^30 .. 2^31-1: above registered networks, below what signed 32 bits hold."""
_SCAN = 5_000  # waiting transactions looked at for one block; a full block holds about 600
_HEARTBEAT_S = 20
_FUTURE_S = 5  # how far a foreign block may run ahead of our clock
_DECODED = 10_000

_Rejections = dict[bytes, tuple[str, tuple[Any, ...]]]


class EmbeddedChain(ChainFile):
    """Use `create`, `join` or `open`.

    Args:
        store: open for writing, with a genesis block.
        lock: held until `close`; None in memory.
    """

    def __init__(
        self,
        store: ChainStore,
        clock: Clock,
        lock: ProcessLock | None,
        *,
        accept_clock: bool,
        artifacts: Artifacts | None,
    ) -> None:
        super().__init__(store, artifacts)
        self._lock = lock
        if lock is not None:
            lock.name_file(Path(store.path))
        self._clock = clock
        self.engine = Engine(store)
        self._head = self.engine.header(store.head().number)
        self._guard = ClockGuard(clock, self._head.timestamp, accept_clock=accept_clock)
        self._decoded: dict[bytes, CheckedTransaction] = {}
        self._beat_at = 0

    @classmethod
    def create(
        cls,
        path: Path | str,
        clock: Clock,
        entropy: Entropy,
        *,
        artifacts: Artifacts | None = None,
    ) -> EmbeddedChain:
        """A new chain with its own chain id and ledger id.

        Args:
            path: where no chain file is yet, or ":memory:".
            clock: gives the genesis block its time.
            entropy: gives chain id and ledger id.
            artifacts: of the contracts; None loads the shipped ones when first needed.
        Raises: ConflictError(CHAIN_EXISTS), UnavailableError(CHAIN_LOCKED).
        """
        draw = int.from_bytes(entropy.token(4)) % _CHAIN_ID_BASE
        genesis = Engine.genesis(clock.now(), entropy.token(32))
        return cls._begin(path, clock, _CHAIN_ID_BASE + draw, genesis, artifacts)

    @classmethod
    def join(
        cls,
        path: Path | str,
        clock: Clock,
        *,
        chain_id: int,
        genesis_rlp: bytes,
        artifacts: Artifacts | None = None,
    ) -> EmbeddedChain:
        """An empty copy of another installation's chain, to be filled by `import_block`.

        Raises: InputError(BLOCK_INVALID), ConflictError(CHAIN_EXISTS).
        """
        header = decode_block(genesis_rlp).header
        expected = Engine.genesis(header.timestamp, header.extra_data)
        if expected.rlp != genesis_rlp:
            raise InputError("BLOCK_INVALID", "not a genesis block of this program")
        return cls._begin(path, clock, chain_id, expected, artifacts)

    @classmethod
    def _begin(
        cls,
        path: Path | str,
        clock: Clock,
        chain_id: int,
        genesis: Sealed,
        artifacts: Artifacts | None,
    ) -> EmbeddedChain:
        lock = None if path == MEMORY else ProcessLock(Path(path))
        try:
            store = ChainStore(path)
            with store.write():
                _require_empty(store)
                store.create()
                store.save_meta({"chain_id": str(chain_id).encode()})
                store.commit({}, genesis.rows())
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        return cls(store, clock, lock, accept_clock=True, artifacts=artifacts)

    @classmethod
    def open(
        cls,
        path: Path,
        clock: Clock,
        *,
        accept_clock: bool = False,
        artifacts: Artifacts | None = None,
    ) -> EmbeddedChain:
        """An existing chain, for the only process that seals it.

        Raises: NotFoundError(CHAIN_MISSING), UnavailableError(CHAIN_LOCKED, CLOCK_JUMP).
        """
        if not path.is_file():
            raise NotFoundError("CHAIN_MISSING", f"there is no chain file {path.name}")
        lock = ProcessLock(path, PROBED_S)
        try:
            store = ChainStore(path)
            store.require_schema()
            return cls(store, clock, lock, accept_clock=accept_clock, artifacts=artifacts)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        super().close()
        if self._lock is not None:
            self._lock.release()

    @property
    def holds_lock(self) -> bool:
        """No other process can have this chain open for sealing."""
        return self._lock is not None

    # sending

    def send(self, raw: bytes) -> None:
        """Durable when it returns. Known already: no effect.

        Raises: InputError(TRANSACTION_INVALID, TRANSACTION_TYPE, WRONG_CHAIN, GAS_TOO_HIGH,
        NONCE_TOO_LOW).
        """
        transaction = check_transaction(raw, self.engine.chain_id, BLOCK_GAS)
        with self._store.lock:
            if self._store.transaction(transaction.hash) is not None:
                return
            used = self._store.nonce(transaction.sender)
            if transaction.nonce < used:
                raise InputError(
                    "NONCE_TOO_LOW",
                    "another transaction of this account has this nonce",
                    expected=used,
                    given=transaction.nonce,
                )
            self._store.enqueue(transaction.hash, raw)
            if len(self._decoded) < _DECODED:
                self._decoded[transaction.hash] = transaction

    def seal(self) -> BlockRef | None:
        """One block of what waits and can run.

        Returns: None when nothing can run, or the clock is still in the head's second.
        Raises: UnavailableError(CLOCK_JUMP, CHAIN_UNAVAILABLE).
        """
        with self._store.lock:
            now = self._guard.now(self._head.timestamp)
            if now <= self._head.timestamp:
                return None
            waiting = self._store.waiting(_SCAN)
            if not waiting:
                return None
            builder = self.engine.builder(self._head, now)
            rejected = self._fill(builder, waiting)
            if builder.size == 0:
                if rejected:
                    self._store.reject(rejected)
                return None
            return self._commit(builder.finish(), rejected)

    def step(self) -> BlockRef | None:
        """For a worker's loop, as often as it likes: seals when a second has passed.

        Also leaves a sign of life in the file, so that a copy of it tells how old it is.
        """
        sealed = self.seal()
        now = self._clock.now()
        if now - self._beat_at >= _HEARTBEAT_S:
            self._store.save_meta({HEARTBEAT: now.to_bytes(8)})
            self._beat_at = now
        return sealed

    def _fill(self, builder: BlockBuilder, waiting: list[tuple[bytes, bytes]]) -> _Rejections:
        """Run what fits, in order of arrival; each account in order of its nonces."""
        rejected: _Rejections = {}
        early: dict[tuple[bytes, int], CheckedTransaction] = {}
        queue = deque(waiting)
        while queue:
            transaction = self._decode(*queue.popleft(), rejected)
            while transaction is not None:
                try:
                    builder.add(transaction)
                except BlockFullError:
                    return rejected
                except TransactionRefusedError as refused:
                    if refused.code == "NONCE_GAP":
                        early.setdefault((transaction.sender, transaction.nonce), transaction)
                    else:
                        rejected[transaction.hash] = (refused.code, refused.values)
                    break
                transaction = early.pop((transaction.sender, transaction.nonce + 1), None)
        return rejected

    def _decode(
        self, transaction_hash: bytes, raw: bytes, rejected: _Rejections
    ) -> CheckedTransaction | None:
        known = self._decoded.get(transaction_hash)
        if known is not None:
            return known
        try:
            return check_transaction(raw, self.engine.chain_id, BLOCK_GAS)
        except InputError as error:
            rejected[transaction_hash] = (error.code, (error.message,))
            return None

    def _commit(self, sealed: Sealed, rejected: _Rejections) -> BlockRef:
        rows = sealed.rows(rejected)
        try:
            self._store.commit(self.engine.nodes.buffer, rows)
        finally:
            self.engine.nodes.clear()
        self._head = sealed.header
        for transaction in rows.transactions:
            self._decoded.pop(transaction.hash, None)
        for transaction_hash in rejected:
            self._decoded.pop(transaction_hash, None)
        return rows.ref

    # copies of the chain

    def import_block(self, block_rlp: bytes) -> BlockRef:
        """Run another installation's block and keep it if it gives what its header says.

        Raises: InputError(BLOCK_INVALID, BLOCK_GAP, BLOCK_FROM_FUTURE, WRONG_CHAIN, …),
        ConflictError(CHAIN_FORKED) when it contradicts a block we have.
        """
        block = decode_block(block_rlp)
        given, block_hash = block.header.block_number, block.header.hash
        with self._store.lock:
            number = self._head.block_number
            known = self._store.block(given) if given <= number else None
            if known is not None and known.hash == block_hash:
                return known
            if given > number + 1:
                raise InputError("BLOCK_GAP", f"block {number + 1} comes before {given}")
            if known is not None or block.header.parent_hash != self._head.hash:
                raise ConflictError(
                    "CHAIN_FORKED",
                    f"block {given} does not continue our block {number}",
                    number=given,
                    ours=(known.hash if known else self._head.hash).hex(),
                    theirs=block_hash.hex(),
                )
            if not self._head.timestamp < block.header.timestamp <= self._clock.now() + _FUTURE_S:
                raise InputError("BLOCK_FROM_FUTURE", "the block's time is out of order or to come")
            return self._commit(self.engine.execute(block, self._head), {})

    def import_blocks(self, blocks: Iterable[bytes], confirm: Callable[[], None] = lambda: None) -> BlockRef:
        """Many blocks in one durable write: all of them or none.

        Args:
            blocks: consecutive, as `import_block` takes them; may be made while they are taken.
            confirm: asked when all have run and nothing is durable yet; what it raises undoes them.
        Returns: the new head.
        Raises: as `import_block`, and what `confirm` raises.
        """
        with self._store.lock:
            try:
                with self._store.write():
                    for block_rlp in blocks:
                        self.import_block(block_rlp)
                    confirm()
            except BaseException:
                self._start_again()
                raise
            return self.head()

    def _start_again(self) -> None:
        """Forget what was executed and not kept: the file alone counts."""
        self.engine = Engine(self._store)
        self._head = self.engine.header(self._store.head().number)

    # reading

    def read(self, call: ContractCall) -> Any:
        """Raises: RefusedError(<custom error's name>) with its values in `detail`."""
        with self._store.lock:
            result = self.engine.call(self._head, self.contract(call.contract), self.encode(call))
        if result.failed:
            name, values = self.failure(result.output)
            raise RefusedError(name, f"{call.function} refused: {name}{values}", values=json_values(values))
        return self.codec.decode_result(call, result.output)

    def code(self, address: bytes) -> bytes:
        """Deployed code at the head."""
        with self._store.lock, self.engine.state_at(self._head) as state:
            return bytes(state.get_code(Address(address)))

    @property
    def head_header(self) -> Any:
        """py-evm's header of the newest block, for the web3 face."""
        return self._head

    def save_contracts(self, values: dict[str, bytes]) -> None:
        """Facts of the deployment, as `info` tells them."""
        self._store.save_meta(values)


def _require_empty(store: ChainStore) -> None:
    if not store.is_empty():
        raise ConflictError("CHAIN_EXISTS", f"{store.path} already holds a chain")
