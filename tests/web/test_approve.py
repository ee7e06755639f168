"""The clerk's and the approver's pages over a real installation: sign, return, look, refuse."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ledger.core.errors import NotFoundError
from ledger.core.flow import BatchState
from ledger.core.jose import b64url_decode
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.services.signing_desk import Signer
from tests.authenticator import Authenticator
from tests.desk_world import APPROVERS, JSON, MAKERS, SITE, Desk, words
from tests.flow_world import ISSUER, deposit_table
from tests.office_world import PASSWORD, Office, log_in
from tests.signing_world import HomeKeys


@pytest.fixture(scope="module")
def desk(office: Office) -> Desk:
    return Desk(office)


def test_a_batch_goes_from_the_clerk_to_its_bundles(desk: Desk) -> None:
    batch_id = desk.batch()
    assert f"/approve/{batch_id}" in words(desk.clerk.get("/approve"))
    page = words(desk.clerk.get(f"/approve/{batch_id}"))
    assert f'action="/signing/batches/{batch_id}/make"' in page
    assert "已经办确认" not in page
    done = desk.make(batch_id)
    assert done.status_code == 200, words(done)
    assert "已经办确认" in words(desk.clerk.get(done.get_json()["location"]))
    mine = words(desk.clerk.get(f"/approve/{batch_id}"))
    assert f'action="/signing/batches/{batch_id}/approve"' not in mine
    assert "须由另一人复核" in mine
    page = words(desk.approver.get(f"/approve/{batch_id}"))
    assert f'action="/signing/batches/{batch_id}/approve"' in page
    batch = desk.office.world.store.batches.batch(batch_id)
    groups = "".join(re.findall(r"<span>([0-9a-f]{4})</span>", page))
    assert batch.root is not None
    assert groups == batch.root.hex() + desk.office.world.approve.digest(batch).hex()
    done = desk.approve(batch_id)
    assert done.status_code == 200, words(done)
    desk.office.world.work()
    assert desk.state(batch_id) is BatchState.RELEASED
    assert "已签发" in words(desk.approver.get(f"/approve/{batch_id}/state"))
    actions = {row.action for row in desk.office.parts.audit.rows(None)}
    assert {"key.enrolled", "batch.made", "batch.approved", "batch.rows_seen"} <= actions


def test_keys_of_an_organisation_that_is_no_agency_here_are_listed_too(desk: Desk) -> None:
    office = desk.office
    clerk, admin = office.client(Role.CLERK, "child"), office.client(Role.ADMINISTRATOR, "child")
    bank = Authenticator(0xF6, SITE)
    asked = clerk.post_form("/signing-keys/passkey/begin", {"label": "柜台"}, headers=JSON).get_json()
    answer = bank.create(b64url_decode(asked["publicKey"]["challenge"]))
    body = {"request": asked["request"], "credential": answer, "label": "柜台"}
    assert desk.json(clerk, asked["finish"], body).status_code == 200
    agencies, uri = office.world.agencies, office.world.agencies.uri

    def of_this_installation(owner: str, who: str) -> str:
        if owner != ISSUER:  # as adapters.agencies_home
            raise NotFoundError("AGENCY_UNKNOWN", "No such agency here.")
        return uri(owner, who)

    agencies.uri = of_this_installation
    try:
        page = admin.get("/signing-keys/all")
    finally:
        agencies.uri = uri
    assert page.status_code == 200
    assert "--admin file:/…/admin1/signing.key" in words(page).replace("&#39;", "")


def test_the_sample_is_drawn_anew_and_every_row_can_be_read(desk: Desk) -> None:
    batch_id = desk.batch(60)
    shown = {
        tuple(re.findall(r"<td[^>]*>(\d+)</td>", words(desk.approver.get(f"/approve/{batch_id}/sample"))))
        for _ in range(4)
    }
    assert len(shown) > 1, "ten of sixty, four times: hardly ever the same"
    first, second = (words(desk.approver.get(f"/approve/{batch_id}/rows?page={page}")) for page in (1, 2))
    assert first.count("<tr") == 51
    assert second.count("<tr") == 11
    assert "岚州市第" in first
    assert desk.approver.get(f"/approve/{batch_id}/rows?page=99").status_code == 200
    compared = words(desk.approver.get(f"/approve/{batch_id}/compare"))
    assert "12,500.00 元" in compared
    assert "12500.00" not in compared, "as on the certificate"
    for place in ("child", "foreign"):
        stranger = desk.office.client(Role.APPROVER, place)
        for path in ("", "/rows", "/sample", "/compare", "/replaced", "/state", "/return"):
            assert stranger.get(f"/approve/{batch_id}{path}").status_code == 404, path
        assert stranger.post_form(f"/approve/{batch_id}/return", {"reason": "x"}).status_code == 404
        asked = desk.ask(stranger, f"/signing/batches/{batch_id}/approve", key=1)
        assert asked.status_code == 404


def test_replaced_rows_are_shown_beside_what_they_replace(desk: Desk) -> None:
    desk.released(2)
    first = desk.numbers
    table = deposit_table([first, first + 1], {first: "1.00"})
    changed = desk.batch_of(table, supersede=True)
    page = words(desk.approver.get(f"/approve/{changed}"))
    assert "<ins>1.00 元</ins>" in page
    assert re.search(r"<del>7[\d,]+\.37 元</del>", page)
    assert "<ins>1.00 元</ins>" in words(desk.approver.get(f"/approve/{changed}/replaced"))
    compared = words(desk.approver.get(f"/approve/{changed}/compare"))
    assert "超出上一批范围" in compared


def test_a_batch_is_returned_with_a_reason_and_without_a_row(desk: Desk) -> None:
    batch_id = desk.batch(4)
    desk.make(batch_id)
    path = f"/approve/{batch_id}/return"
    for fields in (
        {"reason": ""},
        {"reason": "x" * 201},
        {"reason": "错", "without": "9"},
        {"reason": "错", "without": "²", "requeue": "1"},
        {"reason": "错", "without": "2"},
    ):
        refused = desk.approver.post_form(path, fields)
        assert refused.status_code == 422
        assert "govuk-error-summary" in words(refused)
    assert desk.state(batch_id) is BatchState.MADE
    done = desk.approver.post_form(path, {"reason": "第 2 行有误", "requeue": "1", "without": "2"})
    assert done.status_code == 303
    assert "第 2 行有误" in words(desk.clerk.get(f"/approve/{batch_id}"))
    old = desk.office.world.store.batches.batch(batch_id)
    assert (old.state, old.refused_by) == (BatchState.REFUSED, APPROVERS.signer_id)
    desk.office.world.work()
    newest = desk.office.world.store.batches.batches(states=(BatchState.SIGNED,))[-1]
    assert newest.size == 3
    again = desk.approver.post_form(path, {"reason": "again"})
    assert again.status_code == 409


def test_nobody_approves_what_they_made(desk: Desk) -> None:
    """By page and by service; the contract refuses it in tests/ports/test_chain_passkeys.py."""
    office, batch_id = desk.office, desk.batch()
    office.parts.people.give_role(office.person(Role.CLERK), ISSUER, Role.APPROVER, by=None)
    second = desk.enrol(desk.clerk, Authenticator(0xD4, SITE))
    desk.signing.give_role(second.signer_id, ChainRole.APPROVER)
    page = words(desk.clerk.get(f"/approve/{batch_id}"))
    assert second.signer_id.hex() not in page, "not to be chosen"
    key = desk.keys[Role.CLERK]
    refused = desk.ask(
        desk.clerk, f"/signing/batches/{batch_id}/make", key=key.id, approver=second.signer_id.hex()
    )
    assert (refused.status_code, refused.get_json()["code"]) == (403, "SAME_PERSON")
    assert refused.get_json()["title"] == "不能复核自己经办的"
    # made for that key behind the page's back: the page shows no button and the service refuses
    world = office.world
    batch = world.store.batches.batch(batch_id)
    draft = world.approve.plan_make(batch_id, MAKERS.signer_id, second.signer_id)
    world.approve.finish_make(draft, [b"\x03"])
    page = words(desk.clerk.get(f"/approve/{batch_id}"))
    assert f"/signing/batches/{batch_id}/approve" not in page
    refused = desk.ask(desk.clerk, f"/signing/batches/{batch_id}/approve", key=second.id)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "SAME_PERSON")
    assert batch.state is BatchState.SIGNED


def test_who_has_not_just_proved_who_they_are_is_sent_to_do_so(desk: Desk) -> None:
    batch_id = desk.batch()
    desk.office.clock.advance(400)
    refused = desk.ask(desk.clerk, f"/signing/batches/{batch_id}/make", key=1, approver="00" * 32)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "STEP_UP_NEEDED")
    assert refused.get_json()["confirm"].startswith("/account/confirm")
    assert "请先确认是您本人" in words(desk.clerk.get(f"/approve/{batch_id}"))
    bare = desk.clerk.post(f"/signing/batches/{batch_id}/make", data={"key": "1"}, headers=JSON)
    assert (bare.status_code, bare.get_json()["code"]) == (403, "FORM_FOREIGN")
    desk.clerk, desk.approver = desk.office.client(Role.CLERK), desk.office.client(Role.APPROVER)


def test_what_a_browser_hands_over_may_be_anything(desk: Desk) -> None:
    batch_id = desk.batch()
    key = desk.keys[Role.CLERK]
    fields = {"key": key.id, "approver": APPROVERS.signer_id.hex()}
    asked = desk.ask(desk.clerk, f"/signing/batches/{batch_id}/make", **fields).get_json()
    bodies: list[object] = [
        {}, {"signatures": []}, {"signatures": "x"}, {"signatures": [1]}, {"signatures": [{}]},
        {"signatures": [{"wallet": "0xzz"}]}, {"signatures": [{"wallet": "0x00"}]}, {"signatures": [{}] * 99},
        {"signatures": [dict.fromkeys(("signature", "credential", "authenticatorData", "clientDataJSON"), "!")]},
        {"signatures": [dict.fromkeys(("signature", "credential", "authenticatorData", "clientDataJSON"), "")]},
    ]  # fmt: skip
    for body in bodies:
        assert desk.json(desk.clerk, asked["complete"], body).status_code == 422, body
    for wrong in ({"key": "x"}, {"approver": "zz"}, {"approver": ""}):
        refused = desk.ask(desk.clerk, f"/signing/batches/{batch_id}/make", **{**fields, **wrong})
        assert refused.get_json()["code"] == "SIGNING_FORM"
    stranger = desk.office.client(Role.CLERK, "child")
    assert desk.json(stranger, asked["complete"], {"signatures": [{"wallet": "0x"}]}).status_code == 404
    assert desk.state(batch_id) is BatchState.SIGNED


def test_administrators_see_keys_roles_and_the_command(desk: Desk) -> None:
    office = desk.office
    newcomer = Authenticator(0xE5, SITE)
    desk.enrol(desk.approver, newcomer)
    admin = office.client(Role.ADMINISTRATOR)
    page = words(admin.get("/signing-keys/all"))
    assert "0x" + newcomer.signer_id.hex() in page
    command = (
        f"ecert issuer role --issuer {ISSUER} --role approver --address 0x{newcomer.signer_id.hex()} --admin"
    )
    assert command in page
    mine = words(desk.approver.get("/signing-keys"))
    assert "没有" in mine
    key = next(key for key in office.parts.signing.book.keys(ISSUER) if key.signer_id == newcomer.signer_id)
    assert desk.clerk.post_form(f"/signing-keys/{key.id}/remove").status_code == 404
    assert desk.approver.post_form(f"/signing-keys/{key.id}/remove").status_code == 303
    assert "已停用这把密钥" in words(admin.get("/signing-keys/all"))
    assert desk.clerk.get("/signing-keys/all").status_code == 403


def test_two_log_ins_where_no_key_is_a_persons_own(office: Office, desk: Desk) -> None:
    batch_id = desk.batch()
    signing_desk = office.parts.signing.desk
    approver = HomeKeys().signer(ISSUER, ChainRole.APPROVER).signer_id.hex()
    signing_desk._server = HomeKeys()
    try:
        page = words(desk.clerk.get(f"/approve/{batch_id}"))
        kinds = re.findall(r'type="radio" value="(-?\d+)" data-kind="(\w+)"( checked)?', page)
        assert [(kind, bool(checked)) for _id, kind, checked in kinds] == [
            ("passkey", True),
            ("server", False),
        ]
        assert "用它签名时：两个登录，不是两把独立的密钥" in page
        assert "govuk-warning-text" not in page, "beside the server's key only: his own is chosen"
        assert "用所选密钥确认，提交复核" in page
        assert "复核（服务器密钥）" in page
        assert approver[-40:] not in page.replace(f'value="{approver}"', ""), "nobody knows who that is"
        path = f"/signing/batches/{batch_id}/make"
        done = desk.clerk.post_form(path, {"key": "-1", "approver": approver})
        assert done.status_code == 303, words(done)
        assert desk.state(batch_id) is BatchState.MADE
        page = words(desk.approver.get(f"/approve/{batch_id}"))
        assert "clerk-own 先生 · 经办（服务器密钥）" in page
        assert "复核（服务器密钥）" in page
        assert re.search(r"govuk-warning-text.*两个登录，不是两把独立的密钥：本安装", page, re.DOTALL)
        assert "用服务器密钥批准并签发" in page
        assert approver[-40:] not in page.split("技术信息")[0]
        done = desk.approver.post_form(f"/signing/batches/{batch_id}/approve", {"key": "-2"})
        assert done.status_code == 303, words(done)
        office.world.work()
        assert desk.state(batch_id) is BatchState.RELEASED
        assert "approver-own 先生 · 复核（服务器密钥）" in words(desk.approver.get(f"/approve/{batch_id}"))
    finally:
        signing_desk._server = None
    assert signing_desk.keys_of(Signer(office.person(Role.CLERK), ISSUER))
    assert "approver-own 先生" in words(desk.approver.get(f"/approve/{batch_id}")), "who it was stays known"
    choices = words(desk.clerk.get(f"/approve/{desk.batch()}"))
    assert f"未在此登记的密钥（尾号 {approver[-4:]}）" in choices


def test_the_page_of_keys_says_what_this_installation_does(office: Office, desk: Desk) -> None:
    newcomer = office.parts.people.add("clerk-without-key", "新经办", by=None, password=PASSWORD)
    office.parts.people.give_role(newcomer, ISSUER, Role.CLERK, by=None)
    browser = office.nobody()
    assert log_in(browser, "clerk-without-key", PASSWORD).status_code == 303
    office.parts.signing.desk._server = HomeKeys()
    try:
        page = words(browser.get("/signing-keys"))
        assert "登录后用服务器上的密钥文件签名" in page
        assert "govuk-warning-text" in page
        batch_id = desk.batch()
        page = words(browser.get(f"/approve/{batch_id}"))
        assert "用服务器密钥确认，提交复核" in page
        assert "govuk-warning-text" in page
        page = words(desk.clerk.get("/signing-keys"))
        assert "govuk-warning-text" not in page, "his own key goes first"
    finally:
        office.parts.signing.desk._server = None
    page = words(browser.get("/signing-keys"))
    assert "私钥只在您的设备里，服务器上没有。" in page
    assert "服务器上的密钥文件" not in page


def test_a_standing_approval_is_seen_and_taken_back_by_its_approver(office: Office, desk: Desk) -> None:
    mine, files = desk.stand(APPROVERS, 2_345), desk.stand(None, 3_456)
    admin = office.client(Role.ADMINISTRATOR)
    page = words(admin.get("/standing-approvals"))
    assert "2,345" in page
    assert "approver-own 先生 · 钥匙" in page
    assert "未在此登记的密钥" in page
    assert page.count("有效</") == 2
    shown = words(admin.get(f"/standing-approvals/{mine}"))
    assert f"ecert standing revoke 0x{mine} --key" in shown
    assert f"/standing-approvals/{mine}/revoke" not in shown, (
        "an administrator of the web has no key of the chain"
    )
    assert admin.post_form(f"/standing-approvals/{mine}/revoke", {"key": "1"}).status_code == 404, (
        "not the admin's"
    )
    page = words(desk.approver.get(f"/standing-approvals/{mine}"))
    assert "用我的密钥撤销" in page
    assert f"/standing-approvals/{files}/revoke" not in words(
        desk.approver.get(f"/standing-approvals/{files}")
    )
    path, key = f"/standing-approvals/{mine}/revoke", desk.keys[Role.APPROVER]
    refused = desk.ask(desk.approver, f"/standing-approvals/{files}/revoke", key=key.id)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "STANDING_NOT_YOURS")
    wrong = desk.sign(desk.approver, path, MAKERS, key=key.id)
    assert (wrong.status_code, wrong.get_json()["code"]) == (422, "WRONG_KEY")
    done = desk.sign(desk.approver, path, APPROVERS, key=key.id)
    assert done.status_code == 200, words(done)
    assert "已签署撤销" in words(desk.approver.get(done.get_json()["location"]))
    office.world.work()
    page = words(desk.approver.get(f"/standing-approvals/{mine}"))
    assert "已撤销" in page
    assert "用我的密钥撤销" not in page
    again = desk.ask(desk.approver, path, key=key.id)
    assert (again.status_code, again.get_json()["code"]) == (409, "STANDING_REVOKED")
    acts = {(row.action, row.subject) for row in office.parts.audit.rows({ISSUER})}
    assert ("standing.revoked", f"standing/{mine[:32]}") in acts
    for place in ("child", "foreign"):
        stranger = office.client(Role.APPROVER, place)
        assert stranger.get(f"/standing-approvals/{files}").status_code == 404
        assert desk.ask(stranger, f"/standing-approvals/{files}/revoke", key=1).status_code == 404
        assert "3,456" not in words(stranger.get("/standing-approvals"))
    assert desk.approver.get("/standing-approvals/" + "zz" * 32).status_code == 404
    assert office.client(Role.VERIFIER).get("/standing-approvals").status_code == 403
    # where log-ins sign with the server's file, that one takes back what the file approved
    office.parts.signing.desk._server = HomeKeys()
    try:
        page = words(desk.approver.get(f"/standing-approvals/{files}"))
        assert "用服务器密钥撤销" in page
        assert "复核（服务器密钥）" in page
        assert "govuk-warning-text" in page
        done = desk.approver.post_form(f"/standing-approvals/{files}/revoke", {"key": "-2"})
        assert done.status_code == 303, words(done)
    finally:
        office.parts.signing.desk._server = None
    office.world.work()
    assert "有效</" not in words(admin.get("/standing-approvals"))


def test_the_name_of_a_new_key_survives_the_step_up(desk: Desk) -> None:
    page = words(desk.clerk.get("/signing-keys?label=%E5%8A%9E%E5%85%AC%E5%AE%A4%3Cb%3E"))
    assert page.count('value="办公室&lt;b&gt;"') == 2


def test_a_site_without_a_name_has_no_passkeys(office: Office, desk: Desk) -> None:
    here = office.parts.here
    named, room = here.settings, office.parts.signing
    here.settings = replace(named, origin=None)
    room.__dict__.pop("site", None)
    try:
        assert "不能使用通行密钥" in words(desk.clerk.get("/signing-keys"))
        refused = desk.ask(desk.clerk, "/signing-keys/passkey/begin", label="x")
        assert (refused.status_code, refused.get_json()["code"]) == (403, "SITE_UNNAMED")
    finally:
        here.settings = named
        room.__dict__.pop("site", None)
