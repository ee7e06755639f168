"""A mirror: how long ten thousand blocks take it, what memory, and how soon it knows of a changed status.

Every block holds one anchor. Issuer, node and mirror are processes of their own, as in `tests/mirror`; the
mirror's time counts from its command to its end, starting Python included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.adapters.system import free_port, is_answering
from scripts.benchmarks.measure import Figure, plain_figure

BLOCKS = int(os.environ.get("ECERT_BENCH_BLOCKS", "10000"))
LONGEST_S, LARGEST_MB, SOONEST_S = 60.0, 512, 3.0
CHANGES = 20
HOST = "127.0.0.1"


def run(rounds: int) -> list[Figure]:
    """One ledger is made and followed once; `rounds` does not matter to its length."""
    del rounds
    with tempfile.TemporaryDirectory() as folder, _town(Path(folder)) as town:
        seconds, megabytes = _catch_up(town)
        soon = sorted(_changes(town))
    per_ten_thousand = 10_000 / town.blocks
    return [
        plain_figure("mirror: 10,000 blocks, run again", [seconds * per_ten_thousand], "s", "<=", LONGEST_S),
        plain_figure("mirror: memory while catching up", [megabytes], "MB", "<=", LARGEST_MB),
        plain_figure(
            "status change until a mirror refuses, p95",
            [soon[int(len(soon) * 0.95) - 1]],
            "s",
            "<=",
            SOONEST_S,
        ),
    ]


class _Town:
    """An issuer's folder with its node, and a mirror's folder."""

    def __init__(self, folder: Path) -> None:
        from tests.mirror.issuer import found_home
        from tests.mirror.players import Player, mirror_home, node, wait_for

        self.folder = folder
        self.home = found_home(folder / "issuer", int(time.time()) - BLOCKS - 10)
        self.blocks = _fill(self.home.path, BLOCKS)
        port = free_port(HOST)
        self.settings = mirror_home(folder / "mirror", f"http://{HOST}:{port}", self.home.trust_file)
        self.log = folder / "log"
        self.players: list[Player] = [node(self.home.path, self.log, HOST, port)]
        wait_for(lambda: is_answering(HOST, port, "/node/v1/ledger"))


@contextmanager
def _town(folder: Path) -> Iterator[_Town]:
    town = _Town(folder)
    try:
        yield town
    finally:
        for player in reversed(town.players):
            player.end()


def _fill(home: Path, count: int) -> int:
    """So many blocks with an anchor each, signed; how many blocks there are now."""
    from ledger.adapters.chain_embedded.chain import EmbeddedChain
    from ledger.adapters.checkpoint_file import CheckpointFile
    from ledger.adapters.system import ManualClock
    from tests.mirror_world import Operator

    clock = ManualClock(int(time.time()) - count - 5)
    chain = EmbeddedChain.open(home / "chain.db", clock, accept_clock=True)
    operator = Operator(chain, clock, number=1_000_000)
    operator.anchor(count)
    book = CheckpointFile(home / "checkpoints.db")
    for number in range(chain.head().number + 1):
        for kept in operator.book.at(number):
            book.keep(kept.signed, "operator")
    book.close()
    blocks = chain.head().number
    chain.close()
    return blocks


def _catch_up(town: _Town) -> tuple[float, float]:
    """Seconds and megabytes of `ecert mirror --once` on an empty folder."""
    words = [
        "-m",
        "ledger.apps.cli",
        "mirror",
        "follow",
        "--home",
        str(town.settings.home),
        "--once",
        "--json",
    ]
    env = {**os.environ, "ECERT_PASSWORD_FILE": str(town.settings.password_path)}
    begin = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
    ) as follower:
        told = json.loads(follower.stdout.read() if follower.stdout else b"")
        _, status, usage = os.wait4(follower.pid, 0)
        follower.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if told.get("head", {}).get("number") != town.blocks:
        raise RuntimeError(f"the mirror did not come to block {town.blocks}: {told}")
    sys.stderr.write(
        f"mirror: {seconds:.1f} s, CPU {usage.ru_utime + usage.ru_stime:.1f} s, {town.blocks} blocks\n"
    )
    return seconds, usage.ru_maxrss / 1024


def _changes(town: _Town) -> list[float]:
    """Seconds from the issuer's command until who checks at the mirror sees the status."""
    from ledger.core.status import Status
    from tests.mirror.players import Seen, issuer, mirror
    from tests.ports.chain_world import ROOT

    sealing = issuer(town.home.path, town.log)
    town.players += [sealing, mirror(town.settings, town.log)]
    seen, took = Seen(town.settings), []
    for _ in range(CHANGES):
        _, root, number = sealing.ask("anchor")
        seen.wait_for_number(int(number))
        begin = time.perf_counter()
        sealing.ask(f"suspend {root}")
        seen.wait_for_status(ROOT, bytes.fromhex(root), int(Status.SUSPENDED))
        took.append(time.perf_counter() - begin)
    seen.close()
    return took
