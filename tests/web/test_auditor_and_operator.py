"""The auditor's and the operator's pages: what their own subtree shows, and what another try does."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

import pytest

from ledger.core.flow import JobKind, NewJob
from ledger.core.health import Expiry
from ledger.core.people import Role
from ledger.core.tokens import Scope
from tests.flow_world import ISSUER, ListTable, deposit_row
from tests.office_world import FOREIGN, Office


@pytest.fixture(scope="module")
def busy(office: Office) -> Office:
    """The office with a released batch and one dead letter of its own and one of a stranger."""
    office.world.issue_all(ListTable([deposit_row(1), deposit_row(2)]))
    outbox = office.world.store.outbox
    for issuer in (ISSUER, FOREIGN):
        outbox.enqueue(NewJob(JobKind.PUBLISH, f"publish:{issuer}:7:test", {"issuer": issuer, "list": 7}))
        lease = outbox.claim((JobKind.PUBLISH,), "test", 60)
        assert lease is not None
        outbox.bury(lease, "FILE_NOT_WRITABLE", {})
    return office


def dead(office: Office) -> dict[str, int]:
    jobs = office.world.store.outbox.jobs(dead=True)
    return {str(job.payload["issuer"]): job.id for job in jobs}


def test_the_operator_sees_own_dead_letters_only_and_tries_again_once(busy: Office):
    client = busy.client(Role.OPERATOR)
    page = client.get("/operate").text
    own, foreign = dead(busy)[ISSUER], dead(busy)[FOREIGN]
    assert f"/operate/jobs/{own}/retry" in page
    assert f"/operate/jobs/{foreign}/retry" not in page
    assert client.post_form(f"/operate/jobs/{foreign}/retry").status_code == 404
    assert FOREIGN in dead(busy)
    assert client.post_form(f"/operate/jobs/{own}/retry").status_code == 303
    assert ISSUER not in dead(busy)
    assert client.post_form(f"/operate/jobs/{own}/retry").status_code == 404
    assert [row.subject for row in busy.parts.audit.rows(None, action="job.retry")] == [f"job/{own}"]


def test_the_live_part_is_the_pages_own(busy: Office):
    client = busy.client(Role.OPERATOR)
    live = client.get("/operate/live")
    assert live.status_code == 200
    assert "<html" not in live.text
    for language in ("zh", "en", "bo"):
        assert client.get(f"/operate?lang={language}").status_code == 200


def test_the_operator_reads_names_and_words(busy: Office, monkeypatch: pytest.MonkeyPatch):
    clock, health = busy.parts.clock, busy.parts.health
    facts = ((Expiry(ISSUER, "credential", clock.now() + 86_400),), (2, clock.now() + 45))
    # reason: the world's keys have no certificates that a file names, and its lists are not published
    monkeypatch.setattr(health, "_slow_facts", lambda _: facts)
    page = busy.client(Role.OPERATOR).get("/operate?lang=zh").text
    agency = busy.parts.people.organisations()[ISSUER].name("zh")
    assert f">{agency}</td>" in page
    assert ">1 天</td>" in page
    assert ">签发证照</td>" in page
    assert f">{ISSUER}</td>" not in page
    assert ">credential</td>" not in page
    assert "成功" in page  # each bar of the answers has its name
    assert "2xx" not in page
    assert "正常：2 份" in page  # lists that renew themselves are no alarm
    assert "45" not in page.split("正常：2 份")[1][:40]


def test_the_auditor_reads_the_log_of_the_subtree(busy: Office):
    client = busy.client(Role.AUDITOR)
    stranger = busy.client(Role.AUDITOR, "foreign")
    busy.parts.audit.note(None, "people.add", "person/4242", uscc=ISSUER, rows=7)
    assert "/account/log-out" in client.get("/audit").text  # the frame still knows who is logged in
    assert "人员 4242" in client.get("/audit").text
    assert "行数：7" in client.get("/audit").text  # no JSON
    assert "{&#34;" not in client.get("/audit").text
    assert "人员 4242" not in stranger.get("/audit").text
    assert "人员 4242" not in client.get("/audit?action=login").text
    assert "人员 4242" in client.get("/audit?action=people").text
    assert "人员 4242" in client.get("/audit?action=people.add").text
    assert "人员 4242" not in client.get("/audit?action=people.ad").text


def test_exports_hold_the_subtree_and_are_noted(busy: Office):
    client = busy.client(Role.AUDITOR)
    busy.parts.audit.note(None, "people.add", "=1+1", uscc=ISSUER)
    busy.parts.audit.note(None, "people.add", "person/777", uscc=FOREIGN)
    table = client.get("/audit/export/csv").text
    lines = [json.loads(line) for line in client.get("/audit/export/jsonl").text.splitlines()]
    assert "person/777" not in table
    assert not any(line["subject"] == "person/777" for line in lines)
    assert "'=1+1" in table
    assert any(line["action"] == "audit.export" for line in lines)
    assert client.get("/audit/export/exe").status_code == 404


def test_the_evidence_of_a_batch_is_for_its_own_auditor(busy: Office):
    batch = busy.world.store.batches.batches(ISSUER)[0]
    auditor, path = busy.client(Role.AUDITOR), f"/audit/batch/{batch.id}"
    assert f'href="{path}"' in auditor.get(f"/desk/batches/{batch.id}").text
    assert f'href="{path}"' not in busy.client(Role.CLERK).get(f"/desk/batches/{batch.id}").text
    answer = auditor.get(path)
    told = json.loads(answer.data)
    assert batch.root is not None
    assert told["root"] == "0x" + batch.root.hex()
    assert told["maker_signature"].startswith("0x01")
    assert told["block"]["number"] > 0
    assert busy.client(Role.AUDITOR, "foreign").get(f"/audit/batch/{batch.id}").status_code == 404


def test_the_evidence_holds_the_batchs_own_rows_however_much_came_since(
    busy: Office, monkeypatch: pytest.MonkeyPatch
):
    batch = busy.world.store.batches.batches(ISSUER)[0]
    number = busy.parts.audit.note(None, "batch.made", f"batch/{batch.id}", uscc=ISSUER)
    # reason: ten thousand rows would take long to write
    monkeypatch.setattr("web.audit.views.MOST_ROWS", 5)
    for other in range(6):
        busy.parts.audit.note(None, "people.add", f"person/{other}", uscc=ISSUER)
    told = json.loads(busy.client(Role.AUDITOR).get(f"/audit/batch/{batch.id}").data)
    assert number in [row["number"] for row in told["log"]]


@pytest.mark.parametrize("path", ["/audit?before={}", "/audit?person={}", "/audit/batch/{}", "/approve/{}"])
def test_a_number_that_no_database_holds_is_no_fault_of_ours(busy: Office, path: str):
    role = Role.APPROVER if path.startswith("/approve") else Role.AUDITOR
    assert busy.client(role).get(path.format(1 << 70)).status_code in {200, 404}
    _, secret = busy.parts.programs.tokens.add(ISSUER, "test", [Scope.BATCHES], 30, "test")
    headers = {"Authorization": f"Bearer {secret}"}
    assert busy.nobody().get(f"/api/v1/batches/{1 << 70}", headers=headers).status_code == 404


def test_an_edited_row_is_told_on_the_auditors_page(busy: Office):
    client = busy.client(Role.AUDITOR)
    number = busy.parts.audit.note(None, "people.add", "person/1", uscc=ISSUER)
    assert "notice--bad" not in client.get("/audit").text
    with sqlite3.connect(busy.parts.home.store_file) as connection:
        before = connection.execute("SELECT facts FROM audit_row WHERE number = ?", (number,)).fetchone()
        connection.execute("UPDATE audit_row SET facts = '{\"x\":1}' WHERE number = ?", (number,))
    connection.close()
    assert before is not None
    assert "notice--bad" in client.get("/audit").text


def test_the_desk_of_an_auditor_above_counts_the_subtree(busy: Office, monkeypatch: pytest.MonkeyPatch):
    auditor = busy.client(Role.AUDITOR, "foreign")
    assert "近 30 天签发 0 张" in auditor.get("/desk").text
    known = dict(busy.parts.people.organisations())
    known[ISSUER] = replace(known[ISSUER], parent=FOREIGN)
    # reason: the world's only agency stands on the chain without anybody above it
    monkeypatch.setattr(busy.parts.people._tree, "organisations", lambda: known)
    page, batches = auditor.get("/desk").text, auditor.get("/desk/batches").text
    assert "近 30 天签发 2 张" in page
    assert known[ISSUER].name("zh") in batches
    assert f">{ISSUER}</td>" not in batches
    clerk = busy.client(Role.CLERK, "foreign").get("/desk").text
    assert "近 30 天签发 0 张" in clerk  # a clerk's desk holds the clerk's own work
