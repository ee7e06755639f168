"""Snapshots of a real chain file: whole, since a block, since a file, with what witnesses said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.adapters.chain_memory import MemoryChain
from ledger.adapters.chain_view_snapshot import SnapshotView, read_state
from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.adapters.home_files import Agency, Home, HomeRecord
from ledger.bootstrap_snapshot import export_snapshot, import_snapshots, load_snapshot, state_in
from ledger.core.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from ledger.core.errors import ConflictError, InputError
from ledger.core.finality import final_height
from ledger.core.model import BlockRef, WitnessHead
from ledger.core.snapshot import Snapshot, encode_snapshot
from ledger.core.trust import KeySet
from ledger.settings import Settings
from tests.integration.test_snapshot_home import write_trust
from tests.ports.chain_world import CHILD, ROOT, World, embedded, founding
from tests.ports.snapshot_world import SnapshotWorld, signer, trust_of

AGENCY = Agency(ROOT, "测试机关", "Test agency", "https://example.gov.cn", "990000")


@dataclass(frozen=True)
class Issuing:
    """An installation with a chain of its own."""

    world: World
    home: Home

    @property
    def settings(self) -> Settings:
        return Settings(self.home.path)

    def file(self, name: str) -> Path:
        return self.home.path.parent / f"{name}.ecertsnap"

    def export(self, name: str, since: int | Path | None = None) -> Snapshot:
        made = export_snapshot(self.settings, self.file(name), since)
        assert load_snapshot(self.file(name)) == made
        return made

    def statement(self, by: int, block: BlockRef | None = None) -> SignedCheckpoint:
        info = self.world.chain.info()
        said = Checkpoint(
            info.ledger_id, info.chain_id, block or self.world.chain.head(), bytes(32), self.world.now
        )
        return sign_checkpoint(said, signer(by))


@pytest.fixture
def issuing(tmp_path: Path) -> Iterator[Issuing]:
    home = Home(tmp_path / "home")
    home.create()
    home.save(HomeRecord("demo", 1, (AGENCY,), ready=True))
    chain, clock = embedded(home.chain_file)
    with closing(chain):
        world = World(chain, clock).found(ROOT, CHILD)
        world.anchor(world.batch(CHILD, 1))
        yield Issuing(world, home)


def test_a_delta_from_a_block_or_from_a_file_leads_to_the_same_state(issuing: Issuing) -> None:
    first = issuing.export("first")
    base = state_in(first)
    for number in (2, 3):
        issuing.world.anchor(issuing.world.batch(CHILD, number, pending=True))
    whole = state_in(issuing.export("whole"))
    by_block, by_file = (
        issuing.export("block", base.block.number),
        issuing.export("file", issuing.file("first")),
    )
    assert by_block.packed == by_file.packed
    assert by_block.header.follows == by_file.header.follows
    assert read_state(by_block, base) == whole


def test_a_delta_never_lands_on_the_file_that_it_follows(issuing: Issuing) -> None:
    issuing.export("first")
    before = issuing.file("first").read_bytes()
    with pytest.raises(InputError, match="SNAPSHOT_OVERWRITES"):
        issuing.export("first", issuing.file("first"))
    assert issuing.file("first").read_bytes() == before


@pytest.mark.parametrize("number", [10**6, 10**9])
def test_no_delta_from_a_block_that_is_not_there(issuing: Issuing, number: int) -> None:
    with pytest.raises(ConflictError, match="SNAPSHOT_SINCE"):
        issuing.export("delta", number)
    assert not issuing.file("delta").exists()


def test_no_delta_upon_another_history(issuing: Issuing) -> None:
    """The earlier file is of a chain on which something else happened."""
    there = SnapshotWorld(
        World(MemoryChain(issuing.world.clock, founding()), issuing.world.clock).found(ROOT)
    )
    there.world.anchor(there.world.batch(ROOT, 9))
    file = issuing.file("other")
    file.write_bytes(encode_snapshot(there.make(there.state())))
    with pytest.raises(ConflictError, match="SNAPSHOT_SINCE"):
        issuing.export("delta", file)
    assert not issuing.file("delta").exists()


def test_what_witnesses_said_travels_along(issuing: Issuing) -> None:
    head = issuing.world.chain.head()
    anchored = issuing.world.chain.block(head.number - 1)
    assert anchored is not None
    book = CheckpointFile(issuing.home.checkpoints_file)
    with closing(book):
        book.keep(issuing.statement(4), "operator")
        book.keep(issuing.statement(5, anchored), "witness")
        book.keep(issuing.statement(5), "witness")
        book.keep(issuing.statement(6, anchored), "witness")
        book.keep(issuing.statement(7, replace(head, hash=b"\x07" * 32)), "witness")
    made = issuing.export("witnessed")
    assert made.header.checkpoint is not None
    assert made.header.checkpoint.checkpoint == issuing.statement(4).checkpoint
    view = SnapshotView(made.header, state_in(made))
    found = view.head()
    assert found is not None
    assert set(found.witnessed) == {
        WitnessHead(signer(5).thumbprint, head.number, issuing.world.now),
        WitnessHead(signer(6).thumbprint, anchored.number, issuing.world.now),
    }
    keys = {signer(number).thumbprint: signer(number).public_jwk for number in (5, 6, 7)}
    trust = trust_of(issuing.world.chain.info())
    for threshold, height in ((1, head.number), (2, anchored.number), (3, -1)):
        assert final_height(replace(trust, witnesses=KeySet(threshold, keys)), found) == height


def test_a_verifiers_directory_hands_on_what_it_was_given(issuing: Issuing, tmp_path: Path) -> None:
    there = SnapshotWorld(issuing.world)
    write_trust(there, tmp_path / "trust.json")
    state = there.state()
    issuing.file("signed").write_bytes(encode_snapshot(there.make(state)))
    bank = Settings(tmp_path / "bank")
    import_snapshots(bank, [issuing.file("signed")], tmp_path / "trust.json")
    again = export_snapshot(bank, issuing.file("again"))
    assert again.header.state == state.digest
    with pytest.raises(ConflictError, match="SNAPSHOT_SINCE_FILE"):
        export_snapshot(bank, issuing.file("again"), 0)
    idle = export_snapshot(bank, issuing.file("idle"), issuing.file("again"))
    assert read_state(idle, state) == state
