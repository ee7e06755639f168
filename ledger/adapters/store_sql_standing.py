"""Standing approvals in SQL: batches queued without a person, what they used, alarms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import approval, batch, planned_change
from ledger.adapters.store_sql_batches import batch_in
from ledger.adapters.store_sql_outbox import enqueue_in, finish_in
from ledger.adapters.tables_programs import standing_alarm, standing_use
from ledger.core.errors import ConflictError
from ledger.core.flow import BatchRecord, BatchState, Lease, NewJob, PlannedChange
from ledger.core.model import StandingAct
from ledger.core.standing import StandingAlarm, StandingUse


class SqlStanding:
    """Port StandingBook."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sanction(
        self,
        wanted: BatchRecord,
        signature: bytes,
        changes: Sequence[PlannedChange],
        job: NewJob,
        uses: Sequence[StandingUse],
    ) -> BatchRecord:
        with self._database.write() as connection:
            found = batch_in(connection, wanted.id, lock=True)
            if found.state is not BatchState.SIGNED:
                raise ConflictError(
                    "BATCH_STATE",
                    f"Batch {found.id} is {found.state}: somebody else took it on.",
                    batch=found.id,
                    state=str(found.state),
                )
            connection.execute(
                sa.update(batch)
                .where(batch.c.id == wanted.id)
                .values(
                    state=BatchState.APPROVED,
                    maker=wanted.maker,
                    approver=wanted.approver,
                    deadline=wanted.deadline,
                    maker_signature=signature,
                    approver_signature=None,
                    standing_id=wanted.standing_id,
                )
            )
            connection.execute(
                sa.insert(approval).values(
                    batch_id=wanted.id,
                    role="service",
                    signer=wanted.maker,
                    signature=signature,
                    deadline=wanted.deadline,
                    made_at=self._database.clock.now(),
                )
            )
            connection.execute(sa.delete(planned_change).where(planned_change.c.batch_id == wanted.id))
            for change in changes:
                connection.execute(
                    sa.insert(planned_change).values(
                        batch_id=wanted.id,
                        root=change.root,
                        nonce=change.nonce.to_bytes(32, "big"),
                        deadline=change.deadline,
                        changes=json.dumps(change.changes),
                        maker_signature=change.maker_signature,
                        approver_signature=b"",
                    )
                )
            for use in uses:
                connection.execute(
                    sa.insert(standing_use).values(
                        batch_id=wanted.id,
                        act=int(use.act),
                        standing_id=use.standing_id,
                        day=use.day,
                        leaves=use.leaves,
                    )
                )
            enqueue_in(connection, job)
            return batch_in(connection, wanted.id)

    def give_back(self, lease: Lease, batch_id: int, reason: str) -> None:
        with self._database.write() as connection:
            finish_in(connection, lease)
            connection.execute(
                sa.update(batch)
                .where(batch.c.id == batch_id, batch.c.state == BatchState.APPROVED)
                .values(
                    state=BatchState.SIGNED,
                    reason=reason,
                    maker=None,
                    approver=None,
                    deadline=0,
                    maker_signature=None,
                    standing_id=None,
                )
            )
            connection.execute(sa.delete(planned_change).where(planned_change.c.batch_id == batch_id))
            connection.execute(sa.delete(standing_use).where(standing_use.c.batch_id == batch_id))

    def uses(self, standing_id: bytes, since_day: int) -> tuple[StandingUse, ...]:
        query = (
            sa.select(
                standing_use.c.act, standing_use.c.day, sa.func.sum(standing_use.c.leaves).label("leaves")
            )
            .where(standing_use.c.standing_id == standing_id, standing_use.c.day >= since_day)
            .group_by(standing_use.c.act, standing_use.c.day)
            .order_by(standing_use.c.day, standing_use.c.act)
        )
        with self._database.read() as connection:
            return tuple(
                StandingUse(standing_id, StandingAct(row.act), row.day, int(row.leaves))
                for row in connection.execute(query)
            )

    def raise_alarm(self, alarm: StandingAlarm) -> bool:
        same = sa.select(standing_alarm.c.day).where(
            standing_alarm.c.standing_id == alarm.standing_id, standing_alarm.c.day == alarm.day
        )
        with self._database.write() as connection:
            if connection.execute(same).first() is not None:
                return False
            connection.execute(
                sa.insert(standing_alarm).values(
                    standing_id=alarm.standing_id,
                    day=alarm.day,
                    issuer=alarm.issuer,
                    type_id=alarm.type_id,
                    leaves=alarm.leaves,
                    usual=alarm.usual,
                    raised_at=alarm.raised_at,
                )
            )
            return True

    def alarms(self, since_day: int) -> tuple[StandingAlarm, ...]:
        query = (
            sa.select(standing_alarm)
            .where(standing_alarm.c.day >= since_day)
            .order_by(standing_alarm.c.raised_at.desc(), standing_alarm.c.standing_id)
        )
        with self._database.read() as connection:
            return tuple(_alarm(row) for row in connection.execute(query))


def _alarm(row: Row[Any]) -> StandingAlarm:
    return StandingAlarm(
        bytes(row.standing_id), row.issuer, row.type_id, row.day, row.leaves, row.usual, row.raised_at
    )
