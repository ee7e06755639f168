"""Opens the database of counters: WAL, not flushed at every commit, a short patience.

A power cut may lose the last seconds of counting, never the file's shape (SQLite, WAL with
synchronous=NORMAL). Nothing is opened before it is asked for, and a file that could not be opened is
tried again with the next question: counters must not keep the public page from starting.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from ledger.adapters.store_database import Database
from ledger.adapters.tables_counters import counters_metadata
from ledger.core.errors import UnavailableError
from ledger.ports import Clock

BUSY_TIMEOUT_MS = 1_000  # who waits longer is answered without the counter or told to come back
_READING = {"ecert_reading": True}
_FILE_MODE = 0o600


class CountersDatabase:
    """One database of counters; safe to share between threads, any number of processes may open the file.

    Args:
        where: path of an SQLite file, or an SQLAlchemy URL.
        clock: of the machine.
    """

    def __init__(self, where: Path | str, clock: Clock) -> None:
        self._where = where
        self.clock = clock
        self._lock = threading.Lock()
        self._opened: Database | None = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write. Raises UnavailableError(COUNTERS_UNAVAILABLE)."""
        with _translated(), self._database().engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look. Raises UnavailableError(COUNTERS_UNAVAILABLE)."""
        with (
            _translated(),
            self._database().engine.connect().execution_options(**_READING) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        """Give all connections back; the next question opens it again."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    def _database(self) -> Database:
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> Database:
        if isinstance(self._where, Path):
            try:
                # only a new one: closing a file takes away the locks that this process has on it elsewhere
                os.close(os.open(self._where, os.O_CREAT | os.O_EXCL | os.O_RDWR, _FILE_MODE))
            except FileExistsError:
                pass  # it is there, as it should be
            except OSError as error:
                raise _unavailable() from error
            url = sa.URL.create("sqlite", database=str(self._where))
        else:
            url = sa.make_url(self._where)
        engine = sa.create_engine(url, poolclass=sa.pool.QueuePool, pool_size=2, max_overflow=14)
        if engine.dialect.name == "sqlite":
            _listen_sqlite(engine)
        with engine.begin() as connection:
            counters_metadata.create_all(connection)
        return Database(engine, self.clock)


def _unavailable() -> UnavailableError:
    return UnavailableError("COUNTERS_UNAVAILABLE", "The counters cannot be reached; try again shortly.")


@contextmanager
def _translated() -> Iterator[None]:
    """A database error is a counter that cannot be reached, whatever the reason: nothing depends on its rows."""
    try:
        yield
    except DBAPIError as error:
        raise _unavailable() from error


def _listen_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "secure_delete=ON",  # yesterday's salts are gone for good
        ):
            cursor.execute("PRAGMA " + pragma)
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("ecert_reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
