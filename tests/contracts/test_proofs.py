"""halmos proves the arithmetic of status words and ranges for every input at once.

halmos runs in an environment of its own (requirements/halmos.lock under .tools/halmos) and its solvers come
with it. The proofs lie in contracts/test/proofs.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from scripts.contracts import build, forge
from tests.needs import HALMOS

FOLDER = build.CONTRACTS / "test" / "proofs"
PROOFS = sorted(
    (path.stem, name)
    for path in FOLDER.glob("*.sol")
    for name in re.findall(r"function (check_\w+)\(", path.read_text("utf-8"))
)
SOLVER_MS = 60_000
"""Far above what the slowest takes, so that a busy machine fails no proof."""

pytestmark = [
    pytest.mark.needs("node", "forge", "halmos"),
    pytest.mark.xdist_group("compiler"),
    pytest.mark.timeout(600),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], int]:
    """Exit code of each proof; 0 means proved."""
    answer = tmp_path_factory.mktemp("halmos") / "answer.json"
    done = subprocess.run(
        [str(HALMOS), "--root", ".", "--forge-build-out", str(build.ROOT / "build" / "forge" / "proofs"),
         "--solver-timeout-assertion", str(SOLVER_MS), "--json-output", str(answer)],
        cwd=build.CONTRACTS, env=forge.environment(FOUNDRY_PROFILE="proofs"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.exists(), done.stdout[-4_000:] + done.stderr[-2_000:]
    suites = json.loads(answer.read_text("utf-8"))["test_results"]
    return {
        (Path(suite).name.partition(":")[2], proof["name"].partition("(")[0]): proof["exitcode"]
        for suite, proofs in suites.items()
        for proof in proofs
    }


@pytest.mark.parametrize(("suite", "proof"), PROOFS)
def test_it_is_proved(verdicts: dict[tuple[str, str], int], suite: str, proof: str) -> None:
    assert verdicts[suite, proof] == 0
