"""Opens a SQLite file for reading only, also where nothing can be written beside it."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def connect_read_only(file: Path, busy_s: float) -> sqlite3.Connection:
    """Read only; a copy in a folder that cannot be written is read as immutable.

    SQLite must be able to make the WAL index beside the file. Where it cannot, nobody can be writing
    either, unless the WAL is there: then the error stands.

    Raises: sqlite3.Error.
    """
    base = f"{file.resolve().as_uri()}?mode=ro"
    db = sqlite3.connect(base, uri=True, isolation_level=None, check_same_thread=False, timeout=busy_s)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if file.with_name(file.name + "-wal").exists() or not file.exists():
            raise
        db = sqlite3.connect(base + "&immutable=1", uri=True, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA query_only=ON")
    return db
