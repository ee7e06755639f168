"""Calls, results, events and errors of the two contracts, between Python values and ABI bytes.

The shapes come from the compiled artifacts, so that nothing here is written twice. Values are those of
ledger/ports: `bytesN` are bytes (an issuer is 18 of them), addresses 20 bytes, structs tuples.
eth-abi takes a third of a second to import: it is loaded at the first use, never with this module.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sha3

from ledger.core.errors import InputError, NotFoundError
from ledger.core.model import Batch, WordChange
from ledger.ports import ContractCall, ContractName

if TYPE_CHECKING:
    from eth_abi.codec import ABICodec

CONTRACT_FILES: Mapping[ContractName, str] = {
    "registry": "IssuerRegistry.json",
    "ledger": "CredentialLedger.json",
}
SELECTOR_BYTES = 4
BLOCK_GAS = 60_000_000
"""What one block, and so one call, may use: about a second of execution, 600 anchors, or a PENDING batch
of 100,000."""
_ISSUER_BYTES = 18
_ADDRESS_BYTES = 20
_ERROR_STRING = bytes.fromhex("08c379a0")  # Error(string), Solidity ABI specification
_PANIC = bytes.fromhex("4e487b71")  # Panic(uint256)


def keccak256(data: bytes) -> bytes:
    """32 bytes, the hash of Ethereum (not SHA3-256)."""
    return bytes(sha3.keccak_256(data).digest())


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract: ABI entries, creation code, deployed code (immutables zero).

    `immutables`: start and length of each place in the deployed code that the constructor fills.
    """

    name: str
    abi: tuple[Mapping[str, Any], ...]
    bytecode: bytes
    deployed_bytecode: bytes
    immutables: tuple[tuple[int, int], ...] = ()


Artifacts = Mapping[ContractName, Artifact]


def artifacts_folder() -> Path:
    """Where the compiled contracts lie: inside the installed package, else in the checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "artifacts"
    return installed if installed.is_dir() else package.parent / "contracts" / "artifacts"


@lru_cache(maxsize=4)
def load_artifacts(folder: Path | None = None) -> Artifacts:
    """Both contracts as compiled.

    Args:
        folder: with the two JSON files; None looks beside the package, then in the checkout.
    Raises: NotFoundError(ARTIFACTS_MISSING).
    """
    place = folder or artifacts_folder()
    found: dict[ContractName, Artifact] = {}
    for contract, file_name in CONTRACT_FILES.items():
        try:
            content = json.loads((place / file_name).read_text("utf-8"))
        except FileNotFoundError as error:
            raise NotFoundError(
                "ARTIFACTS_MISSING",
                f"{file_name} is not in the artifacts folder; reinstall, or run the compile script",
                file=file_name,
            ) from error
        found[contract] = Artifact(
            name=content["contractName"],
            abi=tuple(content["abi"]),
            bytecode=_unhex(content["bytecode"]),
            deployed_bytecode=_unhex(content["deployedBytecode"]),
            immutables=tuple(
                (place["start"], place["length"])
                for places in content["immutableReferences"].values()
                for place in places
            ),
        )
    return found


def issuer_id(uscc: str) -> bytes:
    """`IssuerId` (bytes18) of a USCC. Raises: InputError(ISSUER_ID)."""
    raw = uscc.encode("ascii", "replace")
    if len(raw) != _ISSUER_BYTES or b"?" in raw:
        raise InputError("ISSUER_ID", "an issuer is named by a USCC of 18 ASCII characters")
    return raw


def batch_tuple(batch: Batch) -> tuple[Any, ...]:
    """`Batch` in Solidity's member order."""
    return (
        issuer_id(batch.issuer), batch.type_id, batch.key, batch.root, batch.size, batch.list,
        batch.first_word, batch.pending, batch.maker, batch.approver, batch.deadline,
    )  # fmt: skip


def word_change_tuples(changes: Iterable[WordChange]) -> tuple[tuple[int, int, int], ...]:
    """`WordChange[]`."""
    return tuple((change.word, change.mask, change.value) for change in changes)


@dataclass(frozen=True, slots=True)
class _Function:
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    indexed: tuple[tuple[str, str], ...]
    data: tuple[tuple[str, str], ...]


