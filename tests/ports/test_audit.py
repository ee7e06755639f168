"""The audit log: the chain of its rows, and everything that can be done to it behind our back."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from ledger.adapters.audit_head_file import AuditHeadFile
from ledger.adapters.audit_sql import SqlAudit
from ledger.adapters.store_database import open_database
from ledger.adapters.system import ManualClock, SystemEntropy
from ledger.adapters.tables_people import audit_head, audit_row
from ledger.adapters.vault import VaultKeys
from ledger.core.audit import Head, check_rows, head_text, link_of, plain_cell
from ledger.core.people import Actor, Role
from ledger.services.audit import AuditService

NOW = 1_795_305_600
KEYS = VaultKeys.from_secret(bytes(range(64)))
ACTOR = Actor(
    7, "某人", "12990100XXXX000190", frozenset({Role.CLERK}), frozenset({"12990100XXXX000190"}), session=3
)


@pytest.fixture
def opened(tmp_path: Path):
    clock = ManualClock(NOW)
    database = open_database(tmp_path / "store.db", clock)
    note = AuditHeadFile(tmp_path / "head.json")
    service = AuditService(SqlAudit(database), note, KEYS.index, clock, SystemEntropy())
    yield service, database, note
    database.close()


def write(service: AuditService, count: int = 6) -> None:
    for number in range(count):
        service.note(ACTOR, "batch.approve", f"batch/{number}", size=number, reason="ok", none=None)


def test_rows_follow_each_other_and_say_who_did_what_for_whom(opened):
    service, _, _ = opened
    assert service.fault() is None  # an empty log is whole
    write(service)
    service.note(None, "login.wrong", "login", person=9, uscc="12990100MB00002114")
    rows = service.rows({ACTOR.uscc})
    assert [row.number for row in rows] == [6, 5, 4, 3, 2, 1]
    assert (rows[0].person, rows[0].session, rows[0].at) == (7, 3, NOW)
    assert json.loads(rows[0].facts) == {"size": 5, "reason": "ok", "none": None}
    assert [row.person for row in service.rows({"12990100MB00002114"})] == [9]
    assert [row.number for row in service.rows(None, before=4, count=2)] == [3, 2]
    assert service.rows(set()) == []
    assert [row.number for row in service.rows(None, action="login.")] == [7]
    assert len({row.salt for row in rows}) == 6
    assert service.fault() is None


def changed(database, statement) -> None:
    with database.write() as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("column", "value"),
    [("at", NOW - 1), ("person_id", 8), ("session_id", None), ("uscc", "x"), ("action", "batch.refuse"),
     ("subject", "batch/9"), ("facts", "{}"), ("salt", bytes(16)), ("link", bytes(32))],
)  # fmt: skip
@pytest.mark.parametrize("number", [1, 3, 6])
def test_an_edited_row_is_found(opened, column, value, number):
    service, database, _ = opened
    write(service)
    changed(database, sa.update(audit_row).where(audit_row.c.number == number).values({column: value}))
    fault = service.fault()
    assert (fault.kind, fault.number) == ("edited", number)


@pytest.mark.parametrize(("number", "kind"), [(1, "gap"), (3, "gap"), (6, "cut")])
def test_a_deleted_row_is_found(opened, number, kind):
    service, database, _ = opened
    write(service)
    changed(database, sa.delete(audit_row).where(audit_row.c.number == number))
    assert (service.fault().kind, service.fault().number) == (kind, number)


def test_re_ordered_rows_are_found(opened):
    service, database, _ = opened
    write(service)
    for one, other in ((2, -2), (3, 2), (-2, 3)):
        changed(database, sa.update(audit_row).where(audit_row.c.number == one).values(number=other))
    assert (service.fault().kind, service.fault().number) == ("edited", 2)


def forged(database, upto: int, seal: bytes = bytes(32)) -> None:
    """What somebody does who writes the whole table: a consistent chain, cut off at `upto`."""
    _, rows = SqlAudit(database).snapshot()
    link = bytes(32)
    with database.write() as connection:
        connection.execute(sa.delete(audit_row).where(audit_row.c.number > upto))
        for row in rows[:upto]:
            changed_row = replace(row, action="nothing.happened")
            link = link_of(changed_row, link)
            connection.execute(
                sa.update(audit_row)
                .where(audit_row.c.number == row.number)
                .values(action=changed_row.action, link=link)
            )
        connection.execute(sa.update(audit_head).values(number=upto, link=link, seal=seal))


def test_a_chain_made_anew_by_who_has_no_key_is_found(opened):
    service, database, note = opened
    write(service)
    note._path.unlink()  # even without the note outside
    forged(database, 6)
    assert service.fault().kind == "seal"


def test_rows_cut_off_with_their_head_are_found(opened):
    service, database, note = opened
    write(service, 4)
    kept = SqlAudit(database).head()
    write(service, 2)
    with database.write() as connection:  # an older state of table and head, with its own good seal
        connection.execute(sa.delete(audit_row).where(audit_row.c.number > 4))
        connection.execute(sa.update(audit_head).values(number=4, link=kept.link, seal=kept.seal))
    assert service.fault().kind == "rolled_back"
    assert note.load().number == 6
    service.note(ACTOR, "batch.approve", "batch/9")
    service.note(ACTOR, "batch.approve", "batch/9")  # grown back to six: another row bears the number
    assert (service.fault().kind, service.fault().number) == ("rolled_back", 6)


def test_everything_gone_is_found(opened):
    service, database, _ = opened
    write(service)
    changed(database, sa.delete(audit_row))
    changed(database, sa.update(audit_head).values(number=0, link=bytes(32), seal=bytes(32)))
    assert service.fault().kind == "rolled_back"


def test_the_note_never_goes_back(opened):
    _, _, note = opened
    note.save(Head(5, b"5" * 32, b"s" * 32))
    note.save(Head(4, b"4" * 32, b"s" * 32))
    assert note.load().number == 5


def test_no_key_no_seal(opened):
    service, database, _ = opened
    write(service)
    head, rows = SqlAudit(database).snapshot()
    assert head.seal == KEYS.index("audit-head", head_text(head.number, head.link))
    assert check_rows(rows, head) is None


WRITER = """
import sys
from pathlib import Path
from ledger.adapters.audit_head_file import AuditHeadFile
from ledger.adapters.audit_sql import SqlAudit
from ledger.adapters.store_database import open_database
from ledger.adapters.system import SystemClock, SystemEntropy
from ledger.adapters.vault import VaultKeys
from ledger.services.audit import AuditService
folder = Path(sys.argv[1])
database = open_database(folder / "store.db", SystemClock())
service = AuditService(SqlAudit(database), AuditHeadFile(folder / "head.json"),
                       VaultKeys.from_secret(bytes(range(64))).index, SystemClock(), SystemEntropy())
