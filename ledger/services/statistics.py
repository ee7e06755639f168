"""Public figures: counted from the ledger itself, with nobody in them.

Every figure is a count over anchored batches and status words, so that anybody with a copy of the
ledger gets the same. They are made anew when the ledger has grown, at most once a few seconds.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from ledger.core.flow import SHANGHAI_S, shanghai_midnight
from ledger.core.model import CREDENTIALS_PER_WORD, DOCUMENT_TYPE, AnchorRecord
from ledger.core.status import Status
from ledger.ports import ChainView, Clock

DAYS = 30
REST_S = 5.0  # a growing ledger is not counted anew more often
STATUS_BITS = 4
_LANE = (1 << STATUS_BITS) - 1
Checks = Callable[[date, date], Mapping[date, int]]
"""Checks made on the days from..to, both counted."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts. `by_day`: newest last; `statuses` of every credential of batches that are not withdrawn.

    `documents` are sealed pages; all other counts are of credentials.
    """

    made_at: int
    credentials: int
    batches: int
    withdrawn_batches: int
    documents: int
    newest_at: int | None
    by_type: Mapping[int, int]
    by_issuer: Mapping[str, int]
    by_day: tuple[tuple[date, int], ...]
    statuses: Mapping[Status, int]
    checks: tuple[tuple[date, int], ...] = field(default=())

    @property
    def today(self) -> int:
        """Credentials recorded today (Asia/Shanghai)."""
        return self.by_day[-1][1]

    @property
    def checked_today(self) -> int:
        """Checks made today with this installation."""
        return self.checks[-1][1] if self.checks else 0


def shanghai_date(seconds: int) -> date:
    """The day in Shanghai."""
    return datetime.fromtimestamp(seconds + SHANGHAI_S, UTC).date()


def count_statuses(size: int, words: Mapping[int, int]) -> Counter[Status]:
    """How many of a batch's `size` credentials have which status; words that are absent are all VALID."""
    found: Counter[Status] = Counter()
    for index, word in words.items():
        for lane in range(min(CREDENTIALS_PER_WORD, size - index * CREDENTIALS_PER_WORD)):
            found[Status(word >> (lane * STATUS_BITS) & _LANE)] += 1
    found[Status.VALID] += size - found.total()
    return found


class StatisticsService:
    """Counts, and keeps what it counted until the ledger grows.

    Args:
        view: the ledger.
        clock: which day it is.
        checks: how many checks were made, by day.
    """

    def __init__(self, view: ChainView, clock: Clock, checks: Checks) -> None:
        self._view = view
        self._clock = clock
        self._checks = checks
        self._lock = threading.Lock()
        self._kept: tuple[tuple[int, int], float, Figures] | None = None

    def figures(self) -> Figures:
        """Figures as of now or a few seconds ago."""
        now, ticks = self._clock.now(), self._clock.monotonic()
        head = self._view.head()
        stamp = (0 if head is None else head.block.number, shanghai_midnight(now))
        with self._lock:
            kept = self._kept
            if kept is None or (kept[0] != stamp and ticks - kept[1] >= REST_S) or kept[0][1] != stamp[1]:
                kept = self._kept = (stamp, ticks, self.count(now))
        return kept[2]

    def count(self, now: int) -> Figures:
        """Count the whole ledger."""
        last = shanghai_date(now)
        first = last - timedelta(days=DAYS - 1)
        per_day: Counter[date] = Counter()
        by_type: Counter[int] = Counter()
        by_issuer: Counter[str] = Counter()
        statuses: Counter[Status] = Counter()
        documents = batches = withdrawn = 0
        newest: int | None = None
        for anchor in self._view.anchors():
            newest = anchor.anchored_at if newest is None else max(newest, anchor.anchored_at)
            if anchor.type_id == DOCUMENT_TYPE:
                documents += anchor.size
                continue
            batches += 1
            if anchor.withdrawn_at is not None:
                withdrawn += 1
                continue
            by_type[anchor.type_id] += anchor.size
            by_issuer[anchor.issuer] += anchor.size
            per_day[shanghai_date(anchor.anchored_at)] += anchor.size
            statuses += self._statuses(anchor)
        days = [first + timedelta(days=step) for step in range(DAYS)]
        checks = self._checks(first, last)
        return Figures(
            made_at=now,
            credentials=by_type.total(),
            batches=batches,
            withdrawn_batches=withdrawn,
            documents=documents,
            newest_at=newest,
            by_type=by_type,
            by_issuer=by_issuer,
            by_day=tuple((day, per_day[day]) for day in days),
            statuses=statuses,
            checks=tuple((day, checks.get(day, 0)) for day in days),
        )

    def _statuses(self, anchor: AnchorRecord) -> Counter[Status]:
        return count_statuses(anchor.size, self._view.status_words(anchor.issuer, anchor.root))
