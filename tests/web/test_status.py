"""Changes of status at the pages: one and many, whole batches, by one person or two, with their reasons."""

from __future__ import annotations

import io
import re

import pytest
import xlsxwriter
from werkzeug.test import TestResponse

from ledger.core.flow import proof_number
from ledger.core.model import ReasonClass
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.core.status import Status
from ledger.services.status import Grounds
from tests.desk_world import APPROVERS, MAKERS, Desk, words
from tests.flow_world import ISSUER
from tests.office_world import PASSWORD, Client, Office, log_in
from tests.signing_world import HomeKeys

WHY = {"reason": "issuer_error", "legal_basis": "条例第五条", "document": "岚金管〔2026〕7号"}


@pytest.fixture(scope="module")
def desk(office: Office) -> Desk:
    return Desk(office)


def ask(client: Client, **fields: object) -> TestResponse:
    return client.post_form("/status/new", {**WHY, **fields}, content_type="multipart/form-data")


def status_of(desk: Desk, name: bytes) -> Status:
    standing = desk.office.parts.signing.status_desk.standing(ISSUER, name)
    assert standing.status is not None
    return standing.status


def two_sign(desk: Desk, case_path: str) -> None:
    case_id = case_path.rsplit("/", maxsplit=1)[-1].split("?", maxsplit=1)[0]
    keys = desk.keys
    approver = APPROVERS.signer_id.hex()
    path = f"/signing/cases/{case_id}"
    done = desk.sign(desk.clerk, f"{path}/make", MAKERS, key=keys[Role.CLERK].id, approver=approver)
    assert done.status_code == 200, words(done)
    assert "须由另一人复核" in words(desk.clerk.get(f"/status/cases/{case_id}"))
    assert case_id in words(desk.approver.get("/status"))
    done = desk.sign(desk.approver, f"{path}/approve", APPROVERS, key=keys[Role.APPROVER].id)
    assert done.status_code == 200, words(done)
    desk.office.world.work()


def test_one_is_suspended_at_once_and_resumed_by_two(desk: Desk) -> None:
    name = desk.names(desk.released())[0]
    number = proof_number(name)
    done = ask(desk.clerk, change="suspend", numbers=number.lower())
    assert done.status_code == 303
    assert "几秒内生效" in words(desk.clerk.get(done.location))
    desk.office.world.work()
    assert status_of(desk, name) is Status.SUSPENDED
    assert "已生效" in words(desk.clerk.get(done.location))
    again = ask(desk.clerk, change="suspend", numbers=number)
    assert again.status_code == 422
    assert "现在是“已暂停”" in words(again)
    done = ask(desk.clerk, change="resume", numbers=name.hex())
    assert "待经办确认" in words(desk.clerk.get(done.location))
    two_sign(desk, done.location)
    assert status_of(desk, name) is Status.VALID
    page = words(desk.clerk.get(f"/status/credentials/{name.hex()}"))
    assert page.count("岚金管〔2026〕7号") == 2
    assert desk.office.client(Role.AUDITOR).get(f"/status/credentials/{name.hex()}").status_code == 200
    foreign = desk.office.client(Role.CLERK, "foreign")
    assert foreign.get(f"/status/credentials/{name.hex()}").status_code == 404
    assert foreign.get(done.location).status_code == 404
    assert ask(foreign, change="suspend", numbers=number).status_code == 422


def workbook(rows: list[list[str]]) -> bytes:
    held = io.BytesIO()
    with xlsxwriter.Workbook(held) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    return held.getvalue()


