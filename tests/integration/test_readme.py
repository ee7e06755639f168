"""The README's five lines, run as they stand there, on a real installation."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.xdist_group("served"), pytest.mark.timeout(300)]


def readme_code() -> str:
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("bundle", "accepted"), [("good", "True"), ("altered", "False"), ("voided", "False")]
)
def test_the_example_runs(demo_home, tmp_path, bundle, accepted):
    shutil.copy(demo_home / "trust.json", tmp_path / "trust.json")
    shutil.copy(demo_home / "demo" / f"{bundle}.ecert.json", tmp_path / "proof.ecert.json")
    (tmp_path / "ledger-home").symlink_to(demo_home)
    done = subprocess.run(
        [sys.executable, "-c", readme_code()],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{accepted} ")
    assert done.stdout.rstrip().endswith("not_checked")
