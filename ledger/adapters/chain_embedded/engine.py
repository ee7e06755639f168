"""Executes transactions and blocks with py-evm.

Only what the ledger needs of py-evm is used: its Prague state transition and its RLP shapes. Block
building, storage and indexes are ours, so that an invalid transaction does not sink its batch, chain
ids are checked, and a block is one write. Prague, since its calldata floor makes gas figures no lower
than on current networks; the contracts themselves need Cancun only.

Invariants: the base fee stays 0 by EIP-1559's own rule, because blocks are filled to half their gas
limit at most; every header field but the time follows from the parent and the transactions, so that
re-execution must give the same hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import rlp
from eth.abc import (
    AtomicWriteBatchAPI,
    BlockHeaderAPI,
    ComputationAPI,
    MessageAPI,
    ReceiptAPI,
    SignedTransactionAPI,
    StateAPI,
)
from eth.db.atomic import AtomicDBWriteBatch
from eth.db.backends.base import BaseAtomicDB
from eth.exceptions import OutOfGas, Revert, UnrecognizedTransactionType
from eth.vm.chain_context import ChainContext
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlock
from eth.vm.forks.prague.state import PragueState, PragueTransactionExecutor
from eth.vm.message import Message
from eth.vm.spoof import SpoofTransaction
from eth_hash.auto import keccak
from eth_hash.backends import pysha3
from eth_keys.backends.coincurve import CoinCurveECCBackend
from eth_keys.datatypes import PrivateKey
from eth_typing import Address, Hash32
from eth_utils.exceptions import ValidationError
from lru import LRU

from ledger.adapters.abi import BLOCK_GAS
from ledger.adapters.chain_embedded.interpreter import LedgerComputation
from ledger.adapters.chain_embedded.store import (
    OUT_OF_GAS,
    ChainStore,
    LogRow,
    SealedRows,
    TransactionRow,
)
from ledger.adapters.chain_embedded.transactions import CheckedTransaction, check_transaction
from ledger.adapters.chain_embedded.tries import list_prefix, ordered_root
from ledger.adapters.transaction import contract_address
from ledger.core.errors import InputError
from ledger.core.model import BlockRef

_GAS_LIMIT = 2 * BLOCK_GAS
_ZERO_ADDRESS = Address(bytes(20))
_NEW_CONTRACT = Address(b"")
_CACHED_NODES = 200_000
_SUCCESS, _FAILURE = b"\x01", b""  # EIP-658 status codes as py-evm wants them
_NO_UNCLES = _NO_WITHDRAWALS = b"\xc0"


def require_fast_libraries() -> None:
    """Stop if py-evm would run on its slow fallbacks.

    Raises: RuntimeError. Settings choose pysha3 before anything hashes; coincurve is a requirement.
    """
    keccak(b"")
    if keccak.hasher != pysha3.backend.keccak256:
        raise RuntimeError("ETH_HASH_BACKEND must be pysha3: load the settings before the chain")
    if not isinstance(PrivateKey(bytes(31) + b"\x01").backend, CoinCurveECCBackend):
        raise RuntimeError("coincurve is not installed: install the locked requirements")  # noqa: TRY004  set-up


class NodeDb(BaseAtomicDB):
    """State tries: writes wait in a buffer until their block is committed; reads see buffer, cache, file."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store
        self._cache: LRU[bytes, bytes] = LRU(_CACHED_NODES)
        self.buffer: dict[bytes, bytes] = {}

    def __getitem__(self, key: bytes) -> bytes:
        value = self.buffer.get(key)
        if value is None:
            value = self._cache.get(key)
        if value is None:
            value = self._store.node(key)
            if value is None:
                raise KeyError(key)
            self._cache[key] = value
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.buffer[key] = bytes(value)

    def __delitem__(self, key: bytes) -> None:
        # Nodes of older states stay in the file: every past block can be read again.
        self.buffer.pop(key, None)

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True

    @contextmanager
    def atomic_batch(self) -> Iterator[AtomicWriteBatchAPI]:
        with AtomicDBWriteBatch._commit_unless_raises(self) as batch:  # noqa: SLF001  as py-evm's own
            yield batch

    def committed(self) -> None:
        """The buffer is in the file now."""
        self._cache.update(self.buffer)
        self.buffer = {}

    def discard(self) -> None:
        """Forget what no block holds."""
        self.buffer = {}


