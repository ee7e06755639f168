"""The guard: who gets in, who is sent where, whose forms are taken."""

from __future__ import annotations

import pytest

from ledger.core.people import Role
from tests.office_world import HOST, PASSWORD

ORIGIN = {"Origin": f"https://{HOST}"}


def test_a_right_password_opens_the_account(office):
    client = office.client(Role.CLERK)
    assert client.get("/account/confirm").status_code == 200
    assert office.nobody().get("/account/confirm").status_code == 303


def test_a_route_without_a_mark_is_never_served(office):
    app = office.second_app()
    app.add_url_rule("/unmarked", view_func=lambda: "secret")
    answer = office.nobody(app).get("/unmarked")
    assert answer.status_code == 500
    assert b"secret" not in answer.data


@pytest.mark.parametrize(
    ("headers", "token", "status"),
    [
        (ORIGIN, True, 303),
        ({}, True, 303),  # an old browser that names no origin
        (ORIGIN, False, 403),
        ({"Sec-Fetch-Site": "same-origin"}, False, 403),  # our site, but not a page of this session
        ({"Origin": "https://evil.example"}, True, 403),
        ({"Origin": f"https://{HOST}.evil.example"}, True, 403),
        ({"Origin": f"http://evil.example/https://{HOST}"}, True, 403),
        ({"Origin": "null"}, True, 403),
        ({"Sec-Fetch-Site": "cross-site", **ORIGIN}, True, 403),
        ({"Sec-Fetch-Site": "same-site", **ORIGIN}, True, 403),
    ],
)
def test_only_forms_of_this_session_from_our_origin_are_taken(office, headers, token, status):
    client = office.client(Role.CLERK)
    fields = {"uscc": "12990100XXXX000190", **({"token": client.token()} if token else {})}
    assert client.post("/account/organisation", data=fields, headers=headers).status_code == status


def test_the_token_of_another_session_is_refused(office):
    one, other = office.client(Role.CLERK), office.client(Role.APPROVER)
    anonymous = office.nobody()
    anonymous.get("/account/log-in")
    for token in (other.token(), anonymous.token(), "", "x"):
        answer = one.post("/account/organisation", data={"token": token}, headers=ORIGIN)
        assert answer.status_code == 403


def test_a_program_may_send_the_token_in_a_header(office):
    client = office.client(Role.CLERK)
    headers = {"X-Form-Token": client.token(), "Accept": "application/json", **ORIGIN}
    answer = client.post("/account/passkey/new/question", json={}, headers=headers)
    assert answer.status_code == 200
    assert answer.get_json()["challenge"]
    headers["X-Form-Token"] = "x"
    assert client.post("/account/passkey/new/question", json={}, headers=headers).status_code == 403


def test_logging_in_for_somebody_else_from_another_site_is_refused(office):
    """Log-in CSRF: a foreign form must not put a visitor into the attacker's account."""
    office.person(Role.CLERK)
    client = office.nobody()
    fields = {"login": "clerk-own", "password": PASSWORD}
    assert client.post("/account/log-in", data=fields).status_code == 403
    assert (
        client.post("/account/log-in", data=fields, headers={"Origin": "https://evil.example"}).status_code
        == 403
    )


def test_token_routes_without_their_room_are_closed(office):
    from web.access import token_allowed

    app = office.second_app()
    app.extensions.pop("token-guard", None)
    app.add_url_rule("/by-token", view_func=token_allowed("verify")(lambda: "secret"))
    assert office.nobody(app).get("/by-token").status_code == 401


def test_a_view_says_how_much_it_takes_before_its_form_is_read(office):
    from flask import request

    from web.access import allowed, takes

    @allowed()
    @takes(3 * 1024 * 1024)
    def big():
        return str(len(request.files["file"].read()))

    app = office.second_app()
    app.add_url_rule("/big", view_func=big, methods=["POST"])
    app.add_url_rule("/small", view_func=allowed()(lambda: "taken"), methods=["POST"])
    client = office.client(Role.CLERK, app=app)
    kind = {**ORIGIN, "Content-Type": "multipart/form-data; boundary=b"}
    part = '--b\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    for path, size, status in (
        ("/big", 2_000_000, 200),
        ("/big", 4_000_000, 413),
        ("/small", 2_000_000, 413),
    ):
        body = (
            part.format("token", "", client.token())
            + part.format("file", '; filename="a"', "x" * size)
            + "--b--"
        )
        answer = client.post(path, data=body.encode(), headers=kind)
        assert answer.status_code == status
