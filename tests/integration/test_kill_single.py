"""kill -9 while single issues come in and go out under a standing approval: none lost, none doubled."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.system import ManualClock
from ledger.core.receipt import parse_bundle
from ledger.core.singles import RequestKey
from ledger.services.kill_points import KillPoint
from tests.flow_world import HEADER, START, deposit_row
from tests.standing_world import StandingWorld, copy_of, deposit_fields, found_with_service

pytestmark = [pytest.mark.kill, pytest.mark.xdist_group("kill")]
ROWS = 6
POINTS = (
    KillPoint.WINDOW_STORED,
    KillPoint.BATCH_CLOSED,
    KillPoint.STANDING_SIGNED,
    KillPoint.STANDING_STORED,
    KillPoint.TRANSACTION_SENT,
)


class KillAt:
    """Hooks that kill this process when a point is reached."""

    def __init__(self, point: KillPoint) -> None:
        self._point = point

    def reach(self, point: KillPoint) -> None:
        if point is self._point:
            os.kill(os.getpid(), signal.SIGKILL)


def request_key(number: int, token: int) -> RequestKey:
    text = f"row {number}".encode()
    return RequestKey(token, hashlib.sha256(text).digest(), hashlib.sha256(text + b" body").digest())


def hand_in(home: Path, point: KillPoint | None, token: int) -> None:
    """A process that takes rows, each with its key, and works until nothing is left."""
    world = StandingWorld(home, ManualClock(START), None if point is None else KillAt(point))
    for number in range(ROWS):
        world.singles.issue(world.plan(), [deposit_fields(number)], request_key(number, token))
    world.tidy()
    world.work()
    world.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    folder = tmp_path_factory.mktemp("singles") / "home"
    found_with_service(folder)
    world = StandingWorld(folder, ManualClock(START))
    world.register()
    world.close()
    with sqlite3.connect(folder / "store.db") as store:
        store.execute(
            "INSERT INTO api_token (id, uscc, label, scopes, secret_hash, created_at, created_by, expires_at)"
            " VALUES (1, '12990100XXXX000190', 'test', 'issue', x'00', 0, 'test', 1)"
        )
    store.close()
    return folder, 1


@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", POINTS)
def test_killed_at(template: tuple[Path, int], tmp_path: Path, point: KillPoint) -> None:
    folder, token = template
    home = copy_of(folder, tmp_path / "home")
    fork = multiprocessing.get_context("fork")
    dying = fork.Process(target=hand_in, args=(home, point, token))
    dying.start()
    dying.join(60)
    assert dying.exitcode == -signal.SIGKILL
    hand_in(home, None, token)  # whoever got no answer sends again, with the same keys
    bundles = [path.read_bytes() for path in home.glob("released/*/[0-9]*/*.ecert.json")]
    accounts = [SdJwtFormat().parse(parse_bundle(data).credential).claims["account_no"] for data in bundles]
    column = HEADER.index("个人账号")
    assert sorted(accounts) == sorted(deposit_row(number)[column] for number in range(ROWS))
    reader = EmbeddedReader(home / "chain.db")
    anchored = [event for event in reader.events(0, reader.head().number) if event.name == "BatchAnchored"]
    reader.close()
    assert sum(int(str(event.args["size"])) for event in anchored) == ROWS
    with sqlite3.connect(f"file:{home / 'store.db'}?mode=ro", uri=True) as store:
        assert store.execute("SELECT DISTINCT state FROM batch").fetchall() == [("released",)]
        assert store.execute("SELECT count(*) FROM record").fetchone() == (ROWS,)
        assert store.execute("SELECT count(*) FROM idempotency").fetchone() == (ROWS,)
        used = store.execute("SELECT sum(leaves) FROM standing_use").fetchone()
    store.close()
    assert used == (ROWS,)
