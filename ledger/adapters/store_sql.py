"""The store over SQLAlchemy: SQLite file by default, PostgreSQL by URL. Parts lie beside it."""

from __future__ import annotations

from pathlib import Path

from ledger.adapters.store_database import BUSY_S, Database, open_database
from ledger.adapters.store_sql_batches import SqlApprovals, SqlBatches, SqlReleases, SqlSigning
from ledger.adapters.store_sql_imports import SqlImports
from ledger.adapters.store_sql_nonces import SqlNonces
from ledger.adapters.store_sql_outbox import SqlOutbox, SqlTransactionLog
from ledger.adapters.store_sql_standing import SqlStanding
from ledger.ports import Clock


class SqlStore:
    """Port Store. Safe to share between threads; any number of processes may open the same file."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.imports = SqlImports(database)
        self.batches = SqlBatches(database)
        self.signing = SqlSigning(database)
        self.approvals = SqlApprovals(database)
        self.standing = SqlStanding(database)
        self.nonces = SqlNonces(database)
        self.releases = SqlReleases(database)
        self.outbox = SqlOutbox(database)
        self.transactions = SqlTransactionLog(database)

    def close(self) -> None:
        """Give the database back."""
        self.database.close()


def open_store(where: Path | str, clock: Clock, busy_s: float = BUSY_S) -> SqlStore:
    """Open the store at a path (SQLite) or an SQLAlchemy URL; creates and upgrades it.

    `busy_s`: how long a writer waits for others.

    Raises: ConflictError(STORE_NEWER), UnavailableError(STORE_UNAVAILABLE).
    """
    return SqlStore(open_database(where, clock, busy_s))
