"""Migrations in three states: before (every older schema), during (a kill in the middle), after."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from ledger.adapters.migrations import run
from ledger.adapters.store_database import open_database, schema_revision
from ledger.adapters.store_schema import SCHEMA_REVISION, metadata
from ledger.adapters.store_sql import open_store
from ledger.adapters.system import ManualClock
from ledger.core.errors import ConflictError
from ledger.core.flow import JobKind, NewJob
from tests.flow_world import START


def revisions() -> list[str]:
    return [script.revision for script in reversed(list(run.scripts().walk_revisions()))]


def test_the_newest_migration_is_the_one_that_the_program_asks_for():
    assert revisions()[-1] == SCHEMA_REVISION
    assert run.scripts().get_heads() == [SCHEMA_REVISION]


def test_after_all_migrations_the_schema_is_that_of_the_models(tmp_path: Path):
    database = open_database(tmp_path / "store.db", ManualClock(START))
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert schema_revision(connection) == SCHEMA_REVISION
    database.close()


@pytest.mark.parametrize("revision", revisions())
def test_a_database_of_any_older_version_is_upgraded_on_open(tmp_path: Path, revision: str):
    path = tmp_path / "store.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        run.upgrade(connection, metadata, revision)
        connection.exec_driver_sql(
            "INSERT INTO stream (issuer, type_code) VALUES ('12990100XXXX000190', 'HPF_PERSONAL_DEPOSIT:1')"
        )
    engine.dispose()
    store = open_store(path, ManualClock(START))
    assert store.outbox.enqueue(NewJob(JobKind.CALL, "a")) == 1
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM stream").scalar() == 1
    store.close()


def test_a_migration_that_dies_leaves_the_database_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "store.db"
    upgrade = run.upgrade

    def die_late(*args: object) -> None:
        upgrade(*args)  # type: ignore[arg-type]
        raise InterruptedError

    # reason: the process dies between the last statement and the commit
    monkeypatch.setattr(run, "upgrade", die_late)
    with pytest.raises(InterruptedError):
        open_store(path, ManualClock(START))
    monkeypatch.undo()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
    open_store(path, ManualClock(START)).close()


def test_a_newer_database_is_refused(tmp_path: Path):
    path = tmp_path / "store.db"
    open_store(path, ManualClock(START)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(ConflictError) as error:
        open_store(path, ManualClock(START))
    assert error.value.code == "STORE_NEWER"


def test_the_way_down_exists(tmp_path: Path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'store.db'}")
    with engine.begin() as connection:
        run.upgrade(connection, metadata, SCHEMA_REVISION)
    for script in run.scripts().walk_revisions():
        assert callable(script.module.downgrade)
    engine.dispose()


def test_pragmas(tmp_path: Path):
    database = open_database(tmp_path / "store.db", ManualClock(START))
    with database.read() as connection:
        told = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "busy_timeout")
        }
    assert told == {
        "journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1, "busy_timeout": 30_000,
    }  # fmt: skip
    database.close()
