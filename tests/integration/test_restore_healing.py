"""A chain or a database that was set back to an older copy: what is lost goes out again, once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ledger.adapters.restore_sql import SHADOWED
from ledger.adapters.system import ManualClock
from ledger.core.errors import ConflictError
from ledger.core.flow import APPROVAL_DAYS, DAY_S, BatchState, proof_number
from ledger.core.restoring import RESTORED, Mending
from ledger.core.status import Status
from tests.flow_world import ISSUER, START, World, chain_signer, deposit_table, found
from tests.restore_world import WHY, again, anchor_count, copy_of, end, healing, put_back

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
def world(template: Path, tmp_path: Path) -> World:
    """Tests close and reopen it themselves."""
    shutil.copytree(template, tmp_path / "home")
    return World(tmp_path / "home", ManualClock(START))


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


def test_where_approvals_ran_out_people_are_asked_and_nothing_revoked_comes_back(
    world: World, tmp_path: Path
) -> None:
    """A batch waits for new signatures; what was voided is held until somebody decides it again."""
    first = names(world)
    copy = copy_of(world, tmp_path / "copy")
    world = again(world)
    world.issue_all(deposit_table(range(10, 13)))
    later = [name for name in names(world) if name not in first]
    end(world, first[0])
    end(world, later[0])
    world.work()
    world.clock.advance(APPROVAL_DAYS * DAY_S)  # the signatures end, the day of issue still counts
    world = set_back(world, copy)
    mending = healing(world).heal()
    assert (mending.again, len(mending.asked), len(mending.calls), mending.late) == ((), 1, 2, 2)
    assert len(mending.holds) == 2
    batch = world.store.batches.batch(mending.asked[0])
    assert (batch.state, batch.reason, batch.maker) == (BatchState.SIGNED, RESTORED, None)
    shutil.rmtree(world.folder / "released")
    world.work()
    assert status_of(world, first[0]) is Status.SUSPENDED, "held, though nobody has signed anew"
    dead = {job.code for job in world.store.outbox.jobs(dead=True)}
    assert dead == {"APPROVAL_EXPIRED", RESTORED}
    world.make(batch.id)
    world.give(batch.id)
    world.work()
    assert world.store.batches.batch(batch.id).state is BatchState.RELEASED
    assert [status_of(world, name) for name in later].count(Status.SUSPENDED) == 1
    assert status_of(world, later[0]) is Status.SUSPENDED
    assert {job.code for job in world.store.outbox.jobs(dead=True)} == {"APPROVAL_EXPIRED"}
    end(world, later[0])
    world.work()
    assert status_of(world, later[0]) is Status.VOID
    assert set(anchor_count(world).values()) == {1}
    assert [proof_number(name) for name in names(world)] == [proof_number(name) for name in later]
    world.close()


def test_after_a_week_the_rows_go_into_a_new_batch_under_their_old_names(
    world: World, tmp_path: Path
) -> None:
    copy = copy_of(world, tmp_path / "copy")
    world = again(world)
    first = names(world)
    world.issue_all(deposit_table(range(10, 13)))
    later = [name for name in names(world) if name not in first]
    world.clock.advance((APPROVAL_DAYS + 2) * DAY_S)
    world = set_back(world, copy)
    (asked,) = healing(world).heal().asked
    with pytest.raises(ConflictError) as refusal:
        world.make(asked)
    assert refusal.value.code == "BATCH_TOO_OLD"
    shutil.rmtree(world.folder / "released")
    world.approve.ask_again(asked, chain_signer("maker"), chain_signer("approver").signer_id)
    world.finish()
    assert sorted(names(world)) == sorted(later)
    assert set(anchor_count(world).values()) == {1}
    world.close()


def test_a_withdrawn_batch_is_not_anchored_as_if_it_never_was(world: World, tmp_path: Path) -> None:
    copy = copy_of(world, tmp_path / "copy")
    world = again(world)
    world.issue_all(deposit_table(range(10, 13)))
    case = world.status.make_withdrawal(2, WHY, chain_signer("maker"), chain_signer("approver").signer_id)
    world.status.approve(case.id, chain_signer("approver"))
    world.work()
    world.store.batches.batch(2)
    world.clock.advance(APPROVAL_DAYS * DAY_S + 1)
    world = set_back(world, copy)
    mending = healing(world).heal()
    assert (mending.again, mending.asked) == ((), (2,))
    world.work()
    assert world.store.batches.batch(2).state is BatchState.SIGNED
    world.close()


def test_an_older_database_learns_what_its_chain_has(world: World, tmp_path: Path) -> None:
    """Approved after the copy: it arrives. Closed after the copy: its words are taken, its rows go on."""
    world.load(deposit_table(range(20, 23)))
    world.issue.close_batches([batch.id for batch in world.issue.open_batches()])
    world.work()
    world.make(2)  # waits for its approver when the copy is made
    world.load(deposit_table(range(30, 33)))
    world.issue.close_batches([batch.id for batch in world.issue.open_batches()])  # nothing of it is signed
    copy = copy_of(world, tmp_path / "copy", "store.db")
    world = again(world)
    world.finish()
    handed_out = world.bundles()
    assert len(handed_out) == 9
    world.close()
    put_back(world, copy, "store.db")
    world = again(world)
    mending = healing(world).heal()
    assert (mending.arrived, mending.shadowed) == ((2,), (3,))
    assert [lost.size for lost in mending.lost_rows] == [3]
    assert mending.is_store_behind
    assert not mending.is_chain_behind
    world.finish()
    states = {batch.id: batch.state for batch in world.store.batches.batches()}
    assert (states[2], states[3], states[4]) == (
        BatchState.RELEASED,
        BatchState.REFUSED,
        BatchState.RELEASED,
    )
    assert world.store.batches.batch(4).reason == SHADOWED, "its maker is told before he signs"
    verify = world.verifier()
    for data in handed_out.values():
        assert verify.verify(data, now=world.clock.now()).accepted, "holders lose nothing"
    ranges = [(one.first_word, one.first_word + 1) for one in world.view.anchors(ISSUER)]
    assert len(set(ranges)) == len(ranges) == 4
    assert set(anchor_count(world).values()) == {1}
    assert healing(world).plan() == Mending(), "what is noted is not noted again"
    world.close()
