"""Every bad input times every check: the answer is the one in the table, no cell is blank."""

from __future__ import annotations

import pytest

from ledger.core.checks.codes import Code
from ledger.core.report import CheckId, Presenter
from tests.matrix.all_cases import ALL_CASES
from tests.matrix.cases import GOOD, Case
from tests.matrix.world import World


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.name)
def test_every_check_answers_as_the_table_says(case: Case) -> None:
    world = World()
    case.change(world)
    report = world.verify()
    found = {result.id: (result.outcome.value, result.code) for result in report.checks}
    assert found == case.row
    assert (report.verdict.national, report.verdict.code, report.exit_code) == case.verdict
    assert report.accepted is (case.verdict[2] == 0)
    assert report.presenter is Presenter.NOT_CHECKED
    assert report.single_operator is (found[CheckId.FINALITY][1] == Code.SINGLE_OPERATOR)


def test_names_are_unique_and_rows_whole() -> None:
    assert len({case.name for case in ALL_CASES}) == len(ALL_CASES)
    assert tuple(GOOD) == tuple(CheckId)
    assert all(tuple(case.row) == tuple(CheckId) for case in ALL_CASES)
