"""One node: JSON-RPC over HTTP, each answer read strictly.

What is not an answer (refused, cut off, too slow, 429, 500, no JSON, wrong shape, an error of the
node's own) is a NodeSilentError: somebody else may be asked, or the same node later. It is never taken
for "there is nothing". No retries here: nodes.py decides about them.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ledger.core.errors import InputError
from ledger.core.model import BlockRef

CONNECT_S = 2.0
ANSWER_S = 8.0
_LARGEST_ANSWER = 64 * 1024 * 1024
_PIECE = 1 << 16
_CONNECTIONS = 8  # kept open: one for each thread that asks at the same time
_REVERT_CODES = frozenset(
    {3, -32000, -32003, -32015, -32521}
)  # geth, anvil 3; Besu, Nethermind, FISCO others
_HASH_BYTES, _ADDRESS_BYTES = 32, 20
_HEX_NUMBER = re.compile("0x[0-9a-fA-F]{1,64}")
_WITHOUT_TRANSACTIONS = False

Tag = int | str
"""A height, or "latest", "finalized", "safe", "pending"."""


class NodeSilentError(Exception):
    """No usable answer; never leaves the package. `is_down`: better leave this node alone for a while."""

    def __init__(self, reason: str, *, is_down: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_down = is_down


class NodeRefusedError(Exception):
    """The node understood and said no (a JSON-RPC error). Never leaves the package."""

    def __init__(self, code: int, message: str, data: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.data = data


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a node says became of a transaction."""

    block: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    contract: bytes | None