class _Executor(PragueTransactionExecutor):
    """py-evm's, without checking a signature three times and writing log lines nobody reads."""

    def validate_transaction(self, transaction: SignedTransactionAPI) -> None:
        self.vm_state.validate_transaction(transaction)

    def build_evm_message(self, transaction: SignedTransactionAPI) -> MessageAPI:
        state, sender = self.vm_state, transaction.sender
        fee = transaction.gas * state.get_gas_price(transaction)
        if fee:
            state.delta_balance(sender, -fee)
        state.increment_nonce(sender)
        gas = transaction.gas - transaction.intrinsic_gas
        if transaction.to:
            return Message(
                gas=gas,
                to=transaction.to,
                sender=sender,
                value=transaction.value,
                data=transaction.data,
                code=state.get_code(transaction.to),
            )
        return Message(
            gas=gas,
            to=_NEW_CONTRACT,
            sender=sender,
            value=transaction.value,
            data=b"",
            code=transaction.data,
            create_address=Address(contract_address(sender, state.get_nonce(sender) - 1)),
        )


class LedgerState(PragueState):
    """Prague; delegated accounts (EIP-7702) cannot occur, their transactions are refused."""

    computation_class = LedgerComputation
    transaction_executor_class = _Executor


class TransactionRefusedError(Exception):
    """This transaction cannot run now. `code` and `values` say why; never leaves the package."""

    def __init__(self, code: str, *values: Any) -> None:
        super().__init__(code, values)
        self.code = code
        self.values = values


class BlockFullError(Exception):
    """No room left for this transaction in this block; never leaves the package."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call gave: `output` is the result, or the revert data when `failed`."""

    output: bytes
    failed: bool
    gas_used: int


@dataclass(slots=True)
class _Done:
    transaction: CheckedTransaction
    receipt: ReceiptAPI
    gas_used: int
    failure: bytes
    created: bytes | None


@dataclass(slots=True)
class Sealed:
    """A finished block, its nodes still in the buffer."""

    header: BlockHeaderAPI
    rlp: bytes
    done: list[_Done] = field(default_factory=list)

    def rows(self, rejected: Mapping[bytes, tuple[str, tuple[Any, ...]]] | None = None) -> SealedRows:
        """As the store wants it."""
        number = self.header.block_number
        transactions: list[TransactionRow] = []
        logs: list[LogRow] = []
        nonces: dict[bytes, int] = {}
        for position, item in enumerate(self.done):
            transaction = item.transaction
            nonces[transaction.sender] = transaction.nonce + 1
            row = TransactionRow(
                hash=transaction.hash,
                block=number,
                position=position,
                sender=transaction.sender,
                status=int(item.receipt.state_root == _SUCCESS),
                gas_used=item.gas_used,
                output=item.failure,
                created=item.created,
            )
            transactions.append(row)
            for log in item.receipt.logs:
                topics = tuple(topic.to_bytes(32) for topic in log.topics)
                logs.append(
                    LogRow(number, len(logs), position, transaction.hash, log.address, topics, log.data)
                )
        return SealedRows(
            BlockRef(number, self.header.hash, self.header.timestamp), self.rlp,
            tuple(transactions), tuple(logs), nonces, rejected or {},
        )  # fmt: skip