def test_many_are_changed_together_or_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    names = desk.names(desk.released(5)) + desk.names(desk.released(2))
    numbers = [proof_number(name) for name in names]
    bad = "\n".join([*numbers, "0000-0000-0000-0000", "no number"])
    refused = ask(desk.clerk, change="void", numbers=bad)
    assert refused.status_code == 422
    assert "一个也没有变更" in words(refused)
    assert "本机构没有签发过" in words(refused)
    file = workbook([["证明编号", "备注"], *([number, "错"] for number in numbers[:5])])
    fields = {"change": "void", "numbers": " ".join(numbers[5:]), "file": (io.BytesIO(file), "list.xlsx")}
    done = ask(desk.clerk, **fields)
    assert done.status_code == 303, words(done)
    assert "涉及 7 张证照" in words(desk.clerk.get(done.location))
    case = done.location.split("/")[-1].split("?")[0]
    asked = desk.ask(
        desk.clerk,
        f"/signing/cases/{case}/make",
        key=desk.keys[Role.CLERK].id,
        approver=APPROVERS.signer_id.hex(),
    )
    assert asked.get_json()["count"] == 2, "one signature for each batch that is touched"
    two_sign(desk, done.location)
    assert {status_of(desk, name) for name in names} == {Status.VOID}
    for data, kind in ((b"\xff\xfe\x00\x01" * 9, "x.txt"), (b"PK\x03\x04 broken", "x.xlsx")):
        refused = ask(desk.clerk, change="void", numbers="", file=(io.BytesIO(data), kind))
        assert refused.status_code == 422, kind
    # reason: two hundred certificates take long to issue
    monkeypatch.setattr("web.status.pages.SHOWN", 3)
    assert "只列出前 3 个" in words(desk.clerk.get(f"/status/cases/{case}"))
    text = "\n".join(numbers).encode("gb18030")
    refused = ask(desk.clerk, change="void", file=(io.BytesIO(text), "list.txt"))
    assert words(refused).count("现在是“已作废”") == 3
    assert "7 个编号不能这样变更" in words(refused)
    assert "只列出前 3 个" in words(refused)


def test_a_batch_is_withdrawn_by_two(desk: Desk) -> None:
    batch_id = desk.released()
    page = words(desk.clerk.get(f"/status/new?batch={batch_id}"))
    assert "整批证照都无效" in page
    done = ask(desk.clerk, batch=batch_id)
    assert done.status_code == 303
    two_sign(desk, done.location)
    name = desk.names(batch_id)[0]
    standing = desk.office.parts.signing.status_desk.standing(ISSUER, name)
    assert standing.withdrawn_at is not None
    assert "撤回整批" in words(desk.clerk.get(f"/status/credentials/{name.hex()}"))
    assert ask(desk.clerk, batch=batch_id).status_code == 409
    foreign = desk.office.client(Role.CLERK, "foreign")
    assert foreign.get(f"/status/new?batch={batch_id}").status_code == 404
    assert ask(foreign, batch=batch_id).status_code == 404


def test_only_what_the_agencys_types_know_is_offered_and_the_refusal_says_what_to_use(desk: Desk) -> None:
    page = words(desk.clerk.get("/status/new"))
    offered = re.findall(r'name="change" type="radio" value="(\w+)"', page)
    assert offered == ["suspend", "resume", "void", "cancel"], "a deposit proof is never revoked"
    name = desk.names(desk.released(1))[0]
    refused = ask(desk.clerk, change="revoke", numbers=name.hex())
    assert refused.status_code == 422
    assert "此类证照没有“吊销”这种状态，请用：注销、作废" in words(refused)
    assert status_of(desk, name) is Status.VALID


def form_word(page: TestResponse) -> str:
    found = re.search(r'name="form" value="([0-9a-f]{32})"', words(page))
    assert found is not None
    return found[1]


def test_the_same_form_sent_twice_is_one_case(desk: Desk) -> None:
    first, second = desk.names(desk.released(2))
    form = form_word(desk.clerk.get("/status/new"))
    fields = {"change": "void", "numbers": first.hex(), "form": form}
    done, again = ask(desk.clerk, **fields), ask(desk.clerk, **fields)
    assert done.status_code == 303
    assert again.location == done.location
    cases = desk.office.parts.signing.status.cases().cases
    assert sum(case.names == (first.hex(),) for case in cases) == 1
    other = ask(desk.clerk, **{**fields, "numbers": second.hex()})  # the back button, then other numbers
    assert other.status_code == 303
    assert other.location != done.location
    colleague = desk.office.parts.people.add("second-clerk", "第二经办", by=None, password=PASSWORD)
    desk.office.parts.people.give_role(colleague, ISSUER, Role.CLERK, by=None)
    browser = desk.office.nobody()
    assert log_in(browser, "second-clerk", PASSWORD).status_code == 303
    assert ask(browser, **fields).location != done.location, "nobody lands in a colleague's case"
    # suspending is in force by the time that the second press arrives: it is no error
    fields = {"change": "suspend", "numbers": second.hex(), "form": form_word(desk.clerk.get("/status/new"))}
    done = ask(desk.clerk, **fields)
    desk.office.world.work()
    assert status_of(desk, second) is Status.SUSPENDED
    again = ask(desk.clerk, **fields)
    assert (again.status_code, again.location) == (303, done.location.replace("done=new", "done=sent"))
    batch_id = desk.released(1)
    fields = {"batch": str(batch_id), "form": form_word(desk.clerk.get(f"/status/new?batch={batch_id}"))}
    assert ask(desk.clerk, **fields).location == ask(desk.clerk, **fields).location


