"""The table of kill points and the calls in the code name the same places."""

from __future__ import annotations

import ast
from pathlib import Path

from ledger.services.kill_points import POINTS, KillPoint

LEDGER = Path(__file__).resolve().parents[2] / "ledger"
FEWEST = 15


def reached() -> set[str]:
    """Names in every call `….reach(KillPoint.NAME)` of the product."""
    names = set()
    for path in LEDGER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if called and node.func.attr == "reach":
                (argument,) = node.args
                assert isinstance(argument, ast.Attribute), path
                assert isinstance(argument.value, ast.Name), path
                assert argument.value.id == "KillPoint", path
                names.add(argument.attr)
    return names


def test_the_table_names_exactly_the_points_of_the_code():
    assert {point.name for point in POINTS} == reached() == set(KillPoint.__members__)


def test_there_are_enough_points():
    assert len(POINTS) >= FEWEST
    assert len(set(POINTS.values())) == len(POINTS)