class Engine:
    """The state transition over the tables of one chain file.

    Args:
        store: open for writing.
    """

    def __init__(self, store: ChainStore) -> None:
        require_fast_libraries()
        self._store = store
        self.nodes = NodeDb(store)
        self.chain_id = store.chain_id()
        self._context = ChainContext(self.chain_id)
        self._view: tuple[bytes, StateAPI] | None = None

    @staticmethod
    def genesis(time: int, extra: bytes) -> Sealed:
        """Block 0 without accounts. `extra`: 32 random bytes, they make its hash the ledger id."""
        header = PragueVM.create_genesis_header(
            difficulty=0, gas_limit=_GAS_LIMIT, timestamp=time, extra_data=extra, base_fee_per_gas=0
        )
        return Sealed(header, _encode_block(header, []))

    def header(self, number: int) -> BlockHeaderAPI:
        """Raises: KeyError above the head."""
        raw = self._store.block_rlp(number)
        if raw is None:
            raise KeyError(number)
        header: BlockHeaderAPI = rlp.decode(raw, PragueBlock).header
        return header

    def builder(self, parent: BlockHeaderAPI, time: int) -> BlockBuilder:
        """Start the block after `parent`."""
        header = PragueVM.create_header_from_parent(
            parent, gas_limit=parent.gas_limit, timestamp=time, coinbase=_ZERO_ADDRESS
        )
        return BlockBuilder(self._state(header, parent.hash), header)

    def _state(self, header: BlockHeaderAPI, newest: bytes) -> StateAPI:
        context = PragueVM.create_execution_context(
            header, self._previous_hashes(newest, header.block_number - 1), self._context
        )
        return LedgerState(self.nodes, context, header.state_root)

    def _previous_hashes(self, newest: bytes, number: int) -> Iterator[Hash32]:
        yield Hash32(newest)
        for (block_hash,) in self._store.rows(
            "SELECT hash FROM block WHERE number<? ORDER BY number DESC LIMIT 255", (number,)
        ):
            yield block_hash

    def execute(self, block: PragueBlock, parent: BlockHeaderAPI) -> Sealed:
        """Run a foreign block and compare every header field by its hash.

        Raises: InputError(BLOCK_INVALID), and what check_transaction raises.
        """
        builder = self.builder(parent, block.header.timestamp)
        for transaction in block.transactions:
            try:
                builder.add(check_transaction(transaction.encode(), self.chain_id, BLOCK_GAS))
            except (TransactionRefusedError, BlockFullError) as error:
                raise InputError(
                    "BLOCK_INVALID", f"a transaction of block {block.number} cannot run: {error}"
                ) from error
        sealed = builder.finish()
        if sealed.header.hash != block.header.hash:
            self.nodes.discard()
            raise InputError(
                "BLOCK_INVALID",
                f"block {block.number} does not give what its header says",
                expected=block.header.hash.hex(),
                computed=sealed.header.hash.hex(),
            )
        return sealed

    # reading state

    @contextmanager
    def state_at(self, header: BlockHeaderAPI) -> Iterator[StateAPI]:
        """State after a block, changes undone at the end. The newest one stays warm."""
        if self._view is None or self._view[0] != header.hash:
            self._view = (header.hash, self._state(header, header.parent_hash))
        state = self._view[1]
        snapshot = state.snapshot()
        try:
            yield state
        finally:
            state.revert(snapshot)

    def call(
        self,
        header: BlockHeaderAPI,
        to: bytes,
        data: bytes,
        *,
        sender: bytes = _ZERO_ADDRESS,
        gas: int = BLOCK_GAS,
    ) -> CallResult:
        """A call that changes nothing, in the context of the block itself as geth does."""
        with self.state_at(header) as state:
            target, origin = Address(to), Address(sender)
            code = state.get_code(target)
            message = Message(gas=gas, to=target, sender=origin, value=0, data=data, code=code)
            context = state.get_transaction_context_class()(gas_price=0, origin=origin)
            computation = state.computation_class.apply_message(state, message, context)
            return CallResult(
                _failure(computation) if computation.is_error else computation.output,
                computation.is_error,
                gas - computation.get_gas_remaining(),
            )

    def trial(
        self, header: BlockHeaderAPI, sender: bytes, to: bytes | None, data: bytes, gas: int
    ) -> CallResult:
        """Run as a transaction of this sender would, and undo it: for gas estimates."""
        with self.state_at(header) as state:
            unsigned = PragueVM.create_unsigned_transaction(
                nonce=state.get_nonce(Address(sender)),
                gas_price=0,
                gas=gas,
                to=Address(to or b""),
                value=0,
                data=data,
            )
            spoof: Any = SpoofTransaction(
                unsigned,
                from_=sender,
                access_list=(),
                max_fee_per_gas=0,
                max_priority_fee_per_gas=0,
            )
            if spoof.intrinsic_gas > gas:
                return CallResult(OUT_OF_GAS, failed=True, gas_used=gas)
            computation = state.apply_transaction(spoof)
            used = PragueVM.finalize_gas_used(spoof, computation)
            return CallResult(
                _failure(computation) if computation.is_error else computation.output,
                computation.is_error,
                used,
            )


