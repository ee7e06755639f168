"""The chain view in a SQLite file of its own: one follower writes, any number of processes read.

Events and head land in one transaction. A reader sees that another process moved the view by SQLite's
data version, and reads what it has not remembered in one read transaction together with the head.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ledger.adapters.chain_view_reading import Look, RowsView
from ledger.adapters.chain_view_rows import TABLES, Key, Row, Rows
from ledger.adapters.sqlite_watch import ChangeWatch
from ledger.core.errors import NotFoundError, UnavailableError
from ledger.ports.witness import CheckpointBook

_SCHEMA_VERSION = 1
_BUSY_S = 10.0


class SqlRows:
    """Rows in SQLite. Not for several threads at once: the view locks.

    Args:
        db: an open connection in autocommit mode.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._get: dict[str, str] = {}
        self._put: dict[str, str] = {}
        for name, table in TABLES.items():
            rest = ",".join(table.rest)
            where = " AND ".join(f"{column}=?" for column in table.key)
            marks = ",".join("?" * (len(table.key) + len(table.rest)))
            self._get[name] = f"SELECT {rest} FROM {name} WHERE {where}"  # noqa: S608  names of ours
            self._put[name] = f"INSERT OR REPLACE INTO {name} VALUES({marks})"

    def create(self) -> None:
        """Make the tables."""
        for name, table in TABLES.items():
            columns = ",".join(f"{c} {kind}" for c, kind in {**table.key, **table.rest}.items())
            key = ",".join(table.key)
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {name}({columns}, PRIMARY KEY({key})) WITHOUT ROWID"
            )

    def get(self, table: str, key: Key) -> Row | None:
        """See Rows."""
        found: Row | None = self._db.execute(self._get[table], key).fetchone()
        return found

    def put(self, table: str, key: Key, row: Row) -> None:
        """See Rows."""
        self._db.execute(self._put[table], (*key, *row))

    def items(self, table: str, prefix: Key = ()) -> Iterator[tuple[Key, Row]]:
        """See Rows."""
        keys = list(TABLES[table].key)
        where = "".join(f" AND {column}=?" for column in keys[: len(prefix)])
        query = f"SELECT * FROM {table} WHERE 1{where} ORDER BY {','.join(keys)}"  # noqa: S608  names of ours
        for row in self._db.execute(query, prefix).fetchall():
            yield row[: len(keys)], row[len(keys) :]

    def below(self, table: str, prefix: Key, value: int) -> Iterator[tuple[Key, Row]]:
        """See Rows."""
        keys = list(TABLES[table].key)
        where = "".join(f"{column}=? AND " for column in keys[: len(prefix)]) + f"{keys[len(prefix)]}<?"
        order = ",".join(f"{column} DESC" for column in keys)
        query = f"SELECT * FROM {table} WHERE {where} ORDER BY {order}"  # noqa: S608  names of ours
        with closing(self._db.execute(query, (*prefix, value))) as found:
            for row in found:
                yield row[: len(keys)], row[len(keys) :]

    def count(self, table: str, prefix: Key = ()) -> int:
        """See Rows."""
        keys = list(TABLES[table].key)
        where = "".join(f" AND {column}=?" for column in keys[: len(prefix)])
        query = f"SELECT count(*) FROM {table} WHERE 1{where}"  # noqa: S608  names of ours
        return int(self._db.execute(query, prefix).fetchone()[0])

    def clear(self) -> None:
        """Delete all rows."""
        for name in TABLES:
            self._db.execute(f"DELETE FROM {name}")  # noqa: S608  names of ours


class SqlView(RowsView):
    """See RowsView; advanced by chain_view_follow.Follower.

    Args:
        path: the view's own file, made when it is not there.
        kind: embedded, mirror, consortium or snapshot.
        read_only: another process advances it.
        book: see RowsView.
    Raises: UnavailableError(VIEW_UNAVAILABLE), NotFoundError(VIEW_MISSING).
    """

    def __init__(
        self,
        path: Path,
        kind: str = "embedded",
        *,
        read_only: bool = False,
        book: CheckpointBook | None = None,
    ) -> None:
        self._db = _open(path, read_only=read_only)
        self._sql = SqlRows(self._db)
        super().__init__(self._sql, kind, book)
        self._stamp = b""
        self._watch = ChangeWatch(self._db, path)
        if not read_only:
            with self.write():
                self._sql.create()
                self._db.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._watch.close()
            self._db.close()

    def _look(self) -> Look | None:
        if self._seen is None or self._watch.stamp() != self._stamp:
            with self._reading():
                return self._seen
        return self._seen

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One read transaction whose moment is that of the look.

        Stamps before and after the transaction takes its snapshot: if the later one is the look's, no
        commit lies between look and snapshot. Else the look is read anew from the snapshot, and gets
        the earlier stamp: a commit after it will be noticed.
        """
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            try:
                before = self._watch.stamp()
                self._db.execute("BEGIN")
                self._db.execute("SELECT 1 FROM fact LIMIT 1").fetchone()
                if self._seen is None or self._watch.stamp() != self._stamp:
                    self._seen = self._read_look()
                    self._stamp = before
                yield
            except sqlite3.Error as error:
                raise UnavailableError(
                    "VIEW_UNAVAILABLE", f"the chain view cannot be read: {error}"
                ) from error
            finally:
                self._end()

    @contextmanager
    def write(self) -> Iterator[Rows]:
        """All of it or nothing. Raises: UnavailableError(VIEW_UNAVAILABLE)."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._sql
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._end()
                raise UnavailableError(
                    "VIEW_UNAVAILABLE", f"the chain view cannot be written: {error}"
                ) from error

    def _end(self) -> None:
        """Give up what a failed statement left open."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def clear(self) -> None:
        """Forget everything."""
        with self.write():
            self._sql.clear()
        self._seen = None

    def dump(self) -> dict[str, dict[Key, Row]]:
        """A copy of all rows, of one moment."""
        with self._reading():
            return {name: dict(self._sql.items(name)) for name in TABLES}


def _open(path: Path, *, read_only: bool) -> sqlite3.Connection:
    try:
        if read_only:
            if not path.is_file():
                raise NotFoundError("VIEW_MISSING", f"there is no chain view {path.name}")
            db = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=_BUSY_S,
            )
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return db
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
        db.execute("PRAGMA journal_mode=WAL")
        # The view can be rebuilt from the chain: a lost last transaction costs a second of catching up.
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise UnavailableError("VIEW_UNAVAILABLE", f"{path} cannot be opened: {error}") from error
    return db