for number in range(40):
    service.note(None, "test.write", sys.argv[2] + "/" + str(number))
"""


def test_two_processes_that_write_at_once_leave_no_gap(opened, tmp_path):
    service, _, note = opened
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in ("a", "b")]
    for writer in writers:
        assert writer.wait(60) == 0
    rows = service.rows(None, count=200)
    assert [row.number for row in rows] == list(range(80, 0, -1))
    for name in ("a", "b"):
        mine = [row.subject for row in reversed(rows) if row.subject.startswith(name)]
        assert mine == [f"{name}/{number}" for number in range(40)]
    assert service.fault() is None
    assert note.load().number == 80


@pytest.mark.parametrize(
    ("text", "cell"),
    [("=1+1", "'=1+1"), ("+8613", "'+8613"), ("-1", "'-1"), ("@x", "'@x"), ("\t=1", "'\t=1"), ("batch/1", "batch/1"), ("", "")],
)  # fmt: skip
def test_cells_are_no_formulas(text, cell):
    assert plain_cell(text) == cell


def test_exports_say_everything_once(opened):
    service, _, _ = opened
    write(service, 2)
    service.note(ACTOR, "=cmd|' /C calc'!A0", "=1+1", note='x,y\n"z"')
    lines = list(service.export_csv({ACTOR.uscc}))
    assert lines[0].startswith("number,at,uscc,person")
    assert len(lines) == 4
    assert "'=cmd|" in lines[3]
    assert "'=1+1" in lines[3]
    told = [json.loads(line) for line in service.export_lines({ACTOR.uscc})]
    assert [one["number"] for one in told] == [1, 2, 3]
    assert list(service.export_lines({"12990100MB00002114"})) == []
