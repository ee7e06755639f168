"""Addresses of this room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask

from ledger.core.people import Role
from web import navigation
from web.accounts import guard, login, me, oidc, passkeys, people

Pages = tuple[tuple[str, str, Callable[..., Any], list[str]], ...]
GET, BOTH, POST = ["GET"], ["GET", "POST"], ["POST"]


def register(app: Flask) -> None:
    """The guard first, then the pages."""
    guard.register(app)
    room = Blueprint("accounts", __name__, url_prefix="/account")
    own: Pages = (
        ("/log-in", "login", login.login, BOTH),
        ("/log-in/second", "second", login.second, BOTH),
        ("/log-out", "logout", login.logout, POST),
        ("/invitation/<string:code>", "invitation", login.invitation, BOTH),
        ("/confirm", "confirm", login.confirm, BOTH),
        ("/passkey/question", "passkey_question", passkeys.question, POST),
        ("/passkey", "passkey", passkeys.answer, POST),
        ("/passkey/new/question", "new_passkey", passkeys.new_question, POST),
        ("/passkey/new", "add_passkey", passkeys.add, POST),
        ("/provider/<string:provider>", "oidc", oidc.begin, POST),
        ("/provider-back", "oidc_back", oidc.back, GET),
        ("", "me", me.me, GET),
        ("/app", "totp", me.totp, BOTH),
        ("/app/off", "totp_off", me.totp_off, POST),
        ("/recovery-codes", "recovery", me.recovery, POST),
        ("/passkey/off", "passkey_off", me.passkey_off, POST),
        ("/password", "password", me.password, BOTH),
        ("/sessions", "session_end", me.session_end, POST),
        ("/start", "start", login.start, GET),
        ("/organisation", "organisation", login.organisation, POST),
    )
    for rule, name, view, methods in own:
        room.add_url_rule(rule, name, view, methods=methods)
    app.register_blueprint(room)
    administration = Blueprint("people", __name__, url_prefix="/people")
    others: Pages = (
        ("", "everybody", people.everybody, GET),
        ("/add", "add", people.add, BOTH),
        ("/<int:person>", "one", people.one, GET),
        ("/<int:person>/roles", "role_give", people.role_give, POST),
        ("/<int:person>/roles/<int:role>/end", "role_end", people.role_end, POST),
        ("/<int:person>/<string:what>", "act", people.act, POST),
    )
    for rule, name, view, methods in others:
        administration.add_url_rule(rule, name, view, methods=methods)
    app.register_blueprint(administration)
    navigation.add(
        app,
        navigation.Entry(
            "people.everybody",
            "accounts.nav_people",
            frozenset({Role.ADMINISTRATOR}),
            80,
            ("people.add", "people.one"),
        ),
    )
