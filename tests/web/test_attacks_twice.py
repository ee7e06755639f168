"""Pressed twice, gone back, two at once, changed meanwhile; and what is told while something is away or full."""

from __future__ import annotations

import io
import re
import sqlite3
import threading
from contextlib import closing

import pytest
import sqlalchemy as sa

from ledger.core.accounts import IDLE_S
from ledger.core.errors import UnavailableError
from ledger.core.flow import BatchState
from ledger.core.jose import b64url_decode
from ledger.core.people import Role
from tests.desk_world import APPROVERS, Desk, spell
from tests.flow_world import deposit_table
from tests.intake_world import IssuingOffice
from tests.integration.test_intake import form_of
from tests.office_world import OWN
from tests.web.test_attacks import known_free_calls

CODE = "HPF_PERSONAL_DEPOSIT"


@pytest.fixture(scope="module")
def issuing(office):
    return IssuingOffice(office.world)


@pytest.fixture(scope="module")
def desk(office, issuing):
    return Desk(office)


def draft_of(client, number: int) -> str:
    page = client.get(f"/desk/issue/{CODE}").text
    name = re.search(r'name="draft" value="([0-9a-f]{32})"', page)[1]
    fields = {f"f_{key}": value for key, value in form_of(number).items()}
    assert client.post_form(f"/desk/issue/{CODE}", {"draft": name, **fields}).status_code == 303
    return name


def test_a_form_handed_in_twice_and_gone_back_to_is_issued_once(office, desk):
    clerk = office.client(Role.CLERK)
    name = draft_of(clerk, 3_001)
    first, second = (clerk.post_form(f"/desk/drafts/{name}/submit") for _ in range(2))
    assert (first.status_code, first.location) == (303, second.location)
    fields = {f"f_{key}": value for key, value in form_of(3_001).items()}
    # the back button: the form is still on the screen and is sent again, or asked for again
    for again in (
        clerk.post_form(f"/desk/issue/{CODE}", {"draft": name, **fields}),
        clerk.post_form(f"/desk/drafts/{name}", {"draft": name, **fields}),
        clerk.get(f"/desk/drafts/{name}"),
        clerk.get(f"/desk/drafts/{name}/check"),
        clerk.post_form(f"/desk/drafts/{name}/submit"),
    ):
        assert (again.status_code, again.location) == (303, first.location)
    office.world.work()
    found = office.parts.issuing.search(OWN, form_of(3_001)["account_no"])
    assert len(found) == 1


def test_a_session_that_ends_in_the_middle_of_an_import_keeps_the_work(office, desk):
    clerk = office.client(Role.CLERK)
    data = deposit_table(range(3_100, 3_104)).csv().encode()
    where = clerk.post_form(f"/desk/import/{CODE}", {"file": (io.BytesIO(data), "a.csv")}).location
    token = clerk.token()
    office.clock.advance(IDLE_S + 1)
    late = clerk.post(f"{where}/submit", data={"token": token}, headers={"Origin": "https://fund.example"})
    assert late.status_code == 303
    assert "/account/log-in" in late.location
    office.world.work()
    again = office.client(Role.CLERK)
    assert "提交 4 行" in again.get(where).text
    assert again.post_form(f"{where}/submit").status_code == 303
    office.world.work()
    assert "待经办确认" in again.get(where).text
    desk.clerk, desk.approver = office.client(Role.CLERK), office.client(Role.APPROVER)


def test_two_approvers_at_once_approve_once(office, desk):
    """Two browsers, both signed, sent at the same moment: one yes, one entry on chain."""
    batch = desk.batch()
    assert desk.make(batch).status_code == 200
    other = office.client(Role.APPROVER)
    ready = []
    for client in (desk.approver, other):
        asked = desk.ask(client, f"/signing/batches/{batch}/approve", key=desk.keys[Role.APPROVER].id)
        value = asked.get_json()
        signed = [spell(APPROVERS.get(b64url_decode(one))) for one in value["challenges"]]
        ready.append((client, value["complete"], {"signatures": signed}, client.token()))
    start, statuses = threading.Barrier(2), []

    def send(client, path, body, _token):
        start.wait()
        statuses.append(desk.json(client, path, body).status_code)

    threads = [threading.Thread(target=send, args=one) for one in ready]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409]
    before = len(list(office.world.view.anchors()))
    office.world.work()
    assert desk.state(batch) is BatchState.RELEASED
    assert len(list(office.world.view.anchors())) == before + 1


