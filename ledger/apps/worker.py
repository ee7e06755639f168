"""The worker: claims jobs from the outbox, moves the embedded chain on, never does a job twice.

A job that fails for lack of something (chain, store, signer) is tried again with growing pauses; one
that can never succeed becomes a dead letter at once. The worker that holds the chain's lock seals blocks and
keeps the view fresh between jobs. Nothing is lost when it dies: its lease ends and another goes on.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Protocol

from ledger.core.errors import ConflictError, InputError, LedgerError, RefusedError, UnavailableError
from ledger.core.flow import Job, JobKind, Lease
from ledger.core.model import BlockRef
from ledger.ports import Clock, Outbox
from ledger.services.kill_points import Hooks, KillPoint, NoHooks

LEASE_S = 30
MAX_ATTEMPTS = 8
MAX_PAUSE_S = 60
IDLE_PAUSE_S = 0.2
CONFIRM_EVERY_S = 10.0
REPAIRABLE = frozenset({
    "PASSWORD_NEEDED", "PASSWORD_FILE_OPEN_TO_OTHERS", "PASSWORD_FILE_BROKEN", "KEY_PASSWORD_WRONG",
    "KEY_FILE_OPEN_TO_OTHERS", "KEY_FILE_BROKEN", "KEY_URI", "FILE_NOT_WRITABLE",
})  # fmt: skip
"""Wrong input and refusals that a person at the machine can put right while the job waits."""
HOPELESS = frozenset({"ROW_ERASED", "KEY_CHANGED", "CREDENTIAL_ERASED", "ROOT_MISMATCH", "BATCH_INCOMPLETE"})
"""Conflicts that come out the same however often the job is tried."""
CHAIN_KINDS = (JobKind.ANCHOR, JobKind.CALL)
"""Jobs that only the process that can send may take."""
LONG_KINDS = (JobKind.IMPORT,)
"""Jobs that may take long and let others in between their pieces (Worker.breathe)."""

_log = logging.getLogger("ledger.worker")
Handler = Callable[[Lease], None]


class SealingChain(Protocol):
    """The part of the embedded chain that needs somebody to move it on."""

    def step(self) -> BlockRef | None:
        """Seal a block when there is something to seal and a second has passed."""


class ChainDriver:
    """Seals blocks and keeps the view at the chain's head and confirmed.

    Args:
        chain: open for sealing; None where another process holds it or it seals itself.
        advance: takes new blocks into the view and confirms it.
        clock: paces confirmations while nothing happens.
        hooks: told about kill points.
        on_block: called once the view has a block that was sealed here: who waited for it need not wait on.
    """

    def __init__(
        self,
        chain: SealingChain | None,
        advance: Callable[[], object],
        clock: Clock,
        hooks: Hooks | None = None,
        on_block: Callable[[], object] = lambda: None,
    ) -> None:
        self._chain = chain
        self._advance = advance
        self._clock = clock
        self._hooks = hooks or NoHooks()
        self._on_block = on_block
        self._confirmed_at: float | None = None

    def drive(self) -> bool:
        """One step; true when a block was sealed."""
        sealed = self._chain.step() if self._chain is not None else None
        if sealed is not None:
            self._hooks.reach(KillPoint.BLOCK_SEALED)
        now = self._clock.monotonic()
        due = self._confirmed_at is None or now - self._confirmed_at >= CONFIRM_EVERY_S
        if sealed is not None or due or self._chain is None:
            self._advance()
            self._confirmed_at = now
        if sealed is not None:
            self._hooks.reach(KillPoint.VIEW_ADVANCED)
            self._on_block()
        return sealed is not None


class Worker:
    """Runs jobs one after another.

    Args:
        outbox: where jobs come from.
        handlers: what to do with each kind; kinds without one are left to others.
        clock: leases and pauses.
        owner: who holds the leases, for people who look.
        drive: moves the chain on; called between jobs.
        tidy: called when there is no job, true when it made some (for instance closed a batch).
        hooks: told about kill points.
        lease_s: how long a claimed job is ours.
        is_resting: whether a job waits for somebody outside, so that being idle need not wait for it.
    """

    def __init__(
        self,
        outbox: Outbox,
        handlers: Mapping[JobKind, Handler],
        clock: Clock,
        owner: str,
        drive: Callable[[], bool],
        tidy: Callable[[], bool] = lambda: False,
        hooks: Hooks | None = None,
        lease_s: int = LEASE_S,
        is_resting: Callable[[Job], bool] = lambda _job: False,
    ) -> None:
        self._is_resting = is_resting
        self._outbox = outbox
        self._handlers = dict(handlers)
        self._kinds = tuple(self._handlers)
        self._short_kinds = tuple(kind for kind in self._kinds if kind not in LONG_KINDS)
        self._clock = clock
        self._owner = owner
        self._drive = drive
        self._tidy = tidy
        self._hooks = hooks or NoHooks()
        self._lease_s = lease_s
        self._untidy = ""

    def run_once(self) -> bool:
        """Move the chain on, then do at most one job; false when there was nothing to do."""
        moved = self._drive()
        lease = self._outbox.claim(self._kinds, self._owner, self._lease_s)
        if lease is None:
            return moved or self._tidied()
        self._hooks.reach(KillPoint.JOB_CLAIMED)
        self._do(lease)
        return True

    def breathe(self) -> None:
        """Between two pieces of a long job: move the chain on and do one other job.

        Long jobs leave each other alone: their kinds are in LONG_KINDS.
        """
        self._drive()
        lease = self._outbox.claim(self._short_kinds, self._owner, self._lease_s)
        if lease is not None:
            self._do(lease)

    def run_until_idle(self, pause: Callable[[float], None], max_pauses: int = 10_000) -> int:
        """Work until no job of our kinds is left, dead letters and those that rest aside.

        Args:
            pause: waits that many seconds (tests move their clock instead).
            max_pauses: give up after so many.
        Returns: jobs looked at.
        Raises: UnavailableError(WORK_LEFT) when jobs are left after `max_pauses`.
        """
        looked = pauses = 0
        while True:
            if self.run_once():
                looked += 1
                continue
            left = (job for job in self._outbox.jobs() if job.kind in self._handlers)
            if all(self._is_resting(job) for job in left):
                return looked
            if pauses >= max_pauses:
                raise UnavailableError("WORK_LEFT", "Jobs are left that do not get done.")
            pauses += 1
            pause(IDLE_PAUSE_S)

    def run_forever(self, should_stop: Callable[[], bool], pause: Callable[[float], None]) -> None:
        """Work until told to stop; the job in hand is finished first (SIGTERM)."""
        while not should_stop():
            try:
                busy = self.run_once()
            except UnavailableError as error:
                if error.code == "CLOCK_JUMP":
                    raise  # a clear stop, never a wait loop
                _log.warning("waiting", extra={"code": error.code})
                busy = False
            if not busy:
                pause(IDLE_PAUSE_S)

    def _tidied(self) -> bool:
        """Tidy up; what cannot be tidied is told once and looked at again later, it stops nothing."""
        try:
            done = self._tidy()
        except LedgerError as error:
            if error.code == "CLOCK_JUMP":
                raise
            if error.code != self._untidy:
                _log.warning("cannot tidy up", extra={"code": error.code})
            self._untidy = error.code
            return False
        self._untidy = ""
        return done

    def _do(self, lease: Lease) -> None:
        job = lease.job
        try:
            self._handlers[job.kind](lease)
        except UnavailableError as error:
            if error.code == "CLOCK_JUMP":
                raise
            self._later(lease, error.code)
        except LedgerError as error:
            if isinstance(error, ConflictError) and error.code == "LEASE_LOST":
                _log.info("lease lost", extra={"job": job.id, "kind": str(job.kind)})
                return
            detail = {**error.detail, "message": error.message}
            if is_hopeless(error):
                self._bury(lease, error.code, detail)
            else:
                self._fail(lease, error.code, detail)
        except Exception as error:  # noqa: BLE001  edge of the process: one bug must not stop the others
            where = _where(error)
            _log.error("job failed: %s at %s", type(error).__name__, where)
            self._fail(lease, "INTERNAL", {"error": type(error).__name__, "where": where})

    def _fail(self, lease: Lease, code: str, detail: Mapping[str, Any]) -> None:
        if lease.job.attempts + 1 < MAX_ATTEMPTS:
            self._later(lease, code)
        else:
            self._bury(lease, code, detail)

    def _bury(self, lease: Lease, code: str, detail: Mapping[str, Any]) -> None:
        _log.error("dead letter", extra={"job": lease.job.id, "code": code})
        self._quietly(lambda: self._outbox.bury(lease, code, detail))

    def _later(self, lease: Lease, code: str) -> None:
        pause = min(2**lease.job.attempts, MAX_PAUSE_S)
        _log.warning("job put off", extra={"job": lease.job.id, "code": code, "pause_s": pause})
        self._quietly(lambda: self._outbox.retry(lease, self._clock.now() + pause, code))

    def _quietly(self, step: Callable[[], None]) -> None:
        """A lease that ran out meanwhile: the job is somebody else's, nothing to note."""
        try:
            step()
        except ConflictError as error:
            if error.code != "LEASE_LOST":
                raise


def is_hopeless(error: LedgerError) -> bool:
    """Whether trying again cannot help: wrong input, a refusal, or a conflict with what is past."""
    if error.code in HOPELESS:
        return True
    return isinstance(error, (InputError, RefusedError)) and error.code not in REPAIRABLE


def _where(error: BaseException) -> str:
    """The innermost places of a failure. Never its message: that may quote somebody's data."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