@dataclass(frozen=True, slots=True)
class SeenTransaction:
    """A transaction that a node knows; `block` is None while it waits."""

    sender: bytes
    to: bytes
    nonce: int
    gas: int
    data: bytes
    block: int | None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One event as a node tells it."""

    block: int
    block_hash: bytes
    index: int
    transaction: bytes
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """Result of a call, or the revert data when `reverted`."""

    output: bytes
    reverted: bool


class Node:
    """One JSON-RPC address. May be used from several threads.

    Args:
        url: http or https, with user and password where the node wants them.
        answer_s: seconds until an answer must be there.
    Raises: InputError(CHAIN_URL).
    """

    def __init__(self, url: str, answer_s: float = ANSWER_S) -> None:
        parts, host, port = _place(url)
        self.name = host if port is None else f"{host}:{port}"
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json", **_authority(parts)}
        self._answer_s = answer_s
        kind = HTTPSConnectionPool if parts.scheme == "https" else HTTPConnectionPool
        self._pool: HTTPConnectionPool = kind(
            host,
            port,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=answer_s),
            maxsize=_CONNECTIONS,
            retries=False,
        )

    def __repr__(self) -> str:
        return f"Node({self.name})"  # the address itself may hold a password

    # asking

    def ask(self, method: str, *params: Any) -> Any:
        """`result` of a JSON-RPC call.

        Raises: NodeSilentError, NodeRefusedError.
        """
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = _parsed(self._post(body))
        if not isinstance(answer, dict) or answer.get("id") != 1:
            raise NodeSilentError("no JSON-RPC answer")
        error = answer.get("error")
        if error is not None:
            raise _refusal(error)
        if "result" not in answer:
            raise NodeSilentError("an answer without result")
        return answer["result"]

    def _post(self, body: Any) -> bytes:
        """A plain connection pool: redirects, cookies and the environment's proxies are never looked at."""
        try:
            response = self._pool.urlopen(
                "POST",
                self._path,
                body=json.dumps(body).encode(),
                headers=self._headers,
                redirect=False,
                preload_content=False,
            )
            try:
                if response.status != HTTPStatus.OK:
                    raise NodeSilentError(f"HTTP {response.status}")
                return self._content(response)
            finally:
                response.close()  # one that was read to its end has given its connection back
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NodeSilentError(type(error).__name__) from error

    def _content(self, response: BaseHTTPResponse) -> bytes:
        """All of it within `answer_s` of its head: the pool's own time is for each piece anew."""
        end = time.monotonic() + self._answer_s
        content = bytearray()
        while piece := response.read1(_PIECE, decode_content=True):
            content += piece
            if len(content) > _LARGEST_ANSWER:
                raise NodeSilentError("an answer larger than 64 MiB")
            if time.monotonic() > end:
                raise NodeSilentError("an answer that takes too long")
        return bytes(content)

    # what the chain asks

    def chain_id(self) -> int:
        return _number(self._stateful("eth_chainId"))

    def height(self) -> int:
        """Of the newest block, final or not."""
        return _number(self._stateful("eth_blockNumber"))

    def block(self, where: Tag) -> BlockRef | None:
        """Hash and time of a block, None where the node has none."""
        found = self.raw_block(where)
        if found is None:
            return None
        number, time = _number(found.get("number")), _number(found.get("timestamp"))
        if isinstance(where, int) and number != where:
            raise NodeSilentError(f"asked for block {where}, told block {number}")
        return BlockRef(number, _sized(found.get("hash"), _HASH_BYTES), time)

    def raw_block(self, where: Tag) -> dict[str, Any] | None:
        """As the node tells it."""
        try:
            found = self.ask("eth_getBlockByNumber", _tag(where), _WITHOUT_TRANSACTIONS)
        except NodeRefusedError as error:  # "unknown block": Besu's answer to a tag or height it lacks
            raise NodeSilentError(f"no block {where}: {error.message}", is_down=False) from error
        if found is not None and not isinstance(found, dict):
            raise NodeSilentError("a block that is none")
        return found

    def gas_limit(self) -> int:
        """Of the newest block."""
        found = self.raw_block("latest")
        return _number(None if found is None else found.get("gasLimit"))

    def base_fee(self) -> int:
        """Wei for one gas that the newest block burns; 0 where the chain has no such thing."""
        found = self.raw_block("latest") or {}
        return _number(found.get("baseFeePerGas") or "0x0")

    def transaction_count(self, address: bytes, where: Tag) -> int:
        return _number(self._stateful("eth_getTransactionCount", _hex(address), _tag(where)))

    def balance(self, address: bytes, where: Tag) -> int:
        return _number(self._stateful("eth_getBalance", _hex(address), _tag(where)))

    def code(self, address: bytes, where: Tag) -> bytes:
        return _bytes(self._stateful("eth_getCode", _hex(address), _tag(where)))

    def gas_price(self) -> int:
        return _number(self._stateful("eth_gasPrice"))

    def _stateful(self, method: str, *params: Any) -> Any:
        """A refusal here means that the node cannot tell (a state it lacks, a method it has not)."""
        try:
            return self.ask(method, *params)
        except NodeRefusedError as error:
            raise NodeSilentError(f"{method}: {error.message}", is_down=False) from error

    def call(
        self,
        to: bytes | None,
        data: bytes,
        where: Tag,
        *,
        sender: bytes | None = None,
        gas: int | None = None,
    ) -> CallAnswer:
        """Run a call without effect. `to` None: run `data` as creation code."""
        call: dict[str, str] = {"data": _hex(data)}
        if to is not None:
            call["to"] = _hex(to)
        if sender is not None:
            call["from"] = _hex(sender)
        if gas is not None:
            call["gas"] = hex(gas)
        try:
            return CallAnswer(_bytes(self.ask("eth_call", call, _tag(where))), reverted=False)
        except NodeRefusedError as error:
            output = _revert_data(error)
            if output is None:
                raise NodeSilentError(f"eth_call: {error.message}", is_down=False) from error
            return CallAnswer(output, reverted=True)

    def traced_revert(self, transaction_hash: bytes) -> bytes | None:
        """What a reverted transaction gave back; None where the node cannot trace."""
        try:
            found = self.ask("debug_traceTransaction", _hex(transaction_hash), {"tracer": "callTracer"})
        except NodeRefusedError:
            return None
        if not isinstance(found, dict) or not found.get("error"):
            return None
        return _bytes(found.get("output", "0x"))

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """None: in no block that this node knows."""
        found = self._stateful("eth_getTransactionReceipt", _hex(transaction_hash))
        if found is None:
            return None
        if not isinstance(found, dict) or _bytes(found.get("transactionHash")) != transaction_hash:
            raise NodeSilentError("a receipt of something else")
        status = _number(found.get("status"))
        contract = found.get("contractAddress")
        return Receipt(
            block=_number(found.get("blockNumber")),
            block_hash=_sized(found.get("blockHash"), _HASH_BYTES),
            succeeded=status == 1,
            gas_used=_number(found.get("gasUsed")),
            contract=None if contract is None else _sized(contract, _ADDRESS_BYTES),
        )

    def transaction(self, transaction_hash: bytes) -> SeenTransaction | None:
        """None: neither in a block nor waiting here."""
        found = self._stateful("eth_getTransactionByHash", _hex(transaction_hash))
        if found is None:
            return None
        if not isinstance(found, dict) or _bytes(found.get("hash")) != transaction_hash:
            raise NodeSilentError("a transaction that is another one")
        block, to = found.get("blockNumber"), found.get("to")
        return SeenTransaction(
            sender=_sized(found.get("from"), _ADDRESS_BYTES),
            to=b"" if to is None else _sized(to, _ADDRESS_BYTES),
            nonce=_number(found.get("nonce")),
            gas=_number(found.get("gas")),
            data=_bytes(found.get("input")),
            block=None if block is None else _number(block),
        )

    def logs(self, first: int, last: int, addresses: Sequence[bytes]) -> tuple[LogEntry, ...]:
        """Events of these contracts in blocks first..last, in order."""
        wanted = {
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "address": [_hex(address) for address in addresses],
        }
        found = self._stateful("eth_getLogs", wanted)
        if not isinstance(found, list):
            raise NodeSilentError("logs that are no list")
        entries = [_log(item) for item in found]
        allowed = set(addresses)
        if any(not first <= entry.block <= last or entry.address not in allowed for entry in entries):
            raise NodeSilentError("logs that nobody asked for")
        entries.sort(key=lambda entry: (entry.block, entry.index))
        return tuple(entries)

    def send(self, raw: bytes) -> bytes:
        """Hand a transaction over; its hash as the node tells it.

        Raises: NodeRefusedError when the node does not want it, NodeSilentError when nobody knows.
        """
        return _sized(self.ask("eth_sendRawTransaction", _hex(raw)), _HASH_BYTES)


