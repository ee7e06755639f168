"""Trees against a slow transcription of the RFC, and the official inclusion vectors."""

from __future__ import annotations

import base64
import json
import tracemalloc
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.errors import InputError
from ledger.core.merkle import (
    MAX_TREE_SIZE,
    MerkleTree,
    entry_of,
    hash_leaf,
    hash_node,
    path_length,
    root_from_inclusion_proof,
    split_path,
)
from tests.needs import shared_files

# RFC 9162 §2.1.1 and §2.1.3.1, word for word: the slow twin.


def slow_root(entries: list[bytes]) -> bytes:
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = largest_power_below(len(entries))
    return sha256(b"\x01" + slow_root(entries[:k]) + slow_root(entries[k:])).digest()


def slow_path(m: int, entries: list[bytes]) -> list[bytes]:
    if len(entries) == 1:
        return []
    k = largest_power_below(len(entries))
    if m < k:
        return [*slow_path(m, entries[:k]), slow_root(entries[k:])]
    return [*slow_path(m - k, entries[k:]), slow_root(entries[:k])]


def largest_power_below(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def entries(count: int) -> list[bytes]:
    return [entry_of(b"jwt %d" % number) for number in range(count)]


@pytest.mark.parametrize("count", [*range(1, 40), 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 1600])
def test_root_and_every_path_equal_the_slow_twin(count: int) -> None:
    given_entries = entries(count)
    tree = MerkleTree.of_entries(given_entries)
    assert tree.size == count
    assert tree.root == slow_root(given_entries)
    wanted = range(count) if count <= 257 else (0, 1, count // 2, count - 2, count - 1, 511, 512)
    indices = [index for index in wanted if index < count]
    paths = list(tree.paths())
    assert len(paths) == count
    for index in indices:
        expected = slow_path(index, given_entries)
        assert list(tree.inclusion_path(index)) == expected
        assert list(split_path(paths[index])) == expected
        assert len(expected) == path_length(index, count)
        leaf = hash_leaf(given_entries[index])
        assert tree.leaf(index) == leaf
        assert root_from_inclusion_proof(leaf, index, count, expected) == tree.root


@given(st.integers(1, 1200), st.data())
def test_streamed_paths_equal_single_ones(count: int, data: st.DataObject) -> None:
    tree = MerkleTree([hash_leaf(entry) for entry in entries(count)])
    index = data.draw(st.integers(0, count - 1))
    streamed = next(path for at, path in enumerate(tree.paths()) if at == index)
    assert split_path(streamed) == tree.inclusion_path(index)


@given(st.integers(1, 300), st.data())
def test_a_changed_proof_never_gives_the_root(count: int, data: st.DataObject) -> None:
    given_entries = entries(count)
    tree = MerkleTree.of_entries(given_entries)
    index = data.draw(st.integers(0, count - 1))
    path = list(tree.inclusion_path(index))
    leaf = tree.leaf(index)
    place = data.draw(st.integers(0, len(path)))
    bit = 1 << data.draw(st.integers(0, 7))
    if place == len(path):
        leaf = bytes([leaf[0] ^ bit]) + leaf[1:]
    else:
        path[place] = bytes([path[place][0] ^ bit]) + path[place][1:]
    assert root_from_inclusion_proof(leaf, index, count, path) != tree.root


@pytest.mark.parametrize(
    ("leaf", "index", "size", "path"),
    [
        (b"\x00" * 32, 0, 0, []),
        (b"\x00" * 32, -1, 1, []),
        (b"\x00" * 32, 1, 1, []),
        (b"\x00" * 32, 0, MAX_TREE_SIZE + 1, [b"\x00" * 32] * 32),
        (b"\x00" * 32, 0, 1, [b"\x00" * 32]),
        (b"\x00" * 32, 0, 2, []),
        (b"\x00" * 32, 0, 2, [b"\x00" * 31]),
        (b"\x00" * 32, 0, 2, [b"\x00" * 33]),
        (b"", 0, 1, []),
        (b"\x00" * 31, 0, 1, []),
    ],
)
def test_shapes_that_are_refused(leaf: bytes, index: int, size: int, path: list[bytes]) -> None:
    with pytest.raises(InputError) as error:
        root_from_inclusion_proof(leaf, index, size, path)
    assert error.value.code == "PROOF_SHAPE"


@pytest.mark.parametrize("leaves", [b"", b"\x00" * 31, b"\x00" * 33, [], [b"\x00" * 31, b"\x00" * 33]])
def test_trees_that_are_refused(leaves: bytes | list[bytes]) -> None:
    with pytest.raises(InputError) as error:
        MerkleTree(leaves)
    assert error.value.code == "TREE_SHAPE"


def test_a_node_is_no_leaf_and_order_matters() -> None:
    left, right = hash_leaf(b"left"), hash_leaf(b"right")
    assert hash_node(left, right) != hash_node(right, left)
    assert hash_node(left, right) != hash_leaf(left + right)


def test_an_inner_node_passes_only_when_the_size_is_the_callers() -> None:
    """Why the size comes from the anchor: this proof is right for a tree of half the size."""
    tree = MerkleTree.of_entries(entries(4))
    inner = hash_node(tree.leaf(0), tree.leaf(1))
    sibling = hash_node(tree.leaf(2), tree.leaf(3))
    assert root_from_inclusion_proof(inner, 0, 2, [sibling]) == tree.root
    with pytest.raises(InputError):
        root_from_inclusion_proof(inner, 0, 4, [sibling])


def test_building_and_streaming_keep_little_memory() -> None:
    """Levels are 64 bytes a leaf; proofs are never kept. 300 MB at a million is 300 bytes a leaf."""
    count = 50_000
    leaves = b"".join(sha256(b"%d" % number).digest() for number in range(count))
    tracemalloc.start()
    tree = MerkleTree(leaves)
    total = sum(len(path) for path in tree.paths())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > count * 15 * 32
    assert peak < count * 150


@pytest.mark.needs("shared")
@pytest.mark.parametrize("path", shared_files("vectors/merkle-inclusion/*/*.json"), ids=str)
def test_official_inclusion_vectors(path: Path) -> None:
    vector = json.loads(path.read_text())

    def decode(text: str | None) -> bytes:
        return base64.b64decode(text or "")

    try:
        root = root_from_inclusion_proof(
            decode(vector["leafHash"]),
            vector["leafIdx"],
            vector["treeSize"],
            [decode(item) for item in vector["proof"] or []],
        )
        is_good = root == decode(vector["root"])
    except InputError:
        is_good = False
    assert is_good is not vector["wantErr"]
