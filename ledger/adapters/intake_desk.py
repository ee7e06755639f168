"""What the issuing desk reads of batches in SQL (DeskBook)."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import batch, record, stream
from ledger.adapters.store_sql_batches import batch_in
from ledger.core.flow import FINAL, BatchRecord, BatchState, Place
from ledger.core.intake import StoredRow

_NAME_BYTES = 16
_MOST_FOUND = 50


class SqlDesk:
    """DeskBook over the database of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def batches(
        self, issuers: Sequence[str], states: Sequence[BatchState], first: int, count: int
    ) -> tuple[BatchRecord, ...]:
        query = (
            sa.select(batch.c.id)
            .join(stream, stream.c.id == batch.c.stream_id)
            .where(stream.c.issuer.in_(list(issuers)))
        )
        if states:
            query = query.where(batch.c.state.in_(list(states)))
        with self._database.read() as connection:
            found = connection.execute(query.order_by(batch.c.id.desc()).offset(first).limit(count))
            return tuple(batch_in(connection, batch_id) for batch_id in found.scalars().all())

    def signed(self, batch_ids: Sequence[int]) -> Mapping[int, int]:
        query = sa.select(batch.c.id, batch.c.signed).where(batch.c.id.in_(list(batch_ids)))
        with self._database.read() as connection:
            return {row.id: row.signed for row in connection.execute(query)}

    def rows(self, batch_id: int, first: int, count: int) -> tuple[StoredRow, ...]:
        with self._database.read() as connection:
            rows = connection.execute(
                _select_rows(batch_id).order_by(record.c.id).offset(first).limit(count)
            ).all()
            places = _places(connection, batch_id)
        return tuple(_stored(row, places) for row in rows)

    def rows_at(self, batch_id: int, leaves: Sequence[int]) -> tuple[StoredRow, ...]:
        with self._database.read() as connection:
            order = _order(connection, batch_id)
            wanted = [order[leaf] for leaf in leaves]
            rows = connection.execute(_select_rows(batch_id).where(record.c.id.in_(wanted))).all()
        places = dict(zip(wanted, leaves, strict=True))
        by_leaf = {places[row.id]: _stored(row, places) for row in rows}
        return tuple(by_leaf[leaf] for leaf in leaves if leaf in by_leaf)

    def issued_since(self, issuers: Collection[str], since: int) -> tuple[tuple[int, int], ...]:
        query = (
            sa.select(batch.c.block_time, batch.c.size)
            .join(stream, stream.c.id == batch.c.stream_id)
            .where(
                stream.c.issuer.in_(sorted(issuers)),
                batch.c.type_id != 0,
                batch.c.state.in_(FINAL),
                batch.c.block_time >= since,
            )
        )
        with self._database.read() as connection:
            return tuple((row.block_time, row.size) for row in connection.execute(query))

    def places_of_proof(self, issuer: str, prefix: bytes) -> tuple[Place, ...]:
        rest = _NAME_BYTES - len(prefix)
        return self._places(
            sa.and_(
                stream.c.issuer == issuer,
                record.c.name >= prefix + bytes(rest),
                record.c.name <= prefix + b"\xff" * rest,
            )
        )

    def places_of_keys(self, issuer: str, keys: Sequence[bytes]) -> tuple[Place, ...]:
        return self._places(sa.and_(stream.c.issuer == issuer, record.c.key_index.in_(list(keys))))

    def _places(self, which: sa.ColumnElement[bool]) -> tuple[Place, ...]:
        query = (
            sa.select(
                record.c.id,
                record.c.name,
                record.c.batch_id,
                batch.c.state,
                batch.c.root,
                stream.c.issuer,
                stream.c.type_code,
            )
            .join(batch, batch.c.id == record.c.batch_id)
            .join(stream, stream.c.id == record.c.stream_id)
            .where(which)
            .order_by(record.c.id.desc())
            .limit(_MOST_FOUND)
        )
        with self._database.read() as connection:
            return tuple(
                Place(
                    record_id=row.id,
                    name=bytes(row.name),
                    issuer=row.issuer,
                    type_code=row.type_code,
                    batch_id=row.batch_id,
                    batch_state=BatchState(row.state),
                    leaf_index=_places(connection, row.batch_id).get(row.id),
                    root=None if row.root is None else bytes(row.root),
                )
                for row in connection.execute(query).all()
            )


def _select_rows(batch_id: int) -> sa.Select[Any]:
    return sa.select(
        record.c.id, record.c.row_number, record.c.name, record.c.sealed, record.c.supersedes
    ).where(record.c.batch_id == batch_id)


def _order(connection: Connection, batch_id: int) -> array[int]:
    blob = connection.execute(sa.select(batch.c.leaf_order).where(batch.c.id == batch_id)).scalar()
    order = array("q")
    if blob is not None:
        order.frombytes(bytes(blob))
    return order


def _places(connection: Connection, batch_id: int) -> dict[int, int]:
    return {record_id: leaf for leaf, record_id in enumerate(_order(connection, batch_id))}


def _stored(row: Row[Any], places: Mapping[int, int]) -> StoredRow:
    return StoredRow(
        record_id=row.id,
        row_number=row.row_number,
        leaf_index=places.get(row.id),
        name=bytes(row.name),
        sealed=bytes(row.sealed),
        supersedes=row.supersedes,
    )
