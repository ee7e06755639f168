"""Signs of life in the store: heartbeats of workers, notes of backups, how much waits."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import batch, outbox
from ledger.adapters.tables_limits import backup_note, worker_heartbeat
from ledger.core.flow import JobState

FORGET_AFTER_S = 86_400


class SqlVitals:
    """Reads and writes signs of life.

    Args:
        database: of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, owner: str, started_at: int, jobs: int) -> None:
        """This worker is alive now and has looked at so many jobs since it started."""
        now = self._database.clock.now()
        mine = worker_heartbeat.c.owner == owner
        values = {"started_at": started_at, "beat_at": now, "jobs": jobs}
        with self._database.write() as connection:
            if connection.execute(sa.update(worker_heartbeat).where(mine).values(values)).rowcount == 0:
                connection.execute(sa.insert(worker_heartbeat).values(owner=owner, **values))
            connection.execute(
                sa.delete(worker_heartbeat).where(worker_heartbeat.c.beat_at < now - FORGET_AFTER_S)
            )

    def leave(self, owner: str) -> None:
        """This worker stops in good order."""
        with self._database.write() as connection:
            connection.execute(sa.delete(worker_heartbeat).where(worker_heartbeat.c.owner == owner))

    def beat_at(self) -> int | None:
        """The newest sign of life of any worker."""
        with self._database.read() as connection:
            found = connection.execute(sa.select(sa.func.max(worker_heartbeat.c.beat_at))).scalar()
        return None if found is None else int(found)

    def note_backup(self, made_at: int, place: str, size: int, *, has_keys: bool) -> None:
        """A backup was completed."""
        with self._database.write() as connection:
            connection.execute(
                sa.insert(backup_note).values(
                    made_at=made_at, place=place, bytes=size, has_keys=int(has_keys)
                )
            )

    def backup_at(self) -> int | None:
        """When the newest backup was made."""
        with self._database.read() as connection:
            found = connection.execute(sa.select(sa.func.max(backup_note.c.made_at))).scalar()
        return None if found is None else int(found)

    def backup_places(self) -> tuple[str, ...]:
        """Where backups went, each place once, newest first."""
        query = (
            sa.select(backup_note.c.place)
            .group_by(backup_note.c.place)
            .order_by(sa.func.max(backup_note.c.made_at).desc())
        )
        with self._database.read() as connection:
            return tuple(str(place) for (place,) in connection.execute(query))

    def jobs(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """How many jobs wait and how many gave up, by kind."""
        query = (
            sa.select(outbox.c.kind, outbox.c.state, sa.func.count())
            .where(
                outbox.c.state.in_((JobState.READY, JobState.LEASED, JobState.DEAD))
            )  # finished ones are many
            .group_by(outbox.c.kind, outbox.c.state)
        )
        waiting: dict[str, int] = {}
        dead: dict[str, int] = {}
        with self._database.read() as connection:
            for kind, state, count in connection.execute(query):
                found = dead if state == JobState.DEAD else waiting
                found[str(kind)] = found.get(str(kind), 0) + int(count)
        return waiting, dead

    def batches(self) -> Mapping[str, int]:
        """How many batches are in each state."""
        query = sa.select(batch.c.state, sa.func.count()).group_by(batch.c.state)
        with self._database.read() as connection:
            return {str(state): int(count) for state, count in connection.execute(query)}
