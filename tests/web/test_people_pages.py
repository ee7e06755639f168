"""The administrator's pages: his own organisation's people, never another one's."""

from __future__ import annotations

import re

import pytest

from ledger.core.errors import NotFoundError
from ledger.core.people import FRESH_S, Role
from tests.office_world import CHILD, FOREIGN, HOST, OWN, PASSWORD, PLACES, log_in

ROLE = {"role": "clerk", "since": "", "until": "", "deputy": ""}


@pytest.fixture
def admin(office):
    return office.client(Role.ADMINISTRATOR)


def add(client, login, name="某某", **fields):
    return client.post_form("/people/add", {**ROLE, "login": login, "name": name, **fields})


def invitation_in(answer):
    return re.search(r"https://[^\"<\s]+(/account/invitation/[a-z2-7]+)", answer.get_data(as_text=True))[1]


def test_a_new_person_chooses_the_password_himself_once(office, admin):
    answer = add(admin, "new-one", "新人")
    assert answer.status_code == 200
    path = invitation_in(answer)
    browser = office.nobody()
    assert "new-one" in browser.get(path).get_data(as_text=True)
    given = {"password": "a fine long password", "again": "a fine long password"}
    assert browser.post_form(path, {**given, "again": "something else entirely"}).status_code == 422
    assert browser.post_form(path, given).status_code == 303
    assert browser.get("/account").status_code == 200
    assert office.nobody().get(path).status_code == 404
    assert log_in(office.nobody(), "new-one", "a fine long password").status_code == 303
    page = admin.get("/people").get_data(as_text=True)
    assert "新人" in page
    assert "new-one" in page


def test_an_invitation_ends_after_a_week_and_with_the_next_one(office, admin):
    path = invitation_in(add(admin, "late-one"))
    number = office.parts.people.find("late-one").id
    newer = invitation_in(admin.post_form(f"/people/{number}/invite"))
    assert office.nobody().get(path).status_code == 404
    assert office.nobody().get(newer).status_code == 200
    office.clock.advance(7 * 86_400)
    assert office.nobody().get(newer).status_code == 404


