"""Inclusion proofs in Solidity: public vectors with their lies, and our own trees through the ledger."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ledger.core.merkle import MerkleTree, hash_leaf
from tests.contracts.world import BUREAU, SIBLING, World, issuer_id, root_of
from tests.needs import shared_files


@pytest.fixture(scope="module")
def harness(founded: World) -> Any:
    return founded.deploy("InclusionProofHarness").functions


@pytest.mark.needs("shared")
@pytest.mark.parametrize(
    "path", shared_files("vectors/merkle-inclusion/**/*.json"), ids=lambda path: "/".join(path.parts[-2:])
)
def test_public_vectors_pass_and_their_lies_do_not(harness: Any, path: Path) -> None:
    case = json.loads(path.read_text("utf-8"))
    leaf, root = (base64.b64decode(case[name] or "") for name in ("leafHash", "root"))
    proof = [base64.b64decode(node) for node in case["proof"] or ()]
    numbers = (case["leafIdx"], case["treeSize"])
    # What does not fit the ABI (a hash of another length, a negative number) is refused before the contract.
    fits = all(len(node) == 32 for node in (leaf, root, *proof)) and all(0 <= n < 2**256 for n in numbers)
    included = fits and harness.isIncluded(leaf, *numbers, proof, root).call()
    assert included is not case["wantErr"]


def entries(size: int) -> list[bytes]:
    return [hashlib.sha256(b"entry %d" % index).digest() for index in range(size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13])
def test_every_leaf_of_a_tree_is_included_at_its_place_only(world: World, size: int) -> None:
    leaves = entries(size)
    tree = MerkleTree.of_entries(leaves)
    world.anchor(world.bureau, world.lab.batch(world.bureau, world.plain, tree.root, size))
    ask = world.ledger.isIncluded
    for index, entry in enumerate(leaves):
        path = list(tree.inclusion_path(index))
        assert ask(issuer_id(BUREAU), tree.root, entry, index, path).call()
        assert not ask(issuer_id(BUREAU), tree.root, root_of("other"), index, path).call()
        assert not ask(issuer_id(BUREAU), tree.root, hash_leaf(entry), index, path).call(), "hashed already"
        longer = ("LedgerPathLength", len(path), len(path) + 1)
        world.refuses(ask(issuer_id(BUREAU), tree.root, entry, index, [*path, bytes(32)]), *longer)
        if path:
            broken = [bytes([path[0][0] ^ 1]) + path[0][1:], *path[1:]]
            assert not ask(issuer_id(BUREAU), tree.root, entry, index, broken).call()
            shorter = ("LedgerPathLength", len(path), len(path) - 1)
            world.refuses(ask(issuer_id(BUREAU), tree.root, entry, index, path[1:]), *shorter)
    beyond = ask(issuer_id(BUREAU), tree.root, leaves[0], size, list(tree.inclusion_path(0)))
    world.refuses(beyond, "LedgerIndexOutOfRange", size, size)


def test_an_inner_node_is_no_leaf(world: World) -> None:
    leaves = entries(4)
    tree = MerkleTree.of_entries(leaves)
    world.anchor(world.bureau, world.lab.batch(world.bureau, world.plain, tree.root, 4))
    left, right = (MerkleTree.of_entries(half).root for half in (leaves[:2], leaves[2:]))
    ask = world.ledger.isIncluded
    # With a size of two of the asker's own, the inner node would pass as leaf 0; the size is the ledger's.
    call = ask(issuer_id(BUREAU), tree.root, left, 0, [right])
    world.refuses(call, "LedgerPathLength", 2, 1)
    assert not ask(issuer_id(BUREAU), tree.root, left, 0, [right, right]).call()
    assert not ask(issuer_id(BUREAU), tree.root, left, 0, [bytes(32), right]).call()


def test_another_issuers_root_includes_nothing(world: World) -> None:
    tree = MerkleTree.of_entries(entries(2))
    world.anchor(world.bureau, world.lab.batch(world.bureau, world.plain, tree.root, 2))
    call = world.ledger.isIncluded(
        issuer_id(SIBLING), tree.root, entries(2)[0], 0, list(tree.inclusion_path(0))
    )
    world.refuses(call, "LedgerNotAnchored", issuer_id(SIBLING), tree.root)
