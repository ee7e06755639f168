"""The Chain port in memory, with the contracts' rules in Python: no EVM, no file.

For tests, and as the contracts' independent twin: the same events, the same custom errors. Knowingly
different, each with a test: there is no gas; signers of kind ERC-1271 are not checked but refused
(LedgerBadSignature, RegistryBadSignature); only legacy transactions are read; views that
only the other contract asks (`require…`) do not exist; two further digest views neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ledger.adapters.abi import ContractCodec, issuer_id, json_values, keccak256
from ledger.adapters.chain_embedded.clock_guard import ClockGuard
from ledger.adapters.chain_memory_ledger import MemoryLedger
from ledger.adapters.chain_memory_passkey import is_signed_by_passkey
from ledger.adapters.chain_memory_registry import MemoryRegistry
from ledger.adapters.chain_memory_state import Context, Function, RevertedError, Tables
from ledger.adapters.founding import Founding
from ledger.adapters.transaction import (
    LegacyTransaction,
    read_transaction,
    recover_address,
    sign_transaction,
)
from ledger.core import eip712
from ledger.core.errors import InputError, RefusedError
from ledger.core.model import BlockRef, ChainInfo, LedgerEvent
from ledger.ports import (
    ChainSigner,
    Clock,
    ContractCall,
    ContractName,
    PreparedTransaction,
    TransactionOutcome,
)

_GAS = 1_000_000  # any: nothing counts it
_ECDSA_KIND = 1
_PASSKEY_KIND = b"\x03"
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # EIP-2


class MemoryChain:
    """See the module.

    Args:
        clock: injected; the same rules as the embedded chain's.
        founding: what the registry's constructor fixes.
        chain_id: any.
        seed: makes the ledger id.
    """

    def __init__(self, clock: Clock, founding: Founding, *, chain_id: int = 1_234_567, seed: int = 1) -> None:
        self._clock = clock
        self._codec = ContractCodec()
        ledger_id = keccak256(b"memory ledger %d" % seed)
        registry, ledger = keccak256(b"registry")[12:], keccak256(b"ledger")[12:]
        self._info = ChainInfo(
            chain_id, ledger_id, registry, ledger, keccak256(b"registry code"), keccak256(b"code")
        )
        self._tables = Tables()
        self._registry = MemoryRegistry(
            eip712.registry_domain(chain_id, registry, ledger_id), is_signed, self._decode_act
        )
        self._ledger = MemoryLedger(
            eip712.ledger_domain(chain_id, ledger, ledger_id), self._registry, is_signed, ledger
        )
        self._functions: dict[ContractName, dict[str, Function]] = {
            "registry": self._registry.functions(),
            "ledger": self._ledger.functions(),
        }
        self._views: dict[ContractName, dict[str, Function]] = {
            "registry": self._registry.views(),
            "ledger": self._ledger.views(registry),
        }
        genesis = BlockRef(0, ledger_id, clock.now() - 1)
        self._blocks = [genesis]
        self._events: list[list[LedgerEvent]] = [[]]
        self._outcomes: dict[bytes, TransactionOutcome] = {}
        self._nonces: dict[bytes, int] = {}
        self._waiting: dict[bytes, LegacyTransaction] = {}
        self._calldata: dict[bytes, bytes] = {}
        self._guard = ClockGuard(clock, genesis.time, accept_clock=True)
        self._found(founding)

    def _found(self, founding: Founding) -> None:
        context = Context(self._tables, self._clock.now(), bytes(20))
        self._registry.construct(
            context,
            founding.governance,
            issuer_id(founding.root_issuer),
            founding.admin1,
            founding.admin2,
            founding.directory_hash,
        )
        self._tables.keep()
        block = self._next_block(context.time, [b"founding"])
        self._close_block(block, [(bytes(32), context)])

    # the port

    def info(self) -> ChainInfo:
        """Both contracts are there from the start."""
        return self._info

    def head(self) -> BlockRef:
        """See Chain."""
        return self._blocks[-1]

    def block(self, number: int) -> BlockRef | None:
        """See Chain."""
        return self._blocks[number] if 0 <= number < len(self._blocks) else None

    def next_nonce(self, address: bytes) -> int:
        """See Chain."""
        return self._nonces.get(address, 0)

    def encode(self, call: ContractCall) -> bytes:
        """See Chain."""
        return self._codec.encode(call)

    def prepare(self, call: ContractCall, signer: ChainSigner, nonce: int) -> PreparedTransaction:
        """See Chain."""
        to = self._info.registry if call.contract == "registry" else self._info.ledger
        return sign_transaction(
            signer,
            chain_id=self._info.chain_id,
            nonce=nonce,
            to=to,
            data=self.encode(call),
            gas=_GAS,
        )

    def send(self, raw: bytes) -> None:
        """See Chain. Raises: InputError(TRANSACTION_INVALID, TRANSACTION_TYPE, WRONG_CHAIN, NONCE_TOO_LOW)."""
        transaction = read_transaction(raw, self._info.chain_id)
        if transaction.hash in self._waiting:
            return
        known = self._outcomes.get(transaction.hash)
        if known is not None and known.state != "rejected":
            return
        if transaction.nonce < self.next_nonce(transaction.sender):
            raise InputError(
                "NONCE_TOO_LOW",
                "another transaction of this account has this nonce",
                expected=self.next_nonce(transaction.sender),
                given=transaction.nonce,
            )
        self._waiting[transaction.hash] = transaction

    def outcome(self, transaction_hash: bytes) -> TransactionOutcome:
        """See Chain."""
        if transaction_hash in self._waiting:
            return TransactionOutcome("pending")
        return self._outcomes.get(transaction_hash, TransactionOutcome("unknown"))

    def read(self, call: ContractCall) -> Any:
        """See Chain."""
        view = self._views[call.contract].get(call.function)
        if view is None:
            raise InputError("CALL_INVALID", f"the memory chain has no view {call.function}")
        self.encode(call)
        try:
            return view(Context(self._tables, self.head().time, bytes(20)), *call.args)
        except RevertedError as error:
            raise RefusedError(
                error.code,
                f"{call.function} refused: {error.code}{error.values}",
                values=json_values(error.values),
            ) from error

    def events(self, first: int, last: int, names: frozenset[str] | None = None) -> Iterator[LedgerEvent]:
        """See Chain."""
        for events in self._events[first : last + 1]:
            yield from (event for event in events if names is None or event.name in names)

    def proposed(self, transaction_hash: bytes) -> tuple[ContractCall, bytes] | None:
        """See bootstrap_chain.Reader."""
        data = self._calldata.get(transaction_hash)
        return None if data is None else self._codec.proposed(data)

    # sealing

    def seal(self) -> BlockRef | None:
        """See EmbeddedChain.seal."""
        now = self._guard.now(self.head().time)
        if now <= self.head().time:
            return None
        done: list[tuple[bytes, Context]] = []
        results: dict[bytes, tuple[str, tuple[Any, ...]] | None] = {}
        progress = True
        while progress:
            progress = False
            for transaction in list(self._waiting.values()):
                expected = self.next_nonce(transaction.sender)
                if transaction.nonce > expected:
                    continue
                del self._waiting[transaction.hash]
                if transaction.nonce < expected:
                    error = ("NONCE_TOO_LOW", (expected, transaction.nonce))
                    self._outcomes[transaction.hash] = TransactionOutcome("rejected", error=error)
                    continue
                context = Context(self._tables, now, transaction.sender)
                self._calldata[transaction.hash] = transaction.data
                results[transaction.hash] = self._execute(transaction, context)
                done.append((transaction.hash, context))
                progress = True
        if not done:
            return None
        block = self._next_block(now, [transaction_hash for transaction_hash, _ in done])
        for transaction_hash, failure in results.items():
            state = TransactionOutcome("final", block)
            if failure is not None:
                state = TransactionOutcome("reverted", block, failure)
            self._outcomes[transaction_hash] = state
        self._close_block(block, done)
        return block

    def step(self) -> BlockRef | None:
        """See EmbeddedChain.step."""
        return self.seal()

    def _execute(
        self, transaction: LegacyTransaction, context: Context
    ) -> tuple[str, tuple[Any, ...]] | None:
        """Why it reverted, or None. A reverted call leaves nothing but its nonce."""
        self._nonces[transaction.sender] = transaction.nonce + 1
        contract: ContractName = "registry" if transaction.to == self._info.registry else "ledger"
        try:
            name, args = self._codec[contract].decode_call(transaction.data)
            self._functions[contract][name](context, *args)
        except RevertedError as error:
            self._tables.undo()
            context.events.clear()
            return error.code, error.values
        except (InputError, KeyError):
            self._tables.undo()
            context.events.clear()
            return "Reverted", (b"",)
        self._tables.keep()
        return None

    def _next_block(self, time: int, hashes: list[bytes]) -> BlockRef:
        parent = self._blocks[-1]
        number = parent.number + 1
        content = parent.hash + number.to_bytes(8) + time.to_bytes(8) + b"".join(hashes)
        return BlockRef(number, keccak256(content), time)

    def _close_block(self, block: BlockRef, done: list[tuple[bytes, Context]]) -> None:
        events: list[LedgerEvent] = []
        for transaction_hash, context in done:
            for name, args in context.events:
                events.append(LedgerEvent(name, args, block, transaction_hash, len(events)))
        self._blocks.append(block)
        self._events.append(events)

    def _decode_act(self, act: bytes) -> tuple[str, tuple[Any, ...]] | None:
        try:
            return self._codec["registry"].decode_call(act)
        except InputError:
            return None


def is_signed(signer: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether this account or passkey signed; contracts as signers: no."""
    if signature[:1] == _PASSKEY_KIND:
        return is_signed_by_passkey(signer, digest, signature[1:])
    if len(signature) != 66 or signature[0] != _ECDSA_KIND or signature[65] not in {27, 28}:
        return False
    if int.from_bytes(signature[33:65]) > _HALF_ORDER:
        return False
    recovered = recover_address(digest, signature[1:65] + bytes([signature[65] - 27]))
    return recovered is not None and bytes(12) + recovered == signer
