"""Proof files: what is read, what each check says, and the way up that is drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from ledger.core.errors import InputError
from ledger.core.merkle import MerkleTree, hash_node
from ledger.core.model import AnchorRecord, BlockRef, ChainEvidence, ChainInfo, ViewHead
from ledger.core.proof import Proof, ProofCheck, Witnessing, check_proof, encode_proof, parse_proof, way_up
from ledger.core.receipt import Receipt

ISSUER = "12990100XXXX000190"
BLOCK = BlockRef(7, b"\x07" * 32, 1_795_305_600)
TRUSTED = (b"\x01" * 32, 4242, b"\x02" * 20)
INFO = ChainInfo(4242, b"\x01" * 32, b"\x03" * 20, b"\x02" * 20, b"\x04" * 32, b"\x05" * 32)


def proof(size: int, index: int) -> Proof:
    entries = [bytes([number]) * 32 for number in range(1, size + 1)]
    tree = MerkleTree.of_entries(entries)
    path = tree.inclusion_path(index)
    receipt = Receipt(TRUSTED[0], TRUSTED[1], TRUSTED[2], ISSUER, tree.root, index, size, path, BLOCK)
    return Proof(entries[index], receipt)


def evidence(of: Proof, **changes: object) -> ChainEvidence:
    anchor = AnchorRecord(
        ISSUER, of.receipt.root, 1, 1, of.receipt.tree_size, BLOCK.time, 0, 0, False, b"", b"", b"", b"",
        BLOCK, b"\x09" * 32, None, None,
    )  # fmt: skip
    base = ChainEvidence(
        INFO, ViewHead(BLOCK, BLOCK.time, "embedded"), anchor, None, None, (), {}, None, 0, BLOCK.hash, None
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def outcomes(of: Proof, trusted=TRUSTED, found: ChainEvidence | None = None) -> dict[ProofCheck, str]:
    return {one.check: one.code for one in check_proof(of, trusted, found)}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_every_leaf_of_a_tree_is_proved_and_drawn(size):
    for index in range(size):
        of = proof(size, index)
        assert parse_proof(encode_proof(of)) == of
        assert outcomes(of, found=evidence(of)) == {
            ProofCheck.LEDGER: "PROOF_LEDGER_TRUSTED",
            ProofCheck.INCLUSION: "PROOF_INCLUDED",
            ProofCheck.ANCHOR: "PROOF_ANCHORED",
            ProofCheck.BLOCK: "PROOF_BLOCK_SAME",
        }
        nodes = way_up(of)
        assert nodes[-1].hash == of.receipt.root
        assert nodes[-1].sibling is None
        for below, above in pairwise(nodes):
            assert below.sibling is not None
            pair = (below.sibling, below.hash) if below.sibling_is_left else (below.hash, below.sibling)
            assert hash_node(*pair) == above.hash


def test_each_fault_fails_its_own_check():
    of = proof(5, 3)
    good = evidence(of)
    assert good.anchor is not None
    other = Proof(b"\xff" * 32, of.receipt)
    assert outcomes(other, found=good)[ProofCheck.INCLUSION] == "PROOF_NOT_INCLUDED"
    foreign = (b"\x09" * 32, *TRUSTED[1:])
    assert outcomes(of, foreign, good)[ProofCheck.LEDGER] == "PROOF_LEDGER_FOREIGN"
    missing = replace(good, anchor=None)
    assert outcomes(of, found=missing)[ProofCheck.ANCHOR] == "PROOF_NOT_ANCHORED"
    smaller = replace(good, anchor=replace(good.anchor, size=4))
    assert outcomes(of, found=smaller)[ProofCheck.ANCHOR] == "PROOF_NOT_ANCHORED"
    withdrawn = replace(good, anchor=replace(good.anchor, withdrawn_at=BLOCK.time + 1))
    assert outcomes(of, found=withdrawn)[ProofCheck.ANCHOR] == "PROOF_BATCH_WITHDRAWN"
    forked = replace(good, receipt_block_hash=b"\x0f" * 32)
    assert outcomes(of, found=forked)[ProofCheck.BLOCK] == "PROOF_BLOCK_OTHER"


def test_without_a_ledger_nothing_is_called_wrong():
    of = proof(5, 0)
    assert outcomes(of, trusted=None) == {
        ProofCheck.LEDGER: "PROOF_LEDGER_NOT_KNOWN",
        ProofCheck.INCLUSION: "PROOF_INCLUDED",
        ProofCheck.ANCHOR: "PROOF_NO_LEDGER",
        ProofCheck.BLOCK: "PROOF_BLOCK_NOT_KNOWN",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"entry": "0x12"},
        {"entry": "0x" + "G" * 64},
        {"entry": "0x" + "AB" * 32},
        {"entry": 5},
        {"receipt": None},
        {"more": 1},
    ],
)
def test_a_file_of_another_shape_is_refused(change):
    document = json.loads(encode_proof(proof(3, 1)))
    document.update(change)
    with pytest.raises(InputError) as error:
        parse_proof(json.dumps(document).encode())
    assert error.value.code in {"PROOF_FILE", "RECEIPT_SHAPE"}


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"version":1,"version":1}', b"\xff", b" " * 70_000])
def test_bytes_that_are_no_proof_are_refused(data):
    with pytest.raises(InputError) as error:
        parse_proof(data)
    assert error.value.code == "PROOF_FILE"


def statement(number: int, by: int = 0x77, **changes: object) -> SignedCheckpoint:
    """A signed checkpoint of the proof's ledger at this height."""
    block = BLOCK if number == BLOCK.number else BlockRef(number, bytes([number]) * 32, BLOCK.time + number)
    told = Checkpoint(TRUSTED[0], TRUSTED[1], block, bytes(32), BLOCK.time + 9)
    return sign_checkpoint(replace(told, **changes), MemoryCredentialSigner.from_private_number(by))  # type: ignore[arg-type]


