"""Printing by the clerk: order, take away, withdraw; whole batches; nobody else's."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from ledger.core.people import Role
from ledger.core.report import CheckId, Outcome
from tests.flow_world import ListTable, deposit_row
from web.paper import batches

ROWS = 5
PART = r'href="(/batches/1/prints/[0-9a-f]{32}/\d+\.zip)"'


@pytest.fixture(scope="module")
def names(office):
    office.world.issue_all(ListTable([deposit_row(number) for number in range(ROWS)]))
    return sorted(file[:32] for file in office.world.bundles())


@pytest.fixture(scope="module")
def clerk(office):
    return office.client(Role.CLERK)


def ordered(office, clerk, name, **fields):
    answer = clerk.post_form(f"/credentials/{name}/prints", {"kind": "full", "language": "zh", **fields})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.location


def test_a_clerk_prints_one_credential(office, clerk, names):
    office.world.issue_all(
        ListTable([deposit_row(ROWS)])
    )  # of this test alone: whole batches are printed too
    (name,) = {file[:32] for file in office.world.bundles()} - set(names)
    page = clerk.get(f"/credentials/{name}/prints").get_data(as_text=True)
    assert "打印证明" in page
    assert "还没有打印过" in page
    where = ordered(office, clerk, name)
    waiting = clerk.get(where).get_data(as_text=True)
    assert "正在生成" in waiting
    assert 'hx-trigger="every 1s"' in waiting
    assert clerk.get(f"{where}/file.pdf").status_code == 409
    office.world.work()
    ready = clerk.get(where).get_data(as_text=True)
    assert "下载 PDF" in ready
    assert "二维码用手机打不开" in ready, "a demonstration says that its address is invented"
    assert "hx-trigger" not in ready
    file = clerk.get(f"{where}/file.pdf")
    assert file.mimetype == "application/pdf"
    assert file.data.startswith(b"%PDF-1.7")
    assert "attachment" in file.headers["Content-Disposition"]
    assert "no-store" in file.headers["Cache-Control"]
    listed = clerk.get(f"/credentials/{name}/prints").get_data(as_text=True)
    assert where.rsplit("/", 1)[1] in listed
    assert "clerk-own" in listed


def test_the_receipt_comes_with_the_anchor(office, clerk, names):
    where = ordered(office, clerk, names[1])
    office.world.work()
    assert clerk.get(f"{where}/receipt.page.json").status_code == 409
    office.world.maker.collect(now=True)
    office.world.finish()
    assert "已入账" in clerk.get(where).get_data(as_text=True)
    receipt = clerk.get(f"{where}/receipt.page.json")
    assert receipt.get_json()["receipt"]["hash"] == "rfc9162-sha256"


def test_a_copy_for_a_purpose_asks_for_purpose_and_fields(office, clerk, names):
    path = f"/credentials/{names[0]}/prints"
    wrong = clerk.post_form(path, {"kind": "purpose", "language": "zh", "purpose": "", "fields": ["name"]})
    assert wrong.status_code == 422
    page = wrong.get_data(as_text=True)
    assert "govuk-error-summary" in page
    assert re.search(r'value="name"[^>]*checked', page)
    none = clerk.post_form(path, {"kind": "purpose", "language": "zh", "purpose": "<b>贷款</b>"})
    assert none.status_code == 422
    assert "&lt;b&gt;贷款" in none.get_data(as_text=True)
    where = ordered(
        office, clerk, names[0], kind="purpose", purpose="<b>贷款</b>", fields=["name", "balance"]
    )
    office.world.work()
    page = clerk.get(where).get_data(as_text=True)
    assert "&lt;b&gt;贷款" in page
    assert "<b>贷款" not in page
    assert "账户余额" in page


def test_the_form_sent_twice_makes_one_print(office, clerk, names):
    page = clerk.get(f"/credentials/{names[2]}/prints").get_data(as_text=True)
    number = re.search(r'name="number" value="([0-9a-f]{32})"', page)[1]
    first = ordered(office, clerk, names[2], number=number)
    assert ordered(office, clerk, names[2], number=number) == first


def test_withdrawing_is_told_on_the_page(office, clerk, names):
    where = ordered(office, clerk, names[3])
    office.world.work()
    assert clerk.post_form(f"{where}/withdraw").status_code == 303
    assert "已作废" in clerk.get(where).get_data(as_text=True)


def test_others_see_no_print(office, clerk, names):
    where = ordered(office, clerk, names[0])
    for client in (office.client(Role.CLERK, "foreign"), office.client(Role.CLERK, "child")):
        for path in (
            where,
            f"{where}/file.pdf",
            f"{where}/receipt.page.json",
            f"/credentials/{names[0]}/prints",
            "/batches/1/prints",
        ):
            assert client.get(path).status_code == 404, path
        assert client.post_form(f"{where}/withdraw").status_code == 404
    approver = office.client(Role.APPROVER)
    assert approver.get(where).status_code == 200
    assert approver.get(f"{where}/file.pdf").status_code == 403
    assert approver.post_form(f"/credentials/{names[0]}/prints", {"kind": "full"}).status_code == 403
    assert clerk.get(f"/prints/{'0' * 32}").status_code == 404
    assert clerk.get(f"/prints/{'z' * 32}").status_code == 404


def test_a_batch_comes_as_archives_that_can_be_resumed(office, clerk, names, monkeypatch):
    # reason: two hundred real prints would take ten seconds
    monkeypatch.setattr(batches, "PER_PART", 3)
    before = re.findall(PART, clerk.get("/batches/1/prints").get_data(as_text=True))
    assert clerk.post_form("/batches/1/prints", {"language": "zh"}).status_code == 303
    page = clerk.get("/batches/1/prints").get_data(as_text=True)
    assert "<progress" in page
    office.world.work()
    page = clerk.get("/batches/1/prints").get_data(as_text=True)
    parts = [part for part in re.findall(PART, page) if part not in before]
    assert len(parts) == 2
    whole = clerk.get(parts[0])
    with zipfile.ZipFile(io.BytesIO(whole.data)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3
        assert all(archive.read(name).startswith(b"%PDF") for name in archive.namelist())
    middle = len(whole.data) // 2
    begun = clerk.get(parts[0], headers={"Range": f"bytes=0-{middle - 1}"})
    rest = clerk.get(parts[0], headers={"Range": f"bytes={middle}-", "If-Range": whole.headers["ETag"]})
    assert (begun.status_code, rest.status_code) == (206, 206)
    assert begun.data + rest.data == whole.data
    assert clerk.get(parts[0], headers={"Range": "bytes=0-9", "If-Range": '"other"'}).status_code == 200
    beyond = clerk.get(parts[0], headers={"Range": f"bytes={len(whole.data)}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(whole.data)}")
    with zipfile.ZipFile(io.BytesIO(clerk.get(parts[1]).data)) as archive:
        assert len(archive.namelist()) == ROWS - 3
    assert clerk.get(parts[1].replace("/2.zip", "/3.zip")).status_code == 404
    assert clerk.get(parts[1].replace("/2.zip", "/0.zip")).status_code == 404


def test_what_people_did_is_in_the_audit_log_without_personal_data(office, clerk, names):
    where = ordered(office, clerk, names[4], kind="purpose", purpose="贷款", fields=["name"])
    assert clerk.post_form("/batches/1/prints", {"language": "en"}).status_code == 303
    office.world.work()
    assert clerk.get(f"{where}/file.pdf").status_code == 200
    assert clerk.post_form(f"{where}/withdraw").status_code == 303
    page = clerk.get("/batches/1/prints").get_data(as_text=True)
    part = re.findall(PART, page)[-1]
    assert clerk.get(part).status_code == 200
    rows = office.parts.audit.rows(None, count=500)
    actions = {row.action for row in rows}
    assert {
        "print.ordered",
        "print.taken",
        "print.withdrawn",
        "print.batch_ordered",
        "print.batch_taken",
    } <= actions
    assert all("贷款" not in row.facts for row in rows)


def test_what_we_print_passes_our_own_check(office, clerk, names):
    """Room to room: the file that a clerk takes away is what the page for verifiers reads."""
    where = ordered(office, clerk, names[4])
    office.world.work()
    data = clerk.get(f"{where}/file.pdf").data
    before = office.parts.pages.check(data)
    page = before.report.check(CheckId.PAGE)
    assert page.outcome is Outcome.UNKNOWN, page
    office.world.maker.collect(now=True)
    office.world.finish()
    after = office.parts.pages.check(data)
    page = after.report.check(CheckId.PAGE)
    assert page.outcome is Outcome.PASSED, page
    assert after.report.exit_code == 0
    changed = bytearray(data)
    changed[len(changed) // 3] ^= 1
    broken = office.parts.pages.check(bytes(changed))
    assert broken.report is None or not broken.report.accepted
