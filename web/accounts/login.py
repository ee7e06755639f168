"""Logging in and out: password, second step, invitation, step-up, choosing an organisation."""

from __future__ import annotations

from flask import (
    Response,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.accounts import device_label, local_address
from ledger.core.errors import InputError, LedgerError, RefusedError
from ledger.core.people import Role
from ledger.services.login import Entry, LoginService, Opened
from web.access import actor, allowed, public
from web.accounts.cookies import drop_session, give_session, session_token
from web.accounts.guard import open_session
from web.language import chosen_language
from web.security import client
from web.texts import code_text, text

Errors = list[tuple[str, str]]
FIRST_PAGES = (
    (Role.CLERK, "issue.desk"),
    (Role.APPROVER, "issue.desk"),
    (Role.VERIFIER, "verifier.desk"),
    (Role.AUDITOR, "audit.log"),
    (Role.OPERATOR, "operate.page"),
    (Role.ADMINISTRATOR, "people.everybody"),
)
"""Where work begins; whoever has several roles begins with the first of these."""


def login_service() -> LoginService:
    """How people come in."""
    found: LoginService = current_app.extensions["ledger"].login
    return found


def next_address() -> str:
    """Where to go afterwards: a page of ours, or where this person's work begins."""
    return local_address(request.values.get("next")) or url_for("accounts.start")


def words(error: LedgerError) -> str:
    """An error in the reader's language, in one sentence."""
    found = code_text(error.code, chosen_language())
    return error.message if found is None else f"{found[0]} {found[1]}".strip()


def too_soon(seconds: int) -> str:
    """Wait a while."""
    return text("accounts.wait", chosen_language(), count=seconds)


def device() -> str:
    """Coarse words for the browser."""
    return device_label(request.headers.get("User-Agent", ""))


def step(entry: Entry, where: str) -> Response:
    """To the next step, or to where the person wanted to go, with the new cookie."""
    target = {
        "half": url_for("accounts.second", next=where),
        "setup": url_for("accounts.me"),
        "full": where,
    }[entry.stage]
    return give_session(make_response(redirect(target, 303)), entry.token)


def page(template: str, errors: Errors, **values: object) -> Response:
    """A page of this room; 422 with errors."""
    body = render_template(
        f"accounts/{template}.html", errors=errors, next=next_address(), error_of=dict(errors), **values
    )
    return make_response(body, 422 if errors else 200)


@public("whoever logs in is not logged in yet")
def login() -> AnyResponse:
    """The form; a right password leads to the second step or in."""
    if request.method == "GET":
        opened = g.get("opened")
        if opened is not None and opened.actor is not None and opened.session.stage == "full":
            return redirect(next_address(), 303)
        return page("login", [], login="", providers=providers())
    name, password = request.form.get("login", "")[:200], request.form.get("password", "")[:1000]
    try:
        entry = login_service().password(name, password, device(), client())
    except InputError as error:
        return page("login", [("login", words(error))], login=name, providers=providers())
    if isinstance(entry, int):
        response = page("login", [("login", too_soon(entry))], login=name, providers=providers())
        response.status_code, response.headers["Retry-After"] = 429, str(entry)
        return response
    return step(entry, next_address())


@public("the session of the first step is looked at inside")
def second() -> AnyResponse:
    """The code of the app, a recovery code, or a passkey."""
    opened, token = g.get("opened"), session_token()
    if opened is None or token is None or opened.session.stage != "half":
        return redirect(url_for("accounts.login", next=next_address()), 303)
    if request.method == "GET":
        return page("second", [])
    try:
        entry = login_service().second(token, request.form.get("code", "")[:100])
    except RefusedError:
        return redirect(url_for("accounts.login", next=next_address()), 303)
    except InputError as error:
        return page("second", [("code", words(error))])
    if isinstance(entry, int):
        return page("second", [("code", too_soon(entry))])
    return step(entry, next_address())


@public("whoever is invited has no password yet; the code in the address opens one account once")
def invitation(code: str) -> AnyResponse:
    """Choose a password."""
    login_name = login_service().invited(code)
    if login_name is None:
        abort(404)
    if request.method == "GET":
        return page("invitation", [], login=login_name, code=code, providers=providers())
    password, again = request.form.get("password", ""), request.form.get("again", "")
    if password != again:
        errors = [("again", text("accounts.error_again", chosen_language()))]
        return page("invitation", errors, login=login_name, code=code, providers=providers())
    try:
        entry = login_service().invitation(code, password[:1000], device())
    except InputError as error:
        errors = [("password", words(error))]
        return page("invitation", errors, login=login_name, code=code, providers=providers())
    return step(entry, url_for("accounts.me"))


@public("whose session is over logs out in vain")
def logout() -> Response:
    """End the session here and on the server; the browser forgets what it kept of our pages."""
    token = session_token()
    if token:
        login_service().log_out(token)
    response = drop_session(make_response(redirect(url_for("home"), 303)))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@allowed()
def confirm() -> AnyResponse:
    """Step-up: prove once more who you are."""
    one, token = actor(), session_token() or ""
    has_code = current_app.extensions["ledger"].people.person(one.person).has_totp
    has_key = bool(login_service().factors.passkeys_of(one))
    if request.method == "GET":
        return page("confirm", [], has_code=has_code, has_key=has_key)
    try:
        entry = login_service().step_up(
            one, token, request.form.get("password", "")[:1000], request.form.get("code", "")[:100]
        )
    except InputError as error:
        field = "code" if error.code == "CODE_WRONG" else "password"
        return page("confirm", [(field, words(error))], has_code=has_code, has_key=has_key)
    if isinstance(entry, int):
        return page("confirm", [("password", too_soon(entry))], has_code=has_code, has_key=has_key)
    return step(entry, next_address())


@allowed()
def start() -> AnyResponse:
    """To where the day's work of this person begins; without a role to the account, which says so."""
    mine = (endpoint for role, endpoint in FIRST_PAGES if role in actor().roles)
    found = next((one for one in mine if one in current_app.view_functions), "accounts.me")
    return redirect(url_for(found), 303)


@allowed()
def organisation() -> AnyResponse:
    """Act for another of one's organisations."""
    opened: Opened | None = open_session()
    if opened is not None:
        login_service().choose_organisation(opened, request.form.get("uscc", ""))
    return redirect(next_address(), 303)


def providers() -> list[tuple[str, str]]:
    """Identity providers to choose from: id and name in the reader's language."""
    return list(current_app.extensions["ledger"].providers.names(chosen_language()))
