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
from typing import Any, cast

import rlp
from eth.abc import (
    AtomicDatabaseAPI,
    BlockHeaderAPI,
    ComputationAPI,
    MessageAPI,
    ReceiptAPI,
    SignedTransactionAPI,
    StateAPI,
)
from eth.constants import BLANK_ROOT_HASH, POST_MERGE_NONCE, ZERO_HASH32
from eth.exceptions import OutOfGas, Revert
from eth.typing import JournalDBCheckpoint
from eth.vm.chain_context import ChainContext
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.forks.prague.state import PragueState, PragueTransactionExecutor
from eth.vm.message import Message
from eth.vm.spoof import SpoofTransaction
from eth_hash.auto import keccak
from eth_hash.backends import pysha3
from eth_keys.backends.coincurve import CoinCurveECCBackend
from eth_keys.datatypes import PrivateKey
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.exceptions import ValidationError
from lru import LRU

from ledger.adapters.abi import BLOCK_GAS
from ledger.adapters.chain_embedded.interpreter import LedgerComputation
from ledger.adapters.chain_embedded.state_db import LedgerAccounts
from ledger.adapters.chain_embedded.state_trie import TrieNodes
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
_CACHED_CODES = 64
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


class NodeDb:
    """Nodes of the state's tries and codes of contracts by their hash; new ones wait until their block is kept."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store
        self._codes: LRU[bytes, bytes] = LRU(_CACHED_CODES)
        self.buffer: dict[bytes, bytes] = {}
        self.trie_nodes = TrieNodes(self._stored)

    def __getitem__(self, key: bytes) -> bytes:
        """A code. Raises: KeyError."""
        value = self._codes.get(key)
        if value is None:
            value = self._stored(key)
            if value is None:
                raise KeyError(key)
            self._codes[key] = value
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.buffer[key] = value

    def __contains__(self, key: bytes) -> bool:
        return self._stored(key) is not None

    def clear(self) -> None:
        """What waits is in the file now, or no block holds it."""
        self.buffer = {}

    def _stored(self, key: bytes) -> bytes | None:
        # nodes of older states stay in the file: every past block can be read again
        return self.buffer.get(key) or self._store.node(key)


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

    account_db_class = LedgerAccounts
    computation_class = LedgerComputation
    transaction_executor_class = _Executor
    _account_db: LedgerAccounts

    def snapshot(self) -> tuple[Hash32, JournalDBCheckpoint]:
        """One checkpoint for everything, transient storage included."""
        return self.state_root, self._account_db.record()

    def commit(self, snapshot: tuple[Hash32, JournalDBCheckpoint]) -> None:
        self._account_db.commit(snapshot[1])

    def revert(self, snapshot: tuple[Hash32, JournalDBCheckpoint]) -> None:
        self._account_db.state_root = snapshot[0]
        self._account_db.discard(snapshot[1])

    def get_transient_storage(self, address: Address, slot: int) -> bytes:
        return self._account_db.get_transient_storage(address, slot)

    def set_transient_storage(self, address: Address, slot: int, value: bytes) -> None:
        self._account_db.set_transient_storage(address, slot, value)

    def clear_transient_storage(self) -> None:
        self._account_db.clear_transient_storage()


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
        return decode_block(raw).header

    def builder(self, parent: BlockHeaderAPI, time: int) -> BlockBuilder:
        """Start the block after `parent`."""
        context = ExecutionContext(
            coinbase=_ZERO_ADDRESS,
            timestamp=time,
            block_number=BlockNumber(parent.block_number + 1),
            difficulty=0,
            mix_hash=ZERO_HASH32,
            gas_limit=parent.gas_limit,
            prev_hashes=self._previous_hashes(parent.hash, parent.block_number),
            chain_id=self.chain_id,
            base_fee_per_gas=0,
            excess_blob_gas=0,
        )
        return BlockBuilder(
            LedgerState(cast("AtomicDatabaseAPI", self.nodes), context, parent.state_root), parent, time
        )

    def _state(self, header: BlockHeaderAPI) -> StateAPI:
        context = PragueVM.create_execution_context(
            header, self._previous_hashes(header.parent_hash, header.block_number - 1), self._context
        )
        return LedgerState(cast("AtomicDatabaseAPI", self.nodes), context, header.state_root)

    def _previous_hashes(self, newest: bytes, number: int) -> Iterator[Hash32]:
        yield Hash32(newest)
        for (block_hash,) in self._store.rows(
            "SELECT hash FROM block WHERE number<? ORDER BY number DESC LIMIT 255", (number,)
        ):
            yield block_hash

    def execute(self, block: ForeignBlock, parent: BlockHeaderAPI) -> Sealed:
        """Run a foreign block and compare every header field by its hash.

        Raises: InputError(BLOCK_INVALID), and what check_transaction raises.
        """
        builder = self.builder(parent, block.header.timestamp)
        number = block.header.block_number
        for raw in block.transactions:
            try:
                builder.add(check_transaction(raw, self.chain_id, BLOCK_GAS))
            except (TransactionRefusedError, BlockFullError) as error:
                raise InputError(
                    "BLOCK_INVALID", f"a transaction of block {number} cannot run: {error}"
                ) from error
        sealed = builder.finish()
        if sealed.header.hash != block.header.hash:
            self.nodes.clear()
            raise InputError(
                "BLOCK_INVALID",
                f"block {number} does not give what its header says",
                expected=block.header.hash.hex(),
                computed=sealed.header.hash.hex(),
            )
        if sealed.rlp != block.rlp:
            self.nodes.clear()
            raise InputError("BLOCK_INVALID", "the block is not canonically encoded")
        return sealed

    # reading state

    @contextmanager
    def state_at(self, header: BlockHeaderAPI) -> Iterator[StateAPI]:
        """State after a block, changes undone at the end. The newest one stays warm."""
        if self._view is None or self._view[0] != header.hash:
            self._view = (header.hash, self._state(header))
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
        parent: header of the block before.
        time: of this block, seconds.
    """

    def __init__(self, state: StateAPI, parent: BlockHeaderAPI, time: int) -> None:
        self._state = state
        self._parent = parent
        self._time = time
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
        header = PragueBlockHeader(
            difficulty=0,
            block_number=BlockNumber(self._parent.block_number + 1),
            gas_limit=self._parent.gas_limit,
            timestamp=self._time,
            parent_hash=self._parent.hash,
            nonce=POST_MERGE_NONCE,
            parent_beacon_block_root=BLANK_ROOT_HASH,  # as py-evm fills it in
            state_root=self._state.state_root,
            transaction_root=Hash32(ordered_root([item.transaction.raw for item in self._done])),
            receipt_root=Hash32(ordered_root([item.receipt.encode() for item in self._done])),
            gas_used=self._gas_used,
            bloom=self._bloom,
        )
        return Sealed(header, _encode_block(header, self._done), self._done)


@dataclass(frozen=True, slots=True)
class ForeignBlock:
    """A block as it came: its header, the encoded transactions, its RLP."""

    header: BlockHeaderAPI
    transactions: tuple[bytes, ...]
    rlp: bytes


def decode_block(raw: bytes) -> ForeignBlock:
    """Raises: InputError(BLOCK_INVALID).

    Transactions are looked at when they run; so is whether the encoding is canonical, by encoding what came out.
    """
    try:
        header, transactions, uncles, withdrawals = rlp.decode(raw)
        listed = tuple(rlp.encode(one) if isinstance(one, list) else one for one in transactions)
        found = ForeignBlock(PragueBlockHeader.deserialize(header), listed, raw)
    except (rlp.exceptions.RLPException, ValueError, TypeError) as error:
        raise InputError("BLOCK_INVALID", f"not a block: {error}") from error
    if not isinstance(transactions, list) or uncles != [] or withdrawals != []:
        raise InputError("BLOCK_INVALID", "the block has parts that no block of a ledger has")
    return found


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
