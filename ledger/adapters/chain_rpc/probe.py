"""What a chain can do, asked before the ledger is put on it; changes nothing there.

Instructions and precompiles are tried by a call without target, whose data is run as creation code: what
it returns is what the node's EVM computed. No account, no funds, no key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ledger.adapters.abi import BLOCK_GAS, load_artifacts
from ledger.adapters.chain_rpc.finality import Finality
from ledger.adapters.chain_rpc.node import Node, NodeRefusedError, NodeSilentError
from ledger.ports import Clock

OK, WARNING, PROBLEM = "ok", "warning", "problem"
_BLOCKS = 20  # looked back for the time between blocks
_MOST_AHEAD_S = 120
_LATE_S = 600
_DEPLOY_GAS = 6_000_000  # the larger contract, rounded up
_PUSH0 = bytes.fromhex("5f5f5260205ff3")  # PUSH0 PUSH0 MSTORE; RETURN 32 bytes of 0
_MCOPY = bytes.fromhex(
    "602a6000526020600060205e60206020f3"
)  # MSTORE(0, 42); MCOPY(32, 0, 32); RETURN(32, 32)
_SHA256 = 2
_P256 = 0x100  # EIP-7951, RIP-7212
_WORD = 32
_SIGNED = (  # RFC 6979 A.2.5, "sample" with SHA-256: digest, r, s, x, y
    hashlib.sha256(b"sample").digest(),
    bytes.fromhex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"),
    bytes.fromhex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"),
    bytes.fromhex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"),
    bytes.fromhex("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. `code` picks the texts; `detail` fills them."""

    outcome: str
    code: str
    detail: dict[str, Any] = field(default_factory=dict)


def probe(node: Node, clock: Clock, finality: Finality) -> list[Finding]:
    """Everything that can be asked of one node.

    Args:
        node: the node.
        clock: ours, to compare with the chain's.
        finality: the rule that the installation would use.
    """
    greeting = greet(node)
    if greeting.outcome != OK:
        return [greeting]
    questions: tuple[Callable[[], Finding], ...] = (
        lambda: _instruction(node, "PUSH0", _PUSH0, bytes(_WORD)),
        lambda: _instruction(node, "MCOPY", _MCOPY, (42).to_bytes(_WORD)),
        lambda: _sha256(node),
        lambda: _p256(node),
        lambda: _gas(node),
        lambda: _price(node),
        lambda: _pace(node),
        lambda: _time(node, clock.now()),
        lambda: _finality(node, finality),
        lambda: _logs(node),
        lambda: _tracing(node),
    )
    findings = [greeting]
    for question in questions:
        try:
            findings.append(question())
        except NodeSilentError as error:
            findings.append(_silent(node, error))
    return findings


def greet(node: Node) -> Finding:
    """Whether it answers at all, and for which chain."""
    try:
        return Finding(OK, "CHAIN_NODE", {"node": node.name, "chain_id": node.chain_id()})
    except NodeSilentError as error:
        return _silent(node, error)


def _silent(node: Node, error: NodeSilentError) -> Finding:
    return Finding(PROBLEM, "CHAIN_NODE_SILENT", {"node": node.name, "why": error.reason})


def compare(nodes: list[Node]) -> list[Finding]:
    """Whether the nodes are of one chain and say the same about its newest common block."""
    heights: dict[str, int] = {}
    for node in nodes:
        try:
            heights[node.name] = node.height()
        except NodeSilentError:
            continue  # its own findings tell
    if len(heights) < 2:
        return []
    lowest = min(heights.values())
    told = set()
    for node in nodes:
        if node.name in heights:
            try:
                told.add((node.chain_id(), node.block(lowest)))
            except NodeSilentError:
                continue  # its own findings tell
    detail = {"nodes": ", ".join(sorted(heights)), "block": lowest, "apart": max(heights.values()) - lowest}
    if len(told) > 1:
        return [Finding(PROBLEM, "CHAIN_NODES_DISAGREE", detail)]
    return [Finding(OK, "CHAIN_NODES_AGREE", detail)]


def _instruction(node: Node, name: str, code: bytes, expected: bytes) -> Finding:
    has_it = _ran(node, code) == expected
    return Finding(OK if has_it else PROBLEM, "CHAIN_HAS" if has_it else "CHAIN_LACKS", {"what": name})


