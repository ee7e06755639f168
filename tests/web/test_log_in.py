"""Logging in: passwords, second steps, step-up, ends of sessions, what a browser may be led to."""

from __future__ import annotations

import re

import pytest

from ledger.core.accounts import IDLE_S, LASTS_S
from ledger.core.one_time import STEP_S, totp_code
from ledger.core.people import Role
from tests.office_world import CHILD, FOREIGN, HOST, OWN, PASSWORD, log_in

COOKIE = "__Host-session"


@pytest.fixture(autouse=True)
def _calm(office):
    office.calm()


def session_of(client):
    cookie = client.get_cookie(COOKIE, domain=HOST)
    return None if cookie is None else cookie.value


def test_unknown_people_and_wrong_passwords_get_the_same_answer(office):
    office.person(Role.CLERK)
    answers = []
    for login, password in (("clerk-own", "wrong wrong wrong"), ("nobody-here", PASSWORD), ("§", PASSWORD)):
        answer = log_in(office.nobody(), login, password)
        assert answer.status_code == 422
        assert answer.headers.get("Set-Cookie", "").find(COOKIE) < 0
        text = answer.get_data(as_text=True)
        answers.append(re.sub(r'(name="token" value=")[^"]*|(value=")' + re.escape(login), "", text))
    assert answers[0] == answers[1] == answers[2]


def test_both_answers_take_a_hash(office):
    """The same work is done for nobody: a hash of the same cost is computed."""
    passwords = office.parts.people_parts.passwords
    calls = []

    class Counting:
        def hash(self, password):
            return passwords.hash(password)

        def matches(self, stored, password):
            calls.append(bool(stored))
            return passwords.matches(stored, password)

        def is_outdated(self, stored):
            return passwords.is_outdated(stored)

    office.person(Role.CLERK)
    login = office.parts.login
    login._passwords, kept = Counting(), login._passwords
    try:
        log_in(office.nobody(), "clerk-own", "wrong wrong wrong")
        log_in(office.nobody(), "nobody-here", "wrong wrong wrong")
    finally:
        login._passwords = kept
    assert calls == [True, False]
    assert passwords._of_nobody().split("$")[:4] == passwords.hash("x").split("$")[:4]


def test_the_cookie_is_for_us_alone_and_changes_with_each_log_in(office):
    client = office.client(Role.CLERK)
    first = session_of(client)
    answer = client.post_form("/account/log-in", {"login": "clerk-own", "password": PASSWORD})
    line = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith(COOKIE))
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(line.split("; "))
    assert "Domain" not in line
    assert session_of(client) not in {None, first}


def test_a_planted_cookie_is_not_taken_over(office):
    client = office.nobody()
    client.set_cookie(COOKIE, "A" * 43, domain=HOST, secure=True)
    office.person(Role.CLERK)
    log_in(client, "clerk-own", PASSWORD)
    assert session_of(client) != "A" * 43
    thief = office.nobody()
    thief.set_cookie(COOKIE, "A" * 43, domain=HOST, secure=True)
    assert thief.get("/account").status_code == 303


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
     "javascript:alert(1)", "http:evil.example", " /account", "evil", "/a\r\nSet-Cookie: x=1"],
)  # fmt: skip
def test_the_log_in_never_leads_to_another_site(office, target):
    office.person(Role.CLERK)
    answer = log_in(office.nobody(), "clerk-own", PASSWORD, next=target)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/account/start"


@pytest.mark.parametrize(
    ("role", "page"),
    [
        (Role.CLERK, "/desk"),
        (Role.APPROVER, "/desk"),
        (Role.VERIFIER, "/desk/verify"),
        (Role.AUDITOR, "/audit"),
        (Role.OPERATOR, "/operate"),
        (Role.ADMINISTRATOR, "/people"),
    ],
)
def test_the_log_in_leads_to_where_the_work_of_this_role_begins(office, role, page):
    number = office.parts.people.add(f"begins-{role.value}", "某某", by=None, password=PASSWORD)
    office.parts.people.give_role(number, OWN, role, by=None)
    client = office.nobody()
    answer = log_in(client, f"begins-{role.value}", PASSWORD)
    assert answer.headers["Location"] == "/account/start"
    begun = client.get("/account/start")
    assert (begun.status_code, begun.headers["Location"]) == (303, page)
    assert client.get(page).status_code == 200
    again = client.get("/account/log-in")  # whoever is in already is not asked again
    assert (again.status_code, again.headers["Location"]) == (303, "/account/start")


