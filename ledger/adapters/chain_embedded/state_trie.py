"""The Merkle Patricia trie of a state, with its nodes kept decoded.

A block of one anchor reads some twenty places of the state and changes six. A general trie decodes each
node on the way at each step and encodes it again for each change; here a node is decoded once, all
changes of a block are made first, and what they touched is encoded once. Keys are hashes of 32 bytes.
Source: Yellow Paper, appendices B to D; a test compares with py-evm's trie.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from lru import LRU

from ledger.adapters.abi import keccak256
from ledger.adapters.chain_embedded.accounts import Node, read_node
from ledger.adapters.chain_embedded.tries import EMPTY_ROOT, list_prefix
from ledger.core.errors import UnavailableError

_DECODED_NODES: Final = 50_000  # about a kilobyte each
_NO_NODE: Final = b""
_BRANCH: Final = 17
_HASH_BYTES: Final = 32
_OF_HEX: Final = bytes.maketrans(b"0123456789abcdef", bytes(range(16)))
_TO_HEX: Final = bytes.maketrans(bytes(range(16)), b"0123456789abcdef")

# A node is b"" (none), the 32 bytes of its hash (not looked at yet), or a sequence: a tuple is as the file
# has it, a list was changed since. (nibbles, True, value) is a leaf, (nibbles, False, node) an extension,
# 16 nodes and b"" are a branch: all keys have one length, so that none ends there.
_Item = Any


class TrieNodes:
    """Nodes by their hash, decoded.

    Args:
        node: an encoded node by its hash, as it is stored; None when there is none.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.known: LRU[bytes, tuple[Any, ...]] = LRU(_DECODED_NODES)

    def load(self, node_hash: bytes) -> tuple[Any, ...]:
        """Raises: UnavailableError(CHAIN_UNAVAILABLE) when the file is damaged there."""
        found = self.known.get(node_hash)
        if found is None:
            found = _decoded(read_node(node_hash, self._node))
            self.known[node_hash] = found
        return found


def nibbles_of(key: bytes) -> bytes:
    """Each half byte as a byte."""
    return key.hex().encode().translate(_OF_HEX)


def string(data: bytes) -> bytes:
    """RLP of a byte string. Source: Yellow Paper, appendix B."""
    size = len(data)
    if size == 1 and data[0] < 0x80:
        return data
    if size < 56:
        return bytes((0x80 + size,)) + data
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((0xB7 + len(length),)) + length + data


