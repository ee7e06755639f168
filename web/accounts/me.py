"""One's own account: organisations, password, second factors, passkeys, sessions."""

from __future__ import annotations

import io

import segno
from flask import Response, current_app, make_response, redirect, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.errors import InputError
from ledger.core.one_time import base32, totp_uri
from web.access import actor, allowed
from web.accounts.cookies import give_session, session_token
from web.accounts.guard import open_session
from web.accounts.login import Errors, login_service, page, too_soon, words
from web.language import chosen_language
from web.texts import text


@allowed()
def me() -> Response:
    """What this person is where, how the account is protected, where it is open."""
    return _me()


def _me(done: str = "") -> Response:
    one, services, opened = actor(), current_app.extensions["ledger"], open_session()
    known = services.people.organisations()
    places = [
        (uscc, known[uscc].name(chosen_language())) for uscc in (opened.organisations if opened else ())
    ]
    return page(
        "me",
        [],
        one=services.people.person(one.person),
        roles=sorted(one.roles),
        here=dict(places).get(one.uscc, ""),
        places=places,
        passkeys=login_service().factors.passkeys_of(one),
        codes_left=login_service().factors.recovery_codes_left(one),
        sessions=services.people.sessions(one.person),
        must_set_up=opened is not None and opened.session.stage == "setup",
        done=done,
    )


@allowed(fresh=True)
def totp() -> AnyResponse:
    """Set up an authenticator app: show its secret, take its first code."""
    one, token = actor(), session_token() or ""
    secret = login_service().factors.pending_totp(one) or login_service().factors.begin_totp(one)
    errors: Errors = []
    if request.method == "POST":
        try:
            done = login_service().confirm_totp(one, token, request.form.get("code", "")[:100])
        except InputError as error:
            errors = [("code", words(error))]
        else:
            if not isinstance(done, int):
                entry, codes = done
                return give_session(page("recovery", [], codes=codes), entry.token)
            errors = [("code", too_soon(done))]
    login = current_app.extensions["ledger"].people.person(one.person).login
    place = text("site", chosen_language())
    return page("totp", errors, image=_qr(totp_uri(secret, login, place)), key=_groups(base32(secret)))


@allowed(fresh=True)
def totp_off() -> AnyResponse:
    """Turn the app off."""
    login_service().factors.remove_totp(actor())
    return redirect(url_for("accounts.me"), 303)


@allowed(fresh=True)
def recovery() -> Response:
    """New recovery codes, shown once."""
    return page("recovery", [], codes=login_service().factors.new_recovery_codes(actor()))


@allowed(fresh=True)
def passkey_off() -> AnyResponse:
    """This passkey no longer opens the account."""
    login_service().factors.remove_passkey(actor(), _number("passkey"))
    return redirect(url_for("accounts.me"), 303)


@allowed(fresh=True)
def password() -> AnyResponse:
    """Change the password."""
    if request.method == "GET":
        return page("password", [])
    given, again = request.form.get("password", ""), request.form.get("again", "")
    if given != again:
        return page("password", [("again", text("accounts.error_again", chosen_language()))])
    try:
        login_service().change_password(actor(), given[:1000])
    except InputError as error:
        return page("password", [("password", words(error))])
    return redirect(url_for("accounts.me"), 303)


@allowed()
def session_end() -> AnyResponse:
    """End one of one's sessions, or all others."""
    people, one = current_app.extensions["ledger"].people, actor()
    if request.form.get("session") == "others":
        people.end_sessions(one.person, by=one)
    else:
        people.end_session(one.person, _number("session"), by=one)
    return make_response(redirect(url_for("accounts.me"), 303))


def _number(name: str) -> int:
    value = request.form.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else 0


def _qr(content: str) -> Markup:
    """An SVG without styles of its own; made here, so it needs no escaping."""
    out = io.BytesIO()
    segno.make(content, error="m", micro=False).save(
        out,
        kind="svg",
        xmldecl=False,
        svgns=True,
        scale=5,
        border=4,
        omitsize=False,
        svgclass="qr",
        lineclass=None,
    )
    return Markup(out.getvalue().decode())  # noqa: S704  (segno's output: paths and numbers)


def _groups(key: str) -> str:
    return " ".join(key[at : at + 4] for at in range(0, len(key), 4))
