"""What a standing approval still allows today, and when its use is unusual.

A standing approval lets the service key issue without a person, up to a limit of leaves a day. Whoever
steals a server can use what is left of it; an alarm that does not wait for the limit tells people.
Days are those of Asia/Shanghai, numbered from 1970-01-01, as in the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ledger.core.flow import DAY_S, SHANGHAI_S
from ledger.core.model import StandingAct, StandingRecord

LONGEST_S = 31 * DAY_S
"""A standing approval ends at most so long after it begins (CredentialLedger)."""
UNUSUAL_TIMES = 3
"""An alarm is raised at this many times the usual rate of a day."""
HISTORY_DAYS = 28
FEWEST_DAYS = 3
"""With fewer days of use behind it nothing is usual yet."""


@dataclass(frozen=True, slots=True)
class StandingUse:
    """Leaves that one act used of a standing approval on one day."""

    standing_id: bytes
    act: StandingAct
    day: int
    leaves: int


@dataclass(frozen=True, slots=True)
class StandingAlarm:
    """More leaves on one day than is usual. `usual` is 0 while nothing is usual yet."""

    standing_id: bytes
    issuer: str
    type_id: int
    day: int
    leaves: int
    usual: int
    raised_at: int


def day_of(time: int) -> int:
    """The day that a moment lies in."""
    return (time + SHANGHAI_S) // DAY_S


def limit_of(standing: StandingRecord, act: StandingAct) -> int:
    """Leaves a day for this act; 0 when it is not one of the acts approved."""
    if not standing.acts & act:
        return 0
    return {
        StandingAct.ANCHOR: standing.anchor_limit,
        StandingAct.SUPERSEDE: standing.supersede_limit,
        StandingAct.USE: standing.use_limit,
    }[act]


def used_on(uses: Iterable[StandingUse], act: StandingAct, day: int) -> int:
    """Leaves that this act used on that day."""
    return sum(use.leaves for use in uses if use.act == act and use.day == day)


def alarm_from(earlier: Sequence[int], limit: int) -> tuple[int, int]:
    """(leaves from which a day is unusual, leaves of a usual day).

    Args:
        earlier: leaves of each earlier day on which any were used, at most HISTORY_DAYS back.
        limit: leaves a day that are allowed.

    A usual day is the median one: a single great import neither hides the next nor alarms for a month.
    While nothing is usual yet, half of the limit is unusual.
    """
    if len(earlier) < FEWEST_DAYS:
        return max(1, -(-limit // 2)), 0
    usual = max(1, round(median(earlier)))
    return UNUSUAL_TIMES * usual, usual
