"""`ecert serve` killed with signal 9 and started again: from the command to the first verdict."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.adapters.system import free_port
from scripts.benchmarks.measure import Figure, plain_figure
from scripts.benchmarks.office import demo_copy

ROOT = Path(__file__).resolve().parent.parent.parent
MOST_ROUNDS = 5
LOOK_EVERY_S = 0.02
GIVE_UP_S = 60.0
HOST = "127.0.0.1"


def run(rounds: int) -> list[Figure]:
    """Every round kills the page, its worker and all that they started, at work."""
    took = []
    with demo_copy() as home:
        bundle = (home / "demo" / "good.ecert.json").read_bytes()
        for _ in range(min(rounds, MOST_ROUNDS) + 1):
            port = free_port(HOST)
            begin = time.perf_counter()
            with _killed_after(home, port):
                _until_accepted(port, bundle)
                took.append(time.perf_counter() - begin)
    # the first start follows no kill
    return [plain_figure("kill -9, start: until the first verdict", took[1:], "s", "<=", 5)]


@contextmanager
def _killed_after(home: Path, port: int) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "ledger.apps.cli", "--home", str(home), "serve", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as server:  # fmt: skip
        try:
            yield
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def _until_accepted(port: int, bundle: bytes) -> None:
    until = time.monotonic() + GIVE_UP_S
    while time.monotonic() < until:
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=10)
            connection.request("POST", "/verify", bundle, {"Content-Type": "application/vnd.ecert+json"})
            answer = connection.getresponse()
            body = answer.read()
        except OSError:
            time.sleep(LOOK_EVERY_S)
            continue
        if answer.status == http.client.OK and json.loads(body)["verdict"]["code"] == "ACCEPTED":
            return
        time.sleep(LOOK_EVERY_S)  # "cannot tell yet" is no verdict: the time runs on
    raise RuntimeError("no verdict after a kill")
