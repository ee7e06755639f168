"""Kept checks: their history, one in full, its receipt, its watch."""

from __future__ import annotations

from flask import Response, abort, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.checks.texts import advice_of, check_name, text_of
from ledger.core.people import Role
from ledger.core.report import Outcome
from ledger.core.verified import PurposeKind
from web.access import actor, allowed
from web.language import chosen_language
from web.numbers import asked_number
from web.texts import text

ROWS = 50
READERS = (Role.VERIFIER, Role.AUDITOR, Role.ADMINISTRATOR)
KINDS = {"jwt": "application/jwt", "pdf": "application/pdf"}
NEED_ACTION = frozenset({Outcome.FAILED.value, Outcome.UNKNOWN.value})
WATCH_CHOICES = (7, 30, 90, 365)


@allowed(*READERS)
def history() -> str:
    """Checks of the organisation (of the subtree for those who see it), and what they were for."""
    services = current_app.extensions["ledger"]
    before = asked_number("before")
    checks = services.verified.history(actor().subtree, before, ROWS + 1)
    people = services.people.names({check.person for check in checks}) | _programs()
    organisations = services.people.organisations()
    names = {uscc: found.name(chosen_language()) for uscc, found in organisations.items()}
    return render_template(
        "verifier/history.html",
        checks=checks[:ROWS],
        older=checks[ROWS - 1].id if len(checks) > ROWS else None,
        people=people,
        names=names,
        shares=services.verified.shares(actor().subtree),
        purpose_words=_purpose_words(),
    )


@allowed(*READERS)
def one(check_id: int) -> str:
    """One check in full."""
    services = current_app.extensions["ledger"]
    check = services.verified.check(check_id, actor().subtree)
    services.audit.note(actor(), "verifier.seen", f"check/{check_id}")
    language = chosen_language()
    lines = [
        (
            check_name(name, language),
            outcome,
            text_of(code, language),
            advice_of(code, language) if outcome in NEED_ACTION else "",
            as_of,
        )
        for name, outcome, code, as_of in (check.content.checks if check.content else ())
    ]
    return render_template(
        "verifier/one.html",
        check=check,
        lines=lines,
        officer=(services.people.names({check.person}) | _programs()).get(check.person, ""),
        verdict=text_of(check.code, language),
        purpose_words=_purpose_words(),
        is_own=check.uscc == actor().uscc and Role.VERIFIER in actor().roles,
        watch_choices=[
            (str(days), text("verifier.watch_days", language, count=days)) for days in WATCH_CHOICES
        ],
    )


@allowed(Role.VERIFIER)
def order(check_id: int) -> AnyResponse:
    """Have a signed receipt made."""
    services = current_app.extensions["ledger"]
    services.verified.order_receipt(check_id, {actor().uscc})
    services.audit.note(actor(), "verifier.receipt", f"check/{check_id}")
    return redirect(url_for("verifier.one", check_id=check_id), 303)


@allowed(*READERS)
def receipt(check_id: int, kind: str) -> Response:
    """The receipt as a token or as a sealed page."""
    if kind not in KINDS:
        abort(404)
    services = current_app.extensions["ledger"]
    token, page = services.verified.receipt(check_id, actor().subtree)
    response = make_response(token if kind == "jwt" else page)
    response.mimetype = KINDS[kind]
    response.headers["Content-Disposition"] = f'attachment; filename="receipt-{check_id}.{kind}"'
    return response


@allowed(Role.VERIFIER)
def watch(check_id: int) -> AnyResponse:
    """Tell us when what we relied on is withdrawn."""
    services = current_app.extensions["ledger"]
    days = request.form.get("days", type=int) or 0
    services.verified.watch(check_id, {actor().uscc}, days)
    services.audit.note(actor(), "verifier.watch", f"check/{check_id}", days=days)
    return redirect(url_for("verifier.one", check_id=check_id), 303)


@allowed(Role.VERIFIER)
def read(check_id: int) -> AnyResponse:
    """A notice was read."""
    services = current_app.extensions["ledger"]
    services.verified.read_notice(check_id, {actor().uscc})
    return redirect(url_for("verifier.one", check_id=check_id), 303)


def _programs() -> dict[int, str]:
    """Checks by a token of the API have no person."""
    return {0: text("verifier.program", chosen_language())}


def _purpose_words() -> dict[str, str]:
    return {str(kind): text(f"verifier.purpose_{kind}", chosen_language()) for kind in PurposeKind}
