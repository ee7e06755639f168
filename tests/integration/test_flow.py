"""Rows in, bundles out: the whole way on real parts, and every turn it can take."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.abi import word_change_tuples
from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.row_readers import open_rows
from ledger.adapters.system import ManualClock
from ledger.core.errors import ConflictError, RefusedError
from ledger.core.flow import DAY_S, BatchState, RowOutcome, proof_number
from ledger.core.receipt import encode_bundle, parse_bundle
from ledger.core.status import Status, word_changes
from ledger.demo_data import deposit_rows, write_csv, write_xlsx
from ledger.ports import ContractCall
from ledger.services.calls import encode_call, enqueue_call, parse_call
from ledger.services.issue import Progress
from ledger.services.publish import QUIET_EVERY_S
from tests.flow_world import ISSUER, START, World, chain_signer, deposit_row, deposit_table, found

pytestmark = pytest.mark.xdist_group("flow")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "home"
    found(folder, ManualClock(START))
    return folder


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(template, tmp_path / "home")
    opened = World(tmp_path / "home", ManualClock(START))
    yield opened
    opened.close()


def claims_of(world: World) -> list[dict[str, object]]:
    parser = SdJwtFormat()
    return [dict(parser.parse(parse_bundle(data).credential).claims) for data in world.bundles().values()]


def states(world: World) -> list[BatchState]:
    return [batch.state for batch in world.store.batches.batches()]


def test_rows_become_bundles_that_anybody_can_check(world: World):
    report = world.issue_all(deposit_table(range(70)), max_batch=64)
    assert (report.rows, report.valid, report.issued, report.accepted) == (70, 70, 70, True)
    assert states(world) == [BatchState.RELEASED, BatchState.RELEASED]
    bundles = world.bundles()
    assert len(bundles) == 70
    verifier = world.verifier()
    for data in bundles.values():
        verdict = verifier.verify(data, now=world.clock.now())
        assert verdict.accepted, verdict.as_json()
    claims = claims_of(world)
    assert {claim["account_no"] for claim in claims} == {deposit_row(number)[3] for number in range(70)}
    assert all(claim["name"] == deposit_row(int(str(claim["account_no"])[-9:]))[0] for claim in claims)
    indexes = sorted(claim["status"]["status_list"]["idx"] for claim in claims)  # type: ignore[index]
    assert indexes == [*range(64), *range(64, 70)]
    rows = {row.row_number: row for row in world.issue.results(report.job_id or 0)}
    assert set(rows) == set(range(2, 72))
    for row in rows.values():
        assert row.outcome is RowOutcome.ISSUED
        assert row.name is not None
        assert f"{row.name.hex()}.ecert.json" in bundles
    by_account = {claim["account_no"]: claim for claim in claims}
    first = rows[2].name
    assert first is not None
    assert by_account[deposit_row(0)[3]]["proof_no"] == proof_number(first)
    assert first.hex().upper() in str(by_account[deposit_row(0)[3]]["identifier"])


def test_who_waits_for_a_block_goes_on_when_it_is_there(world: World):
    world.load(deposit_table(range(3)))
    world.issue.close_batches([batch.id for batch in world.issue.open_batches()])
    world.work()
    [batch] = world.store.batches.batches()
    world.make(batch.id)
    world.give(batch.id)
    world.clock.advance(1)
    while world.worker.run_once():
        pass  # in one and the same second: sent, sealed, final, handed out
    assert states(world) == [BatchState.RELEASED]


def test_bundles_are_private_and_lists_are_published_first(world: World):
    world.issue_all(deposit_table(range(3)))
    folders = [path for path in (world.folder / "released").rglob("*") if path.is_dir()]
    files = [path for path in (world.folder / "released").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert [path for path in (world.folder / "published").rglob("*") if path.is_file()]
    for name in ("store.db", "keys.db"):
        assert stat.S_IMODE((world.folder / name).stat().st_mode) == 0o600


def test_a_list_in_which_nothing_is_open_is_signed_anew_now_and_then(world: World):
    world.issue_all(deposit_table(range(2)))
    assert world.lists.publish_due([ISSUER]) == 0  # that of the release will do
    world.clock.advance(QUIET_EVERY_S)
    assert [world.lists.publish_due([ISSUER]) for _ in range(2)] == [1, 0]
    world.load(deposit_table(range(5, 7)))
    world.issue.close_batches([batch.id for batch in world.issue.open_batches()])
    world.lists.publish_all([ISSUER])
    assert [world.lists.publish_due([ISSUER]) for _ in range(2)] == [1, 1]  # tokens live two minutes now


def test_the_same_rows_again_in_any_form_are_issued_once(world: World, tmp_path: Path):
    rows = deposit_rows(20)
    reports = []
    for number, (name, part) in enumerate(
        [
            ("a.csv", rows[:12]),
            ("b.csv", rows[:12]),
            ("c.csv", rows[11::-1]),
            ("d.xlsx", rows[:12]),
            ("e.csv", rows[6:]),
        ]
    ):
        path = tmp_path / name
        if name.endswith("xlsx"):
            write_xlsx(path, part)
        else:
            write_csv(path, part, "gb18030" if number % 2 else "utf-8-sig")
        table = open_rows(path)
        report = world.issue.import_rows(table, world.plan(), table.digest)
        assert report.accepted, [issue.as_json() for issue in report.errors]
        world.issue.close_import(report.job_id or 0)
        world.finish()
        reports.append((report.issued, report.already, report.changed))
    assert reports == [(12, 0, 0), (0, 12, 0), (0, 12, 0), (0, 12, 0), (8, 6, 0)]
    assert len(world.bundles()) == 20


def test_a_row_twice_in_one_file(world: World):
    table = deposit_table([0, 1, 0, 1, 2], None)
    table.cells = [*table.cells, deposit_row(2, "5.00")]
    report = world.load(table)
    assert (report.issued, report.already, report.changed) == (3, 2, 1)


def test_one_bad_row_refuses_the_file_unless_told_otherwise(world: World):
    table = deposit_table(range(30))
    bad = list(deposit_row(30))
    bad[2] = bad[2][:-1] + ("0" if bad[2][-1] != "0" else "1")
    table.cells = [*table.cells, bad]
    report = world.load(table)
    assert not report.accepted
    assert (report.rows, report.valid, report.issued) == (31, 30, 0)
    assert [(issue.row, issue.column) for issue in report.errors] == [(32, "证件号码")]
    assert world.store.batches.batches() == ()
    again = world.issue_all(table, only_valid=True)
    assert (again.accepted, again.issued, len(again.errors)) == (True, 30, 1)
    assert len(world.bundles()) == 30
    (refused_row,) = [
        row for row in world.issue.results(again.job_id or 0) if row.outcome is RowOutcome.INVALID
    ]
    assert refused_row.row_number == 32


def test_a_dry_run_writes_nothing(world: World):
    table = deposit_table(range(30))
    seen: list[Progress] = []
    report = world.issue.check(table, world.plan(), seen.append)
    assert (report.rows, report.valid, report.job_id, report.accepted) == (30, 30, None, True)
    assert [progress.rows for progress in seen] == [20, 30]
    assert world.store.batches.batches() == ()


def test_progress_tells_rate_and_time_left(world: World):
    seen: list[Progress] = []

    def watch(progress: Progress) -> None:
        seen.append(progress)
        world.clock.advance(1)

    table = deposit_table(range(60))
    world.issue.import_rows(table, world.plan(), table.digest, watch)
    assert [progress.rows for progress in seen] == [20, 40, 60]
    assert seen[1].per_second == pytest.approx(40)
    assert seen[1].seconds_left == pytest.approx(0.5)


def test_changed_rows_are_offered_and_then_supersede(world: World):
    world.issue_all(deposit_table(range(5)))
    old = {claim["account_no"]: claim for claim in claims_of(world)}
    changed = deposit_table(range(5), {1: "1.00", 3: "3.00"})
    report = world.issue_all(changed)
    assert (report.issued, report.already, report.changed) == (0, 3, 2)
    assert len(world.bundles()) == 5
    report = world.issue_all(changed, supersede=True)
    assert (report.issued, report.already, report.changed) == (2, 3, 0)
    assert len(world.bundles()) == 7
    verifier = world.verifier()
    codes = {}
    for data in world.bundles().values():
        claims = SdJwtFormat().parse(parse_bundle(data).credential).claims
        codes[claims["account_no"], claims["balance"]] = verifier.verify(
            data, now=world.clock.now()
        ).verdict.code
    account = deposit_row(1)[3]
    assert codes[account, "1.00"] == "ACCEPTED"
    assert codes[account, old[account]["balance"]] == "SUPERSEDED"
    assert sorted(codes.values()).count("SUPERSEDED") == 2


def test_a_changed_row_of_a_batch_that_waits_is_not_superseded(world: World):
    world.load(deposit_table(range(2)))
    report = world.load(deposit_table(range(2), {0: "1.00"}), supersede=True)
    assert (report.already, report.changed) == (1, 1)


def test_two_people_are_needed(world: World):
    report = world.load(deposit_table(range(2)))
    (batch,) = world.issue.close_import(report.job_id or 0)
    world.work()
    with pytest.raises(RefusedError) as refused:
        world.approve.make(batch.id, chain_signer("maker"), chain_signer("maker").signer_id)
    assert refused.value.code == "SAME_SIGNER"
    world.make(batch.id)
    with pytest.raises(RefusedError) as refused:
        world.approve.approve(batch.id, chain_signer("operator"))
    assert refused.value.code == "NOT_THE_APPROVER"
    with pytest.raises(RefusedError) as refused:
        world.approve.make(
            batch.id, chain_signer("maker"), chain_signer("approver").signer_id, world.clock.now() + 9 * DAY_S
        )
    assert refused.value.code == "DEADLINE_TOO_LATE"
    assert not list((world.folder).rglob("*.ecert.json"))


def test_an_approver_without_the_role_ends_in_a_dead_letter(world: World):
    report = world.load(deposit_table(range(2)))
    (batch,) = world.issue.close_import(report.job_id or 0)
    world.work()
    stranger = chain_signer("admin1")
    world.approve.make(batch.id, chain_signer("maker"), stranger.signer_id)
    world.approve.approve(batch.id, stranger)
    world.work()
    (letter,) = world.store.outbox.jobs(dead=True)
    assert (letter.code, letter.detail["error"]) == ("TRANSACTION_REVERTED", "RegistryMissingRole")
    assert states(world) == [BatchState.DEAD]
    world.make(batch.id)
    world.give(batch.id)
    world.work()
    assert states(world) == [BatchState.RELEASED]
    assert world.store.outbox.jobs(dead=True) == ()


def test_a_refused_batch_never_leaves_and_its_rows_get_a_new_range(world: World):
    report = world.load(deposit_table(range(10)))
    (batch,) = world.issue.close_import(report.job_id or 0)
    world.work()
    world.make(batch.id)
    out = world.approve.samples(batch.id, 1)[0].record_id
    new_id = world.approve.reject(batch.id, "one row is wrong", requeue=True, without=[out])
    world.finish()
    assert states(world) == [BatchState.REFUSED, BatchState.RELEASED]
    bundles = world.bundles()
    assert len(bundles) == 9
    new = world.store.batches.batch(new_id or 0)
    assert (new.list, new.first_word, new.size) == (1, 1, 9)
    with pytest.raises(ConflictError):
        world.export.bundle(batch.id, 0)
    assert world.export.bundle(new.id, 4) in bundles.values()
    again = world.issue_all(deposit_table(range(10)))
    assert (again.issued, again.already) == (1, 9)


def test_an_approval_that_runs_out_is_asked_for_again(world: World):
    report = world.load(deposit_table(range(3)))
    (batch,) = world.issue.close_import(report.job_id or 0)
    world.work()
    approver = chain_signer("approver")
    world.approve.make(batch.id, chain_signer("maker"), approver.signer_id, world.clock.now() + 60)
    world.give(batch.id)
    world.clock.advance(61)  # the chain was down meanwhile
    world.work()
    (letter,) = world.store.outbox.jobs(dead=True)
    assert letter.code == "APPROVAL_EXPIRED"
    world.approve.ask_again(batch.id, chain_signer("maker"), approver.signer_id)
    world.give(batch.id)
    world.work()
    assert states(world) == [BatchState.RELEASED]


def test_a_transaction_that_comes_too_late_is_an_expired_approval(world: World):
    report = world.load(deposit_table(range(3)))
    (batch,) = world.issue.close_import(report.job_id or 0)
    world.work()
    approver = chain_signer("approver")
    world.approve.make(batch.id, chain_signer("maker"), approver.signer_id, world.clock.now() + 60)
    world.give(batch.id)
    world.worker.run_once()  # sent
    world.clock.advance(100)
    world.work()
    (letter,) = world.store.outbox.jobs(dead=True)
    assert (letter.code, letter.detail["error"]) == ("APPROVAL_EXPIRED", "LedgerExpired")


def test_after_a_week_the_rows_are_signed_anew(world: World):
    report = world.load(deposit_table(range(3)))
    (batch,) = world.issue.close_import(report.job_id or 0)
    world.work()
    for _ in range(8 * 24 * 12):  # in steps: the chain refuses a clock that jumps
        world.clock.advance(300)
    approver = chain_signer("approver")
    with pytest.raises(ConflictError) as error:
        world.make(batch.id)
    assert error.value.code == "BATCH_TOO_OLD"
    new = world.approve.ask_again(batch.id, chain_signer("maker"), approver.signer_id)
    world.finish()
    assert states(world) == [BatchState.REFUSED, BatchState.RELEASED]
    assert new.first_word == 1
    assert len(world.bundles()) == 3


def test_pending_batches_start_pending(world: World):
    world.issue_all(deposit_table(range(3)), pending=True)
    verifier = world.verifier()
    for data in world.bundles().values():
        assert not verifier.verify(data, now=world.clock.now()).accepted


def test_any_call_goes_through_the_outbox_once(world: World):
    world.issue_all(deposit_table(range(3)))
    (batch,) = world.store.batches.batches()
    issuer = ISSUER.encode()
    call = ContractCall(
        "ledger",
        "suspend",
        (issuer, batch.root, issuer, 4, word_change_tuples(word_changes([1], Status.SUSPENDED))),
    )
    assert parse_call(json.loads(json.dumps(encode_call(call)))) == call
    first = enqueue_call(world.store, ISSUER, call, subject="suspend:1", publish=[batch.list])
    assert enqueue_call(world.store, ISSUER, call, subject="suspend:1") == first
    world.work()
    assert world.store.outbox.jobs(dead=True) == ()
    assert world.chain.read(ContractCall("ledger", "statusOf", (issuer, batch.root, 1))) == Status.SUSPENDED
    assert world.chain.read(ContractCall("ledger", "statusOf", (issuer, batch.root, 0))) == Status.VALID


def test_an_import_that_died_is_removed_when_its_rows_come_in_another_file(world: World):
    class DiedError(Exception):
        pass

    def die(_progress: Progress) -> None:
        raise DiedError

    table = deposit_table(range(30))
    with pytest.raises(DiedError):
        world.issue.import_rows(table, world.plan(), table.digest, die)
    other = deposit_table(range(40))
    with pytest.raises(ConflictError) as error:
        world.load(other)
    assert error.value.code == "IMPORT_RUNNING"
    world.clock.advance(61)
    report = world.issue_all(other)
    assert report.issued == 40
    assert len(world.bundles()) == 40


def test_an_erased_row_stops_its_batch_and_leaves_the_others(world: World):
    report = world.load(deposit_table(range(4)))
    (batch,) = world.issue.close_import(report.job_id or 0)
    gone = world.approve.samples(batch.id, 1)[0]
    world.vault.erase([gone.name], world.clock.now())
    world.work()
    (letter,) = world.store.outbox.jobs(dead=True)
    assert letter.code == "ROW_ERASED"
    world.approve.reject(batch.id, "erased", requeue=True, without=[gone.record_id])
    world.finish()
    assert len(world.bundles()) == 3


def test_the_order_of_the_columns_makes_no_difference(world: World):
    world.load(deposit_table(range(3)))
    table = deposit_table(range(3))
    assert table.header is not None
    turned = deposit_table([])
    turned.header = table.header[::-1]
    turned.cells = [row[::-1] for row in table.cells]
    report = world.load(turned)
    assert (report.issued, report.already, report.changed) == (0, 3, 0)


def test_bundles_are_those_of_the_plain_encoder(world: World):
    world.issue_all(deposit_table(range(70)), max_batch=70)
    for data in world.bundles().values():
        assert encode_bundle(parse_bundle(data)) == data
