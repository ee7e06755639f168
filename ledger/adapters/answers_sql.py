"""How often and how fast the web answered, added up over all its processes, restarts included.

Each process counts in memory and adds what is new to the database every few seconds; what a killed
process had not added yet is lost. Nothing in it tells who asked or for what: endpoints by their
names, statuses, times in buckets.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ledger.adapters.counters_database import CountersDatabase
from ledger.adapters.tables_counters import web_answer
from ledger.core.errors import UnavailableError

BUCKETS_S = (0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # upper ends; one more is open
ADD_EVERY_S = 2.0
_MICROS = 1_000_000
_log = logging.getLogger("ledger.answers")


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one endpoint and status: how many in each bucket (not summed up), and their seconds together."""

    buckets: tuple[int, ...]
    seconds: float


class SqlAnswers:
    """Counts answers. Safe to share between threads.

    Args:
        database: of the counters.
    """

    def __init__(self, database: CountersDatabase) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._new: dict[tuple[str, int, int], tuple[int, int]] = {}
        self._is_adding = False

    def count(self, endpoint: str, status: int, seconds: float) -> None:
        """One more answer."""
        key = (endpoint[:80], status, bisect_left(BUCKETS_S, seconds))
        with self._lock:
            count, micros = self._new.get(key, (0, 0))
            self._new[key] = (count + 1, micros + round(seconds * _MICROS))
            begins, self._is_adding = not self._is_adding, True
        if begins:  # in the process that answers: a thread does not survive a fork
            threading.Thread(target=self._add_for_ever, daemon=True).start()

    def add(self) -> None:
        """Put what is new into the database. Raises UnavailableError(COUNTERS_UNAVAILABLE): nothing is lost."""
        with self._lock:
            new, self._new = self._new, {}
        if not new:
            return
        try:
            self._write(new)
        except UnavailableError:
            with self._lock:
                for key, (count, micros) in new.items():
                    more, further = self._new.get(key, (0, 0))
                    self._new[key] = (count + more, micros + further)
            raise

    def totals(self) -> Mapping[tuple[str, int], Answers]:
        """By endpoint and status, this process's newest included. Raises as `add`."""
        self.add()
        found: dict[tuple[str, int], tuple[list[int], int]] = {}
        with self._database.read() as connection:
            for row in connection.execute(sa.select(web_answer)):
                counts, micros = found.get((row.endpoint, row.status), ([0] * (len(BUCKETS_S) + 1), 0))
                counts[row.bucket] = int(row.answers)
                found[row.endpoint, row.status] = (counts, micros + int(row.micros))
        return {key: Answers(tuple(counts), micros / _MICROS) for key, (counts, micros) in found.items()}

    def _write(self, new: Mapping[tuple[str, int, int], tuple[int, int]]) -> None:
        with self._database.write() as connection:
            insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(web_answer)
            statement = insert.on_conflict_do_update(
                index_elements=["endpoint", "status", "bucket"],
                set_={
                    "answers": web_answer.c.answers + insert.excluded.answers,
                    "micros": web_answer.c.micros + insert.excluded.micros,
                },
            )
            rows = [
                {"endpoint": endpoint, "status": status, "bucket": bucket, "answers": count, "micros": micros}
                for (endpoint, status, bucket), (count, micros) in sorted(new.items())
            ]
            connection.execute(statement, rows)

    def _add_for_ever(self) -> None:
        never = threading.Event()
        is_away = False
        while not never.wait(ADD_EVERY_S):
            try:
                self.add()
                is_away = False
            except UnavailableError as error:
                if not is_away:
                    _log.warning("counting in memory", extra={"code": error.code})
                is_away = True