def _place(url: str) -> tuple[SplitResult, str, int | None]:
    """The address in its parts, its host and port. Raises: InputError(CHAIN_URL)."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # no port is that, no IPv6 address either
        host = None
    if host is None or not host or parts.scheme not in ("http", "https"):
        raise InputError("CHAIN_URL", "A node's address must look like https://node.example:8545.")
    return parts, host, port


def _authority(parts: SplitResult) -> dict[str, str]:
    """User and password of the address, as HTTP carries them."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NodeSilentError("an answer that is no JSON") from error


def _refusal(error: Any) -> Exception:
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        return NodeSilentError("an error without code")
    code, message = error["code"], str(error.get("message", ""))[:200]
    if code in (-32005, -32016) or code == HTTPStatus.TOO_MANY_REQUESTS:  # EIP-1474: limit exceeded
        return NodeSilentError(f"limit: {message}")
    return NodeRefusedError(code, message, error.get("data"))


def _revert_data(error: NodeRefusedError) -> bytes | None:
    """Data of a revert; None when the node failed and not the call."""
    data = error.data
    if isinstance(data, dict):
        data = data.get("data")
    if isinstance(data, str) and error.code in _REVERT_CODES:
        text = data.removeprefix("Reverted ")  # Parity's habit, kept by some
        try:
            return bytes.fromhex(text.removeprefix("0x"))
        except ValueError:
            return None
    if error.code == 3 or "revert" in error.message.lower():
        return b""
    return None


def _log(item: Any) -> LogEntry:
    if not isinstance(item, dict) or not isinstance(item.get("topics"), list) or item.get("removed") is True:
        raise NodeSilentError("a log that is none")
    return LogEntry(
        block=_number(item.get("blockNumber")),
        block_hash=_sized(item.get("blockHash"), _HASH_BYTES),
        index=_number(item.get("logIndex")),
        transaction=_sized(item.get("transactionHash"), _HASH_BYTES),
        address=_sized(item.get("address"), _ADDRESS_BYTES),
        topics=tuple(_sized(topic, _HASH_BYTES) for topic in item["topics"]),
        data=_bytes(item.get("data")),
    )


def _number(value: Any) -> int:
    if isinstance(value, str) and _HEX_NUMBER.fullmatch(value):
        return int(value, 16)
    raise NodeSilentError("a number that is none")


def _bytes(value: Any) -> bytes:
    if isinstance(value, str) and value.startswith("0x"):
        with suppress(ValueError):
            return bytes.fromhex(value[2:])
    raise NodeSilentError("hex that is none")


def _sized(value: Any, size: int) -> bytes:
    found = _bytes(value)
    if len(found) != size:
        raise NodeSilentError(f"{len(found)} bytes where {size} belong")
    return found


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _tag(where: Tag) -> str:
    return hex(where) if isinstance(where, int) else where
