"""A verifier's data directory: killed at any moment it holds one snapshot or the other, whole."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from ledger import bootstrap_snapshot
from ledger.adapters.chain_view_snapshot import State, StoredSnapshotView, read_state, state_of
from ledger.adapters.snapshot_files import SeenBlocks
from ledger.bootstrap import open_view
from ledger.bootstrap_snapshot import import_snapshots, memory_beside
from ledger.core.errors import ConflictError, InputError, NotFoundError, RefusedError, UnavailableError
from ledger.core.model import BlockRef
from ledger.core.snapshot import Snapshot, encode_snapshot
from ledger.core.trust import ContractPin, RestoreNotice, make_trust, parse_trust, sign_trust
from ledger.settings import Settings
from tests.ports.chain_world import CHILD, ROOT
from tests.ports.snapshot_world import SnapshotWorld, signer, snapshot_world

PROJECT = Path(__file__).resolve().parent.parent.parent
KILLS = 5


@dataclass(frozen=True)
class Site:
    """Files that were carried to a verifier, and his directory, not made yet."""

    there: SnapshotWorld
    folder: Path
    states: tuple[State, State]

    @property
    def settings(self) -> Settings:
        return Settings(self.folder / "home")

    @property
    def trust(self) -> Path:
        return self.folder / "trust.json"

    def file(self, name: str) -> Path:
        return self.folder / f"{name}.ecertsnap"

    def take(self, *names: str, allow_older: bool = False) -> bool:
        files = [self.file(name) for name in names]
        return import_snapshots(self.settings, files, self.trust, allow_older=allow_older).is_news

    def held(self) -> bytes:
        """Hash of the state that the directory holds."""
        with closing(StoredSnapshotView(self.settings.home / "view.db", read_only=True)) as view:
            return state_of(view.dump()).digest


def write_trust(there: SnapshotWorld, path: Path, notices: tuple[RestoreNotice, ...] = ()) -> None:
    info = there.info
    keys = [signer(number).public_jwk for number in range(2)]
    document = make_trust(
        mode="demo",
        ledger_id=info.ledger_id,
        chain_id=info.chain_id,
        registry=ContractPin(info.registry, info.registry_code_hash),
        ledger=ContractPin(info.ledger, info.ledger_code_hash),
        root_issuer=ROOT,
        governance=bytes(20),
        x509_anchors=(),
        types={},
        not_after=date(2099, 1, 1),
        keys=[signer(9).public_jwk],
        snapshots=(2, keys),
        restore_notices=notices,
    )
    path.write_bytes(sign_trust(document, [signer(9)]))
    parse_trust(path.read_bytes())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    there = snapshot_world()
    first = there.state()
    whole = there.make(first)
    for number in range(40):
        there.world.anchor(there.world.batch(CHILD, number, pending=True))
    second = there.state()
    found = Site(there, tmp_path, (first, second))
    write_trust(there, found.trust)
    for name, made in (
        ("whole", whole),
        ("delta", there.make(second, first)),
        ("later", there.make(second)),
    ):
        found.file(name).write_bytes(encode_snapshot(made))
    return found


@pytest.mark.kill
def test_killed_at_any_moment(site: Site, kill_dice: random.Random) -> None:
    site.take("whole")
    digests = {state.digest for state in site.states}
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.integration.snapshot_importer", str(site.settings.home),
             str(site.trust), str(site.file("whole")), str(site.file("delta"))],
            cwd=PROJECT, stdout=subprocess.PIPE, text=True, env={**os.environ, "ETH_HASH_BACKEND": "pysha3"},
        ) as child:  # fmt: skip
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(kill_dice.random() * 0.2)
            child.send_signal(signal.SIGKILL)
        assert site.held() in digests
    site.take("whole", "delta", allow_older=True)
    assert site.held() == site.states[1].digest
    assert not site.take("delta")


def test_what_is_refused_changes_nothing(site: Site) -> None:
    site.take("whole", "delta")
    held, seen = site.held(), memory_beside(site.settings.home / "trust.json").path.read_bytes()
    other = snapshot_world()
    other.world.clock.advance(5)
    other.world.anchor(other.world.batch(ROOT, 77))
    state = other.state()
    for number in range(60):
        other.world.anchor(other.world.batch(ROOT, 100 + number))
    forked = other.state()
    site.file("forked").write_bytes(encode_snapshot(other.make(forked)))
    site.file("unsigned").write_bytes(encode_snapshot(site.there.make(site.states[1], by=(0,))))
    site.file("gap").write_bytes(encode_snapshot(other.make(forked, state)))
    site.file("cut").write_bytes(site.file("later").read_bytes()[:-1])
    for name, code in (
        ("whole", "SNAPSHOT_ROLLBACK"),
        ("forked", "SNAPSHOT_FORKED"),
        ("unsigned", "SNAPSHOT_SIGNERS"),
        ("gap", "SNAPSHOT_GAP"),
        ("cut", "SNAPSHOT_SHAPE"),
        ("missing", "FILE_UNREADABLE"),
    ):
        with pytest.raises((InputError, RefusedError), match=code):
            site.take(name)
        assert site.held() == held
        assert memory_beside(site.settings.home / "trust.json").path.read_bytes() == seen


def test_two_snapshots_of_one_block_say_the_same(site: Site) -> None:
    """Signed by as many as must sign, and still one of the two is a lie: somebody took a role away, or gave one."""
    site.take("later")
    rows = site.there.view.dump()
    rows["role"].popitem()
    other = state_of(rows)
    site.file("other").write_bytes(encode_snapshot(site.there.make(other)))
    held = site.held()
    with pytest.raises(InputError, match="SNAPSHOT_FORKED"):
        site.take("other")
    assert site.held() == held != other.digest


def test_two_imports_at_once_never_go_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cron job takes yesterday's file while another one takes today's: today's stays."""
    later = threading.Thread(target=site.take, args=("later",))

    def meanwhile(snapshot: Snapshot, base: State | None = None) -> State:
        if snapshot.header.block == site.states[0].block:
            later.start()
            later.join(0.3)
        return read_state(snapshot, base)

    site.take("whole")
    (site.settings.home / "view.db").unlink()
    # reason: the other import must come between reading what is there and writing over it
    monkeypatch.setattr(bootstrap_snapshot, "read_state", meanwhile)
    site.take("whole")
    later.join()
    assert site.held() == site.states[1].digest


