"""Proof that one entry lies in an anchored batch, on its own: no credential, nothing personal.

`{"version": 1, "entry": "0x…", "receipt": {…}}`: an entry hash and the receipt of docs/formats.md. Who
holds a copy of the ledger checks it without asking anybody. It says that something was anchored by
whom and when, not what it is nor whether it is in force. Version 2 also holds `statements`: signed
checkpoints of operator and witnesses that cover the block.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

from ledger.core.canonical_json import canonical_json
from ledger.core.checkpoint import SignedCheckpoint, encode_checkpoint, parse_checkpoint, require_signed
from ledger.core.errors import InputError
from ledger.core.jose import read_json
from ledger.core.merkle import hash_leaf, hash_node, root_from_inclusion_proof
from ledger.core.model import ChainEvidence
from ledger.core.receipt import Receipt, encode_receipt, parse_receipt

BARE, WITNESSED = 1, 2
"""Versions of the file: without and with statements."""
MOST_STATEMENTS: Final = 32
MAX_PROOF_BYTES: Final = 65_536
_HASH_TEXT: Final = 66
Outcome = Literal["passed", "failed", "unknown"]
TrustedLedger = tuple[bytes, int, bytes]
"""Ledger id, chain id, address of the ledger contract."""


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry hash (32 bytes) and where it lies."""

    entry: bytes
    receipt: Receipt
    statements: tuple[SignedCheckpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Witnessing:
    """What statements are judged by.

    Attributes:
        threshold: witnesses that the trust file demands; 0: a single operator's ledger.
        keys: thumbprints of the trust file's witnesses.
        known: hashes of blocks that the checker's own ledger has, by height.
    """

    threshold: int
    keys: frozenset[bytes]
    known: Mapping[int, bytes] = field(default_factory=dict)


class ProofCheck(StrEnum):
    """What is checked of a proof, in this order."""

    LEDGER = "ledger"
    INCLUSION = "inclusion"
    ANCHOR = "anchor"
    BLOCK = "block"
    WITNESSES = "witnesses"


@dataclass(frozen=True, slots=True)
class ProofFinding:
    """One check's outcome; `code` is stable."""

    check: ProofCheck
    outcome: Outcome
    code: str


@dataclass(frozen=True, slots=True)
class Node:
    """One hash on the way up. `level` 0 is the leaf; `left` tells on which side its sibling stands."""

    level: int
    hash: bytes
    sibling: bytes | None
    sibling_is_left: bool


def encode_proof(proof: Proof) -> bytes:
    """UTF-8 JSON, two spaces deep: people look at it."""
    document: dict[str, Any] = {
        "version": WITNESSED if proof.statements else BARE,
        "entry": "0x" + proof.entry.hex(),
        "receipt": encode_receipt(proof.receipt),
    }
    if proof.statements:
        document["statements"] = [json.loads(encode_checkpoint(one)) for one in proof.statements]
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def parse_proof(data: bytes) -> Proof:
    """Read a proof file.

    Raises:
        InputError: PROOF_FILE, RECEIPT_*, CHECKPOINT_SHAPE, JSON_NOT_CANONICAL.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise InputError("PROOF_FILE", "A proof file has at most 64 KiB.", size=len(data))
    try:
        document, duplicate = read_json(data)
    except InputError as error:
        raise InputError("PROOF_FILE", "This is no proof file: not one JSON object.") from error
    if duplicate is not None or type(document) is not dict:
        raise InputError("PROOF_FILE", "A proof file is one JSON object without repeated names.")
    members = {
        BARE: {"version", "entry", "receipt"},
        WITNESSED: {"version", "entry", "receipt", "statements"},
    }
    version = document.get("version")
    if type(version) is not int or document.keys() != members.get(version):
        raise InputError(
            "PROOF_FILE", "A proof file has version 1 or 2, an entry, a receipt, and statements in 2."
        )
    statements = _statements(document["statements"]) if version == WITNESSED else ()
    return Proof(_hash(document["entry"]), parse_receipt(document["receipt"]), statements)


def _statements(value: Any) -> tuple[SignedCheckpoint, ...]:
    if (
        type(value) is not list
        or not 0 < len(value) <= MOST_STATEMENTS
        or any(type(one) is not dict for one in value)
    ):
        raise InputError(
            "PROOF_FILE", "The statements are no list of signed checkpoints.", member="statements"
        )
    return tuple(parse_checkpoint(canonical_json(one)) for one in value)


def _hash(value: Any) -> bytes:
    if type(value) is str and len(value) == _HASH_TEXT and value.startswith("0x") and value == value.lower():
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass  # refused below, like every other shape
    raise InputError("PROOF_FILE", "The entry is not 0x and 64 lower-case hex digits.", member="entry")


def check_proof(
    proof: Proof,
    trusted: TrustedLedger | None,
    evidence: ChainEvidence | None,
    witnessing: Witnessing | None = None,
) -> tuple[ProofFinding, ...]:
    """Every check of a proof; a missing ledger is `unknown`, never `failed`.

    Args:
        proof: as read.
        trusted: ledger id, chain id and contract of the trust file; None: not known.
        evidence: what the ledger says about (issuer, root, leaf index); None without a ledger.
        witnessing: whose statements count; None: not known. Asked only of proofs that hold statements.
    """
    receipt = proof.receipt
    named = (receipt.ledger_id, receipt.chain_id, receipt.contract)
    found = [
        _finding(
            ProofCheck.LEDGER,
            None if trusted is None else named == trusted,
            ("PROOF_LEDGER_TRUSTED", "PROOF_LEDGER_FOREIGN", "PROOF_LEDGER_NOT_KNOWN"),
        ),
        _finding(
            ProofCheck.INCLUSION,
            _is_included(proof),
            ("PROOF_INCLUDED", "PROOF_NOT_INCLUDED", "PROOF_NOT_INCLUDED"),
        ),
    ]
    anchor = None if evidence is None else evidence.anchor
    is_anchored = None if evidence is None else anchor is not None and anchor.size == receipt.tree_size
    if anchor is not None and is_anchored and anchor.withdrawn_at is not None:
        found.append(ProofFinding(ProofCheck.ANCHOR, "failed", "PROOF_BATCH_WITHDRAWN"))
    else:
        codes = ("PROOF_ANCHORED", "PROOF_NOT_ANCHORED", "PROOF_NO_LEDGER")
        found.append(_finding(ProofCheck.ANCHOR, is_anchored, codes))
    block_hash = None if evidence is None else evidence.receipt_block_hash
    is_same = None if block_hash is None else block_hash == receipt.block.hash
    codes = ("PROOF_BLOCK_SAME", "PROOF_BLOCK_OTHER", "PROOF_BLOCK_NOT_KNOWN")
    found.append(_finding(ProofCheck.BLOCK, is_same, codes))
    if proof.statements:
        found.append(_witnesses(proof, witnessing))
    return tuple(found)


def _witnesses(proof: Proof, witnessing: Witnessing | None) -> ProofFinding:
    """Whether enough witnesses signed this block or a later one of this ledger.

    A statement that is not about this ledger, not signed by its key, or about another block than the
    receipt's or the checker's own ledger's is a lie of whoever made the file.
    """
    known = {} if witnessing is None else dict(witnessing.known)
    known[proof.receipt.block.number] = proof.receipt.block.hash
    if not all(_is_true(one, proof.receipt, known) for one in proof.statements):
        return ProofFinding(ProofCheck.WITNESSES, "failed", "PROOF_STATEMENT_FALSE")
    if witnessing is None:
        return ProofFinding(ProofCheck.WITNESSES, "unknown", "PROOF_WITNESSES_NOT_KNOWN")
    if witnessing.threshold == 0:
        return ProofFinding(ProofCheck.WITNESSES, "passed", "PROOF_SINGLE_OPERATOR")
    if len({one.thumbprint for one in proof.statements} & witnessing.keys) >= witnessing.threshold:
        return ProofFinding(ProofCheck.WITNESSES, "passed", "PROOF_WITNESSED")
    return ProofFinding(ProofCheck.WITNESSES, "unknown", "PROOF_WITNESS_MISSING")


def _is_true(signed: SignedCheckpoint, receipt: Receipt, known: Mapping[int, bytes]) -> bool:
    told = signed.checkpoint
    if (told.ledger_id, told.chain_id) != (receipt.ledger_id, receipt.chain_id):
        return False
    if told.block.number < receipt.block.number:
        return False
    if known.get(told.block.number, told.block.hash) != told.block.hash:
        return False
    try:
        require_signed(signed)
    except InputError:
        return False
    return True


def _finding(check: ProofCheck, answer: bool | None, codes: tuple[str, str, str]) -> ProofFinding:  # noqa: FBT001  the finding itself
    """`codes`: for yes, no and not known."""
    if answer is None:
        return ProofFinding(check, "unknown", codes[2])
    return ProofFinding(check, "passed" if answer else "failed", codes[0 if answer else 1])


def _is_included(proof: Proof) -> bool:
    receipt = proof.receipt
    try:
        root = root_from_inclusion_proof(
            hash_leaf(proof.entry), receipt.leaf_index, receipt.tree_size, receipt.path
        )
    except InputError:
        return False
    return root == receipt.root


def way_up(proof: Proof) -> tuple[Node, ...]:
    """Every node from the leaf to the root, for drawing; call it for included entries only."""
    receipt = proof.receipt
    node, index = hash_leaf(proof.entry), receipt.leaf_index
    inner = (index ^ (receipt.tree_size - 1)).bit_length()
    found = []
    for level, sibling in enumerate(receipt.path):
        # along the right border every sibling lies to the left (RFC 9162 §2.1.3.2)
        is_left = level >= inner or bool(index >> level & 1)
        found.append(Node(level, node, sibling, is_left))
        node = hash_node(sibling, node) if is_left else hash_node(node, sibling)
    found.append(Node(len(receipt.path), node, None, sibling_is_left=False))
    return tuple(found)
