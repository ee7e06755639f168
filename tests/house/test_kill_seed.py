"""A random kill that fails can be repeated: its seed is told and can be given."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, modules

FAILS = """
def test_dies(kill_dice):
    raise AssertionError([kill_dice.randrange(10**9) for _ in range(4)])
"""


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """A test that fails and shows what was drawn, under the product's own conftest."""
    (tmp_path / "conftest.py").write_text("from tests.conftest import kill_dice, pytest_addoption\n")
    (tmp_path / "test_it.py").write_text(FAILS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def drawn(folder: Path, *arguments: str) -> tuple[str, str]:
    """(seed as the failure tells it, what was drawn)."""
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", str(folder)]
    done = subprocess.run(
        [*argv, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    told = re.search(r"again with --kill-seed (\d+)", done.stdout)
    shown = re.search(r"AssertionError: (\[[\d, ]+\])", done.stdout)
    assert told is not None, done.stdout
    assert shown is not None, done.stdout
    return told.group(1), shown.group(1)


def test_a_failure_tells_its_seed_and_the_seed_brings_it_back(failing: Path) -> None:
    seed, first = drawn(failing)
    assert drawn(failing, "--kill-seed", seed) == (seed, first)
    assert drawn(failing)[0] != seed


def test_no_kill_test_has_dice_of_its_own() -> None:
    """Any test that kills takes its moments from `kill_dice`."""
    wrong = [
        module.where
        for module in modules("tests")
        if "SIGKILL" in module.text
        and re.search(r"random\.Random\(|random\.(uniform|randrange)\(", module.text)
    ]
    assert not wrong
