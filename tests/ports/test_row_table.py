"""One suite for every kind of table that meets ledger.ports.RowTable."""

import hashlib
import json

import pytest

from ledger.adapters.row_readers import MemoryTable, open_rows
from ledger.demo_data import csv_bytes, deposit_rows, xlsx_bytes

ROWS = deposit_rows(25, seed=11)
HEADER = tuple(ROWS[0])
JSON_LINES = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode()
MEMORY_DIGEST = hashlib.sha256(b"memory").digest()


def memory_rows():
    return ((number, list(row.values())) for number, row in enumerate(ROWS, 2))


MAKERS = {
    "csv gb18030": lambda: (open_rows(csv_bytes(ROWS)), csv_bytes(ROWS)),
    "csv utf-8": lambda: (open_rows(csv_bytes(ROWS, "utf-8")), csv_bytes(ROWS, "utf-8")),
    "xlsx": lambda: (open_rows(xlsx_bytes(ROWS)), xlsx_bytes(ROWS)),
    "jsonl": lambda: (open_rows(JSON_LINES), JSON_LINES),
    "memory": lambda: (MemoryTable(HEADER, memory_rows, MEMORY_DIGEST), b"memory"),
}


@pytest.fixture(params=sorted(MAKERS))
def made(request):
    return MAKERS[request.param]()


def test_kind_and_digest(made):
    table, data = made
    assert table.kind in {"csv", "xlsx", "jsonl", "memory"}
    assert table.digest == hashlib.sha256(data).digest()


def test_header_or_rows_that_name_their_columns(made):
    table, _ = made
    if table.kind == "jsonl":
        assert table.header is None
        assert all(tuple(cells) == HEADER for _, cells in table.rows())
    else:
        assert table.header == HEADER
        assert all(len(cells) == len(HEADER) for _, cells in table.rows())


def test_rows_are_numbered_as_in_the_file(made):
    table, _ = made
    first = 1 if table.kind == "jsonl" else 2
    assert [number for number, _ in table.rows()] == list(range(first, first + len(ROWS)))


def test_rows_can_be_read_again_even_after_a_half_reading(made):
    table, _ = made
    half = table.rows()
    next(half)
    assert len(list(table.rows())) == len(ROWS)
    assert list(table.rows()) == list(table.rows())


def test_progress_ends_with_everything_done(made):
    table, _ = made
    for _ in table.rows():
        done, whole = table.progress()
        assert 0 <= done <= whole
    done, whole = table.progress()
    assert done == whole > 0