def witnessed(of: Proof, threshold: int = 1, known: dict[int, bytes] | None = None) -> str:
    keys = frozenset({statement(9, by).thumbprint for by in (0x77, 0x78)})
    rule = Witnessing(threshold, keys, known or {})
    return check_proof(of, TRUSTED, evidence(of), rule)[-1].code


def test_statements_of_witnesses_travel_with_the_proof():
    of = replace(proof(5, 3), statements=(statement(7), statement(9, 0x78), statement(9, 0x79)))
    data = encode_proof(of)
    assert json.loads(data)["version"] == 2
    assert parse_proof(data) == of
    assert witnessed(of) == "PROOF_WITNESSED"
    assert witnessed(of, 2) == "PROOF_WITNESSED"
    assert witnessed(of, 3) == "PROOF_WITNESS_MISSING", "the third key is no witness of the trust file"
    assert witnessed(of, 0) == "PROOF_SINGLE_OPERATOR"
    assert outcomes(of, found=evidence(of))[ProofCheck.WITNESSES] == "PROOF_WITNESSES_NOT_KNOWN"


def test_a_witness_counts_once_however_often_it_speaks():
    of = replace(proof(5, 3), statements=(statement(8), statement(9), statement(10)))
    assert witnessed(of, 2) == "PROOF_WITNESS_MISSING"


def test_each_lie_in_a_statement_fails():
    good = statement(9)
    lies = {
        "earlier than the receipt's block": statement(6),
        "of another ledger": statement(9, ledger_id=b"\x09" * 32),
        "of another chain": statement(9, chain_id=1),
        "another block at the receipt's height": statement(7, block=replace(BLOCK, hash=b"\x0a" * 32)),
        "another key's signature": replace(good, signature=statement(9, 0x78).signature),
        "another text": replace(good, checkpoint=replace(good.checkpoint, signed_at=1)),
    }
    for what, lie in lies.items():
        assert witnessed(replace(proof(5, 3), statements=(good, lie))) == "PROOF_STATEMENT_FALSE", what
    of = replace(proof(5, 3), statements=(good,))
    assert witnessed(of, known={9: b"\x0b" * 32}) == "PROOF_STATEMENT_FALSE", "the checker's ledger differs"
    assert witnessed(of, known={9: bytes([9]) * 32}) == "PROOF_WITNESSED"


def test_files_with_strange_statements_are_refused():
    of = replace(proof(5, 3), statements=(statement(9),))
    document = json.loads(encode_proof(of))
    one = document["statements"][0]
    for wrong in (
        [], {}, None, [1], [{}], [one] * 33, [{**one, "version": 2}], [{**one, "block_number": 1.5}],
        [{**one, "extra": 1}], [{**one, "signature": "AA"}],
    ):  # fmt: skip
        with pytest.raises(InputError):
            parse_proof(json.dumps({**document, "statements": wrong}).encode())
    with pytest.raises(InputError):
        parse_proof(json.dumps({**document, "version": 1}).encode())
    with pytest.raises(InputError):
        parse_proof(json.dumps({**document, "version": True}).encode())
