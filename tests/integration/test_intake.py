"""Uploads from the desk to closed batches, on a real database, vault and chain."""

from __future__ import annotations

import io
import json
import resource
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import xlsxwriter

from ledger.adapters.intake_sheets import escape_formula, example_row
from ledger.adapters.row_readers import open_rows
from ledger.adapters.schema_rust import RustSchemaValidator
from ledger.adapters.system import ManualClock
from ledger.core.claims import shanghai_day
from ledger.core.errors import ConflictError, InputError, NotFoundError, RefusedError, UnavailableError
from ledger.core.flow import BatchState, JobKind, NewJob, RowOutcome, proof_number
from ledger.core.intake import (
    KEEP_DRAFT_S,
    KEEP_S,
    MAX_UPLOAD,
    REASON_COLUMN,
    ROW_COLUMN,
    FindingKind,
    IntakeState,
    clean_file_name,
)
from ledger.core.rows import RowChecker
from ledger.core.status import Status
from tests.flow_world import HEADER, ISSUER, START, TYPE_REF, World, deposit_row, deposit_table, found
from tests.intake_world import PERSON, IssuingOffice, spoiled


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "home"
    found(folder, ManualClock(START))
    return folder


@pytest.fixture
def office(template: Path, tmp_path: Path) -> Iterator[IssuingOffice]:
    shutil.copytree(template, tmp_path / "home")
    world = World(tmp_path / "home", ManualClock(START))
    yield IssuingOffice(world)
    world.close()


def test_a_file_goes_from_the_desk_to_batches_that_wait_for_their_maker(office: IssuingOffice) -> None:
    checked = office.checked(spoiled(range(30), [4, 20]))
    assert checked.state is IntakeState.CHECKED
    assert (checked.counts.rows, checked.counts.valid, checked.counts.invalid) == (30, 28, 2)
    findings = office.intake.findings(checked.id, [FindingKind.ERROR], 0, 10)
    assert [(f.row, f.column, f.code) for f in findings] == [
        (6, "证件号码", "ID_CHECK"),
        (22, "证件号码", "ID_CHECK"),
    ]
    assert office.world.store.batches.batches() == (), "a check issues nothing"
    office.intake.submit(checked.id)
    office.world.work()
    closed = office.intake.intake(checked.id)
    assert closed.state is IntakeState.CLOSED
    assert closed.job_id is not None
    (batch,) = office.desk.batches_of_import(closed.job_id)
    assert (batch.state, batch.size) == (BatchState.SIGNED, 28)
    assert [row.outcome for row in office.desk.results(closed.job_id)].count(RowOutcome.INVALID) == 2
    office.world.finish()
    assert len(office.world.bundles()) == 28


def test_the_content_is_gone_once_its_rows_are_in_batches(office: IssuingOffice) -> None:
    closed = office.import_all(deposit_table(range(3)))
    assert closed.erased_at is not None
    assert office.book.pieces(closed.id, "file") == []
    assert office.world.vault.load([closed.name]) == {}
    assert office.intake.file_name(closed) == ""


def test_the_same_file_is_one_intake_until_it_ended(office: IssuingOffice) -> None:
    data = deposit_table(range(3)).csv().encode()
    first, is_new = office.intake.receive(ISSUER, TYPE_REF, data, "a.csv", PERSON)
    again, is_new_again = office.intake.receive(ISSUER, TYPE_REF, data, "b.csv", PERSON)
    assert (is_new, is_new_again, again.id) == (True, False, first.id)
    assert office.intake.file_name(first) == "a.csv"
    office.intake.abandon(first.id)
    third, is_new = office.intake.receive(ISSUER, TYPE_REF, data, "a.csv", PERSON)
    assert is_new
    assert third.id != first.id
    office.world.work()
    assert office.intake.intake(first.id).state is IntakeState.ABANDONED
    assert office.intake.intake(third.id).state is IntakeState.CHECKED


def test_a_file_whose_batch_was_refused_may_come_again(office: IssuingOffice) -> None:
    table = deposit_table(range(3))
    closed = office.import_all(table)
    (batch,) = office.desk.batches_of_import(closed.job_id or 0)
    office.world.approve.reject(batch.id, "wrong file", requeue=False)
    again = office.checked(table)
    assert again.id != closed.id
    assert again.counts.issuable() == 3


