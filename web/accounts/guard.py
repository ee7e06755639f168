"""Before every view: who calls, may they, and does the form come from our own page.

Reads the marks of web.access. A route without a mark is never served.
"""

from __future__ import annotations

import logging
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, current_app, g, jsonify, make_response, redirect, request, url_for
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from ledger.core.accounts import local_address
from ledger.core.errors import LedgerError
from ledger.core.people import Role
from ledger.services.login import Opened
from web.accounts.cookies import session_token
from web.problems import problem, wants_json
from web.security import carries_form_token, is_foreign, is_own_form

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_TYPES = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})
SETUP_PAGES = frozenset(
    {
        "accounts.me",
        "accounts.confirm",
        "accounts.totp",
        "accounts.new_passkey",
        "accounts.add_passkey",
        "accounts.session_end",
    }
)
"""What whoever still has to set up a second factor may open."""
_LOG = logging.getLogger("web")


def is_program() -> bool:
    """Does a script or program ask, for whom a page to look at is no answer?"""
    return wants_json() or request.headers.get("HX-Request") == "true"


def open_session() -> Opened | None:
    """The caller's session, looked up once a request; None without one."""
    if "opened" not in g:
        token = session_token()
        g.opened = current_app.extensions["ledger"].login.open(token) if token else None
        if g.opened is not None:
            g.session_token = token
            if g.opened.actor is not None:
                g.actor = g.opened.actor
    return cast("Opened | None", g.opened)


def guard() -> Response | None:
    """Refuse, send to the log-in, or let the view run (None)."""
    if request.endpoint is None:
        return None  # no such address or method: the router's own answer
    view = current_app.view_functions[request.endpoint]
    access: tuple[Any, ...] | None = getattr(view, "access", None)
    if access is None:
        _LOG.error("route %s has no access mark", request.endpoint)
        return problem(500, "HTTP_500")
    _allow_size(view)
    if access[0] == "token":
        return _token(str(access[1]))
    opened = _session_for_all() if access[0] == "public" else open_session()
    if request.method not in SAFE and (refused := _refuse_foreign(access[0], opened)) is not None:
        return refused
    if access[0] == "public":
        return None
    return _people(opened, access[1], fresh=bool(access[2]))


def _session_for_all() -> Opened | None:
    """For public pages: whoever is logged in; nobody while log-ins cannot be looked up."""
    try:
        return open_session()
    except LedgerError:
        g.opened = None
        return None


def _allow_size(view: Any) -> None:
    takes: tuple[int, int] | None = getattr(view, "takes", None)
    if takes is not None:
        request.max_content_length = request.max_form_memory_size = takes[0]
        request.max_form_parts = takes[1]


def _token(scope: str) -> Response | None:
    ask = current_app.extensions.get("token-guard")
    if ask is None:
        return problem(401, "TOKEN_NEEDED")
    return cast("Response | None", ask(scope))


def _refuse_foreign(kind: str, opened: Opened | None) -> Response | None:
    """CSRF: other sites can make a browser send, but neither our origin nor the session's token."""
    if is_foreign(request):
        return problem(403, "FORM_FOREIGN")
    if kind == "public" and (request.mimetype not in FORM_TYPES or wants_json()):
        return None  # programs; nothing is done in anybody's name
    if opened is not None and kind != "public":
        return None if carries_form_token(request) else problem(403, "FORM_FOREIGN")
    secure = current_app.extensions["web-settings"].secure_cookies
    if kind == "public" and not is_own_form(request, secure=secure):
        return problem(403, "FORM_FOREIGN")
    return None


def _people(opened: Opened | None, roles: frozenset[Role], *, fresh: bool) -> Response | None:
    if opened is None:
        return send_to("accounts.login", 401, "LOGIN_NEEDED")
    actor = opened.actor
    if actor is None:
        return send_to("accounts.second", 401, "LOGIN_NEEDED")
    if opened.session.stage == "setup" and request.endpoint not in SETUP_PAGES:
        return send_to("accounts.me", 403, "FACTOR_NEEDED")
    if roles and not roles & actor.roles:
        return problem(403, "ROLE_NEEDED")
    if fresh and not actor.is_fresh(current_app.extensions["ledger"].clock.now()):
        return send_to("accounts.confirm", 403, "STEP_UP_NEEDED")
    return None


def send_to(endpoint: str, status: int, code: str) -> Response:
    """To a page of ours that leads back here afterwards; programs get a problem document instead."""
    where = url_for(endpoint, next=way_back())
    if request.headers.get("HX-Request") == "true":
        response = make_response("", status)
        response.headers["HX-Redirect"] = where
        return response
    if wants_json():
        response = problem(status, code)
        body = response.get_json() or {}
        answer = jsonify({**body, "confirm": where})
        answer.status_code = status
        answer.mimetype = "application/problem+json"
        return answer
    return cast("Response", redirect(where, 303))


def way_back() -> str:
    """Where the person is: this address, or the page whose form was sent."""
    if request.method in SAFE and not is_program():
        query = urlencode([(key, value) for key, value in request.args.items(multi=True)])
        return local_address(f"{request.path}?{query}" if query else request.path) or "/"
    parts = urlsplit(request.headers.get("Referer") or request.headers.get("HX-Current-URL") or "")
    if parts.netloc == request.host:
        found = local_address(f"{parts.path}?{parts.query}" if parts.query else parts.path)
        if found is not None:
            return found
    try:
        current_app.url_map.bind(request.host).match(request.path, method="GET")
    except (MethodNotAllowed, NotFound, RequestRedirect):
        return "/"
    return local_address(request.path) or "/"


def register(app: Flask) -> None:
    """Before all other hooks of the rooms."""
    app.before_request(guard)
