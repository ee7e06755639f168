"""Rules of grants for the memory chain, on the contract's tuples (from, until, since, withdrawn at, cause)."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.adapters.chain_memory_state import RevertedError
from ledger.core.grants import GrantState, covering_grant, grant_state
from ledger.core.model import GrantRecord

Grant = tuple[int, ...]
NO_GRANT: Grant = (0, 0, 0, 0, 0)


def require_interval(start: int, end: int) -> None:
    """Not empty."""
    if start >= end:
        raise RevertedError("RegistryBadInterval", start, end)


def is_bad_renewal(current: Grant, start: int, end: int, now: int) -> bool:
    """Whether a new interval would cover what was withdrawn, leave a hole, or reach back."""
    from_, until, _, withdrawn_at, _ = current
    is_running = not withdrawn_at and from_ <= now < until
    is_cut = end <= now and end < until
    return start < (withdrawn_at or from_) or (is_running and start > now) or is_cut


def grant_at(grants: Sequence[Grant], time: int) -> tuple[bool, Grant]:
    """What `grantAt` answers, by the rule that verification follows."""
    history = [_record(grant) for grant in grants]
    covering = covering_grant(history, time)
    shown = NO_GRANT if covering is None else grants[history.index(covering)]
    return grant_state(history, time) is GrantState.GOOD, shown


def _record(grant: Grant) -> GrantRecord:
    start, end, since, withdrawn_at, cause = grant
    withdrawal = (since, withdrawn_at, cause) if withdrawn_at else (None, None, None)
    return GrantRecord("", 0, start, end, *withdrawal)
