"""The two small verifiers in examples/ against the served API: genuine, tampered, voided, another's receipt."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.conftest import Served
from tests.needs import ROOT, node_command

pytestmark = [pytest.mark.xdist_group("api"), pytest.mark.timeout(400)]
PYTHON = [sys.executable, str(ROOT / "examples" / "verify.py")]
CASES = (
    ("good", 0, "0 ACCEPTED", "receipt holds"),
    ("altered", 1, "6 ", "receipt holds"),  # a disclosed value was changed, not what was signed and anchored
    ("voided", 1, "3 VOID", "receipt holds"),
    ("foreign-receipt", 1, "6 ", "receipt does NOT hold"),
)


def words(language: str) -> list[str]:
    node = node_command()
    return PYTHON if language == "python" else [*(node or []), str(ROOT / "examples" / "verify.mjs")]


@pytest.mark.parametrize(
    "language", ["python", pytest.param("javascript", marks=pytest.mark.needs("node"))]
)  # fmt: skip
@pytest.mark.parametrize(("name", "code", "verdict", "receipt"), CASES)
def test_example(api: Served, language: str, name: str, code: int, verdict: str, receipt: str) -> None:
    bundle = api.home / "demo" / f"{name}.ecert.json"
    done = subprocess.run(
        [*words(language), api.base.removesuffix("/api/v1"), str(bundle)],
        input=api.every, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[0][: len(verdict)]) == (code, verdict), done
    assert done.stdout.splitlines()[1] == receipt


def test_an_answer_about_another_file_is_caught(api: Served, tmp_path: Path) -> None:
    """Who puts another credential into the file does not get past his own computation."""
    good = json.loads((api.home / "demo" / "good.ecert.json").read_text())
    other = next(
        path
        for path in sorted((api.home / "released").rglob("*.ecert.json"))
        if json.loads(path.read_text())["credential"] != good["credential"]
    )
    mixed = {**good, "credential": json.loads(other.read_text())["credential"]}
    file = tmp_path / "mixed.ecert.json"
    file.write_text(json.dumps(mixed, ensure_ascii=False, separators=(",", ":")))
    done = subprocess.run(
        [*PYTHON, api.base.removesuffix("/api/v1"), str(file)],
        input=api.every, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "receipt does NOT hold" in done.stdout
