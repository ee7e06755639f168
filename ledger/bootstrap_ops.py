"""Wires what keeps an installation running: limits, counters."""

from __future__ import annotations

from ledger.adapters.counters_database import CountersDatabase
from ledger.adapters.home_files import Home
from ledger.adapters.limits_sql import SqlLimits
from ledger.core.limits import RULES, LimitKind, flowing
from ledger.ports import Clock, Entropy, Limits
from ledger.settings import Settings


def open_limits(home: Home, settings: Settings, clock: Clock, entropy: Entropy) -> Limits:
    """The limits of an installation; its file is opened with the first question."""
    rules = {**RULES, LimitKind.CHECK: flowing(settings.checks_per_minute)}
    return SqlLimits(CountersDatabase(home.counters_file, clock), entropy, rules)
