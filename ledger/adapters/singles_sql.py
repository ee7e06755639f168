"""Single issues in SQL: several requests in one transaction, rows in the open batch of their type."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

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

KEYS_AT_ONCE = 5_000
KEYS_A_STATEMENT = 250  # two variables each; SQLite's oldest limit is 999

# built once: making an expression anew costs more than running it
_ANSWERS = (
    sa.select(
        idempotency.c.token_id, idempotency.c.key_hash, idempotency.c.body_hash, idempotency.c.answer
    )
    .where(
        idempotency.c.key_hash.in_(sa.bindparam("keys", expanding=True)),
        idempotency.c.created_at > sa.bindparam("after"),
    )
)  # fmt: skip
_ROOM = (
    sa.select(batch.c.id, batch.c.size)
    .where(
        batch.c.stream_id == sa.bindparam("stream"),
        batch.c.state == str(BatchState.OPEN),
        batch.c.job_id.is_(None),
        batch.c.type_id == sa.bindparam("type_id"),
        batch.c.pending == sa.bindparam("pending"),
        batch.c.size < sa.bindparam("most"),
    )
    .order_by(batch.c.id)
    .limit(1)
    .with_for_update()
)
_GROW = (
    sa.update(batch)
    .where(batch.c.id == sa.bindparam("batch"))
    .values(size=batch.c.size + sa.bindparam("count"))
)  # fmt: skip
_STREAM_ROWS = sa.select(batch.c.id).where(batch.c.stream_id == sa.bindparam("stream")).limit(1)


class SqlSingles:
    """Port SingleStore (services.on_demand).

    Args:
        database: that of the store.
        max_batch: rows of one batch.
    """

    def __init__(self, database: Database, max_batch: int) -> None:
        self._database = database
        self._max_batch = max_batch
        self._streams: dict[tuple[str, str], int] = {}

    def answers(self, keys: Sequence[RequestKey]) -> Mapping[tuple[int, bytes], KeptAnswer]:
        """What these keys were answered in the last day, by (token, key)."""
        if not keys:
            return {}
        values = {"keys": [key.key for key in keys], "after": self._database.clock.now() - KEY_KEPT_S}
        asked = {(key.token, key.key) for key in keys}
        rows = self._database.fetch(_ANSWERS, values)
        found = {
            (token, bytes(key)): KeptAnswer(bytes(body), _parse(answer)) for token, key, body, answer in rows
        }
        return {key: kept for key, kept in found.items() if key in asked}

    def add(self, groups: Sequence[SingleGroup]) -> None:
        """All groups in one transaction.

        Raises: ConflictError(ROW_RACE) when another process stored a row or key of these meanwhile.
        """
        now = self._database.clock.now()
        try:
            with self._database.write() as connection:
                for group in _joined(groups):
                    self._insert(connection, group)
                self._database.insert_many(
                    connection,
                    idempotency,
                    ("token_id", "key_hash", "body_hash", "answer", "created_at"),
                    [
                        (group.key.token, group.key.key, group.key.body, _shown(group.results), now)
                        for group in groups
                        if group.key is not None
                    ],
                )
        except IntegrityError as error:
            raise ConflictError(
                "ROW_RACE", "Another request stored one of these rows at the same moment."
            ) from error

    def free(self, keys: Sequence[RequestKey]) -> int:
        """Drop those of these keys that were kept for a day; how many."""
        before = self._database.clock.now() - KEY_KEPT_S
        ended = sa.and_(
            idempotency.c.key_hash.in_([key.key for key in keys]), idempotency.c.created_at <= before
        )
        with self._database.write() as connection:
            return int(connection.execute(sa.delete(idempotency).where(ended)).rowcount)

    def forget_old(self, most: int = KEYS_AT_ONCE) -> int:
        """Drop the oldest keys that were kept for a day, so many at once at most; how many there were."""
        before = self._database.clock.now() - KEY_KEPT_S
        oldest = (
            sa.select(idempotency.c.token_id, idempotency.c.key_hash)
            .where(idempotency.c.created_at <= before)
            .order_by(idempotency.c.created_at)
            .limit(most)
        )
        with self._database.read() as connection:  # mostly there is none: write nothing then
            ended = [(token, bytes(key)) for token, key in connection.execute(oldest)]
        for at in range(0, len(ended), KEYS_A_STATEMENT):
            names = sa.tuple_(idempotency.c.token_id, idempotency.c.key_hash)
            piece = ended[at : at + KEYS_A_STATEMENT]
            with self._database.write() as connection:
                connection.execute(
                    sa.delete(idempotency).where(names.in_(piece), idempotency.c.created_at <= before)
                )
        return len(ended)

    def _insert(self, connection: Connection, group: SingleGroup) -> None:
        if not group.rows:
            return
        stream_id = self._stream(connection, group)
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
            connection.execute(_GROW, {"count": len(piece), "batch": batch_id})

    def _stream(self, connection: Connection, group: SingleGroup) -> int:
        """Its number; remembered once it is surely there, since a stream is never removed."""
        key = (group.issuer, group.type_code)
        found = self._streams.get(key)
        if found is None:
            found = stream_in(connection, *key)
            if connection.execute(_STREAM_ROWS, {"stream": found}).first() is not None:
                self._streams[key] = found  # an earlier transaction made it: this one's end changes nothing
        return found

    def _room(self, connection: Connection, stream_id: int, group: SingleGroup) -> tuple[int, int]:
        """An open batch that belongs to no file, and how many rows it still takes."""
        row = connection.execute(
            _ROOM,
            {
                "stream": stream_id,
                "type_id": group.type_id,
                "pending": group.pending,
                "most": self._max_batch,
            },
        ).first()
        if row is not None:
            return int(row.id), self._max_batch - int(row.size)
        values = {
            "type_id": group.type_id,
            "pending": group.pending,
            "created_at": self._database.clock.now(),
        }
        return open_batch_in(connection, stream_id, None, values), self._max_batch


def _joined(groups: Sequence[SingleGroup]) -> list[SingleGroup]:
    """Rows that go into the same batch, together: one statement for all of them."""
    found: dict[tuple[str, str, int, bool], SingleGroup] = {}
    for group in groups:
        place = (group.issuer, group.type_code, group.type_id, group.pending)
        earlier = found.get(place)
        found[place] = group if earlier is None else replace(earlier, rows=earlier.rows + group.rows)
    return list(found.values())


def _shown(results: Sequence[SingleResult]) -> str:
    return json.dumps([[str(result.outcome), result.name.hex()] for result in results])


def _parse(answer: str) -> tuple[SingleResult, ...]:
    return tuple(
        SingleResult(RowOutcome(outcome), bytes.fromhex(name)) for outcome, name in json.loads(answer)
    )
