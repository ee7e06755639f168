"""A worker's signs of life: a row that is renewed while the worker goes round, also during a long job.

A worker that has not come round for ten minutes is stuck, not busy: it falls silent, and `/readyz`
and `ecert doctor` say so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ledger.core.errors import UnavailableError
from ledger.ports import Clock

BEAT_EVERY_S = 5.0
STUCK_S = 600.0
_log = logging.getLogger("ledger.worker")


class Signs(Protocol):
    """Where signs of life are written."""

    def beat(self, owner: str, started_at: int, jobs: int) -> None:
        """Alive now. Raises UnavailableError."""

    def leave(self, owner: str) -> None:
        """Gone in good order. Raises UnavailableError."""


class Heart:
    """Beats from a thread of its own.

    Args:
        signs: where to.
        clock: of the worker.
        owner: which worker.
    """

    def __init__(self, signs: Signs, clock: Clock, owner: str) -> None:
        self._signs = signs
        self._clock = clock
        self._owner = owner
        self._started_at = clock.now()
        self._rounds = 0
        self._round_at = clock.monotonic()

    def came_round(self) -> None:
        """The worker looked for a job, or did one."""
        self._rounds += 1
        self._round_at = self._clock.monotonic()

    def beat(self) -> bool:
        """One sign, unless the worker is stuck or the store is away; true when it was given."""
        if self._clock.monotonic() - self._round_at > STUCK_S:
            return False
        try:
            self._signs.beat(self._owner, self._started_at, self._rounds)
        except UnavailableError as error:
            _log.warning("no sign of life", extra={"code": error.code})
            return False
        return True

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat until the end of the block, then take the row away."""
        stop = threading.Event()

        def go_on() -> None:
            while not stop.wait(BEAT_EVERY_S):
                self.beat()

        self.beat()
        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            try:
                self._signs.leave(self._owner)
            except UnavailableError as error:  # it ages all the same
                _log.warning("no sign of leaving", extra={"code": error.code})