class ContractAbi:
    """Encoder and decoder of one contract.

    Args:
        abi: the entries of the compiler's ABI JSON.
    """

    def __init__(self, abi: Sequence[Mapping[str, Any]]) -> None:
        self._functions: dict[str, _Function] = {}
        self._events: dict[bytes, _Event] = {}
        self._errors: dict[bytes, tuple[str, tuple[str, ...]]] = {}
        self._constructor: tuple[str, ...] = ()
        for entry in abi:
            self._add(entry)

    def _add(self, entry: Mapping[str, Any]) -> None:
        kind = entry["type"]
        inputs = tuple(_type_of(item) for item in entry.get("inputs", ()))
        if kind == "constructor":
            self._constructor = inputs
            return
        name = entry.get("name", "")
        topic = keccak256(f"{name}({','.join(inputs)})".encode())
        if kind == "function":
            if name in self._functions:
                raise ValueError(f"overloaded function {name}: calls are named, not typed")
            outputs = tuple(_type_of(item) for item in entry["outputs"])
            self._functions[name] = _Function(topic[:SELECTOR_BYTES], inputs, outputs)
        elif kind == "event":
            named = tuple((item["name"], _type_of(item), item["indexed"]) for item in entry["inputs"])
            self._events[topic] = _Event(
                name,
                tuple((label, kind) for label, kind, indexed in named if indexed),
                tuple((label, kind) for label, kind, indexed in named if not indexed),
            )
        elif kind == "error":
            self._errors[topic[:SELECTOR_BYTES]] = (name, inputs)

    @cached_property
    def _codec(self) -> ABICodec:
        from eth_abi.abi import default_codec  # noqa: PLC0415  0.3 s: only where ABI bytes occur

        return default_codec

    def encode(self, function: str, args: tuple[Any, ...]) -> bytes:
        """Calldata. Raises: InputError(CALL_INVALID) when arguments do not fit."""
        shape = self._functions.get(function)
        if shape is None:
            raise InputError("CALL_INVALID", f"the contract has no function {function}")
        return shape.selector + self._encode(shape.inputs, args, function)

    def encode_constructor(self, args: tuple[Any, ...]) -> bytes:
        """What follows the creation code."""
        return self._encode(self._constructor, args, "constructor")

    def _encode(self, types: tuple[str, ...], args: tuple[Any, ...], what: str) -> bytes:
        from eth_abi.exceptions import EncodingError  # noqa: PLC0415  see _codec

        try:
            return self._codec.encode(types, args)
        except (EncodingError, TypeError, ValueError) as error:
            raise InputError("CALL_INVALID", f"arguments of {what} do not fit its ABI: {error}") from error

    def decode_call(self, data: bytes) -> tuple[str, tuple[Any, ...]]:
        """Function and arguments of calldata, the inverse of encode. Raises: InputError(CALL_INVALID)."""
        for name, shape in self._functions.items():
            if shape.selector == data[:SELECTOR_BYTES]:
                return name, self._decode(shape.inputs, data[SELECTOR_BYTES:])
        raise InputError("CALL_INVALID", "calldata of an unknown function")

    def decode_result(self, function: str, data: bytes) -> Any:
        """One output: its value; several: a tuple; none: None."""
        shape = self._functions[function]
        values = self._decode(shape.outputs, data)
        if len(shape.outputs) == 1:
            return values[0]
        return values or None

    def decode_error(self, data: bytes) -> tuple[str, tuple[Any, ...]]:
        """Name and values of a revert; bytes of an unknown shape as ("Reverted", (data,))."""
        selector, body = data[:SELECTOR_BYTES], data[SELECTOR_BYTES:]
        if selector == _ERROR_STRING:
            return "Error", self._decode(("string",), body)
        if selector == _PANIC:
            return "Panic", self._decode(("uint256",), body)
        known = self._errors.get(selector)
        if known is None:
            return "Reverted", (data,)
        name, types = known
        return name, self._decode(types, body)

    def decode_log(self, topics: Sequence[bytes], data: bytes) -> tuple[str, dict[str, object]] | None:
        """Event name and arguments, None for an event that the ABI does not have."""
        shape = self._events.get(topics[0]) if topics else None
        if shape is None:
            return None
        args: dict[str, object] = {}
        for (label, kind), topic in zip(shape.indexed, topics[1:], strict=True):
            args[label] = self._decode((kind,), topic)[0]
        values = self._decode(tuple(kind for _, kind in shape.data), data)
        for (label, _), value in zip(shape.data, values, strict=True):
            args[label] = value
        return shape.name, args

    def event_topic(self, name: str) -> bytes:
        """First topic of an event."""
        return next(topic for topic, shape in self._events.items() if shape.name == name)

    def topics_of(self, names: frozenset[str]) -> list[bytes]:
        """First topics of those events of these names that this contract has."""
        return [topic for topic, shape in self._events.items() if shape.name in names]

    def _decode(self, types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
        if not types:
            return ()
        values = self._codec.decode(types, data)
        return tuple(_plain(kind, value) for kind, value in zip(types, values, strict=True))


class ContractCodec:
    """Both contracts together.

    Args:
        artifacts: as load_artifacts gives them.
    """

    def __init__(self, artifacts: Artifacts | None = None) -> None:
        self.artifacts = artifacts if artifacts is not None else load_artifacts()
        self._abis: dict[ContractName, ContractAbi] = {
            name: ContractAbi(artifact.abi) for name, artifact in self.artifacts.items()
        }

    def __getitem__(self, contract: ContractName) -> ContractAbi:
        return self._abis[contract]

    def event_topics(self, names: frozenset[str]) -> list[bytes]:
        """First topics of the events of either contract that have these names."""
        return [topic for abi in self._abis.values() for topic in abi.topics_of(names)]

    def encode(self, call: ContractCall) -> bytes:
        """Calldata. Raises: InputError(CALL_INVALID)."""
        return self._abis[call.contract].encode(call.function, call.args)

    def decode_result(self, call: ContractCall, data: bytes) -> Any:
        return self._abis[call.contract].decode_result(call.function, data)

    def proposed(self, data: bytes) -> tuple[ContractCall, bytes] | None:
        """The act inside the calldata of `propose`; None for other calls and acts that nobody can read.

        The contract looks at an act's first 36 bytes only, so an admin may propose what no decoder takes.
        """
        from eth_abi.exceptions import DecodingError  # noqa: PLC0415  see _codec

        registry = self._abis["registry"]
        try:
            name, args = registry.decode_call(data)
            if name != "propose":
                return None
            function, values = registry.decode_call(args[1])
        except (InputError, DecodingError):
            return None
        return ContractCall("registry", function, values), args[1]

    def decode_error(self, data: bytes) -> tuple[str, tuple[Any, ...]]:
        """Either contract's error: the ledger passes the registry's through."""
        for abi in self._abis.values():
            name, values = abi.decode_error(data)
            if name != "Reverted":
                return name, values
        return "Reverted", (data,)


def json_values(values: Iterable[Any]) -> list[Any]:
    """ABI values as JSON knows them: bytes become 0x-hex, tuples lists."""
    return [
        "0x" + value.hex()
        if isinstance(value, bytes)
        else json_values(value)
        if isinstance(value, tuple)
        else value
        for value in values
    ]


def gas_limit_of(call: ContractCall, data: bytes) -> int:
    """A gas limit that is surely enough, lets many transactions share a block, and stays below 2^24 where it can.

    Chains of newer rules take no limit above 2^24 (EIP-7825), whatever is used of it. The dearest work per
    calldata byte is a fresh status word (about 28,000 gas per 96 bytes), but for imported words, which are
    counted; a passkey costs 270,000; a PENDING batch writes a word per 64 credentials unasked.
    """
    if call.function == "importAnchors":
        words = [word for record in call.args[0] for word in record[3]]
        gas = 500_000 + 60_000 * len(call.args[0]) + 1_800 * len(words) + 26_000 * sum(map(bool, words))
        return min(gas, BLOCK_GAS)
    gas = 1_500_000 + 350 * len(data)
    if call.function in {"anchor", "anchorMany"}:
        batches = call.args[0] if call.function == "anchorMany" else (call.args[0],)
        gas += sum(25_000 * (batch[4] // 64 + 1) for batch in batches if batch[7])
    return min(gas, BLOCK_GAS)


def _type_of(item: Mapping[str, Any]) -> str:
    """Canonical ABI type: tuples written out as in signatures."""
    kind = str(item["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_type_of(member) for member in item["components"])
    return f"({inner}){kind[len('tuple') :]}"


@lru_cache(maxsize=256)
def _holds_address(kind: str) -> bool:
    return "address" in kind


def _plain(kind: str, value: Any) -> Any:
    """eth-abi gives addresses as hex text and arrays as tuples: addresses become 20 bytes."""
    if not _holds_address(kind):
        return value
    if kind == "address":
        return bytes.fromhex(value[2:])
    if kind.endswith("]"):
        element = kind[: kind.rindex("[")]
        return tuple(_plain(element, item) for item in value)
    return tuple(_plain(member, item) for member, item in zip(_members(kind), value, strict=True))


@lru_cache(maxsize=64)
def _members(kind: str) -> tuple[str, ...]:
    """Types inside one tuple type, `(a,(b,c)[],d)` → a, (b,c)[], d."""
    members, depth, start = [], 0, 1
    for position in range(1, len(kind) - 1):
        character = kind[position]
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            members.append(kind[start:position])
            start = position + 1
    members.append(kind[start:-1])
    return tuple(members)


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
