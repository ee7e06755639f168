"""The code that an address really has, read from the state trie of a block without an EVM.

Every step is checked: the header against its block's hash, each node against the hash that names it.
So what is told is what the block commits to, whatever other tables of the file claim.
Source: Yellow Paper, section 4.1 and appendices B to D.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger.adapters.abi import keccak256
from ledger.core.errors import UnavailableError

NO_CODE = keccak256(b"")
NO_STATE = keccak256(b"\x80")  # root of an empty trie: a chain of which only block 0 is there
_STATE_ROOT, _CODE_HASH = 3, 3  # places in a header and in an account
_BRANCH, _SHORT = 17, 2  # items of a node
_LONG_FORM = 55  # RLP: longer content has its length before it

_DEEPEST = 8  # lists in lists: a node holds short nodes, nothing deeper

Node = Callable[[bytes], bytes | None]
Item = bytes | list["Item"]


def code_hash_at(block_rlp: bytes, block_hash: bytes, address: bytes, node: Node) -> bytes:
    """Keccak-256 of the stored code of an address after a block; 32 zero bytes when there is none.

    Args:
        block_rlp: the block.
        block_hash: 32 bytes, what its header must hash to.
        address: 20 bytes.
        node: a stored trie node or code by its hash.
    Raises: UnavailableError(CHAIN_UNAVAILABLE) when the file is damaged there.
    """
    header = _header(block_rlp, block_hash)
    root = _bytes_at(header, _STATE_ROOT)
    if root == NO_STATE:
        return bytes(32)
    account = _lookup(_fetch(root, node), _nibbles(keccak256(address)), node)
    if account is None:
        return bytes(32)
    named = _bytes_at(account, _CODE_HASH)
    if named == NO_CODE:
        return bytes(32)
    code = node(named)
    if code is None:
        raise _damaged()
    return keccak256(code)


def state_root_of(block_rlp: bytes, block_hash: bytes) -> bytes:
    """The state root that a block's header commits to, 32 bytes.

    Raises: UnavailableError(CHAIN_UNAVAILABLE) when the header is not what the hash names.
    """
    return _bytes_at(_header(block_rlp, block_hash), _STATE_ROOT)


def _header(block_rlp: bytes, block_hash: bytes) -> bytes:
    """RLP of a block's header, which must have this hash."""
    start, end = _content(block_rlp, 0)
    _, end_of_header = _content(block_rlp, start)
    header = block_rlp[start:end_of_header]
    if end != len(block_rlp) or keccak256(header) != block_hash:
        raise _damaged()
    return header


def _lookup(item: Item, path: bytes, node: Node) -> bytes | None:
    """The value under a path of nibbles, None when the trie has none."""
    while True:
        if len(item) == _BRANCH and isinstance(item, list) and path:
            item, path = item[path[0]], path[1:]
        elif len(item) == _SHORT and isinstance(item, list) and isinstance(item[0], bytes):
            flag, *rest = _nibbles(item[0]) or bytes(1)
            own = bytes(rest[0 if flag & 1 else 1 :])
            if not path.startswith(own):
                return None
            path = path[len(own) :]
            if flag & 2:  # a leaf
                return item[1] if not path and isinstance(item[1], bytes) else None
            item = item[1]
        else:
            raise _damaged()
        if item == b"":
            return None
        if isinstance(item, bytes):
            item = _fetch(item, node)


def _fetch(node_hash: Item, node: Node) -> Item:
    if not isinstance(node_hash, bytes):
        raise _damaged()
    return read_node(node_hash, node)


def read_node(node_hash: bytes, node: Node) -> list[Item]:
    """The items of a stored trie node. Raises: UnavailableError(CHAIN_UNAVAILABLE) when it is not what its hash says."""
    value = node(node_hash)
    if value is None or keccak256(value) != node_hash:
        raise _damaged()
    return _parse(value)


def _parse(data: bytes) -> list[Item]:
    """One RLP list that fills `data`."""
    item, end = _item(data, 0)
    if end != len(data) or not isinstance(item, list):
        raise _damaged()
    return item


def _bytes_at(data: bytes, place: int) -> bytes:
    """A byte string in an RLP list."""
    items = _parse(data)
    found = items[place] if place < len(items) else None
    if not isinstance(found, bytes):
        raise _damaged()
    return found


def _item(data: bytes, at: int, depth: int = 0) -> tuple[Item, int]:
    if depth > _DEEPEST:
        raise _damaged()
    start, end = _content(data, at)
    if data[at] < 0xC0:
        return data[start:end], end
    items: list[Item] = []
    while start < end:
        item, start = _item(data, start, depth + 1)
        items.append(item)
    return items, end


def _content(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the RLP item at this place begins and ends."""
    if at >= len(data):
        raise _damaged()
    first = data[at]
    if first < 0x80:
        return at, at + 1
    length = first - (0x80 if first < 0xC0 else 0xC0)
    start = at + 1
    if length > _LONG_FORM:
        start += length - _LONG_FORM
        length = int.from_bytes(data[at + 1 : start])
    if start + length > len(data):
        raise _damaged()
    return start, start + length


def _nibbles(key: bytes) -> bytes:
    return bytes(half for byte in key for half in (byte >> 4, byte & 15))


def _damaged() -> UnavailableError:
    return UnavailableError("CHAIN_UNAVAILABLE", "the chain file is damaged: its state cannot be read")
