"""Lets web3.py talk to an embedded chain in the same process, as it would to a real node.

For contract tests and for operators; the product itself never imports web3. Reverts carry their data,
so that web3 raises ContractCustomError as it does against geth or Besu.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import rlp
from eth.vm.forks.prague.blocks import PragueBlock
from eth_typing import Address
from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from ledger.adapters.abi import BLOCK_GAS
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.engine import CallResult
from ledger.adapters.chain_embedded.store import OUT_OF_GAS, LogRow
from ledger.adapters.chain_embedded.transactions import check_transaction
from ledger.core.errors import LedgerError

_REVERT_CODE = 3  # geth's JSON-RPC code for a revert
_REFUSED_CODE = -32_000
_NO_METHOD_CODE = -32_601
_ZERO = bytes(20)
_HEAD_TAGS = frozenset({"latest", "pending", "safe", "finalized"})
_ESTIMATE_SLACK = 64  # an estimate is at most a 64th too high


class _RevertedError(Exception):
    """An RPC error with revert data; never leaves the module."""

    def __init__(self, data: bytes) -> None:
        super().__init__("execution reverted")
        self.data = data


def web3_provider(
    chain: EmbeddedChain,
    *,
    automine: Callable[[], None] | None = None,
) -> EmbeddedProvider:
    """A provider for `Web3(...)`.

    Args:
        chain: open for sealing in this process.
        automine: called before the instant block that then follows each sent transaction: advance
            the test's clock there. None: the chain's owner seals.
    """
    return EmbeddedProvider(chain, automine)


class EmbeddedProvider(BaseProvider):
    """JSON-RPC methods over one chain; see web3_provider."""

    def __init__(self, chain: EmbeddedChain, automine: Callable[[], None] | None) -> None:
        super().__init__()
        self._chain = chain
        self._store = chain.store
        self._automine = automine
        self._methods: Mapping[str, Callable[..., Any]] = {
            "eth_accounts": list,
            "eth_blockNumber": lambda: hex(chain.head().number),
            "eth_call": self._call,
            "eth_chainId": lambda: hex(chain.engine.chain_id),
            "eth_estimateGas": self._estimate,
            "eth_feeHistory": self._fee_history,
            "eth_gasPrice": lambda: "0x0",
            "eth_getBalance": self._balance,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getCode": self._code,
            "eth_getLogs": self._logs,
            "eth_getStorageAt": self._storage,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionCount": self._count,
            "eth_getTransactionReceipt": self._receipt,
            "eth_maxPriorityFeePerGas": lambda: "0x0",
            "eth_sendRawTransaction": self._send,
            "eth_syncing": lambda: False,
            "net_version": lambda: str(chain.engine.chain_id),
            "web3_clientVersion": lambda: "ecert-embedded/1",
        }

    def is_connected(self, show_traceback: bool = False) -> bool:  # noqa: ARG002, FBT001, FBT002  web3's
        """The chain is in this process."""
        return True

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One call; errors as a node would answer them."""
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": 1}
        known = self._methods.get(method)
        if known is None:
            answer["error"] = {"code": _NO_METHOD_CODE, "message": f"no method {method}"}
            return answer  # type: ignore[return-value]  # a TypedDict of web3
        try:
            answer["result"] = known(*params)
        except _RevertedError as error:
            answer["error"] = {
                "code": _REVERT_CODE,
                "message": "execution reverted",
                "data": _hex(error.data),
            }
        except LedgerError as error:
            answer["error"] = {"code": _REFUSED_CODE, "message": str(error)}
        return answer  # type: ignore[return-value]

    # writing

    def _send(self, raw: str) -> str:
        data = _bytes(raw)
        self._chain.send(data)
        if self._automine is not None:
            self._automine()
            self._chain.seal()
        return _hex(check_transaction(data, self._chain.engine.chain_id, BLOCK_GAS).hash)

    # calls

    def _call(self, call: Mapping[str, Any], block: str = "latest", *_: Any) -> str:
        sender, to, data, gas = _parts(call)
        header = self._header(block)
        if to is None:
            result = self._chain.engine.trial(header, sender, None, data, gas)
        else:
            result = self._chain.engine.call(header, to, data, sender=sender, gas=gas)
        return _hex(_require_good(result))

    def _estimate(self, call: Mapping[str, Any], block: str = "latest", *_: Any) -> str:
        sender, to, data, gas = _parts(call)
        header, engine = self._header(block), self._chain.engine
        first = engine.trial(header, sender, to, data, gas)
        _require_good(first)
        low, high = first.gas_used - 1, first.gas_used
        while engine.trial(header, sender, to, data, high).failed:
            low, high = high, min(gas, high + high // 2)
        while high - low > high // _ESTIMATE_SLACK and low >= first.gas_used:
            middle = (low + high) // 2
            if engine.trial(header, sender, to, data, middle).failed:
                low = middle
            else:
                high = middle
        return hex(high)

    # state

    def _balance(self, address: str, block: str = "latest") -> str:
        with self._chain.engine.state_at(self._header(block)) as state:
            return hex(state.get_balance(Address(_bytes(address))))

    def _count(self, address: str, block: str = "latest") -> str:
        with self._chain.engine.state_at(self._header(block)) as state:
            nonce = int(state.get_nonce(Address(_bytes(address))))
        if block == "pending":
            used = {
                checked.nonce
                for checked in (
                    check_transaction(raw, self._chain.engine.chain_id, BLOCK_GAS)
                    for _, raw in self._store.waiting(_SCAN)
                )
                if checked.sender == _bytes(address)
            }
            while nonce in used:
                nonce += 1
        return hex(nonce)

    def _code(self, address: str, block: str = "latest") -> str:
        with self._chain.engine.state_at(self._header(block)) as state:
            return _hex(state.get_code(Address(_bytes(address))))

    def _storage(self, address: str, slot: str, block: str = "latest") -> str:
        with self._chain.engine.state_at(self._header(block)) as state:
            value = state.get_storage(Address(_bytes(address)), int(slot, 16))
        return _hex(value.to_bytes(32))

    def _header(self, block: str | int) -> Any:
        if block in _HEAD_TAGS:
            return self._chain.head_header
        return self._chain.engine.header(self._number(block))

    def _number(self, block: str | int) -> int:
        if isinstance(block, int):
            return block
        if block in _HEAD_TAGS:
            return self._chain.head().number
        return 0 if block == "earliest" else int(block, 16)

    # blocks

    def _block_by_number(self, block: str, full: bool = False) -> dict[str, Any] | None:  # noqa: FBT001, FBT002  RPC
        raw = self._store.block_rlp(self._number(block))
        return None if raw is None else self._block(raw, full=full)

    def _block_by_hash(self, block_hash: str, full: bool = False) -> dict[str, Any] | None:  # noqa: FBT001, FBT002  RPC
        row = self._store.row("SELECT rlp FROM block WHERE hash=?", (_bytes(block_hash),))
        return None if row is None else self._block(row[0], full=full)

    def _block(self, raw: bytes, *, full: bool) -> dict[str, Any]:
        block = rlp.decode(raw, PragueBlock)
        header, number = block.header, block.header.block_number
        rows = self._store.rows("SELECT hash FROM tx WHERE block=? ORDER BY position", (number,))
        hashes = [_hex(row[0]) for row in rows]
        return {
            "number": hex(number),
            "hash": _hex(header.hash),
            "parentHash": _hex(header.parent_hash),
            "nonce": _hex(header.nonce),
            "sha3Uncles": _hex(header.uncles_hash),
            "logsBloom": _hex(header.bloom.to_bytes(256)),
            "transactionsRoot": _hex(header.transaction_root),
            "stateRoot": _hex(header.state_root),
            "receiptsRoot": _hex(header.receipt_root),
            "miner": _hex(header.coinbase),
            "difficulty": "0x0",
            "totalDifficulty": "0x0",
            "extraData": _hex(header.extra_data),
            "mixHash": _hex(header.mix_hash),
            "size": hex(len(raw)),
            "gasLimit": hex(header.gas_limit),
            "gasUsed": hex(header.gas_used),
            "timestamp": hex(header.timestamp),
            "baseFeePerGas": hex(header.base_fee_per_gas),
            "withdrawalsRoot": _hex(header.withdrawals_root),
            "withdrawals": [],
            "uncles": [],
            "transactions": [self._transaction(item) for item in hashes] if full else hashes,
        }

    def _fee_history(self, count: str | int, newest: str, *_: Any) -> dict[str, Any]:
        blocks = count if isinstance(count, int) else int(count, 16)
        oldest = max(0, self._number(newest) - blocks + 1)
        size = self._number(newest) - oldest + 1
        return {
            "oldestBlock": hex(oldest),
            "baseFeePerGas": ["0x0"] * (size + 1),
            "gasUsedRatio": [0.0] * size,
            "reward": [["0x0"]] * size,
        }

    # transactions

    def _transaction(self, transaction_hash: str) -> dict[str, Any] | None:
        row = self._store.transaction(_bytes(transaction_hash))
        if row is None:
            return None
        raw = self._store.block_rlp(row.block) or b""
        inner = rlp.decode(raw, PragueBlock).transactions[row.position]
        block = self._store.block(row.block)
        return {
            "hash": transaction_hash,
            "blockHash": _hex(block.hash) if block else None,
            "blockNumber": hex(row.block),
            "transactionIndex": hex(row.position),
            "from": _hex(row.sender),
            "to": _hex(inner.to) if inner.to else None,
            "nonce": hex(inner.nonce),
            "gas": hex(inner.gas),
            "gasPrice": "0x0",
            "value": hex(inner.value),
            "input": _hex(inner.data),
            "type": hex(inner.type_id or 0),
            "chainId": hex(self._chain.engine.chain_id),
            "v": hex(inner.y_parity),
            "r": hex(inner.r),
            "s": hex(inner.s),
        }

    def _receipt(self, transaction_hash: str) -> dict[str, Any] | None:
        row = self._store.transaction(_bytes(transaction_hash))
        if row is None:
            return None
        earlier = self._store.row(
            "SELECT sum(gas_used) FROM tx WHERE block=? AND position<=?", (row.block, row.position)
        )
        logs = self._store.logs("block=? AND tx_position=?", (row.block, row.position))
        transaction = self._transaction(transaction_hash) or {}
        return {
            "transactionHash": transaction_hash,
            "transactionIndex": hex(row.position),
            "blockHash": transaction["blockHash"],
            "blockNumber": hex(row.block),
            "from": _hex(row.sender),
            "to": transaction["to"],
            "contractAddress": _hex(row.created) if row.created else None,
            "cumulativeGasUsed": hex(earlier[0]),
            "gasUsed": hex(row.gas_used),
            "effectiveGasPrice": "0x0",
            "status": hex(row.status),
            "type": transaction["type"],
            "logs": [self._log(log) for log in logs],
            "logsBloom": _hex(bytes(256)),
        }

    def _logs(self, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        where = ["block BETWEEN ? AND ?"]
        values: list[Any] = [
            self._number(query.get("fromBlock", "latest")),
            self._number(query.get("toBlock", "latest")),
        ]
        addresses = query.get("address") or []
        for column, wanted in [
            ("address", [addresses] if isinstance(addresses, str) else addresses),
            *(
                (f"topic{i}", [topic] if isinstance(topic, str) else topic or [])
                for i, topic in enumerate(query.get("topics") or [])
            ),
        ]:
            if wanted:
                where.append(f"{column} IN ({','.join('?' * len(wanted))})")
                values += [_bytes(item) for item in wanted]
        return [self._log(log) for log in self._store.logs(" AND ".join(where), values)]

    def _log(self, log: LogRow) -> dict[str, Any]:
        block = self._store.block(log.block)
        return {
            "removed": False,
            "logIndex": hex(log.position),
            "transactionIndex": hex(log.tx_position),
            "transactionHash": _hex(log.tx_hash),
            "blockHash": _hex(block.hash) if block else None,
            "blockNumber": hex(log.block),
            "address": _hex(log.address),
            "topics": [_hex(topic) for topic in log.topics],
            "data": _hex(log.data),
        }


_SCAN = 5_000


def _parts(call: Mapping[str, Any]) -> tuple[bytes, bytes | None, bytes, int]:
    """from, to, data, gas."""
    to = call.get("to")
    gas = call.get("gas", BLOCK_GAS)
    return (
        _bytes(call["from"]) if call.get("from") else _ZERO,
        _bytes(to) if to else None,
        _bytes(call.get("data") or call.get("input") or "0x"),
        min(gas if isinstance(gas, int) else int(gas, 16), BLOCK_GAS),
    )


def _require_good(result: CallResult) -> bytes:
    if result.failed:
        raise _RevertedError(b"" if result.output == OUT_OF_GAS else result.output)
    return result.output


def _bytes(value: str | bytes) -> bytes:
    if isinstance(value, bytes):
        return bytes(value)
    text = value.removeprefix("0x")
    return bytes.fromhex(text if len(text) % 2 == 0 else "0" + text)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
