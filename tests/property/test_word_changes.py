"""Packing statuses of leaves into words, against one leaf after another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.core.status import Status, word_changes


@given(leaves=st.lists(st.integers(0, 9_999), max_size=200), status=st.sampled_from(Status))
def test_exactly_the_named_leaves_get_the_status(leaves: list[int], status: Status) -> None:
    changes = word_changes(leaves, status)
    written = {
        64 * change.word + lane: change.value >> 4 * lane & 0xF
        for change in changes
        for lane in range(64)
        if change.mask >> 4 * lane & 0xF == 0xF
    }
    assert written == dict.fromkeys(leaves, int(status))
    for change in changes:
        assert change.mask
        assert change.value & ~change.mask == 0
        assert all(change.mask >> 4 * lane & 0xF in (0, 0xF) for lane in range(64))
    assert [change.word for change in changes] == sorted({leaf // 64 for leaf in leaves})


def test_the_contracts_example() -> None:
    (first, second) = word_changes([65, 0, 63], Status.REVOKED)
    assert (first.word, first.mask, first.value) == (0, 0xF << 252 | 0xF, 8 << 252 | 8)
    assert (second.word, second.mask, second.value) == (1, 0xF0, 0x80)
