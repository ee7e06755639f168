"""Opens the database of the store: pragmas, transactions, migrations, bulk statements.

SQLite by default: WAL, synchronous=FULL, secure_delete, BEGIN IMMEDIATE for every writing
transaction so that two writers queue instead of failing half-way. The schema is upgraded on open;
a database newer than this program is refused. No SQLAlchemy exception leaves the store: writes turn
an unreachable database into UnavailableError.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from ledger.adapters import (  # noqa: F401  each adds its tables to the one metadata
    tables_desk,
    tables_documents,
    tables_intake,
    tables_limits,
    tables_people,
    tables_programs,
    tables_restore,
    tables_sending,
    tables_signing,
    tables_verified,
)
from ledger.adapters.store_schema import SCHEMA_REVISION, metadata
from ledger.core.errors import ConflictError, UnavailableError
from ledger.ports import Clock

BUSY_S = 30.0  # for who works on its own; people before a page wait less
_CACHE_KIB = 32_768  # indexes over random values need their pages at hand
_CHECKPOINT_PAGES = 4_000  # 16 MiB of log: one large import writes each page fewer times
_FEW = 64  # texts of queries are kept for lists up to this length
_NO_ANSWER = "The database does not answer; try again."
_READING = {"ecert_reading": True}


class Database:
    """One database: engine, clock, and the two kinds of transaction."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self._statements: dict[tuple[str, tuple[str, ...], str], str] = {}
        self._reads: dict[tuple[int, ...], tuple[sa.Select[Any], str, list[str]]] = {}
        driver: Any = engine.dialect.dbapi
        self._failure: type[Exception] = driver.OperationalError

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; serialised on SQLite."""
        with _translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look; never blocks a writer."""
        with (
            _translated(),
            self.engine.connect().execution_options(**_READING) as connection,
            connection.begin(),
        ):
            yield connection

    def fetch(self, statement: sa.Select[Any], values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Rows of one query, as one moment has them: for what every request asks.

        An eighth of the time of `read` and a statement in it. Statements are made once and kept by the
        caller; rows are plain tuples whose values are the driver's (0 and 1 for booleans).

        Args:
            statement: with named parameters only.
            values: of the parameters; lists for expanding ones, not empty.
        """
        counts = tuple(len(value) if isinstance(value, list) else 0 for value in values.values())
        shape = (id(statement), *counts)
        known = self._reads.get(shape)
        if known is None:
            known = (statement, *self._compiled(statement, values))
            if max(counts, default=0) <= _FEW:
                self._reads[shape] = known
        _, sql, names = known
        given = {
            name: one
            for key, value in values.items()
            for name, one in (
                ((f"{key}_{at}", item) for at, item in enumerate(value, start=1))
                if isinstance(value, list)
                else ((key, value),)
            )
        }
        with _translated():
            raw = self.engine.raw_connection()
            try:
                cursor = raw.cursor()
                cursor.execute(sql, tuple(given[name] for name in names))
                rows = list(cursor.fetchall())
                cursor.close()
            except self._failure as error:
                raise UnavailableError("STORE_UNAVAILABLE", _NO_ANSWER) from error
            finally:
                raw.close()
        return rows

    def _compiled(self, statement: sa.Select[Any], values: Mapping[str, Any]) -> tuple[str, list[str]]:
        """The driver's text of a query for lists of these lengths, and the order of its parameters."""
        compiled = statement.params(**values).compile(
            dialect=self._plain_dialect(), compile_kwargs={"render_postcompile": True}
        )
        return str(compiled), list(compiled.positiontup or ())

    def _plain_dialect(self) -> Any:
        """Parameters by position, as the driver takes them."""
        style = "qmark" if self.engine.dialect.name == "sqlite" else "format"
        make_dialect: Any = type(self.engine.dialect)  # the base class does not name the argument
        return make_dialect(paramstyle=style)

    def insert_many(
        self,
        connection: Connection,
        table: sa.Table,
        columns: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
        prefix: str = "",
    ) -> None:
        """INSERT of plain tuples: no dictionary and no bind processing per row.

        `prefix`: text after INSERT, for instance nothing on both databases that we run on.
        """
        if not rows:
            return
        key = (table.name, tuple(columns), prefix)
        statement = self._statements.get(key)
        if statement is None:
            compiled = sa.insert(table).compile(dialect=self._plain_dialect(), column_keys=list(columns))
            names = compiled.positiontup or []
            if list(names) != list(columns):
                message = f"insert into {table.name}: columns must be in table order"
                raise RuntimeError(message)
            statement = self._statements[key] = str(compiled)
        connection.exec_driver_sql(statement, list(rows))

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise UnavailableError("STORE_UNAVAILABLE", _NO_ANSWER) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise UnavailableError(
                "STORE_UNAVAILABLE", "The database connection broke; try again."
            ) from error
        raise


def open_database(where: Path | str, clock: Clock, busy_s: float = BUSY_S) -> Database:
    """Open (and create or upgrade) the database.

    Args:
        where: path of an SQLite file, or an SQLAlchemy URL.
        clock: stamps rows.
        busy_s: how long a writer waits for others (SQLite); then STORE_UNAVAILABLE.
    Raises: ConflictError(STORE_NEWER) when a newer program wrote it.
    """
    if isinstance(where, Path):
        if not where.exists():
            where.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(where, os.O_CREAT | os.O_RDWR, 0o600))  # -wal and -shm inherit the mode
        url = sa.URL.create("sqlite", database=str(where))
    else:
        url = sa.make_url(where)
    engine = sa.create_engine(
        url, poolclass=sa.pool.QueuePool, pool_size=4, max_overflow=12, hide_parameters=True
    )
    if engine.dialect.name == "sqlite":
        _listen_sqlite(engine, busy_s)
    with _translated():
        upgrade(engine)
    return Database(engine, clock)


def _listen_sqlite(engine: Engine, busy_s: float) -> None:
    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={round(busy_s * 1000)}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            f"cache_size=-{_CACHE_KIB}",
            f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        ):
            cursor.execute("PRAGMA " + pragma)
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("ecert_reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def schema_revision(connection: Connection) -> str | None:
    """The migration that the database is at, None for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])


def upgrade(engine: Engine, target: str = SCHEMA_REVISION) -> None:
    """Bring the schema to `target`; alembic is imported only when there is something to do."""
    with engine.connect().execution_options(**_READING) as connection:
        current = schema_revision(connection)
    if current == target:
        return
    from ledger.adapters.migrations import run  # noqa: PLC0415 - half of the start-up time

    with engine.begin() as connection:
        current = schema_revision(connection)  # another process may have been faster
        if current is not None and not run.is_known(current):
            raise ConflictError(
                "STORE_NEWER",
                "This database was written by a newer version; update the program.",
                revision=current,
            )
        run.upgrade(connection, metadata, target)
