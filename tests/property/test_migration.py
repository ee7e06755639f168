"""A carried grant means what the old one meant, whatever became of it."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ledger.core.grants import GrantState, grant_state
from ledger.core.migration import FOREVER, CarriedGrant, LedgerState, carried_grants
from ledger.core.model import GrantRecord, IssuerRecord

PARENT, CHILD = "A" * 18, "B" * 18
LAST = 60
CAUSES = (1, 2, 129, 130)


@st.composite
def histories(draw: st.DrawFn) -> tuple[GrantRecord, ...]:
    """As the registry lets them be made, one act after the other up to LAST; granted in the open, never ahead."""
    found: list[GrantRecord] = []
    now = draw(st.integers(0, 10))
    while now < LAST:
        current = found[-1] if found else None
        if current is not None and current.withdrawn_at is None and draw(st.booleans()):
            since = draw(st.integers(found[0].valid_from, now))
            cause = draw(st.sampled_from(CAUSES))
            found[-1] = GrantRecord(CHILD, 1, current.valid_from, current.valid_until, since, now, cause)
        else:
            earliest = 0 if current is None else current.valid_from
            if current is not None and current.withdrawn_at is not None:
                earliest = current.withdrawn_at
            start = draw(st.integers(earliest, now))
            end = draw(st.one_of(st.integers(now + 1, LAST + 20), st.just(FOREVER)))
            found.append(GrantRecord(CHILD, 1, start, end, None, None, None))
        now += draw(st.integers(1, 20))
    return tuple(found)


def _state(history: Sequence[GrantRecord], above: Sequence[GrantRecord] = ()) -> LedgerState:
    issuers = (
        IssuerRecord(PARENT, None, 1, 0, None, None, ()),
        IssuerRecord(CHILD, PARENT, 2, 0, None, None, ()),
    )
    grants = {(CHILD, 1): tuple(history), **({(PARENT, 1): tuple(above)} if above else {})}
    return LedgerState(issuers, (), grants, {}, (), (), (), {})


def _as_history(grant: CarriedGrant) -> tuple[GrantRecord, ...]:
    """What the new registry holds, having been told everything at LAST."""
    whole = [GrantRecord(CHILD, 1, start, end, None, None, None) for start, end in grant.intervals]
    if grant.withdrawal is not None:
        since, cause = grant.withdrawal
        newest = whole[-1]
        whole[-1] = GrantRecord(CHILD, 1, newest.valid_from, newest.valid_until, since, LAST, cause)
    return tuple(whole)


def _same(old: Sequence[GrantRecord], new: CarriedGrant) -> None:
    history = _as_history(new)
    for at in range(LAST + 30):
        before, after = grant_state(old, at), grant_state(history, at)
        if before is GrantState.GOOD or at >= LAST:
            assert (after is GrantState.GOOD) == (before is GrantState.GOOD), at
        if before is GrantState.BROKEN:
            assert after is not GrantState.GOOD, at
    starts = [start for start, _ in new.intervals]
    assert starts == sorted(starts)
    if new.withdrawal is not None:
        assert new.intervals[0][0] <= new.withdrawal[0] <= LAST


@given(histories())
def test_a_grant_is_good_when_it_was(history: tuple[GrantRecord, ...]) -> None:
    _same(history, carried_grants(_state(history), LAST)[CHILD, 1])


@given(histories(), histories())
def test_a_parents_grant_is_good_when_it_was_and_its_child_can_be_granted(
    history: tuple[GrantRecord, ...], above: tuple[GrantRecord, ...]
) -> None:
    found = carried_grants(_state(history, above), LAST)
    _same(above, found[PARENT, 1])
    start, end = found[PARENT, 1].intervals[-1]
    assert start <= LAST < end, "the registry gives a child nothing while its parent has nothing"
    assert all(last <= end for _, last in found[CHILD, 1].intervals)
