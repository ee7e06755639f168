"""A sheet of numbers and codes, checked by the worker, given back with a result column."""

from __future__ import annotations

from flask import Response, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.errors import InputError
from ledger.core.limits import LimitKind
from ledger.core.people import Role
from ledger.core.verified import PurposeKind, require_purpose
from ledger.services.verified import MAX_LIST_BYTES
from web.access import actor, allowed, takes
from web.check.result import fault_words
from web.downloads import sheet_answer
from web.language import chosen_language
from web.problems import problem
from web.texts import code_text, text
from web.verifier.desk import purposes


@allowed(Role.VERIFIER)
def page() -> Response:
    """The form and the newest lists."""
    return _page()


@allowed(Role.VERIFIER)
@takes(MAX_LIST_BYTES + 65_536)
def add() -> AnyResponse:
    """Take a list."""
    services = current_app.extensions["ledger"]
    wait_s = services.limits.take(LimitKind.UPLOAD, str(actor().person))
    if wait_s:
        return problem(429, "RATE_LIMITED", retry_after_s=wait_s)
    try:
        kind, _ = require_purpose(request.form.get("purpose_kind", ""), request.form.get("purpose", "-"))
        upload = request.files.get("file")
        if upload is None or not upload.filename:
            raise InputError("FILE_MISSING", "no file")
        list_id = services.verified.check_list(actor(), kind, upload.read())
    except InputError as fault:
        return _page(fault_words(fault))
    services.audit.note(actor(), "verifier.list", f"list/{list_id}")
    return redirect(url_for("verifier.list", list_id=list_id), 303)


@allowed(Role.VERIFIER)
def one(list_id: int) -> str:
    """How far a list is."""
    return render_template("verifier/list.html", **_facts(list_id))


@allowed(Role.VERIFIER)
def live(list_id: int) -> str:
    """The part that a script asks for every second."""
    return render_template("verifier/list_live.html", **_facts(list_id))


@allowed(Role.VERIFIER)
def result(list_id: int) -> Response:
    """The sheet with its result column."""
    services = current_app.extensions["ledger"]
    data = services.verified.list_result(list_id, {actor().uscc})
    services.audit.note(actor(), "verifier.list_taken", f"list/{list_id}")
    return sheet_answer(data, "xlsx", f"checked-{list_id}")


@allowed(Role.VERIFIER)
def template() -> Response:
    """An empty list."""
    services = current_app.extensions["ledger"]
    language = chosen_language()
    titles = [text("verifier.list_number", "zh"), text("verifier.list_code", "zh")]
    data = services.verified_sheets.write("xlsx", text("verifier.lists_title", language)[:31], titles, [])
    return sheet_answer(data, "xlsx", "list", text("verifier.list_file_name", language))


def _page(error: str | None = None) -> Response:
    services = current_app.extensions["ledger"]
    body = render_template(
        "verifier/lists.html",
        error=error,
        lists=services.verified.lists({actor().uscc}),
        purposes=purposes(),
        purpose_kind=request.form.get("purpose_kind", PurposeKind.OTHER),
    )
    return make_response(body, 200 if error is None else 422)


def _facts(list_id: int) -> dict[str, object]:
    found = current_app.extensions["ledger"].verified.list_check(list_id, {actor().uscc})
    words = code_text(found.code, chosen_language()) if found.code else None
    return {"found": found, "fault": None if words is None else f"{words.title} {words.advice}"}
