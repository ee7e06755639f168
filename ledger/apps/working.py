"""Gets queued work done: by this process if the chain is free, else by the worker that runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ledger.apps.heart import Heart
from ledger.apps.worker import CHAIN_KINDS, ChainDriver, Worker
from ledger.bootstrap import Installation
from ledger.bootstrap_erasure import finish_erasures, rebuild_released
from ledger.bootstrap_work import KEYS_AT_ONCE, Bench, open_bench
from ledger.core.errors import LedgerError, UnavailableError
from ledger.core.flow import JobKind
from ledger.services.kill_points import Hooks

PATIENCE_S = 120.0
LOOK_EVERY_S = 0.2
GATHER_EVERY_S = 0.2
WATCH_EVERY_S = 10.0
PUBLISH_EVERY_S = 25.0  # less than half of the shortest list token's life (ttl 60 s, expires after two)

_log = logging.getLogger("ledger.worker")

TIDY_UPLOADS_EVERY_S = 60.0


class Work:
    """A worker at its bench.

    Args:
        bench: holds the chain.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        here = bench.here
        self._clock = here.clock
        self._published_at: float | None = None
        self._gathered_at: float | None = None
        self._watched_at: float | None = None
        self._not_gathered: list[str] = []
        self._witness_stamp = b""
        self.heart = Heart(bench.vitals, here.clock, bench.owner)
        self._tidied_at: float | None = None
        self._driver = ChainDriver(
            bench.chain,
            bench.advance,
            here.clock,
            bench.hooks,
            on_block=lambda: here.store.outbox.hurry(CHAIN_KINDS),
        )
        self.worker = Worker(
            here.store.outbox,
            bench.handlers,
            here.clock,
            bench.owner,
            self._drive,
            self._tidy,
            bench.hooks,
            is_resting=bench.is_resting,
        )
        bench.intake.breathe = self.worker.breathe

    def _drive(self) -> bool:
        self.heart.came_round()
        moved = self._driver.drive()
        self._look_after_witnesses()
        now = self._clock.monotonic()
        if self._gathered_at is None or now - self._gathered_at >= GATHER_EVERY_S:
            self._gathered_at = now
            moved = self._gather() or moved
        if self._watched_at is None or now - self._watched_at >= WATCH_EVERY_S:
            self._watched_at = now
            moved = self._look_after_watches() or moved
        if self._published_at is None or now - self._published_at >= PUBLISH_EVERY_S:
            issuers = [agency.uscc for agency in self.bench.here.record.agencies]
            self.bench.desk.publisher.publish_due(issuers)
            self._published_at = now
        return moved

    def _look_after_witnesses(self) -> None:
        """Sign the head; whoever waits for a witness need not wait on once one signed."""
        if self.bench.checkpointer is not None:
            self.bench.checkpointer.step()
        stamp = self.bench.book.stamp()
        if stamp != self._witness_stamp:
            self._witness_stamp = stamp
            self.bench.here.store.outbox.hurry((JobKind.ANCHOR,))

    def _look_after_watches(self) -> bool:
        """What verifying agencies relied on, and asked to be told about."""
        try:
            return self.bench.verified.worker.look_after_watches()
        except LedgerError as error:
            if error.code == "CLOCK_JUMP":
                raise
            _log.warning("watches wait", extra={"code": error.code})
            return False

    def _gather(self) -> bool:
        """Single issues and prints of the last moment become batches; covered batches go on. Also without a rest.

        What one of these cannot do (a seal key that ended) holds up neither of the others.
        """
        bench = self.bench
        moved, failed = False, []
        for step in (
            bench.window.close_due,
            bench.desk.paper.maker.collect,
            bench.standing.sanction_waiting,
        ):
            try:
                moved = bool(step()) or moved
            except LedgerError as error:
                if error.code == "CLOCK_JUMP":
                    raise
                failed.append(error.code)
        for code in failed:
            if code not in self._not_gathered:  # told once, tried again all the time
                _log.warning("single issues or prints wait", extra={"code": code})
        self._not_gathered = failed
        return moved

    def _tidy(self) -> bool:
        """What a process that died left half done: decided cases, accepted rows in open batches."""
        desk = self.bench.desk
        done = desk.status.resend() > 0 or rebuild_released(desk)
        now = self._clock.monotonic()
        if self._tidied_at is None or now - self._tidied_at >= TIDY_UPLOADS_EVERY_S:
            self._tidied_at = now
            done = self.bench.intake.tidy() > 0 or done
            done = self.bench.verified.service.forget_old() > 0 or done
            done = self._forget_keys() or done
        failure: LedgerError | None = None
        for batch in desk.issue.open_batches():
            if batch.job_id is None:
                continue  # single issues: see _gather
            try:
                done = bool(desk.issue.close_batches([batch.id])) or done
            except LedgerError as error:  # the others are closed all the same
                failure = error
        if failure is not None and not done:
            raise failure
        return done

    def _forget_keys(self) -> bool:
        """Idempotency keys whose day is over, a piece at a time: the next look takes the next piece."""
        forgotten = self.bench.singles.forget_old()
        if forgotten >= KEYS_AT_ONCE:
            self._tidied_at = None
        return forgotten > 0

    def until_idle(self) -> int:
        """Work until no job is left; how many were looked at."""
        return self.worker.run_until_idle(self._clock.sleep)

    def forever(self, should_stop: Callable[[], bool]) -> None:
        """Work until told to stop."""
        finish_erasures(self.bench.here)
        with self.heart.beating():
            self.worker.run_forever(should_stop, self._clock.sleep)


@contextmanager
def open_work(here: Installation, hooks: Hooks | None = None) -> Iterator[Work]:
    """A worker with the chain's lock.

    Raises:
        UnavailableError: CHAIN_LOCKED when another process works already, CLOCK_JUMP.
    """
    with open_bench(here, hooks) as bench:
        yield Work(bench)


def work_or_wait(
    here: Installation,
    is_done: Callable[[], bool],
    *,
    on_wait: Callable[[], None] = lambda: None,
    patience_s: float = PATIENCE_S,
) -> None:
    """Get queued work done.

    Args:
        here: the installation.
        is_done: asked while another process works; looks into the database.
        on_wait: called once when this process starts to wait.
        patience_s: how long to wait for the other process.

    Raises:
        UnavailableError: WORKER_SLOW; the work stays queued.
    """
    try:
        with open_work(here) as work:
            work.until_idle()
            return
    except UnavailableError as error:
        if error.code != "CHAIN_LOCKED":
            raise
    on_wait()
    waited = 0.0
    while not is_done():
        if waited >= patience_s:
            raise UnavailableError(
                "WORKER_SLOW",
                f"The running worker did not finish within {patience_s:.0f} seconds; the job stays queued.",
                seconds=round(patience_s),
            )
        here.clock.sleep(LOOK_EVERY_S)
        waited += LOOK_EVERY_S
