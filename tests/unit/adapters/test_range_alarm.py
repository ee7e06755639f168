"""Batches that share words of a status list: found whatever came before, without looking at the whole list."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.chain_view_projector import RANGE_OVERLAP, project
from ledger.adapters.chain_view_rows import DictRows, Key, Row, Rows
from ledger.adapters.chain_view_sql import SqlRows
from ledger.core.model import CREDENTIALS_PER_WORD, BlockRef, LedgerEvent

ISSUER = "99100000MB0000001A"
RANGES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 40), st.integers(1, 6)), max_size=14)


def anchored(number: int, place: tuple[int, int, int]) -> LedgerEvent:
    """A batch in (list, first word, words)."""
    list_number, first, words = place
    facts = {
        "issuer": ISSUER.encode(), "root": number.to_bytes(32), "typeId": 1, "key": 1, "list": list_number,
        "size": words * CREDENTIALS_PER_WORD, "anchoredAt": number, "firstWord": first, "pending": False,
        "operator": b"o" * 32, "maker": b"m" * 32, "approver": b"a" * 32, "standingId": bytes(32),
    }  # fmt: skip
    return LedgerEvent("BatchAnchored", facts, BlockRef(number, b"h" * 32, number), b"t" * 32, 0)


def expected(ranges: list[tuple[int, int, int]]) -> list[Row]:
    """Each batch against each earlier one, those with the lower first word first."""
    found = []
    for number, (list_number, first, words) in enumerate(ranges):
        for earlier in sorted(range(number), key=lambda one: (ranges[one][1], one)):
            other_list, other, other_words = ranges[earlier]
            if other_list == list_number and other < first + words and first < other + other_words:
                roots = (number.to_bytes(32), earlier.to_bytes(32))
                found.append((RANGE_OVERLAP, ISSUER, list_number, *roots, number))
    return found


def alarms(rows: Rows, ranges: list[tuple[int, int, int]]) -> list[Row]:
    for number, place in enumerate(ranges):
        project(rows, anchored(number, place))
    assert [row[1] for _, row in rows.items("anchor_order")] == [
        number.to_bytes(32) for number in range(len(ranges))
    ]
    return [row for _, row in rows.items("alarm")]


@given(RANGES)
def test_every_shared_word_raises_an_alarm(ranges: list[tuple[int, int, int]]) -> None:
    assert alarms(DictRows(), ranges) == expected(ranges)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        rows = SqlRows(database)
        rows.create()
        assert alarms(rows, ranges) == expected(ranges)


class CountingRows(DictRows):
    """Counts the ranges that are looked at."""

    looked = 0

    def items(self, table: str, prefix: Key = ()) -> Iterator[tuple[Key, Row]]:
        for item in super().items(table, prefix):
            self.looked += table == "list_range"
            yield item

    def below(self, table: str, prefix: Key, value: int) -> Iterator[tuple[Key, Row]]:
        for item in super().below(table, prefix, value):
            self.looked += table == "list_range"
            yield item


def test_a_long_list_is_not_read_for_each_batch() -> None:
    rows, batches = CountingRows(), 200
    assert alarms(rows, [(0, 3 * number, 3) for number in range(batches)]) == []
    assert rows.looked < batches
