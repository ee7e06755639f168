"""Cases on disk: what cannot be opened stops nobody, and only what waits is looked at again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.case_files import CaseFiles
from ledger.adapters.system import ManualClock
from ledger.apps.worker import Worker
from ledger.core.errors import ConflictError, UnavailableError
from ledger.core.model import ReasonClass
from ledger.core.status import Status
from ledger.services.cases import decode_case
from ledger.services.status import Grounds
from tests.flow_world import ISSUER, START, World, chain_signer, deposit_table, found

WHY = Grounds(ReasonClass.ADMINISTRATIVE, document="DOC-1")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with four released credentials."""
    home = tmp_path_factory.mktemp("cases") / "home"
    found(home, ManualClock(START))
    world = World(home, ManualClock(START))
    world.issue_all(deposit_table(range(4)))
    world.close()
    return home


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(template, tmp_path / "home")
    world = World(tmp_path / "home", ManualClock(START))
    yield world
    world.close()


def names(world: World) -> list[bytes]:
    return [bytes.fromhex(name.split(".")[0]) for name in world.bundles()]


def status_of(world: World, name: bytes) -> Status:
    place = world.store.batches.place(name)
    assert place is not None
    assert place.root is not None
    found = world.view.evidence(ISSUER, place.root, place.leaf_index)
    assert found is not None
    assert found.status is not None
    return Status(found.status)


def litter(world: World) -> set[str]:
    """Files that are no case, or not any more; all of them marked as waiting."""
    folder = world.folder / "cases"
    lost = world.status.make(
        names(world)[:1], Status.VOID, WHY, chain_signer("maker"), chain_signer("approver").signer_id
    )
    world.vault.erase([bytes.fromhex(lost.id)], START)
    garbage, empty = "a" * 32, "b" * 32
    (folder / f"{garbage}.case").write_bytes(b"garbage")
    (folder / f"{empty}.case").write_bytes(b"")
    (folder / "notes of somebody.case").write_bytes(b"x")
    (folder / f"{'c' * 32}.case").mkdir()
    bad = {lost.id, garbage, empty, "notes of somebody", "c" * 32}
    for name in bad:
        (folder / "waiting" / name).touch()
    return bad


def test_cases_that_cannot_be_opened_stop_nothing(world: World):
    bad = litter(world)
    suspended = world.status.suspend(names(world)[1:2], WHY)
    world.work()
    assert status_of(world, names(world)[1]) is Status.SUSPENDED
    found = world.status.cases()
    assert set(found.unreadable) == bad
    assert [case.id for case in found.cases] == [suspended.id]
    assert world.worker.run_once() is False


class CountingCases(CaseFiles):
    """Cases in files, and how often one was opened."""

    loads = 0

    def load(self, case_id: str) -> bytes | None:
        CountingCases.loads += 1
        return super().load(case_id)


def test_an_idle_worker_looks_at_no_case_that_is_done(template: Path, tmp_path: Path):
    shutil.copytree(template, tmp_path / "home")
    world = World(tmp_path / "home", ManualClock(START), make_cases=CountingCases)
    for name in names(world):
        world.status.suspend([name], WHY)
    world.work()
    CountingCases.loads = 0
    for _ in range(20):
        assert world.worker.run_once() is False
        world.pause()
    assert CountingCases.loads == 0
    assert len(world.status.cases().cases) == 4
    assert CountingCases.loads == 4
    world.close()


def test_a_list_of_cases_asks_for_all_keys_at_once_and_opens_each_once(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    for name in names(world):
        world.status.suspend([name], WHY)
    world.work()
    asked: list[int] = []
    load = world.vault.load

    def counted(wanted):
        asked.append(len(wanted))
        return load(wanted)

    # reason: counts; the vault itself answers
    monkeypatch.setattr(world.vault, "load", counted)
    first = world.status.cases().cases
    opened: list[object] = []
    # reason: counts what is decoded again
    monkeypatch.setattr(
        "ledger.services.status.decode_case", lambda data: opened.append(data) or decode_case(data)
    )
    assert world.status.cases().cases == first
    assert asked == [4, 4]
    assert opened == []
    world.vault.erase([bytes.fromhex(first[0].id)], START)
    assert world.status.cases().unreadable == (first[0].id,)  # what was destroyed is not shown from memory
    assert [case.id for case in world.status.cases().cases] == [case.id for case in first[1:]]


def test_a_case_that_waits_for_its_approver_is_left_alone(world: World):
    made = world.status.make(
        names(world)[:1], Status.VOID, WHY, chain_signer("maker"), chain_signer("approver").signer_id
    )
    (world.folder / "cases" / "waiting" / made.id).touch()  # as while its approver's process writes
    assert world.status.resend() == 0
    assert world.status.case(made.id) == made
    assert world.store.outbox.jobs() == ()


def test_a_mark_that_outlived_its_case_goes(world: World):
    sent = world.status.suspend(names(world)[:1], WHY)
    mark = world.folder / "cases" / "waiting" / sent.id
    assert not mark.exists()
    mark.touch()
    assert world.status.resend() == 0
    assert not mark.exists()


def test_signed_changes_of_an_issuer_share_a_nonce_word(world: World):
    """Suspending takes none; 256 that are signed mark bits of one word on chain."""
    everyone = names(world)
    signers = (chain_signer("maker"), chain_signer("approver"))
    nonces = [world.status.suspend(everyone[:1], WHY).parts[0].nonce]
    assert nonces == [0]
    world.work()
    nonces = []
    for name in everyone:
        case = world.status.make([name], Status.VOID, WHY, signers[0], signers[1].signer_id)
        nonces += [part.nonce for part in world.status.approve(case.id, signers[1]).parts]
        world.work()
        assert status_of(world, name) is Status.VOID
    first = nonces[0]
    assert nonces == [first, first + 1, first + 2, first + 3]
    assert len({nonce // 256 for nonce in nonces}) == 1
    assert first.bit_length() > 200
    assert world.store.outbox.jobs(dead=True) == ()


class TestTidying:
    """What cannot be tidied does not stop the worker; a clock that jumped does."""

    def worker(self, world: World, error: Exception) -> Worker:
        def tidy() -> bool:
            raise error

        return Worker(world.store.outbox, world.handlers, world.clock, "worker", lambda: False, tidy)

    def test_an_error_is_logged_once(self, world: World, caplog: pytest.LogCaptureFixture):
        worker = self.worker(world, ConflictError("BATCH_HELD", "held"))
        assert [worker.run_once() for _ in range(3)] == [False] * 3
        assert [record.code for record in caplog.records] == ["BATCH_HELD"]  # type: ignore[attr-defined]

    def test_a_jump_of_the_clock_is_not_passed_over(self, world: World):
        with pytest.raises(UnavailableError) as caught:
            self.worker(world, UnavailableError("CLOCK_JUMP", "jumped")).run_once()
        assert caught.value.code == "CLOCK_JUMP"
