"""docs/gas.md says what is measured now, and every goal holds."""

from __future__ import annotations

import pytest

from scripts.contracts import gas


@pytest.fixture(scope="module")
def rows() -> list[gas.Row]:
    return gas.measure()


@pytest.mark.slow
def test_every_goal_holds(rows: list[gas.Row]) -> None:
    assert [row for row in rows if not row.holds] == []
    assert sum(row.goal is not None for row in rows) == 11


@pytest.mark.slow
def test_the_document_says_what_is_measured(rows: list[gas.Row]) -> None:
    assert gas.DOCUMENT.read_text("utf-8") == gas.render(rows)


def test_a_missed_goal_is_noticed() -> None:
    assert not gas.Row("too dear", 101, 100).holds
    assert gas.Row("just so", 100, 100).holds
    assert gas.Row("only printed", 10**9, None).holds