@pytest.mark.parametrize(
    ("fields", "marked"),
    [
        ({"login": "x"}, "login"),
        ({"login": "good-login", "name": " "}, "name"),
        ({"login": "good-login", "name": "a\u202eb"}, "name"),
        ({"login": "good-login", "role": "king"}, "role"),
        ({"login": "good-login", "since": "31.12.2026"}, "since"),
        ({"login": "good-login", "until": "2020-01-01"}, "until"),
        ({"login": "good-login", "deputy": "nobody-there", "until": "2027-01-01"}, "deputy"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_happens(office, admin, fields, marked):
    answer = add(admin, **{"login": "good-login", "name": "某某", **fields})
    assert answer.status_code == 422, answer.location
    assert f'href="#{marked}"' in answer.get_data(as_text=True)
    assert "good-login" not in admin.get("/people").get_data(as_text=True)


def test_a_deputy_has_the_role_from_then_till_then(office, admin):
    office.person(Role.APPROVER)
    office.person(Role.CLERK)
    number = office.person(Role.CLERK)
    fields = {"role": "approver", "since": "2026-12-01", "until": "2026-12-03", "deputy": "approver-own"}
    path = f"/people/{number}/roles"
    assert admin.post_form(path, {**fields, "until": ""}).status_code == 422
    assert admin.post_form(path, fields).status_code == 303
    assert admin.post_form(path, fields).status_code == 303  # twice has the effect of once
    page = admin.get(f"/people/{number}").get_data(as_text=True)
    assert page.count("2026-12-01 至 2026-12-03") == 1

    def is_approver():
        return number in {one.id for one in office.parts.people.with_role(OWN, Role.APPROVER)}

    start = 1_796_054_400  # 2026-12-01 00:00 in Beijing
    for moment, wanted in (
        (start - 1, False),
        (start, True),
        (start + 3 * 86_400 - 1, True),
        (start + 3 * 86_400, False),
    ):
        office.clock.advance(moment - office.clock.now())
        assert is_approver() is wanted


def test_a_role_that_is_taken_away_is_gone_in_the_running_session(office, admin):
    answer = add(admin, "short-lived")
    browser = office.nobody()
    given = {"password": "a fine long password", "again": "a fine long password"}
    browser.post_form(invitation_in(answer), given)
    person = office.parts.people.find("short-lived")
    assert "经办" in browser.get("/account").get_data(as_text=True)
    assert admin.post_form(f"/people/{person.id}/roles/{person.roles[0].id}/end").status_code == 303
    page = browser.get("/account").get_data(as_text=True)
    assert "您在任何机构都没有角色" in page


def test_the_last_administrator_stays(office):
    lonely = office.client(Role.ADMINISTRATOR, "foreign")
    number = office.person(Role.ADMINISTRATOR, "foreign")
    role = office.parts.people.person(number).roles[0].id
    assert lonely.post_form(f"/people/{number}/roles/{role}/end").status_code == 403
    assert lonely.post_form(f"/people/{number}/suspend").status_code == 403
    assert lonely.get("/people").status_code == 200


def test_suspend_reset_and_sessions(office, admin):
    victim = office.client(Role.VERIFIER)
    number = office.person(Role.VERIFIER)
    admin.post_form(f"/people/{number}/sessions")
    assert victim.get("/account").status_code == 303
    victim = office.client(Role.VERIFIER)
    admin.post_form(f"/people/{number}/suspend")
    assert victim.get("/account").status_code == 303
    assert log_in(office.nobody(), "verifier-own", "correct horse 42 staple").status_code == 422
    admin.post_form(f"/people/{number}/resume")
    path = invitation_in(admin.post_form(f"/people/{number}/reset"))
    assert log_in(office.nobody(), "verifier-own", "correct horse 42 staple").status_code == 422
    office.nobody().post_form(
        path, {"password": "correct horse 42 staple", "again": "correct horse 42 staple"}
    )
    assert office.client(Role.VERIFIER).get("/account").status_code == 200
    assert admin.post_form(f"/people/{number}/promote").status_code == 404


def test_people_beside_and_above_do_not_exist_here(office, admin):
    below = office.client(Role.ADMINISTRATOR, "child")
    for place, client in (("foreign", admin), ("own", below), ("foreign", below)):
        number = office.person(Role.CLERK, place)
        role = office.parts.people.person(number).roles[0].id
        assert client.get(f"/people/{number}").status_code == 404
        for path in ("roles", f"roles/{role}/end", "suspend", "resume", "invite", "reset", "sessions"):
            assert client.post_form(f"/people/{number}/{path}", ROLE).status_code == 404, path
        assert f"clerk-{place}" not in client.get("/people").get_data(as_text=True)
        for answer in (
            client.get(f"/people?place={PLACES[place]}"),
            client.get(f"/people/add?place={PLACES[place]}"),
            add(client, "smuggled-in", place=PLACES[place]),
        ):
            assert answer.status_code == 404
    with pytest.raises(NotFoundError):
        office.parts.people.find("smuggled-in")


def actor_of(office, role, place="own"):
    office.client(role, place)
    entry = office.parts.login.password(f"{role.value}-{place}", PASSWORD, "d", f"actor-{role}-{place}")
    return office.parts.login.open(entry.token).actor


def test_a_province_makes_the_first_administrator_of_a_county(office, admin):
    page = admin.get("/people").get_data(as_text=True)
    assert f'<option value="{CHILD}">' in page
    assert f'<option value="{OWN}" selected>' in page
    assert FOREIGN not in page
    answer = add(admin, "county-admin", "县管理员", role="administrator", place=CHILD)
    path = invitation_in(answer)
    browser = office.nobody()
    given = {"password": "a fine long password", "again": "a fine long password"}
    assert browser.post_form(path, given).status_code == 303
    found = office.parts.people.find("county-admin")
    assert [(role.uscc, role.role) for role in found.roles] == [(CHILD, Role.ADMINISTRATOR)]
    assert "county-admin" not in admin.get("/people").get_data(as_text=True)
    assert "county-admin" in admin.get(f"/people?place={CHILD}").get_data(as_text=True)
    county = browser.get("/people").get_data(as_text=True)
    assert "county-admin" in county
    assert OWN not in county, "looks and acts downward only"
    # one more role below, one above; his own administrator's role is not the county's to keep for ever
    one = f"/people/{found.id}"
    assert admin.post_form(f"{one}/roles", {**ROLE, "role": "auditor", "place": CHILD}).status_code == 303
    assert "岚州市下级银行" in admin.get(one).get_data(as_text=True)
    for act in ("sessions", "suspend", "resume"):
        assert admin.post_form(f"{one}/{act}").status_code == 303, act
    for role in office.parts.people.find("county-admin").roles:
        assert admin.post_form(f"{one}/roles/{role.id}/end").status_code == 303
    assert admin.get(one).status_code == 404
    rows = office.parts.audit.rows({CHILD}, count=200)  # the county's own auditor sees all of it
    assert {"people.role_give", "people.invite", "people.suspend", "people.resume", "people.role_end"} <= {
        row.action for row in rows if row.subject == f"person/{found.id}"
    }


def test_nobody_gives_himself_a_role(office, admin):
    number = office.person(Role.ADMINISTRATOR)
    page = admin.get(f"/people/{number}").get_data(as_text=True)
    assert "不能给自己增加角色，请由另一名管理员办理" in page
    assert f'action="/people/{number}/roles"' not in page
    for path, fields in (
        (f"/people/{number}/roles", {"role": "clerk"}),
        (f"/people/{number}/roles", {"role": "auditor", "place": CHILD}),
        ("/people/add", {"login": "administrator-own", "role": "approver"}),
    ):
        answer = admin.post_form(path, {**ROLE, **fields}, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.get_json()["code"]) == (403, "ROLE_FOR_ONESELF"), path
    assert [role.role for role in office.parts.people.person(number).roles] == [Role.ADMINISTRATOR]


def test_the_service_itself_keeps_to_the_subtree(office):
    """Behind the pages too: whoever is no administrator, and whoever administers another place."""
    people = office.parts.people
    victim = office.person(Role.CLERK)
    role = people.person(victim).roles[0].id
    for by in (
        actor_of(office, Role.OPERATOR),
        actor_of(office, Role.ADMINISTRATOR, "child"),
        actor_of(office, Role.ADMINISTRATOR, "foreign"),
    ):
        for refused in (
            lambda by=by: people.give_role(victim, OWN, Role.APPROVER, by=by),
            lambda by=by: people.end_role(role, by=by),
            lambda by=by: people.invite(victim, by=by),
            lambda by=by: people.reset(victim, by=by),
            lambda by=by: people.suspend(victim, by=by),
            lambda by=by: people.resume(victim, by=by),
            lambda by=by: people.end_sessions(victim, by=by),
        ):
            with pytest.raises(NotFoundError):
                refused()


def test_changing_people_wants_a_fresh_proof(office):
    browser = office.client(Role.ADMINISTRATOR)
    number = office.person(Role.CLERK, "child")
    office.clock.advance(FRESH_S)
    for path in ("/people/add", f"/people/{number}/roles", f"/people/{number}/suspend"):
        answer = browser.post_form(path, ROLE)
        assert answer.status_code == 303, path
        assert answer.location.startswith("/account/confirm"), path


def test_giving_somebody_of_another_organisation_a_role_gives_no_power_over_his_account(office, admin):
    number = office.person(Role.AUDITOR, "foreign")
    assert add(admin, "auditor-foreign", role="auditor").status_code == 303
    page = admin.get(f"/people/{number}").get_data(as_text=True)
    assert "由另一个机构管理" in page
    for path in ("suspend", "invite", "reset", "sessions"):
        assert admin.post_form(f"/people/{number}/{path}").status_code == 404, path
    browser = office.client(Role.AUDITOR, "foreign")
    assert f'<option value="{OWN}">' in browser.get("/account").get_data(as_text=True)
    assert browser.post_form("/account/organisation", {"uscc": OWN, "next": "/account"}).status_code == 303
    assert f'value="{OWN}" selected' in browser.get("/account").get_data(as_text=True)
    assert browser.post_form("/account/organisation", {"uscc": CHILD}).status_code == 403


def test_who_sees_what(office):
    """Auditors, operators and administrators see below their organisation; nobody sees above or beside."""
    from ledger.services.login import LoginService

    login: LoginService = office.parts.login
    for role in Role:
        for place, below in (("own", {OWN, CHILD}), ("child", {CHILD}), ("foreign", {FOREIGN})):
            office.client(role, place)
            entry = login.password(
                f"{role.value}-{place}", "correct horse 42 staple", "d", f"c-{role}-{place}"
            )
            actor = login.open(entry.token).actor
            sees = role in {Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR}
            here = {"own": OWN, "child": CHILD, "foreign": FOREIGN}[place]
            if place == "foreign" and role is Role.AUDITOR:
                continue  # got a second organisation in another test
            assert actor.uscc == here
            assert actor.subtree == (below if sees else {here})


def test_every_act_is_written_down_without_names(office, admin):
    add(admin, "audited-one", "审计测试人")
    number = office.parts.people.find("audited-one").id
    rows = office.parts.audit.rows({OWN}, count=200)
    acts = {(row.action, row.subject) for row in rows}
    assert {
        ("people.add", f"person/{number}"),
        ("people.role_give", f"person/{number}"),
        ("people.invite", f"person/{number}"),
    } <= acts
    everything = "".join(office.parts.audit.export_csv(None))
    assert "audited-one" not in everything
    assert "审计测试人" not in everything
    assert office.parts.audit.fault() is None
    assert HOST not in everything
