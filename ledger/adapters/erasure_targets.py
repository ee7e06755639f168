"""Finds in the store what is erased together, and deletes its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ledger.adapters.erasure_list import FILE_NAME, ErasureList
from ledger.adapters.home_files import Home
from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import record
from ledger.adapters.store_sql_batches import SqlBatches
from ledger.adapters.tables_documents import printed_copy
from ledger.adapters.tables_intake import intake
from ledger.core.erasure import Target
from ledger.core.errors import LedgerError

NAME_BYTES = 16
DOCUMENT_FILE = "documents/{first}/{name}.page"


class SqlErasureTargets:
    """Port of services.erasure.

    Args:
        database: of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batches = SqlBatches(database)

    def by_beginning(self, name: bytes) -> Sequence[bytes]:
        last = name + b"\xff" * (NAME_BYTES - len(name))
        first = name + b"\x00" * (NAME_BYTES - len(name))
        query = sa.select(record.c.name).where(record.c.name.between(first, last)).limit(2)
        with self._database.read() as connection:
            return [bytes(found) for (found,) in connection.execute(query)]

    def of_row(self, name: bytes) -> Target | None:
        with self._database.read() as connection:
            one = connection.execute(
                sa.select(record.c.stream_id, record.c.key_index).where(record.c.name == name)
            ).first()
            if one is None:
                return None
            rows = connection.execute(
                sa.select(record.c.id, record.c.name, record.c.job_id)
                .where(record.c.stream_id == one.stream_id, record.c.key_index == one.key_index)
                .order_by(record.c.revision)
            ).all()
            uploads = _uploads(connection, [row.job_id for row in rows if row.job_id is not None])
            documents = connection.execute(
                sa.select(printed_copy.c.document_id).where(
                    printed_copy.c.record_id.in_([row.id for row in rows])
                )
            ).all()
        places = [self._batches.place(bytes(row.name)) for row in rows]
        return Target(
            tuple(place for place in places if place is not None),
            tuple(uploads),
            tuple(bytes(document) for (document,) in documents),
        )


def _uploads(connection: Connection, jobs: Sequence[int]) -> list[bytes]:
    """Data keys of files that these rows came in with, where they still lie here."""
    query = sa.select(intake.c.name, intake.c.failed_name).where(
        intake.c.job_id.in_(jobs), intake.c.erased_at.is_(None)
    )
    return [bytes(name) for names in connection.execute(query) for name in names]


class ErasureBookFiles:
    """The list in the data directory and its copies: where backups went, and where the settings say.

    Args:
        home: the data directory.
        ledger_id: of the installation.
        elsewhere: files outside of it.
    """

    def __init__(self, home: Home, ledger_id: bytes, elsewhere: Sequence[str]) -> None:
        self._list = ErasureList(home.path / FILE_NAME, ledger_id)
        self._ledger_id = ledger_id
        self._elsewhere = tuple(elsewhere)

    def note(self, names: Sequence[bytes], at: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        self._list.append(names, at)
        copied, failed = [], []
        for place in self._elsewhere:
            try:
                self._list.copy_to(Path(place))
            except LedgerError:
                failed.append(place)
            else:
                copied.append(place)
        return tuple(copied), tuple(failed)

    def noted(self) -> Sequence[tuple[bytes, int]]:
        return self._list.read().items


def remove_files(home: Home, target: Target) -> int:
    """Delete released bundles and prints of a target; how many there were."""
    count = 0
    paths = [
        home.released / place.issuer / str(place.batch_id) / f"{place.name.hex()}.ecert.json"
        for place in target.places
    ]
    for document in target.documents:
        name = document.hex()
        paths.append(home.path / DOCUMENT_FILE.format(first=name[:2], name=name))
    for path in paths:
        if path.exists():
            path.unlink()
            count += 1
    return count