def test_submitting_twice_issues_once(office: IssuingOffice) -> None:
    checked = office.checked(deposit_table(range(5)))
    office.intake.submit(checked.id)
    office.intake.submit(checked.id)
    office.world.work()
    office.intake.submit(checked.id)
    office.world.work()
    assert [batch.size for batch in office.world.store.batches.batches()] == [5]


def test_failed_rows_come_back_mended_in_the_files_own_columns(office: IssuingOffice) -> None:
    checked = office.checked(spoiled(range(10), [3]))
    header, row = office.intake.failed_rows(checked)
    assert header[1] == list(deposit_table([0]).header or ())
    assert (row[0], row[2]) == (5, [["证件号码", "ID_CHECK", None]])
    mended = [*row[1]]
    mended[2] = deposit_row(3)[2]
    data = office.sheets.write(
        "xlsx", "数据", [ROW_COLUMN, *header[1], REASON_COLUMN], [[row[0], *mended, "证件号码：校验位错误"]]
    )
    again = office.checked(data)
    assert (again.state, again.counts.rows, again.counts.invalid) == (IntakeState.CHECKED, 1, 0)
    assert again.counts.issuable() == 1


def test_changed_rows_are_offered_as_corrected_versions(office: IssuingOffice) -> None:
    office.import_all(deposit_table(range(3)))
    changed = deposit_table(range(4), {1: "1.00"})
    early = office.checked(changed)
    assert (early.counts.already, early.counts.changed, early.counts.replaceable) == (2, 1, 0)
    office.world.finish()
    later = office.intake.recheck(early.id)
    office.world.work()
    later = office.intake.intake(early.id)
    assert (later.counts.issuable(), later.counts.issuable(supersede=True)) == (1, 2)
    office.intake.submit(later.id, supersede=True)
    office.world.finish()
    closed = office.intake.intake(later.id)
    outcomes = [row.outcome for row in office.desk.results(closed.job_id or 0)]
    assert outcomes.count(RowOutcome.SUPERSEDES) == 1
    (old, *_rest) = office.world.store.batches.batches()
    assert list(office.desk.statuses(old).values()).count(Status.SUPERSEDED) == 1
    rows, total = office.desk.rows_with_status(old, Status.SUPERSEDED, 0, 10, clear=True)
    assert total == 1
    assert rows[0].fields is not None
    assert rows[0].fields["account_no"] == deposit_row(1)[3]


def test_nothing_to_issue_is_said(office: IssuingOffice) -> None:
    office.import_all(deposit_table(range(3)))
    same = office.checked(deposit_table([2, 1, 0]))
    assert same.counts.issuable() == 0
    with pytest.raises(ConflictError, match="NOTHING_TO_ISSUE"):
        office.intake.submit(same.id)


