"""Thousands of requests made from the API's own description: each answer is one that it names.

schemathesis runs in an environment of its own (requirements/schemathesis.lock under .tools/schemathesis;
scripts/setup schemathesis makes it), so that its pins stay out of ours.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.core.tokens import Scope
from scripts.benchmarks.rest import FUND, TYPE
from tests.api.conftest import Served
from tests.flow_world import HEADER, deposit_row
from tests.needs import SCHEMATHESIS

pytestmark = [pytest.mark.needs("schemathesis"), pytest.mark.xdist_group("api"), pytest.mark.timeout(600)]

FEWEST = 2_000
"""Cases of all runs together."""
RUNS = 4
PATIENCE_S = 90.0
FEWEST_WIDE = 500
FEWEST_A_RUN = 50
WIDE, NARROW = 8, 3
"""Examples an operation, for the token that opens everything and for each that opens little or nothing."""
ALL = "examples,coverage,fuzzing"
# one worker: two threads that parse Python at once crash CPython 3.11 inside of the tool
# rules across fields cannot be said in a schema, nor which numbers exist
EXPECTED = '["2xx", "401", "403", "404", "409", "422", "429", "503"]'


@pytest.fixture(scope="module")
def cases() -> Iterator[dict[str, int]]:
    """Cases by run; where all of them ran here (they share a group), their sum is looked at."""
    found: dict[str, int] = {}
    yield found
    sys.stdout.write(f"cases: {found}\n")
    if len(found) == RUNS:
        assert sum(found.values()) >= FEWEST, found


def run(
    api: Served,
    folder: Path,
    secret: str | None,
    examples: int,
    parameters: str = "",
    phases: str = ALL,
    head: str = "",
) -> int:
    """Cases of one run without a failure."""
    config = folder / "schemathesis.toml"
    config.write_text(
        f"{head}[checks]\npositive_data_acceptance.expected-statuses = {EXPECTED}\n{parameters}"
    )
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


def ask(api: Served, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """A good answer of the API."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {api.every}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{api.base}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def wait_for(api: Served, path: str, name: str, value: str) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_S
    while (found := ask(api, "GET", path))[name] != value:
        assert time.monotonic() < until, found
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def things(api: Served) -> dict[str, Any]:
    """One of each thing that an address names. The batch has one certificate: it is printed over and over."""
    row = dict(zip(HEADER, deposit_row(900_000), strict=True))
    serial = ask(api, "POST", "/issues", {"type": TYPE, "fields": row})["serial"]
    batch = wait_for(api, f"/issues/{serial}", "state", "released")["batch"]
    document = ask(api, "POST", f"/issues/{serial}/documents", {})["document"]
    run_id = ask(api, "POST", f"/batches/{batch}/documents", {})["run"]
    why = "purpose_kind=loan&purpose=test&item_code=1"
    check = ask(api, "POST", f"/verifications?{why}", {})["verification"]
    wait_for(api, f"/documents/{document}", "state", "made")
    wait_for(api, f"/verifications/{check}", "receipt", "made")
    return {
        "serial": serial, "batch": batch, "document": document, "run": run_id, "check": check,
        "uscc": FUND, "number": 1, "type": TYPE,
    }  # fmt: skip


def test_every_scope(api: Served, tmp_path: Path, cases: dict[str, int], things: dict[str, Any]) -> None:
    del things  # made before anybody fills the queue: behind thousands of orders they would wait for a minute
    cases["every"] = run(api, tmp_path, api.every, WIDE)


def test_every_scope_with_what_is_there(
    api: Served, tmp_path: Path, cases: dict[str, int], things: dict[str, Any]
) -> None:
    """Addresses of real things, so that requests come past the first look-up."""
    lines = [f'"path.{name}" = {json.dumps(value)}' for name, value in things.items()]
    cases["there"] = run(api, tmp_path, api.every, WIDE, "[parameters]\n" + "\n".join(lines) + "\n")


TURNS = """
import collections, itertools, json, pathlib
import schemathesis
here = pathlib.Path(__file__).parent
secrets = json.loads((here / "secrets.json").read_text())
turns = collections.defaultdict(lambda: itertools.cycle(secrets.items()))
met = (here / "met.tsv").open("w")

@schemathesis.auth(refresh_interval=None)
class Turns:
    def get(self, case, context):
        return next(turns[case.operation.label])

    def set(self, case, data, context):
        scope, secret = data
        case.headers["Authorization"] = f"Bearer {secret}"
        print(scope, case.operation.label, sep="\\t", file=met, flush=True)
"""


def test_each_scope_alone(api: Served, tmp_path: Path, cases: dict[str, int]) -> None:
    """One run, since each begins with five seconds of reading: every operation meets a token of each scope in turn."""
    (tmp_path / "turns.py").write_text(TURNS)
    (tmp_path / "secrets.json").write_text(json.dumps(api.secrets))
    examples = NARROW * len(Scope)
    cases["alone"] = run(api, tmp_path, None, examples, phases="fuzzing", head='hooks = "turns"\n')
    met = Counter(line.split("\t")[0] for line in (tmp_path / "met.tsv").read_text().splitlines())
    assert set(met) == {str(scope) for scope in Scope}
    assert min(met.values()) >= FEWEST_A_RUN, met


def test_no_token(api: Served, tmp_path: Path, cases: dict[str, int]) -> None:
    cases["none"] = run(api, tmp_path, None, NARROW, phases="fuzzing")
