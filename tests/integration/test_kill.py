"""kill -9 between any two steps: nothing lost, nothing doubled, nothing handed out too early.

Real processes on real files. Each dies by SIGKILL, at a named point or at a random moment, and another
one goes on. Time is injected, one second a block.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.system import ManualClock
from ledger.core.merkle import entry_of, hash_leaf, root_from_inclusion_proof
from ledger.core.receipt import parse_bundle
from ledger.services.kill_points import KillPoint
from tests.flow_world import START, found

pytestmark = [pytest.mark.kill, pytest.mark.xdist_group("kill")]

ROWS = 30
BATCH = 20
CHUNK = 8
DATABASES = ("store.db", "keys.db", "chain.db", "view.db")
CASE_KILLS = {
    KillPoint.CASE_MADE: 2,  # voided, withdrawn
    KillPoint.CASE_SAVED: 3,  # and suspended
    KillPoint.CASE_QUEUED: 5,  # two batches, two batches, one
    KillPoint.CASE_SENT: 3,
}
"""How often each point of a change of status is passed by `decide` in the nursery."""
FLOW_POINTS = [
    point
    for point in KillPoint
    if point not in CASE_KILLS
    and not point.name.startswith(
        ("INTAKE_", "PRINT_", "PAGE_", "PAGES_", "STANDING_", "WINDOW_", "RESTORE_")
    )
]
"""Uploads, prints and restores have files of their own: test_kill_intake.py, _paper.py, _single.py, _restore.py."""
MOST_KILLS_PER_LEASED = 3
"""Nearly every kill lands on leased work; on a loaded machine some come between two jobs."""


class Nursery:
    """The forking process and what it tells."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.kill_nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "ETH_HASH_BACKEND": "pysha3"},
        )
        self.pid = 0

    def send(self, **command: Any) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps(command) + "\n")
        stdin.flush()

    def hear(self) -> list[str]:
        stdout = self._process.stdout
        assert stdout is not None
        words = stdout.readline().split()
        assert words, "the nursery died"
        if words[0] == "start":
            self.pid = int(words[1])
        return words

    def wait(self) -> int:
        """Exit status of the child: 0 done, -9 killed."""
        while (words := self.hear())[0] != "exit":
            pass
        return int(words[2])

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "home"
    found(folder, ManualClock(START))
    return folder


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "home"
    shutil.copytree(template, copy)
    return copy


def rows_of(home: Path, name: str, query: str) -> list[Any]:
    with sqlite3.connect(f"file:{home / name}?mode=ro", uri=True) as connection:
        found_rows = connection.execute(query).fetchall()
    connection.close()
    return found_rows


def entries(home: Path) -> dict[tuple[int, int], bytes]:
    """Entry hash of every stored credential."""
    if not (home / "store.db").exists() or not rows_of(
        home, "store.db", "SELECT 1 FROM sqlite_master WHERE name = 'credential'"
    ):
        return {}
    return {
        (batch, leaf): entry
        for batch, leaf, entry in rows_of(
            home, "store.db", "SELECT batch_id, leaf_index, entry FROM credential"
        )
    }


def anchors(home: Path) -> list[Any]:
    """Every BatchAnchored event."""
    reader = EmbeddedReader(home / "chain.db")
    events = [event for event in reader.events(0, reader.head().number) if event.name == "BatchAnchored"]
    reader.close()
    return events


def require_sound(home: Path) -> None:
    """What must hold at the moment of death: whole databases, no bundle without a final anchor."""
    for name in DATABASES:
        if (home / name).exists():
            assert rows_of(home, name, "PRAGMA integrity_check") == [("ok",)], name
    anchored = {event.args["root"] for event in anchors(home)}
    for path in home.rglob("*.ecert.json"):
        data = path.read_bytes()
        if ".staging-" in str(path) and not data.endswith(b"}"):
            continue  # half a file where nobody looks
        receipt = parse_bundle(data).receipt
        assert receipt is not None
        assert receipt.root in anchored, f"{path.name} was written before its anchor was final"