def bomb() -> bytes:
    """A workbook whose sheet unpacks to a thousand times its size."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, text in (
            ("[Content_Types].xml", "<Types/>"),
            ("xl/workbook.xml", "<workbook/>"),
            ("xl/worksheets/sheet1.xml", " " * (300 << 20)),
        ):
            package.writestr(name, text)
    return file.getvalue()


def test_a_zip_bomb_is_refused_without_being_unpacked(office: IssuingOffice) -> None:
    data = bomb()
    assert len(data) < 1 << 20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    intake = office.checked(data)
    assert intake.state is IntakeState.REFUSED
    assert intake.code in {"FILE_TOO_LARGE", "FILE_BROKEN"}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10, "KiB"


def test_between_two_pieces_the_worker_does_other_things(template: Path, tmp_path: Path) -> None:
    """A status change does not wait for a long file: its job is done in the middle of the import."""
    shutil.copytree(template, tmp_path / "home")
    world = World(tmp_path / "home", ManualClock(START))
    order: list[str] = []
    office = IssuingOffice(world)
    world.handlers[JobKind.PUBLISH] = lambda lease: (order.append("other"), world.store.outbox.finish(lease))[
        1
    ]
    world.add_handler(JobKind.IMPORT, office.work.run)
    office.work.breathe = lambda: (order.append("piece"), world.worker.breathe())[1]
    office.take(deposit_table(range(2_500)))
    world.store.outbox.enqueue(NewJob(JobKind.PUBLISH, "somebody's status"))
    world.worker.run_once()
    assert order[:3] == ["piece", "other", "piece"]
    world.close()


BAD = {
    "no known header": (b"a,b\n1,2\n", IntakeState.CHECKED, "HEADER_NOT_RECOGNISED"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), IntakeState.REFUSED, "FILE_KIND"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(600), IntakeState.REFUSED, "FILE_KIND"),
    "a broken workbook": (b"PK\x03\x04" + bytes(600), IntakeState.REFUSED, "FILE_BROKEN"),
    "a million columns": (b"," * 1_000_000 + b"\n", IntakeState.REFUSED, "FILE_TOO_MANY_COLUMNS"),
    "one endless line": (b"a" * (2 << 20), IntakeState.REFUSED, "FILE_LINE_TOO_LONG"),
    "neither encoding": ("姓名,证件\n".encode() + b"\xff\xff\n", IntakeState.REFUSED, "FILE_ENCODING"),
    "an open quote": (
        (deposit_table([0]).csv() + '"abc').encode(),
        IntakeState.REFUSED,
        "FILE_BROKEN",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_files_that_cannot_be_read_are_refused_with_the_reason(office: IssuingOffice, what: str) -> None:
    data, state, code = BAD[what]
    intake = office.checked(data)
    assert intake.state is state
    found_codes = {finding.code for finding in office.intake.findings(intake.id, list(FindingKind), 0, 10)}
    assert code in {intake.code, *found_codes}
    assert office.world.store.batches.batches() == ()


def test_an_empty_and_a_too_large_upload_are_refused_at_once(office: IssuingOffice) -> None:
    for data, code in (
        (b"", "UPLOAD_EMPTY"),
        (b" \n", "UPLOAD_EMPTY"),
        (bytes(MAX_UPLOAD + 1), "UPLOAD_TOO_LARGE"),
    ):
        with pytest.raises(InputError, match=code):
            office.intake.receive(ISSUER, TYPE_REF, data or b"", "x", PERSON)
    assert office.book.intakes([ISSUER], [], 0, 10) == ()


def test_unicode_tricks_in_names_are_named_by_row_and_column(office: IssuingOffice) -> None:
    table = deposit_table(range(6))
    cells = [list(row) for row in table.cells]
    for place, trick in enumerate(("\u202e", "\u200b", "\x07", "=1+", "@", "\ufeff")):
        cells[place][0] = (trick + "王") if trick in "=1+@" else f"王{trick}明"
    table.cells = cells
    intake = office.checked(table)
    findings = office.intake.findings(intake.id, [FindingKind.ERROR], 0, 10)
    assert [(finding.row, finding.column, finding.code) for finding in findings] == [
        (2, "姓名", "TEXT_HIDDEN_CHARACTER"),
        (3, "姓名", "TEXT_HIDDEN_CHARACTER"),
        (4, "姓名", "TEXT_HIDDEN_CHARACTER"),
        (5, "姓名", "FORMULA"),
        (6, "姓名", "FORMULA"),
        (7, "姓名", "TEXT_HIDDEN_CHARACTER"),
    ]


def test_formula_cells_of_a_workbook_are_refused_by_row_and_column(office: IssuingOffice) -> None:
    """Also where the workbook holds the value that the formula once gave: somebody else may have calculated it."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        for number in range(4):
            for column, cell in enumerate(deposit_row(number)):
                sheet.write_string(number + 1, column, cell)
        balance, name = HEADER.index("账户余额"), HEADER.index("姓名")
        sheet.write_formula(2, balance, "=1000+1", None, "1001.00")
        sheet.write_formula(4, name, '=HYPERLINK("https://a.example","王明")', None, "王明")
    intake = office.checked(file.getvalue())
    findings = office.intake.findings(intake.id, [FindingKind.ERROR], 0, 10)
    assert [(finding.row, finding.column, finding.code) for finding in findings] == [
        (3, "账户余额", "FORMULA"),
        (5, "姓名", "FORMULA"),
    ]
    assert (intake.counts.valid, intake.counts.invalid) == (2, 2)


def test_file_names_lose_their_folders_and_what_cannot_be_seen() -> None:
    assert clean_file_name("../../etc/passwd") == "passwd"
    assert clean_file_name("C:\\Users\\王\\缴存.xlsx") == "缴存.xlsx"
    assert clean_file_name('a\r\nSet-Cookie: x\u202e".csv') == 'aSet-Cookie: x".csv'
    assert len(clean_file_name("长" * 500 + ".csv")) == 120