class BlockBuilder:
    """One block in the making.

    Args:
        state: after the parent.
        header: its time and parent are set.
    """

    def __init__(self, state: StateAPI, header: BlockHeaderAPI) -> None:
        self._state = state
        self._header = header
        self._done: list[_Done] = []
        self._gas_used = 0
        self._bloom = 0

    @property
    def size(self) -> int:
        return len(self._done)

    def nonce(self, address: bytes) -> int:
        """The nonce that this account's next transaction must have."""
        return int(self._state.get_nonce(Address(address)))

    def add(self, transaction: CheckedTransaction) -> None:
        """Run one transaction. The state is untouched when it raises.

        Raises: BlockFullError; TransactionRefusedError(NONCE_TOO_LOW, NONCE_GAP, INSUFFICIENT_FUNDS,
        TRANSACTION_INVALID).
        """
        if self._gas_used + transaction.gas > BLOCK_GAS:
            raise BlockFullError
        self._require_runnable(transaction)
        self._state.lock_changes()
        snapshot = self._state.snapshot()
        try:
            computation = self._state.apply_transaction(transaction.inner)
        except ValidationError as error:
            self._state.revert(snapshot)
            raise TransactionRefusedError("TRANSACTION_INVALID", str(error)) from error
        self._state.commit(snapshot)
        used = PragueVM.finalize_gas_used(transaction.inner, computation)
        self._gas_used += used
        receipt = transaction.inner.make_receipt(
            _FAILURE if computation.is_error else _SUCCESS,
            self._gas_used,
            computation.get_log_entries(),
        )
        self._done.append(
            _Done(
                transaction,
                receipt,
                used,
                _failure(computation) if computation.is_error else b"",
                computation.msg.storage_address if computation.msg.is_create else None,
            )
        )
        self._bloom |= receipt.bloom

    def _require_runnable(self, transaction: CheckedTransaction) -> None:
        """Our own words for the reasons; py-evm checks the same once more."""
        expected, given = self.nonce(transaction.sender), transaction.nonce
        if given != expected:
            code = "NONCE_TOO_LOW" if given < expected else "NONCE_GAP"
            raise TransactionRefusedError(code, expected, given)
        if transaction.cost:
            balance = self._state.get_balance(Address(transaction.sender))
            if balance < transaction.cost:
                raise TransactionRefusedError("INSUFFICIENT_FUNDS", balance, transaction.cost)

    def finish(self) -> Sealed:
        """Write the state into the node buffer and make header and body."""
        self._state.persist()
        header = self._header.copy(
            state_root=self._state.state_root,
            transaction_root=ordered_root([item.transaction.raw for item in self._done]),
            receipt_root=ordered_root([item.receipt.encode() for item in self._done]),
            gas_used=self._gas_used,
            bloom=self._bloom,
        )
        return Sealed(header, _encode_block(header, self._done), self._done)


def decode_block(raw: bytes) -> PragueBlock:
    """Raises: InputError(BLOCK_INVALID)."""
    try:
        block: PragueBlock = rlp.decode(raw, PragueBlock)
        canonical = rlp.encode(block) == raw
    except (
        rlp.exceptions.RLPException, ValidationError, UnrecognizedTransactionType, ValueError,
        TypeError,
    ) as error:  # fmt: skip
        raise InputError("BLOCK_INVALID", f"not a block: {error}") from error
    if not canonical or block.uncles or block.withdrawals:
        raise InputError("BLOCK_INVALID", "the block is not canonically encoded")
    return block


def _encode_block(header: BlockHeaderAPI, done: list[_Done]) -> bytes:
    """[header, transactions, uncles, withdrawals], from the bytes that are there already.

    A typed transaction lies in the list as a byte string, a legacy one as itself (EIP-2718).
    """
    bodies = [
        item.transaction.raw if item.transaction.is_legacy else rlp.encode(item.transaction.raw)
        for item in done
    ]
    listed = b"".join(bodies)
    body: bytes = rlp.encode(header) + list_prefix(len(listed)) + listed + _NO_UNCLES + _NO_WITHDRAWALS
    return list_prefix(len(body)) + body


def _failure(computation: ComputationAPI) -> bytes:
    """Revert data; empty for a halt without data."""
    if isinstance(computation.error, Revert):
        return bytes(computation.output)
    return OUT_OF_GAS if isinstance(computation.error, OutOfGas) else b""