def test_whoever_has_no_role_begins_at_his_account(office):
    office.parts.people.add("without-role", "某某", by=None, password=PASSWORD)
    client = office.nobody()
    office.calm()
    assert log_in(client, "without-role", PASSWORD).status_code == 303
    assert client.get("/account/start").headers["Location"] == "/account"


def test_whoever_has_roles_in_two_organisations_changes_between_them_on_every_page(office):
    number = office.parts.people.add("two-houses", "某某", by=None, password=PASSWORD)
    office.parts.people.give_role(number, OWN, Role.VERIFIER, by=None)
    office.parts.people.give_role(number, CHILD, Role.CLERK, by=None)
    client = office.nobody()
    assert log_in(client, "two-houses", PASSWORD).status_code == 303
    page = client.get("/desk/verify").get_data(as_text=True)
    header = page.split("</header>")[0]
    assert "岚州市下级银行" in header
    assert f'name="uscc" value="{CHILD}"' in header
    changed = client.post_form("/account/organisation", {"uscc": CHILD})
    assert (changed.status_code, changed.headers["Location"]) == (303, "/account/start")
    assert client.get("/account/start").headers["Location"] == "/desk"
    assert f'name="uscc" value="{OWN}"' in client.get("/desk").get_data(as_text=True).split("</header>")[0]
    assert client.post_form("/account/organisation", {"uscc": FOREIGN}).status_code == 403
    other = office.client(Role.CLERK).get("/desk").get_data(as_text=True).split("</header>")[0]
    assert 'name="uscc"' not in other, "nothing to choose for whoever works in one"


def test_whoever_must_log_in_comes_back_to_where_he_was(office):
    client = office.nobody()
    office.person(Role.ADMINISTRATOR)
    answer = client.get("/people?page=2")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/account/log-in?next=/people?page%3D2"
    assert (
        log_in(client, "administrator-own", PASSWORD, next="/people?page=2").headers["Location"]
        == "/people?page=2"
    )


def test_a_session_that_ended_meanwhile_leads_back_to_the_page_of_the_form(office):
    client = office.client(Role.ADMINISTRATOR)
    token = client.token()
    office.clock.advance(IDLE_S)
    answer = client.post(
        "/people/1/roles",
        data={"token": token},
        headers={"Origin": f"https://{HOST}", "Referer": f"https://{HOST}/people/1"},
    )
    assert answer.headers["Location"] == "/account/log-in?next=/people/1"
    answer = client.post("/people/1/roles", data={"token": token}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.get_json()["code"]) == (401, "LOGIN_NEEDED")


