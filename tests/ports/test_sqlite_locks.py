"""Watching a database costs nobody his locks: without them the next process takes itself for the only one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from ledger.adapters import sqlite_watch
from ledger.adapters.chain_embedded.store import ChainStore
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.adapters.counters_database import CountersDatabase
from ledger.adapters.day_counts_sql import SqlDayCounts
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import ManualClock
from ledger.core.checkpoint import Checkpoint, sign_checkpoint
from ledger.core.model import BlockRef

_FREE = """
import fcntl, os, sys
for name in sys.argv[1:]:
    for path, count, first in ((name + "-shm", 1, 128), (name, 510, 0x40000002)):
        try:
            fcntl.lockf(os.open(path, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB, count, first)
            print(name)
        except OSError:
            pass
"""
"""Prints the databases whose locks nobody holds: the "dead man's switch" of the index (SQLite, os_unix.c:
UNIX_SHM_DMS, byte 128) and the shared lock of whoever has the database open (os.h: SHARED_FIRST, SHARED_SIZE)."""


def unheld(*files: Path) -> list[str]:
    """Those of the files that another process would take for its own alone."""
    words = [sys.executable, "-I", "-S", "-c", _FREE, *map(str, files)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def spoken(book: CheckpointFile, number: int) -> None:
    block = BlockRef(number, bytes(32), 1)
    word = Checkpoint(bytes(32), 1, block, bytes(32), 1)
    book.keep(sign_checkpoint(word, MemoryCredentialSigner.from_private_number(9)), "witness")


def open_store(path: Path) -> ChainStore:
    store = ChainStore(path)
    store.create()
    return store


def open_book(path: Path) -> CheckpointFile:
    book = CheckpointFile(path)
    spoken(book, 1)
    book.stamp()
    return book


OPENERS: tuple[Callable[[Path], ChainStore | SqlView | CheckpointFile], ...] = (
    open_store,
    SqlView,
    open_book,
)


def test_who_watches_keeps_his_locks_also_when_another_in_his_house_stops_watching(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.db" for number in range(len(OPENERS))]
    first = [opened(file) for opened, file in zip(OPENERS, files, strict=True)]
    for again in (SqlView(files[1], read_only=True), CheckpointFile(files[2], read_only=True)):
        if isinstance(again, CheckpointFile):
            again.stamp()
        again.close()
    assert unheld(*files) == []
    for one in first:
        one.close()


def test_counters_that_are_opened_twice_in_a_house_keep_the_locks_of_the_first(tmp_path: Path) -> None:
    clock = ManualClock(1_795_000_000)
    houses = [SqlDayCounts(CountersDatabase(tmp_path / "counters.db", clock)) for _ in range(2)]
    for house in houses:
        house.count(date(2026, 11, 22))
        house.add()
        assert unheld(tmp_path / "counters.db") == []


@pytest.mark.parametrize("most", [0, 64], ids=["by the pragma", "by the index"])
def test_each_commit_changes_the_stamp_whoever_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    # reason: so many files would cost more than what they show
    monkeypatch.setattr(sqlite_watch, "MOST_KEPT", most if most == 0 else len(sqlite_watch._kept) + 2)
    file = tmp_path / "book.db"
    mine, other = open_book(file), open_book(file)
    stamps = [mine.stamp()]
    for book, number in ((mine, 2), (other, 3), (mine, 4)):
        spoken(book, number)
        stamps.append(mine.stamp())
        assert mine.stamp() == stamps[-1]
    assert len(set(stamps)) == len(stamps)
    mine.close()
    other.close()
