"""Questions and answers of log-in passkeys; scripts ask, pages show the outcome."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from flask import Response, jsonify, make_response, request, url_for

from ledger.core.accounts import Place
from web.access import actor, allowed, public
from web.accounts.cookies import give_session, give_step, session_token, step_handle
from web.accounts.login import device, login_service, next_address


def place() -> Place:
    """Where the browser sees us: WebAuthn binds passkeys to it."""
    return Place(urlsplit(request.host_url).hostname or "", request.host_url.rstrip("/"))


def _question(options: str, handle: str) -> Response:
    return give_step(jsonify(json.loads(options)), handle)


@public("who logs in by passkey is not logged in yet; the question names nobody")
def question() -> Response:
    """What the authenticator must sign."""
    return _question(*login_service().passkey_question(place(), session_token()))


@public("who logs in by passkey is not logged in yet; the answer is checked")
def answer() -> Response:
    """In by passkey, or one's identity confirmed by it; says where to go."""
    entry = login_service().passkey(place(), step_handle(), _answer(), device(), session_token())
    where = next_address()
    if entry.stage == "setup":
        where = url_for("accounts.me")
    return give_session(jsonify(next=where), entry.token)


@allowed(fresh=True)
def new_question() -> Response:
    """What a new passkey must answer."""
    return _question(*login_service().new_passkey(actor(), place()))


@allowed(fresh=True)
def add() -> Response:
    """Keep the new passkey."""
    token = session_token() or ""
    entry = login_service().add_passkey(actor(), token, place(), step_handle(), _answer())
    return give_session(make_response(jsonify(next=url_for("accounts.me"))), entry.token)


def _answer() -> str:
    return request.get_data(as_text=True)[:65_536]
