"""Single issues by REST under a standing approval, on a served installation: none lost, how soon, how many writes.

Usage: python -m scripts.benchmarks.rest [--rate 70] [--seconds 60] [--home DIR]

Makes a demo installation in a temporary folder (or takes --home), appoints its service key, registers a
standing approval, serves it on loopback and sends rows at a steady rate, each on its appointed time
whether or not the earlier ones are answered. Waits until every accepted row has its bundle.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.benchmarks.measure import percentile
from tests.flow_world import HEADER, deposit_row

ROOT = Path(__file__).resolve().parents[2]
FUND = "12990100MAXXXX023E"
TYPE = "HPF_PERSONAL_DEPOSIT"
CLIENTS = 24
PATIENCE_S = 120.0
START_S = 60.0
STOP_S = 60.0


def ecert(home: Path, *words: str) -> dict[str, Any]:
    """One command line with --json; its answer."""
    code = "import sys; from ledger.apps.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, "--home", str(home), "--json", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"ecert {words[0]}: {done.stdout}{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {}
    return answer


def prepare(home: Path, limit: int = 1_000_000) -> str:
    """Service key, standing approval and a token for the demo's fund centre; the token's secret."""
    keys = home / "keys" / FUND
    admins = [
        word for who in ("admin1", "admin2") for word in ("--admin", f"file:{keys / who / 'signing.key'}")
    ]
    ecert(home, "standing", "service", "--issuer", FUND, *admins)
    ecert(
        home, "standing", "grant", "--issuer", FUND, "--type", TYPE, "--limit", str(limit),
        "--key", f"file:{keys / 'approver' / 'signing.key'}",
    )  # fmt: skip
    scopes = [word for scope in ("issue", "bundles", "batches", "verify") for word in ("--scope", scope)]
    answer = ecert(home, "token", "add", "--issuer", FUND, "--label", "benchmark", *scopes)
    return str(answer["secret"])


@contextmanager
def served(home: Path, **settings: str) -> Iterator[int]:
    """`ecert serve` on a free port of loopback, with these settings in its environment."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", "from ledger.apps.cli import main; import sys; main(sys.argv[1:])",
         "--home", str(home), "--lang", "en", "serve", "--port", "0"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **settings},
    ) as server:  # fmt: skip
        try:
            yield _port(server)
        finally:
            server.terminate()
            server.wait(STOP_S)


def _port(server: subprocess.Popen[str]) -> int:
    if server.stdout is None:
        raise RuntimeError("the server's words are read")
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        line = server.stdout.readline()
        if "http://" in line:
            threading.Thread(target=server.stdout.read, daemon=True).start()  # nobody else empties the pipe
            return int(line.split("http://", 1)[1].split("/")[0].rsplit(":", 1)[1])
        if not line and server.poll() is not None:
            break
    raise RuntimeError("the server did not start")


@dataclass
class Outcome:
    """What a run did. Times in seconds, `accepted` maps each serial to when its answer came."""

    sent: int = 0
    accepted: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    releases: list[float] = field(default_factory=list)
    lost: int = 0
    batches: int = 0
    writes: int = 0
    wall_s: float = 0.0

    @property
    def rate(self) -> float:
        """Accepted a second."""
        return len(self.accepted) / self.wall_s if self.wall_s else 0.0


def send(port: int, secret: str, rate: float, seconds: float, first: int = 100_000) -> Outcome:
    """Rows at a steady rate, each answered durably or told why not."""
    outcome = Outcome(sent=round(rate * seconds))
    lock = threading.Lock()
    turn = iter(range(outcome.sent))
    begin = time.monotonic() + 0.5

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        while True:
            with lock:
                number = next(turn, None)
            if number is None:
                connection.close()
                return
            row = dict(zip(HEADER, deposit_row(first + number), strict=True))
            body = json.dumps({"type": TYPE, "fields": row}).encode()
            due = begin + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            asked = time.monotonic()
            connection.request(
                "POST", "/api/v1/issues", body,
                {"Authorization": f"Bearer {secret}", "Content-Type": "application/json",
                 "Idempotency-Key": f"run-{first}-{number}"},
            )  # fmt: skip
            response = connection.getresponse()
            answer = response.read()
            took = time.monotonic() - asked
            with lock:
                outcome.answers.append(took)
                if response.status == 202:
                    outcome.accepted[json.loads(answer)["serial"]] = time.time()
                else:
                    outcome.refused.append(f"{response.status} {answer[:200].decode(errors='replace')}")

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.wall_s = time.monotonic() - begin
    return outcome


def settle(home: Path, outcome: Outcome, patience_s: float = PATIENCE_S) -> Outcome:
    """Wait for every bundle; when each was handed out, and what the chain was asked to write for it."""
    waiting = set(outcome.accepted)
    batches: set[Path] = set()
    until = time.monotonic() + patience_s
    while waiting and time.monotonic() < until:
        for folder in (home / "released" / FUND).glob("[0-9]*"):
            if folder in batches:
                continue
            batches.add(folder)
            released_at = folder.stat().st_ctime  # of the rename that put it there
            for path in folder.iterdir():
                serial = path.name.split(".", 1)[0]
                if serial in waiting:
                    waiting.discard(serial)
                    outcome.releases.append(released_at - outcome.accepted[serial])
        time.sleep(0.2)
    outcome.lost = len(waiting)
    with sqlite3.connect(f"file:{home / 'store.db'}?mode=ro", uri=True) as store:
        (outcome.batches,) = store.execute(
            "SELECT count(*) FROM batch WHERE standing_id IS NOT NULL"
        ).fetchone()
        (outcome.writes,) = store.execute(
            "SELECT count(*) FROM chain_transaction t JOIN outbox o ON o.id = t.job_id WHERE o.kind = 'anchor'"
            " AND EXISTS (SELECT 1 FROM batch b WHERE b.standing_id IS NOT NULL"
            " AND o.subject LIKE 'batch:' || b.id || ':%')"
        ).fetchone()
    return outcome


def tell(outcome: Outcome) -> str:
    """One line for people."""
    return (
        f"sent {outcome.sent}, accepted {len(outcome.accepted)} ({outcome.rate:.0f}/s), "
        f"refused {len(outcome.refused)}, lost {outcome.lost}; durable answer p50 "
        f"{percentile(outcome.answers, 0.5) * 1000:.0f} ms, p95 {percentile(outcome.answers, 0.95) * 1000:.0f} ms, "
        f"p99 {percentile(outcome.answers, 0.99) * 1000:.0f} ms; released p50 "
        f"{percentile(outcome.releases, 0.5):.2f} s, p95 {percentile(outcome.releases, 0.95):.2f} s; "
        f"{outcome.writes} chain writes for {outcome.batches} batches"
    )


def main() -> int:
    """Returns 1 when a row was lost or refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=70)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--home", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = options.home or Path(name) / "home"
        if not (home / "home.json").exists():
            ecert(home, "demo")
        secret = prepare(home)
        with served(home) as port:
            outcome = send(
                port, secret, options.rate, options.seconds, first=int(time.time() * 1000) % 900_000_000
            )
            settle(home, outcome)
    print(tell(outcome))
    for reason in outcome.refused[:3]:
        print(reason)
    return 1 if outcome.lost or outcome.refused else 0


if __name__ == "__main__":
    sys.exit(main())