def test_sessions_end_when_idle_and_after_a_working_day(office):
    client = office.client(Role.CLERK)
    for _ in range(LASTS_S // (IDLE_S - 1)):
        office.clock.advance(IDLE_S - 1)
        assert client.get("/account").status_code == 200
    office.clock.advance(IDLE_S - 1)
    assert client.get("/account").status_code == 303


def test_wrong_tries_make_the_next_wait_but_never_for_ever(office):
    office.person(Role.VERIFIER)
    told = []
    for _ in range(30):
        answer = log_in(office.nobody(), "verifier-own", "wrong wrong wrong")
        told.append(answer.status_code)
        if answer.status_code == 429:
            break
    assert told[-1] == 429
    assert log_in(office.nobody(), "verifier-own", PASSWORD).status_code == 429
    wait = int(log_in(office.nobody(), "verifier-own", PASSWORD).headers["Retry-After"])
    office.clock.advance(wait + 1)
    assert log_in(office.nobody(), "verifier-own", PASSWORD).status_code == 303
    office.clock.advance(3600)


def test_logging_out_ends_the_session_here_and_on_the_server(office):
    client = office.client(Role.CLERK)
    stolen = session_of(client)
    answer = client.post_form("/account/log-out")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert session_of(client) is None
    client.set_cookie(COOKIE, stolen, domain=HOST, secure=True)
    assert client.get("/account").status_code == 303


def test_a_session_revoked_by_one_process_is_over_in_another(office):
    other = office.second_app()
    here, there = office.client(Role.CLERK), office.client(Role.CLERK, app=other)
    assert there.get("/account").status_code == 200
    here.post_form("/account/sessions", {"session": "others"})
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303


def test_one_session_is_picked_and_ended(office):
    here, there = office.client(Role.APPROVER), office.client(Role.APPROVER)
    page = here.get("/account").get_data(as_text=True)
    number = re.search(r'name="session" value="(\d+)"', page)[1]
    assert here.post_form("/account/sessions", {"session": number}).status_code == 303
    assert there.get("/account").status_code == 303
    foreign = office.client(Role.CLERK, "foreign")
    mine = office.parts.people.sessions(office.person(Role.APPROVER))[0].id
    assert foreign.post_form("/account/sessions", {"session": mine}).status_code == 404


def test_a_suspended_person_is_out_at_once(office):
    client = office.client(Role.OPERATOR)
    office.parts.people.suspend(office.person(Role.OPERATOR), by=None)
    assert client.get("/account").status_code == 303
    assert log_in(office.nobody(), "operator-own", PASSWORD).status_code == 422
    office.parts.people.resume(office.person(Role.OPERATOR), by=None)


def secret_of(page):
    key = re.search(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", page)[0]
    import base64

    return base64.b32decode(key.replace(" ", ""))


def code_now(office, secret):
    return totp_code(secret, office.clock.now() // STEP_S)


def test_app_and_recovery_codes(office):
    client = office.client(Role.AUDITOR)
    secret = secret_of(client.get("/account/app").get_data(as_text=True))
    assert client.post_form("/account/app", {"code": "000000"}).status_code == 422
    before = session_of(client)
    page = client.post_form("/account/app", {"code": code_now(office, secret)}).get_data(as_text=True)
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", page)
    assert len(set(codes)) == 10
    assert session_of(client) != before

    browser = office.nobody()
    answer = log_in(browser, "auditor-own", PASSWORD, next="/account/password")
    assert answer.headers["Location"] == "/account/log-in/second?next=/account/password"
    assert browser.get("/account").headers["Location"].startswith("/account/log-in/second")
    half = session_of(browser)
    used = code_now(office, secret)
    assert browser.post_form("/account/log-in/second", {"code": used}).status_code == 422  # works once
    office.clock.advance(STEP_S)
    answer = browser.post_form(
        "/account/log-in/second", {"code": code_now(office, secret), "next": "/account/password"}
    )
    assert answer.headers["Location"] == "/account/password"
    assert session_of(browser) != half
    assert browser.get("/account/password").status_code == 200  # fresh

    other = office.nobody()
    log_in(other, "auditor-own", PASSWORD)
    assert (
        other.post_form("/account/log-in/second", {"code": codes[3].upper().replace("-", " ")}).status_code
        == 303
    )
    third = office.nobody()
    log_in(third, "auditor-own", PASSWORD)
    assert third.post_form("/account/log-in/second", {"code": codes[3]}).status_code == 422


def test_guessing_codes_is_slowed_down(office):
    client = office.client(Role.CLERK, "child")
    secret = secret_of(client.get("/account/app").get_data(as_text=True))
    client.post_form("/account/app", {"code": code_now(office, secret)})
    browser = office.nobody()
    log_in(browser, "clerk-child", PASSWORD)
    for _ in range(12):
        page = browser.post_form("/account/log-in/second", {"code": "123456"}).get_data(as_text=True)
    assert "请等" in page
    right = totp_code(secret, office.clock.now() // STEP_S + 1)
    assert browser.post_form("/account/log-in/second", {"code": right}).status_code == 422
    office.clock.advance(STEP_S)
    assert browser.post_form("/account/log-in/second", {"code": right}).status_code == 303


def test_step_up(office):
    client = office.client(Role.APPROVER, "child")
    assert client.get("/account/password").status_code == 200
    office.clock.advance(300)
    answer = client.get("/account/password")
    assert answer.headers["Location"] == "/account/confirm?next=/account/password"
    answer = client.post("/account/passkey/new/question", headers={
        "X-Form-Token": client.token(), "Accept": "application/json", "Origin": f"https://{HOST}",
    })  # fmt: skip
    assert (answer.status_code, answer.get_json()["code"]) == (403, "STEP_UP_NEEDED")
    before = session_of(client)
    assert client.post_form("/account/confirm", {"password": "wrong wrong wrong"}).status_code == 422
    answer = client.post_form("/account/confirm", {"password": PASSWORD, "next": "/account/password"})
    assert answer.headers["Location"] == "/account/password"
    assert session_of(client) != before
    assert client.get("/account/password").status_code == 200


def test_changing_the_password_ends_other_sessions(office):
    here, there = office.client(Role.VERIFIER, "child"), office.client(Role.VERIFIER, "child")
    for given, again, status in (
        ("short", "short", 422),
        ("verifier-child is me", "verifier-child is me", 422),
        ("123456789012", "123456789012", 422),
        ("a fine new password", "another new password", 422),
        ("a fine new password", "a fine new password", 303),
    ):
        assert here.post_form("/account/password", {"password": given, "again": again}).status_code == status
    assert there.get("/account").status_code == 303
    assert here.get("/account").status_code == 200
    assert log_in(office.nobody(), "verifier-child", PASSWORD).status_code == 422
    assert log_in(office.nobody(), "verifier-child", "a fine new password").status_code == 303


def test_the_language_is_kept_for_the_person(office):
    office.client(Role.AUDITOR, "foreign").get("/account?lang=en")
    assert "My account" in office.client(Role.AUDITOR, "foreign").get("/account").get_data(as_text=True)


def test_the_key_store_is_closed_checking_goes_on(office):
    """Without the password of the key store nobody can log in, and public pages answer."""
    from ledger.core.errors import RefusedError

    class Closed:
        def open(self, token):
            raise RefusedError("PASSWORD_NEEDED", "no password")

    client = office.client(Role.CLERK)
    parts = office.parts.people_parts
    kept = parts.login
    parts.__dict__["login"] = Closed()
    try:
        assert client.get("/").status_code == 200
        assert client.get("/account").status_code == 403
    finally:
        parts.__dict__["login"] = kept


def test_outside_of_a_demo_some_roles_must_have_a_second_factor(office):
    """They come as far as setting one up, and no further."""
    from dataclasses import replace

    from tests.office_world import open_parts
    from web import create_app

    parts = open_parts(office.folder, office.world, office.clock, office.parts.limits)
    parts.__dict__["people_parts"] = replace(office.parts.people_parts, demands_second=True)
    app = create_app(office.settings, parts)
    clerk = office.client(Role.CLERK, "foreign", app=app)
    assert clerk.get("/account/password").status_code == 200
    client = office.client(Role.APPROVER, "foreign", app=app)
    assert client.get("/account/password").headers["Location"].startswith("/account?next=")
    assert "您的角色要求第二种验证方式" in client.get("/account").get_data(as_text=True)
    secret = secret_of(client.get("/account/app").get_data(as_text=True))
    assert client.post_form("/account/app", {"code": code_now(office, secret)}).status_code == 200
    assert client.get("/account/password").status_code == 200
    assert client.post_form("/account/app/off").status_code == 403  # the last one stays