def test_without_a_grant_on_chain_nothing_is_issued(
    office: IssuingOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = office.checked(deposit_table(range(3)))
    # reason: the grant is withdrawn on chain between check and import, without a second admin in the test
    monkeypatch.setattr(office.world.view, "grants", lambda _issuer, _type: ())
    office.intake.submit(checked.id)
    office.world.work()
    back = office.intake.intake(checked.id)
    assert (back.state, back.code) == (IntakeState.CHECKED, "TYPE_NOT_GRANTED")
    assert office.desk.granted_types(ISSUER) == ()
    with pytest.raises(RefusedError, match="TYPE_NOT_GRANTED"):
        office.world.load(deposit_table(range(3)))
    monkeypatch.undo()
    office.intake.submit(checked.id)
    office.world.work()
    assert office.intake.intake(checked.id).state is IntakeState.CLOSED


def test_a_full_or_locked_database_keeps_nothing(office: IssuingOffice) -> None:
    class Full:
        def of_digest(self, *_args: object) -> None:
            """Nothing yet."""

        def receive(self, *_args: object) -> None:
            raise UnavailableError("STORE_UNAVAILABLE", "The database does not answer; try again.")

    before = office.world.vault.load([]), len(office.world.vault.erasures())
    real, office.intake.book = office.intake.book, Full()  # type: ignore[assignment]
    with pytest.raises(UnavailableError):
        office.intake.receive(ISSUER, TYPE_REF, b"abc", "x", PERSON)
    office.intake.book = real
    assert len(office.world.vault.erasures()) == before[1] + 1, "the key made for it is destroyed"
    assert office.book.intakes([ISSUER], [], 0, 10) == ()


def test_a_week_later_what_nobody_went_on_with_is_gone(office: IssuingOffice) -> None:
    waiting = office.checked(spoiled(range(4), [1]))
    closed = office.import_all(spoiled(range(10, 14), [11]))
    assert closed.failed_kept == 1
    assert office.intake.failed_rows(closed) != []
    name = office.intake.new_draft_name()
    office.intake.save_draft(name, ISSUER, TYPE_REF, PERSON, {"name": "王示例"})
    office.world.clock.advance(KEEP_S + 1)
    assert office.work.tidy() >= 2
    assert office.intake.intake(waiting.id).state is IntakeState.ABANDONED
    for intake in (waiting, closed):
        assert office.world.vault.load([intake.name, intake.failed_name]) == {}
        assert office.intake.failed_rows(intake) == []
    assert office.intake.draft(name, ISSUER, PERSON)[1] == {"name": "王示例"}
    office.world.clock.advance(KEEP_DRAFT_S)
    office.work.tidy()
    with pytest.raises(NotFoundError, match="DRAFT_UNKNOWN"):
        office.intake.draft(name, ISSUER, PERSON)


def form_of(number: int, **changes: str) -> dict[str, str]:
    office_keys = [
        "name", "id_type", "id_number", "account_no", "unit_name", "unit_account_no", "opened_on",
        "account_status", "deposit_base", "unit_ratio", "person_ratio", "monthly_total", "balance", "paid_to",
        "continuous_from", "continuous_to", "continuous_months", "as_of",
    ]  # fmt: skip
    return {**dict(zip(office_keys, deposit_row(number), strict=True)), **changes}


def test_a_form_is_a_draft_then_an_intake_of_one_row(office: IssuingOffice) -> None:
    name = office.intake.new_draft_name()
    office.intake.save_draft(name, ISSUER, TYPE_REF, PERSON, form_of(1, id_number="990101"))
    with pytest.raises(InputError, match="FORM_INVALID"):
        office.intake.submit_draft(name, ISSUER, PERSON)
    fields, errors = office.intake.check_form(TYPE_REF, form_of(1, id_number="990101"))
    assert fields is None
    assert [(error.column, error.code) for error in errors] == [("id_number", "ID_LENGTH")]
    office.intake.save_draft(name, ISSUER, TYPE_REF, PERSON, form_of(1))
    with pytest.raises(NotFoundError, match="DRAFT_UNKNOWN"):
        office.intake.draft(name, ISSUER, PERSON + 1)
    with pytest.raises(NotFoundError, match="DRAFT_UNKNOWN"):
        office.intake.save_draft(name, ISSUER, TYPE_REF, PERSON + 1, form_of(1))
    intake, is_new = office.intake.submit_draft(name, ISSUER, PERSON)
    again, is_new_again = office.intake.submit_draft(name, ISSUER, PERSON)
    assert (is_new, is_new_again, again.id) == (True, False, intake.id)
    office.world.work()
    closed = office.intake.intake(intake.id)
    assert closed.state is IntakeState.CLOSED
    (batch,) = office.desk.batches_of_import(closed.job_id or 0)
    assert (batch.state, batch.size) == (BatchState.SIGNED, 1)
    outcome, record, can_replace = office.intake.known_as(
        ISSUER, TYPE_REF, office.intake.check_form(TYPE_REF, form_of(1))[0] or {}
    )
    assert (outcome, record is not None, can_replace) == (RowOutcome.ALREADY, True, False)


def test_search_by_proof_number_and_by_account_number(office: IssuingOffice) -> None:
    office.import_all(deposit_table(range(3)))
    (place,) = office.desk.search(ISSUER, deposit_row(1)[3])
    (same,) = office.desk.search(ISSUER, proof_number(place.name))
    assert same.record_id == place.record_id
    assert office.desk.search(ISSUER, deposit_row(9)[3]) == ()
    assert office.desk.search("11990100XXXX000001", deposit_row(1)[3]) == (), (
        "another organisation finds nothing"
    )
    row = office.desk.row(office.desk.batch(place.batch_id), place.record_id)
    assert row is not None
    assert row.fields is not None
    assert row.fields["name"] == deposit_row(1)[0]


def test_a_dead_batch_is_queued_again_without_the_row(office: IssuingOffice) -> None:
    closed = office.import_all(deposit_table(range(3)))
    (batch,) = office.desk.batches_of_import(closed.job_id or 0)
    outbox = office.world.store.outbox
    outbox.enqueue(NewJob(JobKind.SIGN, f"batch:{batch.id}:test", {}))
    lease = outbox.claim([JobKind.SIGN], "x", 30)
    assert lease is not None
    victim = office.desk.rows(batch, 0, 1, clear=False)[0].record_id
    outbox.bury(lease, "TERM_ENDED", {"record": victim})
    (dead,) = office.desk.dead_jobs(batch.id)
    assert (dead.code, dead.detail["record"]) == ("TERM_ENDED", victim)
    new_id = office.desk.requeue(batch.id, "TERM_ENDED", [victim])
    office.world.work()
    assert new_id is not None
    assert (office.desk.batch(new_id).state, office.desk.batch(new_id).size) == (BatchState.SIGNED, 2)
    assert office.desk.dead_jobs(batch.id) == ()


def test_figures_count_what_became_final(office: IssuingOffice) -> None:
    office.import_all(deposit_table(range(3)))
    assert sum(figure.issued for figure in office.desk.figures([ISSUER])) == 0
    office.world.finish()
    figures = office.desk.figures([ISSUER])
    assert (len(figures), figures[-1].issued, figures[-1].day) == (30, 3, shanghai_day(START))


def test_templates_hold_an_example_that_the_import_takes(office: IssuingOffice) -> None:
    for kind in office.world.types.values():
        today = shanghai_day(START)
        bound = RowChecker(kind, RustSchemaValidator(kind.schema), "demo", today).bind(
            [field.headers[0] for field in kind.fields]
        )
        assert bound.check(2, example_row(kind)).errors == ()
        book = open_rows(office.sheets.template("xlsx", kind.ref, ("数据", "示例")))
        assert list(book.header or ()) == [field.headers[0] for field in kind.fields]
        assert list(book.rows()) == []
        assert len(list(open_rows(office.sheets.template("csv", kind.ref, ("数据", "示例"))).rows())) == 1


def test_what_is_taken_away_holds_no_formula(office: IssuingOffice) -> None:
    for text in ("=1+1", "+1", "-1", "@a", "\t=1"):
        assert escape_formula(text) == "'" + text
    data = office.sheets.write("csv", "x", ["=a"], [["=cmd|' /C calc'!A0"]])
    assert data.decode("utf-8-sig").splitlines() == ["'=a", "'=cmd|' /C calc'!A0"]
    table = open_rows(office.sheets.write("xlsx", "x", ["a"], [["=1+1"]]))
    assert [cells for _, cells in table.rows()] == [["=1+1"]], "a text, not a formula"


def test_findings_and_jobs_hold_no_value_of_a_row(office: IssuingOffice) -> None:
    office.checked(spoiled(range(3), [1]))
    with office.world.store.database.read() as connection:  # type: ignore[attr-defined]
        told = json.dumps(
            [
                [str(cell) for cell in row]
                for table in ("intake", "intake_finding", "outbox")
                for row in connection.exec_driver_sql(f"SELECT * FROM {table}")  # noqa: S608  our own words
            ],
            ensure_ascii=False,
        )
    for value in {*deposit_row(0), *deposit_row(1)} - {"01", "0.08", "0.12"}:
        assert len(value) < 6 or value not in told