def test_what_changed_since_it_was_looked_at_is_not_approved(office, desk):
    batch = desk.batch()
    assert desk.make(batch).status_code == 200
    path = f"/signing/batches/{batch}/approve"
    asked = desk.ask(desk.approver, path, key=desk.keys[Role.APPROVER].id).get_json()
    signed = {"signatures": [spell(APPROVERS.get(b64url_decode(one))) for one in asked["challenges"]]}
    assert (
        desk.approver.post_form(f"/approve/{batch}/return", {"reason": "错了", "requeue": "1"}).status_code
        == 303
    )
    refused = desk.json(desk.approver, asked["complete"], signed)
    assert refused.status_code == 409
    office.world.work()
    assert desk.state(batch) is BatchState.REFUSED
    newest = office.world.store.batches.batches(states=(BatchState.SIGNED,))[-1]
    assert desk.json(desk.approver, asked["complete"], signed).status_code == 409
    assert desk.state(newest.id) is BatchState.SIGNED


# Away, locked, full.


def test_a_full_disk_keeps_nothing_of_an_upload(office, desk):
    """SQLite itself says that there is no room: 503 in words, no half of a row, and the next upload is taken."""
    data = deposit_table(range(3_200, 3_900)).csv().encode()
    before = len(office.parts.intake.book.intakes([OWN], [], 0, 1_000))
    engine = office.world.store.database.engine

    def limit(connection, _record, _proxy):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 2}")

    def unlimit(connection, _record, _proxy):
        connection.execute("PRAGMA max_page_count=1000000")

    sa.event.listen(engine, "checkout", limit)
    try:
        answer = desk.clerk.post_form(f"/desk/import/{CODE}", {"file": (io.BytesIO(data), "a.csv")})
    finally:
        sa.event.remove(engine, "checkout", limit)
        sa.event.listen(engine, "checkout", unlimit)
    try:
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert len(office.parts.intake.book.intakes([OWN], [], 0, 1_000)) == before
        again = desk.clerk.post_form(f"/desk/import/{CODE}", {"file": (io.BytesIO(data), "a.csv")})
        assert again.status_code == 303
    finally:
        sa.event.remove(engine, "checkout", unlimit)


def released_bundle(office) -> bytes:
    """A bundle that is out; made here when no other test was first."""
    if not office.world.bundles():
        office.world.issue_all(deposit_table(range(3_900, 3_902)))
    return next(iter(office.world.bundles().values()))


def test_while_somebody_else_holds_the_database_checking_goes_on(office, desk):
    """Another program's write lock, really held: what must be kept says 503, what is looked up is shown."""
    engine = office.world.store.database.engine

    def impatient(connection, _record, _proxy):
        connection.execute("PRAGMA busy_timeout=50")

    def patient(connection, _record, _proxy):
        connection.execute("PRAGMA busy_timeout=30000")

    bundle = released_bundle(office)
    sa.event.listen(engine, "checkout", impatient)
    try:
        with closing(sqlite3.connect(office.folder / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            data = deposit_table(range(3_950, 3_952)).csv().encode()
            answer = desk.clerk.post_form(f"/desk/import/{CODE}", {"file": (io.BytesIO(data), "a.csv")})
            assert answer.status_code == 503
            assert (
                office.nobody().post_form("/check/file", {"file": (io.BytesIO(bundle), "a.json")}).status_code
                == 200
            )
            other.execute("ROLLBACK")
    finally:
        sa.event.remove(engine, "checkout", impatient)
        sa.event.listen(engine, "checkout", patient)
    try:
        again = desk.clerk.post_form(f"/desk/import/{CODE}", {"file": (io.BytesIO(data), "a.csv")})
        assert again.status_code == 303
    finally:
        sa.event.remove(engine, "checkout", patient)


def test_without_a_chain_every_page_says_so_and_checking_goes_on(office, desk, monkeypatch):
    """The node is away and the copy of the ledger cannot be read: no page breaks."""
    bundle = released_bundle(office)

    def gone(*_args, **_more):
        raise UnavailableError("CHAIN_UNAVAILABLE", "The chain does not answer.")

    for part in (office.world.view, office.world.chain):
        for name in dir(type(part)):
            if not name.startswith("_") and name != "close" and callable(getattr(part, name)):
                # reason: the chain file cannot be taken away from under the fixture that all tests share
                monkeypatch.setattr(part, name, gone)
    broken = []
    for role in Role:
        client = office.client(role)
        for path in known_free_calls(office, role):
            answer = client.get(path)
            if answer.status_code >= 500 and answer.status_code != 503:
                broken.append((role.value, path, answer.status_code))
            answer.close()
    assert not broken, broken
    checked = office.nobody().post_form("/check/file", {"file": (io.BytesIO(bundle), "a.json")})
    assert checked.status_code == 200
    assert "暂时无法核验" in checked.text
