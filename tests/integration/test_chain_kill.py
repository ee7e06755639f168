"""The embedded chain survives SIGKILL at any moment, and is read while it is written."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.engine import decode_block
from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.chain_view_open import open_view
from ledger.adapters.system import ManualClock
from ledger.core.errors import UnavailableError
from ledger.ports import ContractCall
from tests.ports.chain_world import ROOT, World, embedded

PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def chain_file(tmp_path: Path) -> Path:
    path = tmp_path / "chain.db"
    chain, clock = embedded(path)
    World(chain, clock).found(ROOT)
    chain.close()
    return path


@contextmanager
def sealer(path: Path, number: int) -> Iterator[subprocess.Popen[str]]:
    """The child; killed with SIGKILL at the end, if nobody did so before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.chain_sealer", str(path), str(number)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "ETH_HASH_BACKEND": "pysha3"},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def head_time(path: Path) -> int:
    reader = EmbeddedReader(path)
    try:
        return reader.head().time
    finally:
        reader.close()


def promises(process: subprocess.Popen[str], read: str = "") -> tuple[list[bytes], list[bytes]]:
    """What the dead child had written in whole lines: sent and final transactions. `read`: lines read before."""
    assert process.stdout is not None
    sent: list[bytes] = []
    final: list[bytes] = []
    for line in (read + process.stdout.read()).split("\n")[:-1]:
        kind, transaction, *_ = line.split()
        (sent if kind == "sent" else final).append(bytes.fromhex(transaction))
    return sent, final


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_acknowledged_transaction_is_ever_lost(
    chain_file: Path, kills: int, kill_dice: random.Random
) -> None:
    all_sent: list[bytes] = []
    for turn in range(max(2, kills // 2)):
        with sealer(chain_file, 1000 * (turn + 1)) as process:
            assert process.stdout is not None
            # once however slow the machine is: after something was promised
            read = "" if turn else process.stdout.readline()
            time.sleep(kill_dice.uniform(0.02, 0.5))
            process.send_signal(signal.SIGKILL)
            sent, final = promises(process, read)
        all_sent += sent
        reader = EmbeddedReader(chain_file)
        for transaction in final:
            assert reader.outcome(transaction).state == "final"
        for transaction in sent:
            assert reader.outcome(transaction).state in {"final", "pending"}
        reader.close()
    assert all_sent
    clock = ManualClock(head_time(chain_file))
    chain = EmbeddedChain.open(chain_file, clock)
    clock.advance(1)
    chain.seal()
    assert [t.hex() for t in all_sent if chain.outcome(t).state != "final"] == []
    assert chain.waiting_count() == 0
    head = chain.head()
    parent = bytes(32)
    for number in range(head.number + 1):
        header = decode_block(chain.block_rlp(number) or b"").header
        assert header.parent_hash == parent
        parent = header.hash
    assert len(list(chain.events(0, head.number))) >= len(all_sent)
    chain.close()
    db = sqlite3.connect(chain_file)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()
    # A mirror that executes every block again comes to the same head: the state is whole as well.
    source = EmbeddedReader(chain_file)
    copy = EmbeddedChain.join(
        ":memory:", clock, chain_id=source.info().chain_id,
        genesis_rlp=source.store.block_rlp(0) or b"",
    )  # fmt: skip
    for number in range(1, head.number + 1):
        copy.import_block(source.store.block_rlp(number) or b"")
    assert copy.head() == head
    source.close()
    copy.close()


@pytest.mark.slow
def test_others_read_while_one_process_seals(chain_file: Path) -> None:
    with sealer(chain_file, 5000) as process:
        assert process.stdout is not None
        reader = EmbeddedReader(chain_file)
        view = open_view(chain_file, ManualClock(1))
        first = reader.head().number
        sent: dict[bytes, bytes] = {}
        seen = 0
        while seen < 25:
            kind, transaction, *root = process.stdout.readline().split()
            if kind == "sent":
                sent[bytes.fromhex(transaction)] = bytes.fromhex(root[0])
                assert reader.outcome(bytes.fromhex(transaction)).state in {"pending", "final"}
                continue
            outcome = reader.outcome(bytes.fromhex(transaction))
            assert outcome.state == "final"
            assert outcome.block is not None
            assert reader.block(outcome.block.number) == outcome.block
            assert outcome.block.number <= reader.head().number
            anchored = sent[bytes.fromhex(transaction)]
            event = reader.anchor_event(ROOT, anchored)
            assert event is not None
            assert event.block == outcome.block
            evidence = view.evidence(ROOT, anchored, 1, block_number=outcome.block.number)
            assert evidence is not None
            assert evidence.anchor is not None
            assert evidence.anchor.block == outcome.block
            assert evidence.receipt_block_hash == outcome.block.hash
            assert evidence.status == 0
            seen += 1
        assert reader.head().number > first
        with pytest.raises(UnavailableError) as caught:
            EmbeddedChain.open(chain_file, ManualClock(1))
        assert caught.value.code == "CHAIN_LOCKED"
        for refused in (
            lambda: reader.send(b""),
            lambda: reader.read(ContractCall("ledger", "isOpen", ())),
        ):
            with pytest.raises(UnavailableError) as caught:
                refused()
            assert caught.value.code == "CHAIN_LOCKED"
        view.close()
        reader.close()
    # The lock died with its process.
    clock = ManualClock(head_time(chain_file))
    EmbeddedChain.open(chain_file, clock).close()
