"""What lacks its tool is listed as NOT RUN directly above the last line; only CI fails for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs

ROOT = Path(__file__).resolve().parents[2]

TESTS = """
import pytest

@pytest.mark.needs("chromium")
def test_needs_a_browser():
    assert False, "must not run"

def test_plain():
    pass

def test_skips():
    pytest.{skip}("because it wants to")
"""


def run(folder: Path, *arguments: str, ci: str | None = None) -> subprocess.CompletedProcess[str]:
    """Pytest over a folder of its own, with a PATH that has no browser."""
    (folder / "conftest.py").write_text("from tests.not_run import *\n", encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  needs: tools\n", encoding="utf-8")
    (folder / "test_it.py").write_text(TESTS.format(skip="skip"), encoding="utf-8")
    empty = folder / "bin"
    empty.mkdir()
    environment = {
        key: value for key, value in os.environ.items() if key not in {"CI", "PYTEST_XDIST_WORKER"}
    }
    environment |= {"PATH": str(empty), "PYTHONPATH": str(ROOT)}
    if ci is not None:
        environment["CI"] = ci
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            str(folder),
            *arguments,
        ],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_listed_directly_above_the_last_line(tmp_path, workers):
    done = run(tmp_path, "-k", "browser or plain", *workers)
    lines = done.stdout.strip().splitlines()
    assert done.returncode == 0, done.stdout
    assert "test_it.py::test_needs_a_browser: no chromium on PATH" in lines[-2]
    assert lines[-2].startswith("NOT RUN ")
    assert "1 passed" in lines[-1]


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_continuous_integration_fails_for_it(tmp_path, workers):
    done = run(tmp_path, "-k", "browser or plain", *workers, ci="true")
    assert done.returncode == 1
    assert done.stdout.strip().splitlines()[-2].startswith("NOT RUN ")


def test_nothing_but_missing_tools_is_no_failure_at_home(tmp_path):
    assert run(tmp_path, "-k", "browser").returncode == 0


def test_a_skip_is_listed_too(tmp_path):
    done = run(tmp_path, "-k", "skips or plain", ci="true")
    assert done.returncode == 1
    assert "NOT RUN test_it.py::test_skips: Skipped: because it wants to" in done.stdout


def test_complete_runs_say_nothing(tmp_path):
    done = run(tmp_path, "-k", "plain", ci="true")
    assert done.returncode == 0
    assert "NOT RUN" not in done.stdout


def test_a_misspelt_tool_is_an_error():
    with pytest.raises(KeyError):
        needs.missing("chrome")
