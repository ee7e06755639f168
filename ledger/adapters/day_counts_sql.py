"""How many checks were made on which day, added up over all web processes; nobody is in it.

Each process counts in memory and adds what is new every few seconds, so that a check costs no write;
what a killed process had not added yet is lost.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ledger.adapters.counters_database import CountersDatabase
from ledger.adapters.tables_counters import day_count
from ledger.core.errors import UnavailableError

ADD_EVERY_S = 2.0
_EPOCH = date(1970, 1, 1).toordinal()
_log = logging.getLogger("ledger.day_counts")


class SqlDayCounts:
    """Counts checks. Safe to share between threads.

    Args:
        database: of the counters.
    """

    def __init__(self, database: CountersDatabase) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._new: Counter[int] = Counter()
        self._is_adding = False

    def count(self, day: date) -> None:
        """One more check."""
        with self._lock:
            self._new[day.toordinal() - _EPOCH] += 1
            begins, self._is_adding = not self._is_adding, True
        if begins:  # in the process that answers: a thread does not survive a fork
            threading.Thread(target=self._add_for_ever, daemon=True).start()

    def add(self) -> None:
        """Put what is new into the database. Raises UnavailableError(COUNTERS_UNAVAILABLE): nothing is lost."""
        with self._lock:
            new, self._new = self._new, Counter()
        if not new:
            return
        try:
            with self._database.write() as connection:
                insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(day_count)
                statement = insert.on_conflict_do_update(
                    index_elements=["day"], set_={"answers": day_count.c.answers + insert.excluded.answers}
                )
                connection.execute(statement, [{"day": day, "answers": count} for day, count in new.items()])
        except UnavailableError:
            with self._lock:
                self._new += new
            raise

    def by_day(self, first: date, last: date) -> Mapping[date, int]:
        """Checks of the days first..last, this process's newest included; empty while the counters are away."""
        try:
            self.add()
            with self._database.read() as connection:
                rows = connection.execute(
                    sa.select(day_count.c.day, day_count.c.answers).where(
                        day_count.c.day.between(first.toordinal() - _EPOCH, last.toordinal() - _EPOCH)
                    )
                ).all()
        except UnavailableError:
            return {}
        return {date.fromordinal(row[0] + _EPOCH): int(row[1]) for row in rows}

    def _add_for_ever(self) -> None:
        never = threading.Event()
        while not never.wait(ADD_EVERY_S):
            try:
                self.add()
            except UnavailableError as error:
                _log.debug("counting in memory", extra={"code": error.code})