def test_a_case_of_the_command_line_is_told_too_and_the_list_has_pages(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = desk.names(desk.released(3))
    status, grounds = desk.office.parts.signing.status, Grounds(ReasonClass.ADMINISTRATIVE, "规程", "3 号")
    desk.office.clock.advance(1)
    case = status.draft([first], Status.SUPERSEDED, grounds)  # as `ecert status set --to superseded`
    for path in ("/status", f"/status/cases/{case.id}", f"/status/credentials/{first.hex()}"):
        answer = desk.clerk.get(path)
        assert answer.status_code == 200, path
        assert "标为已换发" in words(answer), path
    root = desk.office.world.store.batches.place(second).root
    signer = HomeKeys().signer(ISSUER, ChainRole.MAKER)
    other = HomeKeys().signer(ISSUER, ChainRole.APPROVER).signer_id
    desk.office.clock.advance(1)
    named = status.make_withdrawal_of(ISSUER, root, grounds, signer, other)
    history = words(desk.clerk.get(f"/status/credentials/{third.hex()}"))
    assert f"/status/cases/{named.id}" in history, "a withdrawal that names the batch by its root"
    # reason: fifty cases would take ten seconds to make
    monkeypatch.setattr("web.status.pages.CASES_A_PAGE", 1)
    newest = words(desk.clerk.get("/status"))
    assert named.id in newest
    assert case.id not in newest
    assert case.id in words(desk.clerk.get("/status?page=2"))
    assert desk.clerk.get(f"/status?page={1 << 70}").status_code == 200


def test_a_form_says_what_is_missing_and_keeps_what_was_typed(desk: Desk) -> None:
    bare = desk.clerk.post_form("/status/new", {"legal_basis": "条例<b>"}, content_type="multipart/form-data")
    assert bare.status_code == 422
    page = words(bare)
    for field in ("change", "reason", "document", "numbers"):
        assert f'href="#{field}"' in page, field
    assert "条例&lt;b&gt;" in page
    assert re.search(r'id="numbers-error"', page)


def test_a_change_is_given_up_before_its_approval_and_a_refused_call_says_what_to_do(desk: Desk) -> None:
    first, second, _third = desk.names(desk.released())
    done = ask(desk.clerk, change="cancel", numbers=first.hex())
    if done.status_code == 422:  # the type knows no such status
        done = ask(desk.clerk, change="void", numbers=first.hex())
    case = done.location.split("?")[0]
    dropped = desk.clerk.post_form(f"{case}/drop")
    assert dropped.status_code == 303
    assert "已放弃" in words(desk.clerk.get(case))
    assert desk.clerk.post_form(f"{case}/drop").status_code == 409
    done = ask(desk.clerk, change="void", numbers=second.hex())
    case_id = done.location.split("/")[-1].split("?")[0]
    path = f"/signing/cases/{case_id}"
    keys = desk.keys
    desk.sign(desk.clerk, f"{path}/make", MAKERS, key=keys[Role.CLERK].id, approver=APPROVERS.signer_id.hex())
    desk.sign(desk.approver, f"{path}/approve", APPROVERS, key=keys[Role.APPROVER].id)
    desk.signing.give_role(APPROVERS.signer_id, ChainRole.APPROVER, until=0)
    desk.office.world.work()
    page = words(desk.clerk.get(f"/status/cases/{case_id}"))
    assert "没有相应角色" in page
    desk.signing.give_role(APPROVERS.signer_id, ChainRole.APPROVER)
    assert desk.clerk.get("/status/cases/" + "0" * 32).status_code == 404
    assert desk.clerk.get("/status/credentials/" + "z" * 32).status_code == 404