def test_after_a_restore_notice_a_lower_block_is_taken_and_remembered(site: Site) -> None:
    site.take("later")
    with pytest.raises(RefusedError, match="SNAPSHOT_ROLLBACK"):
        site.take("whole")
    first, second = (state.block for state in site.states)
    write_trust(site.there, site.trust, (RestoreNotice(first.number + 1, second.number, second.time),))
    with pytest.raises(ConflictError, match="SNAPSHOT_TRUST_OTHER"):
        site.take("whole")
    (site.settings.home / "trust.json").write_bytes(site.trust.read_bytes())
    assert site.take("whole")
    memory = memory_beside(site.settings.home / "trust.json")
    assert memory.newest(site.there.info.ledger_id) == first
    assert site.take("later")


def test_a_restore_notice_is_no_licence_for_what_was_sealed_after_it(site: Site) -> None:
    first, second = (state.block for state in site.states)
    before = RestoreNotice(first.number + 1, second.number, second.time - 1)
    write_trust(site.there, site.trust, (before,))
    site.take("later")
    with pytest.raises(RefusedError, match="SNAPSHOT_ROLLBACK"):
        site.take("whole")


def test_a_directory_that_follows_its_ledger_takes_no_snapshots(site: Site) -> None:
    home = site.settings.home
    home.mkdir()
    (home / "home.json").write_text(
        '{"version": 1, "mode": "demo", "created_at": 1, "agencies": [], "keys": {}, "ready": true, '
        '"chain": {"kind": "mirror"}}'
    )
    with pytest.raises(ConflictError, match="HOME_OTHER_KIND"):
        site.take("whole")


def test_a_new_directory_needs_a_trust_file(site: Site) -> None:
    with pytest.raises(NotFoundError, match="TRUST_MISSING"):
        import_snapshots(site.settings, [site.file("whole")])
    assert not site.settings.home.exists()


def test_a_refused_file_makes_no_directory(site: Site) -> None:
    site.file("unsigned").write_bytes(encode_snapshot(site.there.make(site.states[0], by=(0,))))
    with pytest.raises(InputError, match="SNAPSHOT_SIGNERS"):
        site.take("unsigned")
    assert not site.settings.home.exists()


def test_the_view_of_a_directory_says_how_old_it_is(site: Site) -> None:
    site.take("whole")
    head = open_view(site.settings.home).head()
    assert head is not None
    assert (head.kind, head.block) == ("snapshot", site.states[0].block)
    confirmed = head.confirmed_at
    site.there.world.clock.advance(3600)
    idle = site.there.make(site.states[0], site.states[0])
    site.file("idle").write_bytes(encode_snapshot(idle))
    assert site.take("idle")
    assert not site.take("idle", "whole")
    head = open_view(site.settings.home).head()
    assert head is not None
    assert head.confirmed_at == idle.header.confirmed_at > confirmed


class TestMemory:
    LEDGER, OTHER = b"\x01" * 32, b"\x02" * 32
    LOW, HIGH = BlockRef(3, b"\x03" * 32, 30), BlockRef(9, b"\x09" * 32, 90)

    def test_the_highest_block_of_each_ledger(self, tmp_path: Path) -> None:
        memory = SeenBlocks(tmp_path / "seen")
        assert memory.newest(self.LEDGER) is None
        memory.remember(self.LEDGER, self.HIGH)
        memory.remember(self.LEDGER, self.LOW)
        memory.remember(self.OTHER, self.LOW)
        assert (memory.newest(self.LEDGER), memory.newest(self.OTHER)) == (self.HIGH, self.LOW)
        memory.remember(self.LEDGER, self.LOW, replace=True)
        assert memory.newest(self.LEDGER) == self.LOW

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", '{"version": 2, "ledgers": {}}', '{"version": 1}', '{"version": 1, "ledgers": 5}'],
    )
    def test_one_that_cannot_be_read_is_told(self, tmp_path: Path, text: str) -> None:
        memory = SeenBlocks(tmp_path / "seen")
        memory.path.write_text(text)
        with pytest.raises(InputError, match="SNAPSHOT_MEMORY_BROKEN"):
            memory.newest(self.LEDGER)
        with pytest.raises(InputError, match="SNAPSHOT_MEMORY_BROKEN"):
            memory.remember(self.LEDGER, self.LOW)
        assert memory.path.read_text() == text

    def test_one_entry_that_cannot_be_read_is_told(self, tmp_path: Path) -> None:
        memory = SeenBlocks(tmp_path / "seen")
        document = {"version": 1, "ledgers": {self.LEDGER.hex(): {"number": 1}}}
        memory.path.write_text(json.dumps(document))
        with pytest.raises(InputError, match="SNAPSHOT_MEMORY_BROKEN"):
            memory.newest(self.LEDGER)

    def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(UnavailableError, match="SNAPSHOT_MEMORY_UNWRITABLE"):
            SeenBlocks(tmp_path / "no" / "seen").remember(self.LEDGER, self.LOW)
