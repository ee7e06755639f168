"""RFC 9162 Merkle trees over SHA-256: leaf and node hashing, roots, inclusion proofs.

Says nothing about what an entry is (docs/formats.md) nor where a root is kept. Invariants: a leaf
hash starts from 0x00 and a node from 0x01, so neither passes as the other; order matters; a level of
odd length hands its last node up unhashed, which is the same tree as the RFC's recursive split.

A tree keeps its levels as flat joined bytes (64 bytes a leaf in all); proofs are sliced from them
on demand and never stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Final

from ledger.core.errors import InputError

HASH_BYTES: Final = 32
MAX_TREE_SIZE: Final = 2**32 - 1  # the contract keeps a size in 32 bits

_PAIR: Final = 2 * HASH_BYTES
# Leaves that are hashed, or whose proofs are made, together. Power of two, so that a full block is a
# complete subtree; small enough to stay in the processor's cache.
_BLOCK_LEVELS: Final = 9
_BLOCK: Final = 1 << _BLOCK_LEVELS


def entry_of(issuer_jwt: bytes) -> bytes:
    """Entry of a credential: SHA-256 of its issuer-signed JWT, 32 bytes (docs/formats.md)."""
    return sha256(issuer_jwt).digest()


def hash_leaf(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry).  Source: RFC 9162 §2.1.1."""
    return sha256(b"\x00" + entry).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right).  Source: RFC 9162 §2.1.1."""
    return sha256(b"\x01" + left + right).digest()


def path_length(leaf_index: int, tree_size: int) -> int:
    """Number of siblings in the inclusion proof of this leaf.

    Raises:
        InputError: PROOF_SHAPE unless 0 <= leaf_index < tree_size < 2^32.
    """
    if not 0 <= leaf_index < tree_size <= MAX_TREE_SIZE:
        raise InputError(
            "PROOF_SHAPE",
            "The leaf index is not below the tree size; take both from the receipt.",
            leaf_index=leaf_index,
            tree_size=tree_size,
        )
    inner = (leaf_index ^ (tree_size - 1)).bit_length()
    return inner + (leaf_index >> inner).bit_count()


def root_from_inclusion_proof(
    leaf_hash: bytes, leaf_index: int, tree_size: int, path: Sequence[bytes]
) -> bytes:
    """Root hash that this proof commits to.

    Args:
        leaf_hash: 32 bytes, already prefixed (see hash_leaf).
        leaf_index: 0 <= leaf_index < tree_size.
        tree_size: leaves of the tree, at least 1, below 2^32.
        path: sibling hashes, leaf upward, 32 bytes each, exactly as many as index and size demand.

    Returns: 32 bytes.

    Raises:
        InputError: PROOF_SHAPE if a length does not fit.

    Source: RFC 9162 §2.1.3.2.
    """
    expected = path_length(leaf_index, tree_size)
    if len(path) != expected:
        raise InputError(
            "PROOF_SHAPE",
            "The inclusion path is too long or too short for its index and size.",
            expected=expected,
            given=len(path),
        )
    if len(leaf_hash) != HASH_BYTES or not set(map(len, path)) <= {HASH_BYTES}:
        raise InputError("PROOF_SHAPE", "A hash of the inclusion path is not 32 bytes long.")
    node, hash_ = leaf_hash, sha256
    inner = (leaf_index ^ (tree_size - 1)).bit_length()
    for sibling in path[:inner]:
        if leaf_index & 1:
            node = hash_(b"\x01" + sibling + node).digest()
        else:
            node = hash_(b"\x01" + node + sibling).digest()
        leaf_index >>= 1
    for sibling in path[inner:]:  # along the right border every sibling lies to the left
        node = hash_(b"\x01" + sibling + node).digest()
    return node


def split_path(joined: bytes) -> tuple[bytes, ...]:
    """Siblings of a joined path, 32 bytes each."""
    return tuple(joined[i : i + HASH_BYTES] for i in range(0, len(joined), HASH_BYTES))


class MerkleTree:
    """A tree over leaf hashes, fixed at construction.

    Args:
        leaf_hashes: at least one; 32 bytes each, as a sequence or already joined.

    Raises:
        InputError: TREE_SHAPE for no leaf, too many, or a hash that is not 32 bytes.
    """

    __slots__ = ("_levels", "size")

    def __init__(self, leaf_hashes: bytes | Sequence[bytes]) -> None:
        if isinstance(leaf_hashes, bytes):
            joined, even = leaf_hashes, len(leaf_hashes) % HASH_BYTES == 0
        else:
            even = all(len(leaf) == HASH_BYTES for leaf in leaf_hashes)
            joined = b"".join(leaf_hashes)
        size = len(joined) // HASH_BYTES
        if not even or not 1 <= size <= MAX_TREE_SIZE:
            raise InputError("TREE_SHAPE", "A tree needs 1 to 2^32 - 1 leaf hashes of 32 bytes.", size=size)
        self.size: Final = size
        self._levels = _build(joined)

    @classmethod
    def of_entries(cls, entries: Iterable[bytes]) -> MerkleTree:
        """Tree whose leaves are hash_leaf(entry), in this order."""
        hash_ = sha256
        each = iter(entries)
        joined = bytearray()
        while part := b"".join([hash_(b"\x00" + entry).digest() for entry in islice(each, _BLOCK)]):
            joined += part
        return cls(bytes(joined))

    @property
    def root(self) -> bytes:
        """Merkle Tree Hash, 32 bytes."""
        return self._levels[-1]

    def leaf(self, index: int) -> bytes:
        """Leaf hash at 0 <= index < size."""
        path_length(index, self.size)
        return self._levels[0][index * HASH_BYTES : (index + 1) * HASH_BYTES]

    def inclusion_path(self, index: int) -> tuple[bytes, ...]:
        """Siblings from the leaf upward.

        Raises:
            InputError: PROOF_SHAPE unless 0 <= index < size.

        Source: RFC 9162 §2.1.3.1.
        """
        path_length(index, self.size)
        return split_path(self._path_above(0, index))

    def paths(self) -> Iterator[bytes]:
        """Joined inclusion path of every leaf, in leaf order, made on the fly.

        Leaves of a block share the upper part of their paths, so that part is made once; inside the
        block each level doubles the number of paths. About two concatenations a leaf.
        """
        full = self.size & ~(_BLOCK - 1)
        for first in range(0, full, _BLOCK):
            paths = [self._path_above(_BLOCK_LEVELS, first >> _BLOCK_LEVELS)]
            for height in range(_BLOCK_LEVELS - 1, -1, -1):
                level = self._levels[height]
                start = (first >> height) * HASH_BYTES
                longer: list[bytes] = []
                append = longer.append
                for above, left in zip(paths, range(start, start + len(paths) * _PAIR, _PAIR), strict=True):
                    append(level[left + HASH_BYTES : left + _PAIR] + above)
                    append(level[left : left + HASH_BYTES] + above)
                paths = longer
            yield from paths
        for index in range(full, self.size):
            yield self._path_above(0, index)

    def _path_above(self, height: int, node: int) -> bytes:
        """Joined siblings of node `node` of level `height` and of all its ancestors."""
        siblings: list[bytes] = []
        for level in self._levels[height:-1]:
            start = (node ^ 1) * HASH_BYTES
            siblings.append(level[start : start + HASH_BYTES])  # empty for an odd last node
            node >>= 1
        return b"".join(siblings)


def _build(leaves: bytes) -> list[bytes]:
    """All levels, leaves first; the last one is the root.

    Complete blocks are hashed as lists of digests all the way to the top of the block, and joined
    into their levels afterwards: fewer slices than working on the flat bytes, without keeping a
    Python object for each node.
    """
    size = len(leaves) // HASH_BYTES
    full_bytes = (size & ~(_BLOCK - 1)) * HASH_BYTES
    lower = [bytearray() for _ in range(_BLOCK_LEVELS)]
    hash_ = sha256
    block_bytes = _BLOCK * HASH_BYTES
    for first in range(0, full_bytes, block_bytes):
        nodes = [
            hash_(b"\x01" + leaves[i : i + _PAIR]).digest() for i in range(first, first + block_bytes, _PAIR)
        ]
        lower[0] += b"".join(nodes)
        for height in range(1, _BLOCK_LEVELS):
            each = iter(nodes)
            nodes = [hash_(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=True)]
            lower[height] += b"".join(nodes)
    levels = [leaves]
    while len(levels[-1]) > HASH_BYTES:
        height = len(levels) - 1
        done = lower[height] if height < _BLOCK_LEVELS else b""
        levels.append(_level_above(levels[-1], done))
    return levels


def _level_above(level: bytes, done: bytes | bytearray) -> bytes:
    """The level over `level`, whose first nodes `done` are already there."""
    paired = len(level) - len(level) % _PAIR
    hash_ = sha256
    rest = b"".join(
        [hash_(b"\x01" + level[i : i + _PAIR]).digest() for i in range(2 * len(done), paired, _PAIR)]
    )
    return bytes(done) + rest + level[paired:]
