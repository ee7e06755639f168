"""kill -9 while pages are made and collected: every print is made once, every file is anchored once."""

from __future__ import annotations

import hashlib
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.system import ManualClock
from ledger.core.paper import PrintState
from ledger.services.kill_points import KillPoint
from tests.flow_world import ISSUER, START, World, found
from tests.integration.test_kill import Nursery

pytestmark = [pytest.mark.kill, pytest.mark.xdist_group("kill")]

ROWS = 12  # two pieces of a run
KILLS = [
    (KillPoint.PRINT_ORDERED, 1),
    (KillPoint.PRINT_ORDERED, 2),
    (KillPoint.PAGE_SEALED, 1),
    (KillPoint.PAGE_WRITTEN, 5),
    (KillPoint.PAGE_STORED, 11),
    (KillPoint.PAGES_COLLECTED, 1),
]


def test_every_point_of_printing_is_here():
    mine = {point for point in KillPoint if point.name.startswith(("PRINT_", "PAGE_", "PAGES_"))}
    assert mine == {point for point, _ in KILLS}


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="module")
def issued(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("template") / "home"
    found(home, ManualClock(START))
    nursery.send(home=str(home), first=0, last=ROWS, batch=20, chunk=20)
    assert nursery.wait() == 0
    return home


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("point", "nth"), KILLS)
def test_killed_while_pages_are_made(
    nursery: Nursery, issued: Path, tmp_path: Path, point: KillPoint, nth: int
) -> None:
    home = tmp_path / "home"
    shutil.copytree(issued, home)
    command = {"home": str(home), "first": 0, "last": ROWS, "batch": 20, "chunk": 20, "print": True}
    nursery.send(**command, point=point, nth=nth)
    assert nursery.wait() == -signal.SIGKILL
    made_before = made_files(home)
    nursery.send(**command)
    assert nursery.wait() == 0
    assert made_before.items() <= made_files(home).items(), "a print was made again"
    require_all_on_paper(home)


def made_files(home: Path) -> dict[bytes, bytes]:
    """SHA-256 of each made print's file."""
    with sqlite3.connect(f"file:{home / 'store.db'}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT document_id, file_hash FROM printed_copy WHERE state = 'made'"
        ).fetchall()
    connection.close()
    return dict(rows)


def require_all_on_paper(home: Path) -> None:
    """Every print once, its file readable, all of them under one anchor."""
    world = World(home, ManualClock(START))
    names = {bytes.fromhex(file[:32]) for file in world.bundles()}
    prints = [one for name in names for one in world.documents.prints(name)]
    assert len(prints) == ROWS + 1
    assert {one.state for one in prints} == {PrintState.MADE}
    for one in prints:
        assert hashlib.sha256(world.documents.file(one)).digest() == one.file_hash
        assert world.documents.page_receipt(one.file_hash) is not None
    files = [path for path in (home / "documents").rglob("*") if path.is_file()]
    assert len(files) == ROWS + 1
    world.close()
    reader = EmbeddedReader(home / "chain.db")
    anchors = [
        event.args
        for event in reader.events(0, reader.head().number)
        if event.name == "BatchAnchored" and event.args["issuer"] == ISSUER.encode()
    ]
    reader.close()
    assert [anchor["size"] for anchor in anchors if anchor["typeId"] == 0] == [ROWS + 1]