class StateTrie:
    """One trie.

    Args:
        nodes: where its nodes are.
        root: 32 bytes.
    """

    def __init__(self, nodes: TrieNodes, root: bytes) -> None:
        self._nodes = nodes
        self._root: _Item = _NO_NODE if root == EMPTY_ROOT else root

    def get(self, key: bytes) -> bytes:
        """The value of a key of 32 bytes, empty when there is none."""
        node, path, at = self._root, nibbles_of(key), 0
        while node:
            if type(node) is bytes:
                node = self._nodes.load(node)
            if len(node) == _BRANCH:
                node = node[path[at]]
                at += 1
                continue
            own, is_leaf, below = node
            if not path.startswith(own, at):
                break
            if is_leaf:
                return bytes(below)
            node, at = below, at + len(own)
        return b""

    def set(self, key: bytes, value: bytes) -> None:
        """Give a key a value; an empty one takes it away. Nothing is encoded yet."""
        path = nibbles_of(key)
        self._root = self._with(self._root, path, 0, value) if value else self._without(self._root, path, 0)

    def write(self, into: MutableMapping[bytes, bytes]) -> bytes:
        """The root, 32 bytes, after the encoded nodes that are new were put `into` a mapping by their hash."""
        if not self._root:
            return EMPTY_ROOT
        if type(self._root) is bytes:
            return self._root
        encoded, node = self._encoded(self._root, into)
        root = keccak256(encoded)
        into[root] = encoded
        self._nodes.known[root] = node
        self._root = root
        return root

    def _with(self, node: _Item, path: bytes, at: int, value: bytes) -> list[Any]:
        if not node:
            return [path[at:], True, value]
        if type(node) is bytes:
            node = self._nodes.load(node)
        if len(node) == _BRANCH:
            changed = node if type(node) is list else list(node)
            changed[path[at]] = self._with(node[path[at]], path, at + 1, value)
            return changed
        own, is_leaf, below = node
        same = _common(own, path, at)
        if same == len(own):
            return [own, is_leaf, value if is_leaf else self._with(below, path, at + same, value)]
        branch: list[Any] = [_NO_NODE] * _BRANCH
        rest = own[same + 1 :]
        branch[own[same]] = [rest, is_leaf, below] if rest or is_leaf else below
        branch[path[at + same]] = [path[at + same + 1 :], True, value]
        return [own[:same], False, branch] if same else branch

    def _without(self, node: _Item, path: bytes, at: int) -> _Item:
        """The node without the key: the very same one when it was not there."""
        if not node:
            return node
        given = node
        if type(node) is bytes:
            node = self._nodes.load(node)
        if len(node) == _BRANCH:
            below = self._without(node[path[at]], path, at + 1)
            if below is node[path[at]]:
                return given
            changed = node if type(node) is list else list(node)
            changed[path[at]] = below
            left = [place for place in range(_BRANCH) if changed[place]]
            return changed if len(left) > 1 else self._joined(bytes((left[0],)), changed[left[0]])
        own, is_leaf, below = node
        if not path.startswith(own, at):
            return given
        if is_leaf:
            return _NO_NODE
        changed = self._without(below, path, at + len(own))
        return given if changed is below else self._joined(own, changed)

    def _joined(self, prefix: bytes, node: _Item) -> list[Any]:
        """A node under a prefix; two paths in a row become one."""
        looked_at = self._nodes.load(node) if type(node) is bytes else node
        if len(looked_at) == _BRANCH:
            return [prefix, False, node]
        own, is_leaf, below = looked_at
        return [prefix + own, is_leaf, below]

    def _encoded(self, node: _Item, into: MutableMapping[bytes, bytes]) -> tuple[bytes, tuple[Any, ...]]:
        """RLP of a node that is there in full, and the node as it will be known."""
        if len(node) == _BRANCH:
            pairs = [self._reference(one, into) for one in node]
            body = b"".join([pair[0] for pair in pairs])
            return list_prefix(len(body)) + body, tuple([pair[1] for pair in pairs])
        own, is_leaf, below = node
        if is_leaf:
            body = string(_path(own, "2", "3")) + string(below)
        else:
            reference, below = self._reference(below, into)
            body = string(_path(own, "0", "1")) + reference
        return list_prefix(len(body)) + body, (own, is_leaf, below)

    def _reference(self, node: _Item, into: MutableMapping[bytes, bytes]) -> tuple[bytes, _Item]:
        """What a parent holds of a node: itself when short, else its hash; encoded and decoded."""
        if not node:
            return b"\x80", _NO_NODE
        if type(node) is bytes:
            return b"\xa0" + node, node
        encoded, known = self._encoded(node, into)
        if len(encoded) < _HASH_BYTES:
            return encoded, known
        node_hash = keccak256(encoded)
        into[node_hash] = encoded
        self._nodes.known[node_hash] = known
        return b"\xa0" + node_hash, node_hash


def write_all(trie: StateTrie, values: Mapping[bytes, bytes], into: MutableMapping[bytes, bytes]) -> bytes:
    """The root after these changes; see StateTrie.set and StateTrie.write."""
    for key, value in values.items():
        trie.set(key, value)
    return trie.write(into)


def _common(own: bytes, path: bytes, at: int) -> int:
    """How many nibbles of `own` a path has from a place on."""
    same = 0
    for nibble in own:
        if path[at + same] != nibble:
            break
        same += 1
    return same


def _path(nibbles: bytes, even: str, odd: str) -> bytes:
    """Hex-prefix encoding. Source: Yellow Paper, appendix C."""
    text = nibbles.translate(_TO_HEX).decode()
    return bytes.fromhex(odd + text if len(nibbles) % 2 else f"{even}0{text}")


def _decoded(item: _Item) -> tuple[Any, ...]:
    """A node out of what RLP gives."""
    if len(item) == _BRANCH:
        return (*(_reference_of(one) for one in item[:-1]), _NO_NODE)
    if len(item) != 2 or type(item[0]) is not bytes or not item[0]:
        raise UnavailableError("CHAIN_UNAVAILABLE", "the chain file is damaged: its state cannot be read")
    flagged = nibbles_of(item[0])
    own = flagged[1:] if flagged[0] & 1 else flagged[2:]
    if flagged[0] & 2:
        return own, True, item[1]
    return own, False, _reference_of(item[1])


def _reference_of(item: _Item) -> _Item:
    return item if type(item) is bytes else _decoded(item)
