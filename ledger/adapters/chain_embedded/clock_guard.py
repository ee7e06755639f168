"""Refuses to seal with a clock that cannot be right.

A block time is evidence: a clock set back or far ahead would write a false one that no later block can
undo. The guard stops (CLOCK_JUMP); it never waits and never corrects.
"""

from __future__ import annotations

from ledger.core.errors import UnavailableError
from ledger.ports import Clock

MAX_BEHIND_S = 5  # architecture section 4, Time
MAX_JUMP_S = 300
MAX_AHEAD_AT_START_S = 30 * 86_400


class ClockGuard:
    """Judges a clock against the head and against the monotonic clock.

    Args:
        clock: injected.
        head_time: of the newest block, seconds.
        accept_clock: a person has looked at the clock: start although it is far ahead of the head.
    Raises: UnavailableError(CLOCK_JUMP).
    """

    def __init__(self, clock: Clock, head_time: int, *, accept_clock: bool) -> None:
        self._clock = clock
        self._wall, self._monotonic = clock.now(), clock.monotonic()
        if not accept_clock and self._wall - head_time > MAX_AHEAD_AT_START_S:
            raise UnavailableError(
                "CLOCK_JUMP",
                "the clock is more than 30 days ahead of the newest block; check it, then start "
                "once with --accept-clock",
                clock=self._wall,
                head=head_time,
            )

    def now(self, head_time: int) -> int:
        """The time, if it can be believed. Raises: UnavailableError(CLOCK_JUMP)."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        jump = (wall - self._wall) - (monotonic - self._monotonic)
        if abs(jump) > MAX_JUMP_S:
            raise UnavailableError(
                "CLOCK_JUMP",
                "the clock jumped by more than five minutes; check it and start again",
                clock=wall,
                jump=int(jump),
            )
        if wall < head_time - MAX_BEHIND_S:
            raise UnavailableError(
                "CLOCK_JUMP",
                "the clock is more than five seconds behind the newest block; check it and start again",
                clock=wall,
                head=head_time,
            )
        self._wall, self._monotonic = wall, monotonic
        return wall
