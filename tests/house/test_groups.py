"""Tests of one group, and tests of one file, run on one worker: else each worker makes every fixture anew."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFTEST = """
import os
import pytest
from tests import groups
pytest_xdist_make_scheduler = groups.pytest_xdist_make_scheduler
def pytest_collection_modifyitems(config, items):
    groups.keep_together(config, items)
@pytest.fixture(autouse=True)
def told(request):
    with open("told.txt", "a") as file:
        file.write(f"{request.path.name} {os.environ['PYTEST_XDIST_WORKER']}\\n")
"""
PLAIN = """
import pytest
@pytest.mark.parametrize("number", range(6))
def test_it(number):
    pass
"""


def test_groups_and_files_stay_on_one_worker(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for name in ("one", "two"):
        marked = PLAIN + '\npytestmark = [pytest.mark.xdist_group("together")]\n'
        (tmp_path / f"test_group_{name}.py").write_text(marked, encoding="utf-8")
        (tmp_path / f"test_file_{name}.py").write_text(PLAIN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-p", "no:randomly",
         "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    where: dict[str, set[str]] = defaultdict(set)
    lines = (tmp_path / "told.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert len(lines) == 24
    for line in lines:
        file, _, worker = line.partition(" ")
        where["group" if file.startswith("test_group") else file].add(worker)
    assert {name: len(workers) for name, workers in where.items()} == {
        "group": 1,
        "test_file_one.py": 1,
        "test_file_two.py": 1,
    }
    assert len(set.union(*where.values())) == 2, "both workers have something to do"
