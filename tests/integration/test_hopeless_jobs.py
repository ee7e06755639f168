"""Jobs that can never succeed: dead letters at the first try, naming the row that has to leave."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ledger.adapters.store_sql import open_store
from ledger.adapters.system import ManualClock
from ledger.apps.worker import HOPELESS, REPAIRABLE, Worker
from ledger.core.errors import ConflictError, InputError, LedgerError, NotFoundError, RefusedError
from ledger.core.flow import JobKind, Lease, NewJob
from ledger.demo_data import licence_rows
from tests.flow_world import START, TYPE_REF, ListTable, World, deposit_table, found

LICENCE_REF = "BIZ_LICENSE:1"
HOUR_S = 3_600


def tries_of(tmp_path: Path, error: LedgerError) -> int:
    """How often a job that fails like this is tried before it is a dead letter."""
    clock = ManualClock(START)
    store = open_store(tmp_path / "store.db", clock)
    tried: list[str] = []

    def work(lease: Lease) -> None:
        tried.append(lease.job.subject)
        raise error

    store.outbox.enqueue(NewJob(JobKind.CALL, "a"))
    worker = Worker(store.outbox, {JobKind.CALL: work}, clock, "w", lambda: False)
    worker.run_until_idle(lambda _: clock.advance(10))
    (letter,) = store.outbox.jobs(dead=True)
    assert (letter.code, letter.detail["batch"]) == (error.code, 7)
    store.close()
    return len(tried)


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (InputError("VAULT_TAMPERED", "changed", batch=7), 1),
        (RefusedError("DATA_KEY_ERASED", "gone", batch=7), 1),
        *((ConflictError(code, "past", batch=7), 1) for code in sorted(HOPELESS)),
        *((RefusedError(code, "set right by a person", batch=7), 8) for code in sorted(REPAIRABLE)),
        (ConflictError("BATCH_STATE", "perhaps later", batch=7), 8),
        (NotFoundError("KEY_NOT_REGISTERED", "perhaps later", batch=7), 8),
    ],
    ids=lambda value: value.code if isinstance(value, LedgerError) else "",
)
def test_what_cannot_succeed_is_tried_once(tmp_path: Path, error: LedgerError, tries: int):
    assert tries_of(tmp_path, error) == tries


def test_a_licence_whose_term_ended_before_its_batch_was_closed(tmp_path: Path):
    """Read at 23:00 of its last day, closed after midnight: it leaves, the other three are issued."""
    clock = ManualClock(START)
    found(tmp_path / "home", clock, granted=(TYPE_REF, LICENCE_REF))
    world = World(tmp_path / "home", clock)
    clock.advance(START + 15 * HOUR_S - clock.now())
    rows = licence_rows(4, today=date(2026, 11, 22))
    rows[1]["营业期限至"] = "2026-11-22"
    table = ListTable([list(row.values()) for row in rows], tuple(rows[0]))
    report = world.load(table, credential_type=world.types[LICENCE_REF])
    assert (report.accepted, report.valid) == (True, 4), report.errors
    clock.advance(2 * HOUR_S)
    (batch,) = world.issue.close_import(report.job_id or 0)
    world.work()

    (letter,) = world.store.outbox.jobs(dead=True)
    (row,) = [row for row in world.issue.results(report.job_id or 0) if row.row_number == 3]
    assert row.name is not None
    assert (letter.code, letter.attempts) == ("TERM_ENDED", 0)
    assert letter.detail["batch"] == batch.id
    assert letter.detail["record"] == row.record_id
    assert letter.detail["serial"] == row.name.hex().upper()
    assert rows[1]["名称"] not in str(letter), "no value of the row"

    assert row.record_id is not None
    world.approve.reject(batch.id, "TERM_ENDED", requeue=True, without=[row.record_id])
    world.finish()
    assert len(world.bundles()) == 3
    assert f"{row.name.hex()}.ecert.json" not in world.bundles()
    assert world.store.outbox.jobs(dead=True) == ()
    world.close()


def test_an_erased_row_is_named_at_once(tmp_path: Path):
    clock = ManualClock(START)
    found(tmp_path / "home", clock)
    world = World(tmp_path / "home", clock)
    report = world.load(deposit_table(range(4)))
    (batch,) = world.issue.close_import(report.job_id or 0)
    gone = world.approve.samples(batch.id, 1)[0]
    world.vault.erase([gone.name], clock.now())
    world.work()
    (letter,) = world.store.outbox.jobs(dead=True)
    assert (letter.code, letter.attempts) == ("ROW_ERASED", 0)
    assert letter.detail["serial"] == gone.name.hex().upper()
    world.close()
