"""Readings of stored batches for the people who approve them (services.review.BatchLooks)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import batch, record, stream
from ledger.core.flow import BatchState, Leaf

MOST_NAMED = 3


class SqlBatchLooks:
    """See services.review.

    Args:
        database: the store's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def picked(self, batch_id: int, positions: Sequence[int]) -> Sequence[tuple[int, Leaf]]:
        """Rows at these positions of the stored order."""
        ordered = sa.select(record.c.id).where(record.c.batch_id == batch_id).order_by(record.c.id)
        with self._database.read() as connection:
            ids = list(connection.execute(ordered).scalars())
            wanted = {ids[position]: position for position in positions if position < len(ids)}
            rows = connection.execute(
                sa.select(record.c.id, record.c.name, record.c.sealed)
                .where(record.c.id.in_(wanted))
                .order_by(record.c.id)
            ).all()
        return [(wanted[row.id], _leaf(row.id, row.name, row.sealed)) for row in rows]

    def replaced(self, batch_id: int, first: int, count: int) -> Sequence[tuple[Leaf, Leaf]]:
        """(new, old), in stored order."""
        old = record.alias("old")
        query = (
            sa.select(
                record.c.id, record.c.name, record.c.sealed,
                old.c.id.label("old_id"), old.c.name.label("old_name"), old.c.sealed.label("old_sealed"),
            )
            .join(old, old.c.id == record.c.supersedes)
            .where(record.c.batch_id == batch_id)
            .order_by(record.c.id)
            .offset(first)
            .limit(count)
        )  # fmt: skip
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            (_leaf(row.id, row.name, row.sealed), _leaf(row.old_id, row.old_name, row.old_sealed))
            for row in rows
        ]

    def count_replaced(self, batch_id: int) -> int:
        """How many rows have a predecessor."""
        query = sa.select(sa.func.count()).where(
            record.c.batch_id == batch_id, record.c.supersedes.is_not(None)
        )
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def previous(self, batch_id: int) -> int | None:
        """The newest earlier batch of the same stream that is on chain."""
        own = sa.select(batch.c.stream_id).where(batch.c.id == batch_id).scalar_subquery()
        query = sa.select(sa.func.max(batch.c.id)).where(
            batch.c.stream_id == own,
            batch.c.id < batch_id,
            batch.c.state.in_([str(BatchState.ANCHORED), str(BatchState.RELEASED)]),
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else int(found)

    def named(self, issuer: str, lowest: bytes, highest: bytes) -> Sequence[bytes]:
        """Names between these two."""
        query = (
            sa.select(record.c.name)
            .join(stream, stream.c.id == record.c.stream_id)
            .where(record.c.name >= lowest, record.c.name <= highest, stream.c.issuer == issuer)
            .order_by(record.c.name)
            .limit(MOST_NAMED)
        )
        with self._database.read() as connection:
            return [bytes(name) for name in connection.execute(query).scalars()]


def _leaf(record_id: int, name: Any, sealed: Any) -> Leaf:
    return Leaf(-1, record_id, bytes(name), bytes(sealed))
