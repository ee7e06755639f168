"""A chain or a database that was set back to an older copy: what is lost goes out again, once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.system import ManualClock
from ledger.core.flow import BatchState
from ledger.core.restoring import RESTORED, Mending
from ledger.core.status import Status
from tests.flow_world import ISSUER, START, World, deposit_table, found
from tests.restore_world import again, anchor_count, copy_of, end, healing, put_back

pytestmark = pytest.mark.xdist_group("flow")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One batch of three released, and the chain as it was then beside it."""
    folder = tmp_path_factory.mktemp("template") / "home"
    clock = ManualClock(START)
    found(folder, clock)
    world = World(folder, clock)
    world.issue_all(deposit_table(range(3)))
    world.close()
    return folder


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(template, tmp_path / "home")
    worlds = [World(tmp_path / "home", ManualClock(START))]
    yield worlds[0]


def names(world: World) -> list[bytes]:
    return [bytes.fromhex(name.split(".")[0]) for name in world.bundles()]


def status_of(world: World, name: bytes) -> Status:
    place = world.store.batches.place(name)
    assert place is not None
    assert place.root is not None
    evidence = world.view.evidence(ISSUER, place.root, place.leaf_index)
    assert evidence is not None
    assert evidence.status is not None
    return Status(evidence.status)


def set_back(world: World, copy: Path) -> World:
    """The chain of that copy under the database of now."""
    world.close()
    put_back(world, copy, "chain.db")
    for left in world.folder.glob("view.db*"):
        left.unlink()
    return again(world)


def test_lost_anchors_and_status_changes_go_out_again_once_each(world: World, tmp_path: Path) -> None:
    first = names(world)
    copy = copy_of(world, tmp_path / "copy")
    world = again(world)
    world.issue_all(deposit_table(range(10, 13)))
    later = [name for name in names(world) if name not in first]
    end(world, first[0])
    end(world, later[0])
    world.status.suspend([later[1]], end(world, first[1]).grounds)
    world.work()
    before = {name: status_of(world, name) for name in [*first, *later]}
    assert sorted(before.values()).count(Status.VOID) == 3
    world = set_back(world, copy)
    with pytest.raises(AssertionError):
        status_of(world, later[0])
    mending = healing(world).heal()
    assert (len(mending.again), mending.asked, len(mending.calls), mending.late) == (1, (), 4, 0)
    assert world.store.batches.batch(mending.again[0]).reason == RESTORED
    assert healing(world).plan() == Mending(), "a second time finds nothing to do"
    shutil.rmtree(world.folder / "released")
    world.work()
    assert {name: status_of(world, name) for name in [*first, *later]} == before
    assert set(anchor_count(world).values()) == {1}
    assert {one.state for one in world.store.batches.batches()} == {BatchState.RELEASED}
    assert not world.store.outbox.jobs(dead=True)
    verify = world.verifier()
    good = [name for name, status in before.items() if status is Status.VALID]
    fresh = world.bundles()
    assert verify.verify(fresh[f"{good[-1].hex()}.ecert.json"], now=world.clock.now()).accepted
    world.close()
