"""Addresses of this room."""

from __future__ import annotations

from flask import Blueprint, Flask

from web.accounts import guard, login, me, oidc, passkeys

GET, BOTH, POST = ["GET"], ["GET", "POST"], ["POST"]


def register(app: Flask) -> None:
    """The guard first, then the pages."""
    guard.register(app)
    room = Blueprint("accounts", __name__, url_prefix="/account")
    for rule, name, view, methods in (
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
        ("/organisation", "organisation", login.organisation, POST),
    ):
        room.add_url_rule(rule, name, view, methods=methods)
    app.register_blueprint(room)
