"""A grant's history at one moment: the newest interval decides, a breaking withdrawal reaches back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.core.grants import GrantState, covering_grant, grant_state
from ledger.core.model import GrantRecord, WithdrawalCause

FIRST = GrantRecord("12990100MB0X12345P", 1, 100, 1000, None, None, None)
RENEWED = replace(FIRST, valid_from=200, valid_until=800)
GOOD, MISSING, WITHDRAWN, BROKEN = (
    GrantState.GOOD,
    GrantState.MISSING,
    GrantState.WITHDRAWN,
    GrantState.BROKEN,
)


def ended(grant: GrantRecord, since: int, cause: WithdrawalCause) -> GrantRecord:
    return replace(grant, withdrawn_since=since, withdrawn_at=500, cause=int(cause))


PLAIN = ended(RENEWED, 150, WithdrawalCause.ADMINISTRATIVE)
BREAKING = ended(RENEWED, 150, WithdrawalCause.MISCONDUCT)
AGAIN = replace(FIRST, valid_from=500)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ((), {100: MISSING}),
        ((FIRST,), {99: MISSING, 100: GOOD, 999: GOOD, 1000: MISSING}),
        ((FIRST, RENEWED), {100: GOOD, 200: GOOD, 799: GOOD, 800: MISSING, 999: MISSING}),
        ((FIRST, PLAIN), {149: GOOD, 150: GOOD, 499: GOOD, 500: WITHDRAWN, 799: WITHDRAWN, 800: MISSING}),
        ((FIRST, BREAKING), {149: GOOD, 150: BROKEN, 499: BROKEN, 500: WITHDRAWN, 900: MISSING}),
        ((FIRST, BREAKING, AGAIN), {149: GOOD, 499: BROKEN, 500: GOOD, 999: GOOD, 1000: MISSING}),
    ],
)
def test_a_history_at_each_edge(history: tuple[GrantRecord, ...], expected: dict[int, GrantState]) -> None:
    assert {at: grant_state(history, at) for at in expected} == expected


def test_the_newest_interval_that_has_begun_covers() -> None:
    assert covering_grant((), 100) is None
    assert covering_grant((FIRST, RENEWED), 199) is FIRST
    assert covering_grant((FIRST, RENEWED), 200) is RENEWED
    assert covering_grant((FIRST, RENEWED), 800) is None
