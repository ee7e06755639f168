"""Every case that the bench names is there: hours of measuring must not end in a missing module."""

from __future__ import annotations

import importlib
import inspect

import pytest

from scripts.benchmarks.table import CASES


@pytest.mark.parametrize("name", CASES)
def test_every_case_can_be_run(name: str) -> None:
    run = importlib.import_module(f"scripts.benchmarks.{name}").run
    inspect.signature(run).bind(5)  # rounds