def _ran(node: Node, code: bytes) -> bytes | None:
    try:
        answer = node.call(None, code, "latest")
    except NodeSilentError as error:
        if error.is_down:
            raise
        return None  # the EVM stopped at an instruction that it does not know
    return None if answer.reverted else answer.output


def _sha256(node: Node) -> Finding:
    data = b"ecert"
    answer = node.call(_SHA256.to_bytes(20), data, "latest")
    has_it = not answer.reverted and answer.output == hashlib.sha256(data).digest()
    return Finding(OK if has_it else PROBLEM, "CHAIN_HAS" if has_it else "CHAIN_LACKS", {"what": "SHA-256"})


def _p256(node: Node) -> Finding:
    """Passkeys are verified by a precompile where there is one; without it in the contract, for more gas."""
    answer = node.call(_P256.to_bytes(20), b"".join(_SIGNED), "latest")
    has_it = not answer.reverted and answer.output == (1).to_bytes(_WORD)
    return Finding(
        OK if has_it else WARNING, "CHAIN_HAS" if has_it else "CHAIN_LACKS_P256", {"what": "P-256"}
    )


def _gas(node: Node) -> Finding:
    limit = node.gas_limit()
    largest = max(len(artifact.deployed_bytecode) for artifact in load_artifacts().values())
    detail = {"limit": limit, "wanted": BLOCK_GAS, "code_bytes": largest}
    if limit < _DEPLOY_GAS:
        return Finding(PROBLEM, "CHAIN_GAS_TOO_LOW", detail)
    return Finding(
        WARNING if limit < BLOCK_GAS else OK, "CHAIN_GAS_LOW" if limit < BLOCK_GAS else "CHAIN_GAS", detail
    )


def _price(node: Node) -> Finding:
    price, base = node.gas_price(), node.base_fee()
    if price == 0 and base == 0:
        return Finding(OK, "CHAIN_FREE")
    return Finding(WARNING, "CHAIN_PRICED", {"gwei": round(max(price, base) / 10**9, 3)})


def _pace(node: Node) -> Finding:
    height = node.height()
    first = max(0, height - _BLOCKS)
    newest, oldest = node.block(height), node.block(first)
    if newest is None or oldest is None or height == first:
        return Finding(WARNING, "CHAIN_YOUNG", {"block": height})
    return Finding(OK, "CHAIN_PACE", {"seconds": round((newest.time - oldest.time) / (height - first), 1)})


def _time(node: Node, now: int) -> Finding:
    newest = node.block("latest")
    if newest is None:
        raise NodeSilentError("no newest block")
    ahead = newest.time - now
    if ahead > _MOST_AHEAD_S:
        return Finding(PROBLEM, "CHAIN_CLOCK_FAST", {"seconds": ahead})
    if -ahead > _LATE_S:
        return Finding(WARNING, "CHAIN_QUIET", {"seconds": -ahead})
    return Finding(OK, "CHAIN_TIME", {"seconds": -ahead})


def _finality(node: Node, finality: Finality) -> Finding:
    """Whether the rule can be followed, and whether the chain knows a better one."""
    tagged = _tagged(node)
    detail = {"rule": str(finality), "finalized": "-" if tagged is None else tagged, "height": node.height()}
    if finality.kind == "finalized" and tagged is None:
        return Finding(PROBLEM, "CHAIN_NO_FINALIZED", detail)
    if finality.kind == "immediate" and tagged is not None and tagged < node.height() - 1:
        return Finding(WARNING, "CHAIN_NOT_IMMEDIATE", detail)
    return Finding(OK, "CHAIN_FINALITY_RULE", detail)


def _tagged(node: Node) -> int | None:
    try:
        found = node.block("finalized")
    except NodeSilentError as error:
        if error.is_down:
            raise
        return None
    return None if found is None else found.number


def _logs(node: Node) -> Finding:
    height = node.height()
    node.logs(max(0, height - 4_999), height, [bytes(19) + b"\1"])
    return Finding(OK, "CHAIN_HAS", {"what": "eth_getLogs over 5,000 blocks"})


def _tracing(node: Node) -> Finding:
    """Only for the reasons of refusals; without it calls are run again."""
    try:
        node.ask("debug_traceTransaction", "0x" + bytes(32).hex(), {"tracer": "callTracer"})
    except NodeRefusedError as error:
        if error.code == -32601:  # JSON-RPC: method not found
            return Finding(OK, "CHAIN_NO_TRACING")
    return Finding(OK, "CHAIN_HAS", {"what": "debug_traceTransaction"})
