"""Limits counted in memory (port Limits): for tests, and for a process that cannot reach the counters."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from ledger.core.limits import RULES, Counter, LimitKind, Rule, fail, forgiven, fresh, take
from ledger.ports import Clock

REMEMBERED = 4096  # clients; the one that was seen longest ago is forgotten first


class MemoryLimits:
    """Port Limits, of one process. Safe to share between threads.

    Args:
        clock: its time.
        rules: of every kind.
    """

    def __init__(self, clock: Clock, rules: Mapping[LimitKind, Rule] = RULES) -> None:
        self._clock = clock
        self._rules = rules
        self._lock = threading.Lock()
        self._counters: OrderedDict[tuple[LimitKind, str], Counter] = OrderedDict()

    def take(self, kind: LimitKind, who: str, count: int = 1) -> int:
        now = self._clock.now()
        with self._lock:
            counter, _, wait_s = take(self._rules[kind], self._of(kind, who, now), now, count)
            self._keep(kind, who, counter)
        return wait_s

    def fail(self, kind: LimitKind, who: str) -> int:
        now = self._clock.now()
        with self._lock:
            counter, wait_s = fail(self._rules[kind], self._of(kind, who, now), now)
            self._keep(kind, who, counter)
        return wait_s

    def forget(self, kind: LimitKind, who: str) -> None:
        now = self._clock.now()
        with self._lock:
            self._keep(kind, who, forgiven(self._of(kind, who, now)))

    def _of(self, kind: LimitKind, who: str, now: int) -> Counter:
        return self._counters.pop((kind, who), None) or fresh(self._rules[kind], now)

    def _keep(self, kind: LimitKind, who: str, counter: Counter) -> None:
        self._counters[kind, who] = counter
        if len(self._counters) > REMEMBERED:
            self._counters.popitem(last=False)
