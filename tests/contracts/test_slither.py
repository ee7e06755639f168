"""slither finds nothing in the contracts but what contracts/slither.json keeps, for a reason and with a test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scripts.contracts import analysis
from tests.needs import SLITHER

MOST = 5


@pytest.mark.needs("node", "forge", "slither")
@pytest.mark.xdist_group("compiler")
@pytest.mark.timeout(300)
@pytest.mark.slow
def test_nothing_else_is_found() -> None:
    expected = {(kept.check, where) for kept in analysis.kept() for where in kept.where}
    assert {(found.check, found.where) for found in analysis.findings(SLITHER)} == expected


def test_few_are_kept_and_each_has_a_reason_and_a_test() -> None:
    kept = analysis.kept()
    assert len(kept) <= MOST
    assert len({entry.check for entry in kept}) == len(kept)
    for entry in kept:
        file, _, name = entry.test.partition("::")
        tree = ast.parse((Path(__file__).parent / file).read_text("utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, entry.test
        assert entry.reason.endswith("."), entry.check
