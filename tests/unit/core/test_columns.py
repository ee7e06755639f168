"""Columns: every table comes back as it was, equal tables have equal bytes, anything else is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.columns import Shape, Tables, decode_tables, encode_tables
from ledger.core.errors import InputError

SHAPES = {
    "people": Shape(("TEXT",), ("INTEGER", "BLOB")),
    "places": Shape(("TEXT", "INTEGER"), ()),
    "empty": Shape(("INTEGER",), ("TEXT",)),
}
INTEGERS = st.integers(0, 2**63 - 1)
ROWS = st.dictionaries(
    st.tuples(st.text(max_size=3)), st.tuples(st.none() | INTEGERS, st.none() | st.binary(max_size=4))
)
TABLES = st.fixed_dictionaries(
    {"people": ROWS, "places": st.dictionaries(st.tuples(st.text(max_size=2), INTEGERS), st.just(()))}
)
SMALL: Tables = {"people": {("a",): (None, b"x"), ("b",): (300, b"x")}, "places": {("a", 2**63 - 1): ()}}


def read_or_none(raw: bytes) -> Tables | None:
    """None when refused; any other exception is a failure."""
    try:
        return decode_tables(SHAPES, raw)
    except InputError:
        return None


@given(TABLES)
def test_what_is_read_is_what_was_written(tables: dict[str, Any]) -> None:
    data = encode_tables(SHAPES, tables)
    assert decode_tables(SHAPES, data) == {"empty": {}, **tables}
    backwards = {name: dict(reversed(rows.items())) for name, rows in tables.items()}
    assert encode_tables(SHAPES, backwards) == data


@given(TABLES, st.data())
def test_whatever_is_read_has_no_second_spelling(tables: dict[str, Any], data: st.DataObject) -> None:
    raw = bytearray(encode_tables(SHAPES, tables))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    found = read_or_none(bytes(raw))
    if found is not None:
        assert encode_tables(SHAPES, found) == bytes(raw)
        assert found != {"empty": {}, **tables}


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    found = read_or_none(raw)
    assert found is None or encode_tables(SHAPES, found) == raw


def test_every_truncation_is_refused() -> None:
    data = encode_tables(SHAPES, SMALL)
    for size in range(len(data)):
        with pytest.raises(InputError, match="SNAPSHOT_SHAPE"):
            decode_tables(SHAPES, data[:size])
    with pytest.raises(InputError, match="spelt"):
        decode_tables(SHAPES, data + b"\0")


def test_a_count_that_lies_costs_no_memory() -> None:
    with pytest.raises(InputError, match="ends too early"):
        decode_tables(SHAPES, b"\x08\xff\xff\xff\xff")


@pytest.mark.parametrize("value", [-1, 2**63])
def test_what_no_column_holds_is_our_mistake(value: int) -> None:
    with pytest.raises(ValueError, match=r"0\.\.2"):
        encode_tables(SHAPES, {"people": {("a",): (value, None)}})
