"""Tells, in a fraction of a microsecond, whether anybody committed to a SQLite file in WAL mode.

`PRAGMA data_version` answers the same in 5 µs, too slow for a question asked at every verification. In
WAL mode every commit rewrites the header of the WAL index, which lies in the `-shm` file that all
processes map; comparing its 48 bytes is enough. They are compared only, never interpreted.
Source: sqlite.org/walformat.html, section 2.1 "The WAL-Index Header".

Invariant: no descriptor of an index is ever closed. A process that closes any descriptor of a file loses all
its POSIX locks on that file, SQLite's included: the next process that opens the database takes itself for the
first, cuts the index short under everybody who maps it (SIGBUS), and two may write at once. So one mapping of
each index is kept as long as the process lives; beyond MOST_KEPT files the pragma answers.
Source: sqlite.org/howtocorrupt.html, section 2.2.
"""

from __future__ import annotations

import mmap
import os
import sqlite3
import threading
from pathlib import Path

_HEADER_BYTES = 48
MOST_KEPT = 64
"""Files; an installation has three. Each costs two descriptors and a page."""
_kept: dict[tuple[int, int], mmap.mmap] = {}
_guard = threading.Lock()


class ChangeWatch:
    """Watches the file of an open connection; the connection must stay open as long.

    Args:
        db: has read something already, so that the index exists.
        path: the database file; None when in memory.
    """

    def __init__(self, db: sqlite3.Connection, path: Path | None) -> None:
        self._db = db
        self._map = None if path is None else _map(path.with_name(path.name + "-shm"))

    def stamp(self) -> bytes:
        """Differs from an earlier stamp when somebody committed in between, this connection included."""
        if self._map is not None:
            return self._map[:_HEADER_BYTES]
        try:
            version: int = self._db.execute("PRAGMA data_version").fetchone()[0]  # commits of others
        except sqlite3.Error:
            return b""  # whoever reads next is told why
        return version.to_bytes(8) + self._db.total_changes.to_bytes(8)

    def close(self) -> None:
        """Look no more; the mapping stays."""
        self._map = None


def _map(index: Path) -> mmap.mmap | None:
    """None where there is no index (an immutable copy, which nobody changes), or too many are kept."""
    try:
        found = index.stat()
    except OSError:
        return None
    place = (found.st_dev, found.st_ino)
    with _guard:
        if place not in _kept and len(_kept) < MOST_KEPT and found.st_size >= _HEADER_BYTES:
            try:
                descriptor = os.open(index, os.O_RDONLY | os.O_CLOEXEC)  # never closed: see the module
                _kept[place] = mmap.mmap(descriptor, _HEADER_BYTES, prot=mmap.PROT_READ)
            except (OSError, ValueError):
                return None
        return _kept.get(place)
