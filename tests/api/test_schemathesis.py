"""Thousands of requests made from the API's own description: each answer is one that it names.

schemathesis runs in an environment of its own (requirements/schemathesis.lock under .tools/schemathesis;
scripts/setup schemathesis makes it), so that its pins stay out of ours.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ledger.core.tokens import Scope
from scripts.benchmarks.rest import FUND
from tests.api.conftest import Served
from tests.needs import SCHEMATHESIS

pytestmark = [pytest.mark.needs("schemathesis"), pytest.mark.xdist_group("api"), pytest.mark.timeout(600)]

FEWEST_WIDE = 500
FEWEST_A_RUN = 50
WIDE, NARROW = 14, 6
"""Examples an operation, for the token that opens everything and for those that open little."""
ALL = "examples,coverage,fuzzing"
# one worker: two threads that parse Python at once crash CPython 3.11 inside of the tool
# rules across fields cannot be said in a schema, nor which numbers exist
EXPECTED = '["2xx", "401", "403", "404", "409", "422", "429", "503"]'


@pytest.fixture(scope="module")
def cases() -> dict[str, int]:
    return {}


def run(
    api: Served, folder: Path, secret: str | None, examples: int, parameters: str = "", phases: str = ALL
) -> int:
    """Cases of one run without a failure."""
    config = folder / "schemathesis.toml"
    config.write_text(f"[checks]\npositive_data_acceptance.expected-statuses = {EXPECTED}\n{parameters}")
    header = [] if secret is None else ["--header", f"Authorization: Bearer {secret}"]
    done = subprocess.run(
        [str(SCHEMATHESIS), "--config-file", str(config), "run", f"{api.base}/openapi.json", *header,
         "--max-examples", str(examples), "--seed", "20261122", "--workers", "1", "--no-color",
         "--phases", phases, "--generation-database", "none"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=580,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert found is not None, done.stdout[-2_000:]
    count = int(found.group(2))
    assert count >= (FEWEST_WIDE if examples == WIDE else FEWEST_A_RUN), done.stdout[-2_000:]
    return count


def serial_of(api: Served) -> str:
    folder = next((api.home / "released" / FUND).glob("[0-9]*"))
    return next(folder.iterdir()).name.split(".", 1)[0]


def test_every_scope(api: Served, tmp_path: Path, cases: dict[str, int]) -> None:
    cases["every"] = run(api, tmp_path, api.every, WIDE)


def test_every_scope_with_what_is_there(api: Served, tmp_path: Path, cases: dict[str, int]) -> None:
    """Addresses of real things, so that requests come past the first look-up."""
    parameters = (
        "[parameters]\n"
        f'"path.serial" = "{serial_of(api)}"\n"path.uscc" = "{FUND}"\n"path.batch" = 1\n"path.number" = 1\n'
        '"path.type" = "HPF_PERSONAL_DEPOSIT"\n'
    )
    cases["there"] = run(api, tmp_path, api.every, WIDE, parameters)


@pytest.mark.parametrize("scope", [str(scope) for scope in Scope])
def test_one_scope_alone(api: Served, tmp_path: Path, cases: dict[str, int], scope: str) -> None:
    cases[scope] = run(api, tmp_path, api.secrets[scope], NARROW, phases="fuzzing")


def test_no_token(api: Served, tmp_path: Path, cases: dict[str, int]) -> None:
    cases["none"] = run(api, tmp_path, None, NARROW)
