"""Single issues in SQL: several requests in one transaction, rows in the open batch of their type."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import batch, record
from ledger.adapters.store_sql_imports import RECORD_COLUMNS, open_batch_in, stream_in
from ledger.adapters.tables_programs import idempotency
from ledger.core.errors import ConflictError
from ledger.core.flow import BatchState, RowOutcome
from ledger.core.singles import KEY_KEPT_S, KeptAnswer, RequestKey, SingleGroup, SingleResult


class SqlSingles:
    """Port SingleStore (services.on_demand).

    Args:
        database: that of the store.
        max_batch: rows of one batch.
    """

    def __init__(self, database: Database, max_batch: int) -> None:
        self._database = database
        self._max_batch = max_batch

    def answers(self, keys: Sequence[RequestKey]) -> Mapping[tuple[int, bytes], KeptAnswer]:
        """What these keys were answered in the last day, by (token, key)."""
        if not keys:
            return {}
        query = sa.select(idempotency).where(
            sa.tuple_(idempotency.c.token_id, idempotency.c.key_hash).in_(
                [(key.token, key.key) for key in keys]
            ),
            idempotency.c.created_at > self._database.clock.now() - KEY_KEPT_S,
        )
        with self._database.read() as connection:
            return {
                (row.token_id, bytes(row.key_hash)): KeptAnswer(bytes(row.body_hash), _parse(row.answer))
                for row in connection.execute(query)
            }

    def add(self, groups: Sequence[SingleGroup]) -> None:
        """All groups in one transaction.

        Raises: ConflictError(ROW_RACE) when another process stored a row or key of these meanwhile.
        """
        now = self._database.clock.now()
        try:
            with self._database.write() as connection:
                for group in groups:
                    self._insert(connection, group)
                    if group.key is not None:
                        _keep(connection, group.key, group.results, now)
        except IntegrityError as error:
            raise ConflictError(
                "ROW_RACE", "Another request stored one of these rows at the same moment."
            ) from error

    def forget_old(self) -> int:
        """Drop keys that were kept for a day; how many."""
        before = self._database.clock.now() - KEY_KEPT_S
        with self._database.write() as connection:
            done = connection.execute(sa.delete(idempotency).where(idempotency.c.created_at <= before))
            return int(done.rowcount)

    def _insert(self, connection: Connection, group: SingleGroup) -> None:
        stream_id = stream_in(connection, group.issuer, group.type_code)
        left = list(enumerate(group.rows, start=1))
        while left:
            batch_id, free = self._room(connection, stream_id, group)
            piece, left = left[:free], left[free:]
            rows = [
                (
                    stream_id,
                    row.key_index,
                    row.revision,
                    row.content_index,
                    row.name,
                    None,
                    number,
                    batch_id,
                    row.supersedes,
                    False,
                    row.sealed,
                )
                for number, row in piece
            ]
            self._database.insert_many(connection, record, RECORD_COLUMNS, rows)
            connection.execute(
                sa.update(batch).where(batch.c.id == batch_id).values(size=batch.c.size + len(piece))
            )

    def _room(self, connection: Connection, stream_id: int, group: SingleGroup) -> tuple[int, int]:
        """An open batch that belongs to no file, and how many rows it still takes."""
        row = connection.execute(
            sa.select(batch.c.id, batch.c.size)
            .where(
                batch.c.stream_id == stream_id,
                batch.c.state == BatchState.OPEN,
                batch.c.job_id.is_(None),
                batch.c.type_id == group.type_id,
                batch.c.pending == group.pending,
                batch.c.size < self._max_batch,
            )
            .order_by(batch.c.id)
            .limit(1)
            .with_for_update()
        ).first()
        if row is not None:
            return int(row.id), self._max_batch - int(row.size)
        values = {
            "type_id": group.type_id,
            "pending": group.pending,
            "created_at": self._database.clock.now(),
        }
        return open_batch_in(connection, stream_id, None, values), self._max_batch


def _keep(connection: Connection, key: RequestKey, results: Sequence[SingleResult], now: int) -> None:
    """Replaces a key whose day is over; a living one breaks the primary key."""
    connection.execute(
        sa.delete(idempotency).where(
            idempotency.c.token_id == key.token,
            idempotency.c.key_hash == key.key,
            idempotency.c.created_at <= now - KEY_KEPT_S,
        )
    )
    connection.execute(
        sa.insert(idempotency).values(
            token_id=key.token,
            key_hash=key.key,
            body_hash=key.body,
            answer=json.dumps([[str(result.outcome), result.name.hex()] for result in results]),
            created_at=now,
        )
    )


def _parse(answer: str) -> tuple[SingleResult, ...]:
    return tuple(
        SingleResult(RowOutcome(outcome), bytes.fromhex(name)) for outcome, name in json.loads(answer)
    )
