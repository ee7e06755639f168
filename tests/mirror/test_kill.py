"""A mirror that dies at any moment loses nothing and signs nothing twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.checkpoint_file import CheckpointFile
from tests.mirror.follower import open_copy
from tests.mirror.players import PROJECT, wait_for
from tests.mirror_world import Operator, make_world_trust

BLOCKS = 30


def issuers_files(folder: Path) -> Operator:
    operator = Operator.fresh()
    operator.anchor(BLOCKS)
    folder.mkdir()
    (folder / "chain.db").write_bytes(operator.chain.store._db.serialize())
    (folder / "trust.json").write_bytes(make_world_trust(operator))
    book = CheckpointFile(folder / "checkpoints.db")
    for number in range(operator.chain.head().number + 1):
        for kept in operator.book.at(number):
            book.keep(kept.signed, kept.signatory)
    book.close()
    return operator


def has_blocks(folder: Path) -> bool:
    """Whether the mirror's copy was begun."""
    file = folder / "chain.db"
    if not file.exists():
        return False
    with closing(sqlite3.connect(file)) as db:
        return bool(db.execute("SELECT count(*) FROM sqlite_master WHERE name='block'").fetchone()[0])


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("mirror-processes")
def test_killed_anywhere_it_goes_on_where_it_was(
    tmp_path: Path, kills: int, kill_dice: random.Random
) -> None:
    source, folder = tmp_path / "issuer", tmp_path / "mirror"
    operator = issuers_files(source)
    head = operator.chain.head()
    reached = []
    for number in range(max(2, kills // 3)):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.mirror.follower", str(source), str(folder)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "ETH_HASH_BACKEND": "pysha3"},
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            began = time.monotonic()
            if number:  # the first one dies while the copy is begun, the others while blocks are run
                wait_for(lambda: has_blocks(folder))
            span = max(0.4, 2 * (time.monotonic() - began))  # a slow machine is killed as deep in its work
            time.sleep(kill_dice.uniform(0.02, span))
            process.send_signal(signal.SIGKILL)
        reached.append(has_blocks(folder))
    copy = open_copy(source, folder)
    assert copy.step().condition == "following"
    assert copy.head() == head
    assert copy.evidence.names() == []
    (ours,) = copy.book.newest_of_each()
    assert ours.checkpoint.block == head
    by_height = [
        kept
        for number in range(head.number + 1)
        for kept in copy.book.at(number)
        if kept.signatory == "witness"
    ]
    assert len({kept.signed.checkpoint.block.number for kept in by_height}) == len(by_height)
    # The view holds what one that followed at a stretch holds.
    fresh = MemoryView("mirror")
    Follower(copy.copy.chain, fresh, copy.clock, "fresh").advance(ours.checkpoint.signed_at)
    rows, wanted = copy.rows.dump(), fresh.dump()
    for name in rows:
        if name != "fact":
            assert rows[name] == wanted[name], name
    assert copy.rows.head() is not None
    copy.close()
    with sqlite3.connect(folder / "chain.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()
    assert any(reached)