def require_finished(home: Path, accounts: int, superseded: int = 0) -> None:
    """Every row exactly one final anchor and one released bundle; nothing spent twice."""
    require_sound(home)
    bundles = [path.read_bytes() for path in home.glob("released/*/[0-9]*/*.ecert.json")]
    assert len(bundles) == accounts + superseded
    parser = SdJwtFormat()
    seen: Counter[str] = Counter()
    identifiers: set[str] = set()
    indexes: set[tuple[str, int]] = set()
    for data in bundles:
        bundle = parse_bundle(data)
        claims = parser.parse(bundle.credential).claims
        receipt = bundle.receipt
        assert receipt is not None
        leaf = hash_leaf(entry_of(bundle.credential.split("~", 1)[0].encode()))
        assert (
            root_from_inclusion_proof(leaf, receipt.leaf_index, receipt.tree_size, receipt.path)
            == receipt.root
        )
        seen[claims["account_no"]] += 1
        identifiers.add(claims["identifier"])
        status = claims["status"]["status_list"]
        indexes.add((status["uri"], status["idx"]))
    assert len(seen) == accounts
    assert sum(seen.values()) == accounts + superseded
    assert len(identifiers) == len(indexes) == accounts + superseded
    events = anchors(home)
    roots = [event.args["root"] for event in events]
    assert len(set(roots)) == len(roots)
    assert sum(int(str(event.args["size"])) for event in events) == accounts + superseded
    states = rows_of(home, "store.db", "SELECT DISTINCT state FROM batch")
    assert states == [("released",)]
    assert rows_of(home, "store.db", "SELECT count(*) FROM outbox WHERE state <> 'done'") == [(0,)]
    assert not list(home.rglob(".staging-*"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("point", FLOW_POINTS)
def test_killed_at_every_point(nursery: Nursery, home: Path, point: KillPoint) -> None:
    command = {"home": str(home), "first": 0, "last": ROWS, "batch": BATCH, "chunk": CHUNK}
    nth = 2 if point in (KillPoint.ROWS_STORED, KillPoint.KEYS_CREATED, KillPoint.BUNDLE_STAGED) else 1
    nursery.send(**command, point=point, nth=nth)
    assert nursery.wait() == -signal.SIGKILL
    require_sound(home)
    before = entries(home)
    nursery.send(**command)
    assert nursery.wait() == 0
    after = entries(home)
    assert before.items() <= after.items(), "a credential was signed again"
    require_finished(home, ROWS)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("point", "nth"),
    [(KillPoint.TRANSACTION_RECORDED, 2), (KillPoint.TRANSACTION_SENT, 2), (KillPoint.TRANSACTION_FINAL, 3)],
)
def test_killed_while_a_superseding_batch_is_carried(
    nursery: Nursery, home: Path, point: KillPoint, nth: int
) -> None:
    command = {"home": str(home), "first": 0, "last": 10, "batch": 20, "chunk": 20, "supersede": True}
    nursery.send(**command, point=point, nth=nth)
    assert nursery.wait() == -signal.SIGKILL
    require_sound(home)
    nursery.send(**command)
    assert nursery.wait() == 0
    require_finished(home, 10, superseded=3)
    reader = EmbeddedReader(home / "chain.db")
    changes = [event for event in reader.events(0, reader.head().number) if event.name == "StatusChanged"]
    reader.close()
    assert len(changes) == 1


@pytest.fixture(scope="module")
def issued(nursery: Nursery, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with two released batches."""
    home = tmp_path_factory.mktemp("issued") / "home"
    shutil.copytree(template, home)
    nursery.send(home=str(home), first=0, last=ROWS, batch=BATCH, chunk=CHUNK)
    assert nursery.wait() == 0
    return home


def events_of(home: Path, name: str) -> list[Any]:
    reader = EmbeddedReader(home / "chain.db")
    found_events = [event for event in reader.events(0, reader.head().number) if event.name == name]
    reader.close()
    return found_events


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("point", "nth"), [(point, nth) for point, times in CASE_KILLS.items() for nth in range(1, times + 1)]
)
def test_killed_while_statuses_are_changed(
    nursery: Nursery, issued: Path, tmp_path: Path, point: KillPoint, nth: int
) -> None:
    home = tmp_path / "home"
    shutil.copytree(issued, home)
    command = {"home": str(home), "first": 0, "last": ROWS, "batch": BATCH, "chunk": CHUNK, "decide": True}
    nursery.send(**command, point=point, nth=nth)
    assert nursery.wait() == -signal.SIGKILL
    require_sound(home)
    nursery.send(**command)
    assert nursery.wait() == 0
    require_finished(home, ROWS)
    assert len(events_of(home, "StatusChanged")) == 4, "two batches suspended in, two voided in, once each"
    assert len(events_of(home, "BatchWithdrawn")) == 1
    assert len(list((home / "cases").glob("*.case"))) == 3
    assert list((home / "cases" / "waiting").iterdir()) == []


@pytest.mark.timeout(1200)
def test_random_kills_on_leased_work(
    nursery: Nursery, home: Path, kills: int, kill_dice: random.Random
) -> None:
    done = leased = first = 0
    while leased < kills:
        command = {"home": str(home), "first": first, "last": first + ROWS, "batch": BATCH, "chunk": CHUNK}
        nursery.send(**command)
        claims_left = kill_dice.randrange(1, 12)
        killed = False
        while (words := nursery.hear())[0] != "exit":
            claims_left -= words[0] == "claimed"
            if claims_left == 0 and not killed:
                time.sleep(kill_dice.uniform(0, 0.006))
                os.kill(nursery.pid, signal.SIGKILL)
                killed = True
        if int(words[2]) == 0:
            first += ROWS  # finished before it was killed: more work
            continue
        assert int(words[2]) == -signal.SIGKILL
        done += 1
        held = rows_of(home, "store.db", "SELECT kind FROM outbox WHERE state = 'leased'")
        leased += bool(held)
        sys.stdout.write(f"kill {done}: leased {[kind for (kind,) in held]}\n")
        require_sound(home)
        assert done <= MOST_KILLS_PER_LEASED * kills, f"only {leased} of {done} kills hit leased work"
    nursery.send(home=str(home), first=first, last=first + ROWS, batch=BATCH, chunk=CHUNK)
    assert nursery.wait() == 0
    require_finished(home, first + ROWS)
