"""Lists for programs, a page at a time: batches of an issuer, rows of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import batch, record, stream
from ledger.adapters.store_sql_batches import batch_in
from ledger.core.flow import BatchRecord, BatchState


class SqlPages:
    """Pages by the number of their last row, so that what is added meanwhile shifts nothing.

    Args:
        database: that of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def batches(
        self, issuer: str, states: Sequence[BatchState], before: int | None, count: int
    ) -> tuple[BatchRecord, ...]:
        """Newest first, with numbers below `before`; no states: all."""
        query = (
            sa.select(batch.c.id)
            .join(stream, stream.c.id == batch.c.stream_id)
            .where(stream.c.issuer == issuer)
            .order_by(batch.c.id.desc())
            .limit(count)
        )
        if states:
            query = query.where(batch.c.state.in_([str(state) for state in states]))
        if before is not None:
            query = query.where(batch.c.id < before)
        with self._database.read() as connection:
            return tuple(batch_in(connection, number) for number in connection.execute(query).scalars())

    def names(self, batch_id: int, after: int, count: int) -> tuple[tuple[int, bytes], ...]:
        """(record, name) of a batch's rows, in the order in which they came."""
        query = (
            sa.select(record.c.id, record.c.name)
            .where(record.c.batch_id == batch_id, record.c.id > after, record.c.is_dropped.is_(False))
            .order_by(record.c.id)
            .limit(count)
        )
        with self._database.read() as connection:
            return tuple((row.id, bytes(row.name)) for row in connection.execute(query))
