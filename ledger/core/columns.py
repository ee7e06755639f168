"""Tables of rows as columns of bytes: how a snapshot packs the ledger's state.

Texts and byte strings lie once each in two sorted pools; a column is one vector of integers, big-endian,
in the narrowest width that holds all of them, 0 standing for nothing. Rows are sorted by their keys. So
equal tables have equal bytes: their hash names the state, and what is read must print as it was.
Decides nothing about what rows mean. Source: docs/formats.md, Snapshot.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn

from ledger.core.errors import InputError

Kind = Literal["TEXT", "BLOB", "INTEGER"]
Key = tuple[Any, ...]
Row = tuple[Any, ...]
Tables = Mapping[str, Mapping[Key, Row]]

_FORMATS: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}
_LARGEST: Final = 2**63 - 1  # what SQLite holds; one more is still below 2**64


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of one table: kinds of the key's, then of the rest."""

    key: tuple[Kind, ...]
    rest: tuple[Kind, ...]


def encode_tables(shapes: Mapping[str, Shape], tables: Tables) -> bytes:
    """The one spelling of these tables, in the order of `shapes`.

    Args:
        shapes: of all tables that the format has.
        tables: rows by table; a missing table is an empty one. Integers are 0..2^63-1, keys never None.

    Raises:
        ValueError: a value that no column holds: an error of ours.
    """
    columns = {name: _columns(shape, tables.get(name, {})) for name, shape in shapes.items()}
    pools: dict[Kind, dict[Any, int]] = {}
    for kind in ("TEXT", "BLOB"):
        found: set[Any] = set()
        for name, shape in shapes.items():
            for of, column in zip((*shape.key, *shape.rest), columns[name], strict=True):
                if of == kind:
                    found.update(column)
        found.discard(None)
        pools[kind] = {value: number for number, value in enumerate(sorted(found), 1)}
    texts = [text.encode("utf-8") for text in pools["TEXT"]]
    parts = [*_pool(texts), *_pool(list(pools["BLOB"]))]
    for name, shape in shapes.items():
        parts.append(struct.pack(">I", len(tables.get(name, ()))))
        for kind, column in zip((*shape.key, *shape.rest), columns[name], strict=True):
            parts.append(_vector(_numbers(kind, column, pools)))
    return b"".join(parts)


def decode_tables(shapes: Mapping[str, Shape], data: bytes) -> dict[str, dict[Key, Row]]:
    """The inverse of encode_tables; `data` may be anything.

    Raises:
        InputError: SNAPSHOT_SHAPE, also for a second spelling of tables that have a first.
    """
    reader = _Reader(data)
    texts = [_text(raw) for raw in reader.pool()]
    pools: dict[Kind, list[Any]] = {"TEXT": [None, *texts], "BLOB": [None, *reader.pool()]}
    tables: dict[str, dict[Key, Row]] = {}
    for name, shape in shapes.items():
        count, width = reader.count(), len(shape.key)
        columns: list[Sequence[Any]] = []
        for position, kind in enumerate((*shape.key, *shape.rest)):
            numbers = reader.vector()
            if len(numbers) != count or (position < width and 0 in numbers):
                _refuse("a column has not the length of its table, or a key is empty")
            columns.append(_values(kind, numbers, pools))
        rows = zip(*columns, strict=True)
        tables[name] = {row[:width]: row[width:] for row in rows}
    if reader.left() or encode_tables(shapes, tables) != data:
        _refuse("the content is not spelt as it must be")
    return tables


def _columns(shape: Shape, rows: Mapping[Key, Row]) -> list[tuple[Any, ...]]:
    """Values by column, rows in the order of their keys."""
    if not rows:
        return [()] * (len(shape.key) + len(shape.rest))
    return list(zip(*((*key, *rows[key]) for key in sorted(rows)), strict=True))


def _numbers(kind: Kind, column: Sequence[Any], pools: Mapping[Kind, Mapping[Any, int]]) -> list[int]:
    """What stands for the values: 0 for None, else a place in the pool or the integer, plus one."""
    if kind != "INTEGER":
        pool = pools[kind]
        return [0 if value is None else pool[value] for value in column]
    present = [value for value in column if value is not None]
    if present and not 0 <= min(present) <= max(present) <= _LARGEST:
        raise ValueError("an integer of a snapshot lies in 0..2^63-1")
    return [0 if value is None else value + 1 for value in column]


def _values(kind: Kind, numbers: Sequence[int], pools: Mapping[Kind, Sequence[Any]]) -> Sequence[Any]:
    """The inverse of _numbers."""
    if kind == "INTEGER":
        if numbers and max(numbers) > _LARGEST + 1:
            _refuse("an integer is larger than a table holds")
        return [None if number == 0 else number - 1 for number in numbers]
    pool = pools[kind]
    if numbers and max(numbers) >= len(pool):
        _refuse("a column names what no pool holds")
    return [pool[number] for number in numbers]


def _vector(numbers: Sequence[int]) -> bytes:
    """Width (1 byte), count (4 bytes), the numbers."""
    largest = max(numbers, default=0)
    width = next(width for width in _FORMATS if largest < 1 << 8 * width)
    return struct.pack(f">BI{len(numbers)}{_FORMATS[width]}", width, len(numbers), *numbers)


def _pool(values: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Lengths, then all of them without a gap."""
    return _vector([len(value) for value in values]), b"".join(values)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        _refuse("a text is not UTF-8")


class _Reader:
    """Takes parts off the front; what is not there is refused before anything is made of it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, size: int) -> int:
        """Where the next `size` bytes begin."""
        at = self._at
        if size > len(self._data) - at:
            _refuse("the content ends too early")
        self._at += size
        return at

    def count(self) -> int:
        found: int = struct.unpack_from(">I", self._data, self._take(4))[0]
        return found

    def vector(self) -> Sequence[int]:
        width = self._data[self._take(1)]
        if width not in _FORMATS:
            _refuse("a vector has an unknown width")
        count = self.count()
        at = self._take(width * count)
        return struct.unpack_from(f">{count}{_FORMATS[width]}", self._data, at)

    def pool(self) -> list[bytes]:
        found = []
        for length in self.vector():
            at = self._take(length)
            found.append(self._data[at : at + length])
        return found

    def left(self) -> int:
        """Bytes that nobody took."""
        return len(self._data) - self._at


def _refuse(reason: str) -> NoReturn:
    raise InputError("SNAPSHOT_SHAPE", f"This is no readable snapshot: {reason}.", reason=reason)
