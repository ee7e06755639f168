"""Header of an Ethereum block, read from its bytes: number, time, parent and state root, and its hash.

Enough to follow a chain of hashes without running anything. Source: Ethereum Yellow Paper, appendix B (RLP)
and section 4.3 (block header).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ledger.core.eip712 import keccak
from ledger.core.errors import InputError

_HASH_BYTES: Final = 32
_PARENT, _STATE_ROOT, _NUMBER, _TIME = 0, 3, 8, 11
_FEWEST, _MOST = 15, 32  # fields of a header; newer rules append some
_NUMBER_BYTES: Final = 8
_STRING, _LONG_STRING, _LIST, _LONG_LIST = 0x80, 0xB7, 0xC0, 0xF7  # RLP: first bytes of each kind


@dataclass(frozen=True, slots=True)
class BlockHeader:
    """What a header says, and its hash. `raw`: its RLP; hashes are 32 bytes, time is seconds."""

    number: int
    time: int
    hash: bytes
    parent_hash: bytes
    state_root: bytes
    raw: bytes


def header_of(block_rlp: bytes) -> BlockHeader:
    """The header at the beginning of a block.

    Raises: InputError(BLOCK_INVALID).
    """
    start, end, is_list = _span(block_rlp, 0)
    if not is_list or end != len(block_rlp) or start == end:
        raise _wrong()
    _, stop, _ = _span(block_rlp, start)
    return read_header(block_rlp[start:stop])


def read_header(raw: bytes) -> BlockHeader:
    """A header by itself.

    Raises: InputError(BLOCK_INVALID).
    """
    at, end, is_list = _span(raw, 0)
    if not is_list or end != len(raw):
        raise _wrong()
    fields: list[bytes] = []
    while at < end and len(fields) <= _MOST:
        start, stop, is_nested = _span(raw, at)
        if is_nested:
            raise _wrong()
        fields.append(raw[start:stop])
        at = stop
    if not _FEWEST <= len(fields) <= _MOST or at != end:
        raise _wrong()
    if len(fields[_PARENT]) != _HASH_BYTES or len(fields[_STATE_ROOT]) != _HASH_BYTES:
        raise _wrong()
    return BlockHeader(
        number=_number(fields[_NUMBER]),
        time=_number(fields[_TIME]),
        hash=keccak(raw),
        parent_hash=fields[_PARENT],
        state_root=fields[_STATE_ROOT],
        raw=raw,
    )


def is_chain(headers: tuple[BlockHeader, ...]) -> bool:
    """Whether each header is the parent of the next one."""
    return all(
        after.parent_hash == before.hash and after.number == before.number + 1
        for before, after in pairwise(headers)
    )


def _number(field: bytes) -> int:
    if len(field) > _NUMBER_BYTES or field[:1] == b"\0":
        raise _wrong()
    return int.from_bytes(field)


def _span(data: bytes, at: int) -> tuple[int, int, bool]:
    """(begin, end) of the content of the RLP item at a place, and whether it is a list."""
    if at >= len(data):
        raise _wrong()
    first = data[at]
    if first < _STRING:
        return at, at + 1, False
    is_list = first >= _LIST
    short, long = (_LIST, _LONG_LIST) if is_list else (_STRING, _LONG_STRING)
    start = at + 1
    if first <= long:
        length = first - short
        if not is_list and length == 1 and data[start : start + 1] < b"\x80":
            raise _wrong()
    else:
        start += first - long
        digits = data[at + 1 : start]
        length = int.from_bytes(digits)
        if digits[:1] == b"\0" or length <= long - short:
            raise _wrong()
    if start + length > len(data):
        raise _wrong()
    return start, start + length, is_list


def _wrong() -> InputError:
    return InputError("BLOCK_INVALID", "these bytes are no block header")
