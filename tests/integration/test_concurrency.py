"""Several workers on one database: every job once, whoever does it and whenever somebody is late."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from ledger.adapters.store_sql import open_store
from ledger.adapters.system import ManualClock, SystemClock
from ledger.apps.worker import Worker
from ledger.core.errors import UnavailableError
from ledger.core.flow import BatchState, JobKind, Lease, NewJob
from tests.flow_world import START, World, deposit_table, found

JOBS = 80
CLAIMERS = 4


@pytest.mark.timeout(120)
def test_four_claimers_share_the_jobs_of_one_database(tmp_path: Path):
    path = tmp_path / "store.db"
    store = open_store(path, SystemClock())
    ids = {store.outbox.enqueue(NewJob(JobKind.CALL, f"call {number}")) for number in range(JOBS)}
    claimers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.claimer", str(path), f"claimer {number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        )
        for number in range(CLAIMERS)
    ]
    for claimer in claimers:
        assert claimer.stdin is not None
        claimer.stdin.write("go\n")
        claimer.stdin.flush()
    done = [[int(line) for line in claimer.communicate()[0].split()] for claimer in claimers]
    assert [claimer.returncode for claimer in claimers] == [0] * CLAIMERS
    assert Counter(job for each in done for job in each) == Counter(ids)
    follow = [job.subject for job in store.outbox.jobs()]
    assert sorted(follow) == sorted(f"follows {job}" for job in ids)
    store.close()


@pytest.mark.timeout(120)
def test_two_workers_finish_one_flow_while_leases_run_out(tmp_path: Path):
    """Both move the same clock, so leases end in the middle of work again and again."""
    home = tmp_path / "home"
    clock = ManualClock(START)
    found(home, clock)
    world = World(home, clock, pause_s=20)
    report = world.load(deposit_table(range(250)), max_batch=60, chunk=50)
    world.issue.close_import(report.job_id or 0)
    effects: Counter[str] = Counter()

    def watched(lease: Lease) -> None:
        world.handlers[lease.job.kind](lease)
        effects[lease.job.subject] += 1

    helper_kinds = (JobKind.SIGN, JobKind.ROOT, JobKind.RELEASE)
    helper = Worker(world.store.outbox, dict.fromkeys(helper_kinds, watched), clock, "helper", lambda: False)
    failures: list[BaseException] = []

    def help_out() -> None:
        try:
            while BatchState.RELEASED not in {batch.state for batch in world.store.batches.batches()}:
                if not helper.run_once():
                    clock.advance(7)
        except BaseException as error:  # noqa: BLE001  shown by the test
            failures.append(error)

    thread = threading.Thread(target=help_out)
    thread.start()
    world.finish()
    thread.join(timeout=60)
    assert failures == []
    assert {batch.state for batch in world.store.batches.batches()} == {BatchState.RELEASED}
    assert len(world.bundles()) == 250
    assert max(effects.values(), default=0) <= 1
    world.close()


def test_a_bug_in_one_job_stops_neither_the_others_nor_itself_for_ever(tmp_path: Path):
    clock = ManualClock(START)
    store = open_store(tmp_path / "store.db", clock)
    done: list[str] = []

    def work(lease: Lease) -> None:
        if lease.job.subject == "bad":
            raise ZeroDivisionError("欧阳望舒")
        done.append(lease.job.subject)
        store.outbox.finish(lease)

    for subject in ("bad", "good"):
        store.outbox.enqueue(NewJob(JobKind.CALL, subject))
    worker = Worker(store.outbox, {JobKind.CALL: work}, clock, "w", lambda: False)
    worker.run_until_idle(lambda _: clock.advance(1))
    assert done == ["good"]
    (letter,) = store.outbox.jobs(dead=True)
    assert (letter.code, letter.detail["error"]) == ("INTERNAL", "ZeroDivisionError")
    assert "欧阳" not in str(letter.detail)
    store.close()


def test_what_is_missing_is_waited_for_with_growing_pauses(tmp_path: Path):
    clock = ManualClock(START)
    store = open_store(tmp_path / "store.db", clock)
    tried: list[int] = []

    def work(lease: Lease) -> None:
        tried.append(clock.now() - START)
        if len(tried) < 6:
            raise UnavailableError("CHAIN_UNAVAILABLE", "down")
        store.outbox.finish(lease)

    store.outbox.enqueue(NewJob(JobKind.CALL, "a"))
    Worker(store.outbox, {JobKind.CALL: work}, clock, "w", lambda: False).run_until_idle(
        lambda _: clock.advance(1)
    )
    pauses = [later - sooner for sooner, later in itertools.pairwise(tried)]
    assert pauses == sorted(pauses)
    assert pauses[-1] >= 16
    assert store.outbox.jobs(dead=True) == ()
    store.close()


def test_a_worker_stops_after_the_job_in_hand_and_a_jumped_clock_stops_it_at_once(tmp_path: Path):
    clock = ManualClock(START)
    store = open_store(tmp_path / "store.db", clock)
    for number in range(3):
        store.outbox.enqueue(NewJob(JobKind.CALL, str(number)))
    stop = threading.Event()

    def work(lease: Lease) -> None:
        stop.set()
        store.outbox.finish(lease)

    Worker(store.outbox, {JobKind.CALL: work}, clock, "w", lambda: False).run_forever(
        stop.is_set, lambda _: None
    )
    assert len(store.outbox.jobs()) == 2

    def jumped() -> bool:
        raise UnavailableError("CLOCK_JUMP", "the clock jumped")

    with pytest.raises(UnavailableError) as error:
        Worker(store.outbox, {JobKind.CALL: work}, clock, "w", jumped).run_forever(
            lambda: False, lambda _: None
        )
    assert error.value.code == "CLOCK_JUMP"
    store.close()
