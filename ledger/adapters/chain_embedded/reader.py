"""The chain file as every process may read it, also while another one seals.

Imports no EVM: starts in milliseconds and reads header, transaction and log tables only. What needs
the EVM or writes is refused with CHAIN_LOCKED; such work goes through the outbox to the process that
holds the lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from ledger.adapters.abi import Artifacts, ContractCodec, gas_limit_of, issuer_id
from ledger.adapters.chain_embedded.accounts import state_root_of
from ledger.adapters.chain_embedded.calldata import calldata_of
from ledger.adapters.chain_embedded.process_lock import is_sealed_here
from ledger.adapters.chain_embedded.store import OUT_OF_GAS, ChainStore, LogRow
from ledger.core.errors import NotFoundError, UnavailableError
from ledger.core.model import BlockRef, ChainInfo, LedgerEvent
from ledger.ports import (
    ChainSigner,
    ContractCall,
    ContractName,
    PreparedTransaction,
    TransactionOutcome,
)

MIRROR_MARK = "mirror"
"""Meta row of a copy that another process fills: it is never the source, however it is sealed."""
HEARTBEAT = "alive_at"
"""Meta row: when the sealing process last looked at its clock, 8 bytes big-endian."""


class ChainFile:
    """What the sealing process and the readers share of the Chain port.

    Args:
        store: an open chain file.
        artifacts: of the contracts; None loads the shipped ones when first needed.
    """

    def __init__(self, store: ChainStore, artifacts: Artifacts | None = None) -> None:
        self._store = store
        self._artifacts = artifacts

    @cached_property
    def codec(self) -> ContractCodec:
        return ContractCodec(self._artifacts)

    @property
    def store(self) -> ChainStore:
        """The tables, for the web3 face and for tests."""
        return self._store

    def close(self) -> None:
        """The file may be opened by others afterwards."""
        self._store.close()

    def info(self) -> ChainInfo:
        """Addresses and code hashes are zero bytes until the contracts are deployed."""
        return self._store.info()

    def head(self) -> BlockRef:
        return self._store.head()

    def block(self, number: int) -> BlockRef | None:
        return self._store.block(number)

    def block_rlp(self, number: int) -> bytes | None:
        """A block as import_block takes it, None above the head."""
        return self._store.block_rlp(number)

    def state_root(self, number: int) -> bytes:
        """The state after a block, as its header commits to it: 32 bytes.

        Raises: NotFoundError(BLOCK_ABOVE_HEAD), UnavailableError(CHAIN_UNAVAILABLE) if the file is damaged.
        """
        with self._store.snapshot():
            block, raw = self._store.block(number), self._store.block_rlp(number)
        if block is None or raw is None:
            raise NotFoundError("BLOCK_ABOVE_HEAD", f"There is no block {number} yet.", block=number)
        return state_root_of(raw, block.hash)

    def next_nonce(self, address: bytes) -> int:
        return self._store.nonce(address)

    def encode(self, call: ContractCall) -> bytes:
        return self.codec.encode(call)

    def prepare(self, call: ContractCall, signer: ChainSigner, nonce: int) -> PreparedTransaction:
        """Raises: InputError(CALL_INVALID), NotFoundError(CONTRACT_MISSING) before deployment."""
        from ledger.adapters.transaction import sign_transaction  # noqa: PLC0415  0.2 s, to write only

        data = self.encode(call)
        return sign_transaction(
            signer,
            chain_id=self._store.chain_id(),
            nonce=nonce,
            to=self.contract(call.contract),
            data=data,
            gas=gas_limit_of(call, data),
        )

    def contract(self, name: ContractName) -> bytes:
        """Address of a contract. Raises: NotFoundError(CONTRACT_MISSING)."""
        address = self._store.meta(name)
        if address is None:
            raise NotFoundError("CONTRACT_MISSING", f"the {name} contract is not deployed yet")
        return address

    def outcome(self, transaction_hash: bytes) -> TransactionOutcome:
        with self._store.snapshot():
            row = self._store.transaction(transaction_hash)
            if row is not None:
                block = self._store.block(row.block)
                if row.status:
                    return TransactionOutcome("final", block)
                return TransactionOutcome("reverted", block, self.failure(row.output))
            if self._store.is_waiting(transaction_hash):
                return TransactionOutcome("pending")
            rejection = self._store.rejection(transaction_hash)
        if rejection is not None:
            return TransactionOutcome("rejected", error=rejection)
        return TransactionOutcome("unknown")

    def failure(self, output: bytes) -> tuple[str, tuple[Any, ...]]:
        """Custom error's name and values, or why the EVM stopped."""
        if output == OUT_OF_GAS:
            return "OutOfGas", ()
        return self.codec.decode_error(output)

    def events(self, first: int, last: int, names: frozenset[str] | None = None) -> Iterator[LedgerEvent]:
        """See Chain; of these names only, which are picked before anything is decoded."""
        addresses = {self._store.meta("registry"), self._store.meta("ledger")} - {None}
        if not addresses:
            return
        topics = [] if names is None else self.codec.event_topics(names)
        where = f"block BETWEEN ? AND ? AND address IN ({','.join('?' * len(addresses))})"
        if names is not None:
            where += f" AND topic0 IN ({','.join('?' * len(topics))})"
        rows = self._store.logs(where, (first, last, *addresses, *topics))
        block: BlockRef | None = None
        for log in rows:
            if block is None or block.number != log.block:
                block = self._store.block(log.block)
            event = self._event(log, block)
            if event is not None:
                yield event

    def proposed(self, transaction_hash: bytes) -> tuple[ContractCall, bytes] | None:
        """The act that this transaction proposed, out of its block's bytes; None when it cannot be told."""
        row = self._store.transaction(transaction_hash)
        content = None if row is None else self._store.block_rlp(row.block)
        if row is None or content is None:
            return None
        return self.codec.proposed(calldata_of(content, row.position))

    def anchor_event(self, issuer: str, root: bytes) -> LedgerEvent | None:
        """The event that anchored this root, by index: anchor state without the EVM."""
        topic = self.codec["ledger"].event_topic("BatchAnchored")
        rows = self._store.logs(
            "topic2=? AND topic1=? AND topic0=? AND address=?",
            (root, issuer_id(issuer).ljust(32, b"\0"), topic, self.contract("ledger")),
        )
        for log in rows:
            return self._event(log, self._store.block(log.block))
        return None

    def _event(self, log: LogRow, block: BlockRef | None) -> LedgerEvent | None:
        if block is None:
            raise RuntimeError("a log without its block: the chain file is damaged")
        contract: ContractName = "registry" if log.address == self._store.meta("registry") else "ledger"
        decoded = self.codec[contract].decode_log(log.topics, log.data)
        if decoded is None:
            return None
        name, args = decoded
        return LedgerEvent(name, args, block, log.tx_hash, log.position)

    def waiting_count(self) -> int:
        """Transactions that no block has yet."""
        return self._store.waiting_count()

    def alive_at(self) -> int:
        """When the sealing process was last known to run, seconds; the head's time at least."""
        beat = self._store.meta(HEARTBEAT)
        return max(int.from_bytes(beat) if beat else 0, self.head().time)

    def change_stamp(self) -> bytes:
        """Differs from an earlier one when somebody wrote to the file in between."""
        return self._store.change_stamp()


class EmbeddedReader(ChainFile):
    """Read-only side of the Chain port for processes without the lock.

    Args:
        path: the chain file.
    Raises: NotFoundError(CHAIN_MISSING), UnavailableError(CHAIN_UNAVAILABLE).
    """

    def __init__(self, path: Path, artifacts: Artifacts | None = None) -> None:
        if not path.is_file():
            raise NotFoundError("CHAIN_MISSING", f"there is no chain file {path.name}")
        store = ChainStore(path, read_only=True)
        store.require_schema()
        super().__init__(store, artifacts)
        self._path = path

    @property
    def is_source(self) -> bool:
        """Whether this is an installation's own file: its lock file names it, and not what it was copied from."""
        return is_sealed_here(self._path) and self._store.meta(MIRROR_MARK) is None

    def send(self, raw: bytes) -> None:  # noqa: ARG002  the port's
        raise _locked("send")

    def read(self, call: ContractCall) -> Any:
        raise _locked(call.function)


def _locked(what: str) -> UnavailableError:
    return UnavailableError(
        "CHAIN_LOCKED", f"{what}: only the process that seals runs the EVM; use the outbox or the view"
    )
