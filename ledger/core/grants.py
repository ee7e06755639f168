"""Whether the history of a grant is good at a time: one rule for every reader of the chain.

The same as `IIssuerRegistry.grantAt`; a test compares the two on random histories. Verification, the
public status lists and the memory chain ask here, so that they never differ on a renewed grant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from ledger.core.model import GrantRecord

BREAKING_BIT = 0x80  # IIssuerRegistry.withdrawGrant


class GrantState(Enum):
    """What a history says about one moment."""

    GOOD = "good"
    MISSING = "missing"  # never granted by then, or the newest interval had run out
    WITHDRAWN = "withdrawn"  # at or before that moment
    BROKEN = "broken"  # withdrawn later, for a cause that reaches back to it


def grant_state(history: Iterable[GrantRecord], at: int) -> GrantState:
    """Judge all intervals of one (issuer, type), oldest first.

    The newest interval that has begun decides, since a renewal takes over from the one it overlaps, also
    when it ends earlier. A breaking withdrawal of any interval counts, since the date that it names may lie
    in an older one.

    Args:
        history: intervals in the order of their grants.
        at: seconds.
    """
    newest: GrantRecord | None = None
    for grant in history:
        if _breaks(grant, at):
            return GrantState.BROKEN
        if grant.valid_from <= at:
            newest = grant
    if newest is None or at >= newest.valid_until:
        return GrantState.MISSING
    if newest.withdrawn_at is not None and at >= newest.withdrawn_at:
        return GrantState.WITHDRAWN
    return GrantState.GOOD


def covering_grant(history: Sequence[GrantRecord], at: int) -> GrantRecord | None:
    """The interval that decides about `at`, withdrawn or not; None if it has run out or none has begun."""
    newest = next((grant for grant in reversed(history) if grant.valid_from <= at), None)
    return newest if newest is not None and at < newest.valid_until else None


def _breaks(grant: GrantRecord, at: int) -> bool:
    if grant.withdrawn_at is None or grant.cause is None or not grant.cause & BREAKING_BIT:
        return False
    since = grant.withdrawn_at if grant.withdrawn_since is None else grant.withdrawn_since
    return since <= at < grant.withdrawn_at
