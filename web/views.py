"""The routes: form to command, one service call, result to page."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from flask import Flask, Response, abort, current_app, make_response, render_template, request

from ledger.core.limits import LimitKind
from web.access import public
from web.check.result import Again, show_result
from web.front import figures_of_today
from web.language import Language, chosen_language
from web.problems import problem, wants_json
from web.report_json import report_json
from web.security import client, is_foreign, is_own_form
from web.texts import text
from web.verdict import result_page

RAW_TYPES = frozenset(
    {"application/vnd.ecert+json", "application/json", "application/dc+sd-jwt", "application/octet-stream"}
)
FORM_TYPES = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})
MAX_BYTES = 1_048_576  # docs/formats.md
UNREADABLE = 2  # Report.exit_code: these bytes are no credential at all


@dataclass(frozen=True, slots=True)
class Submission:
    """What a person handed in: bytes, or the sentence that says what is wrong."""

    data: bytes = b""
    error: str | None = None
    field: str = "file"


@public("anybody may check what they hold; nothing is stored")
def home() -> Response:
    """The form."""
    return _form_page(None)


@public("anybody may check what they hold; nothing is stored")
def verify() -> Response:
    """Judge what was handed in: a page for people, the report for programs."""
    services = current_app.extensions["ledger"]
    wait_s = services.limits.take(LimitKind.CHECK, client())
    if wait_s:
        return problem(429, "RATE_LIMITED", retry_after_s=wait_s)
    if request.mimetype not in RAW_TYPES | FORM_TYPES:
        return problem(415, "HTTP_415")
    if is_foreign(request):
        return problem(403, "FORM_FOREIGN")
    if request.mimetype in RAW_TYPES:
        submission = Submission(request.get_data(cache=False))
    else:
        secure = current_app.extensions["web-settings"].secure_cookies
        if not wants_json() and not is_own_form(request, secure=secure):
            return problem(403, "FORM_FOREIGN")
        submission = _read_form(chosen_language())
    if len(submission.data) > MAX_BYTES:
        return problem(413, "BUNDLE_TOO_LARGE")
    if request.mimetype in RAW_TYPES or wants_json():
        return Response(report_json(services.verify(submission.data)), mimetype="application/json")
    if submission.error is not None:
        return _form_page(submission)
    return _result(submission.data)


@public("a verifier must be able to look up a status without saying who asks")
def status_list(ledger: str, number: int, agency: str = "") -> Response:
    """A status list token, under the address that the credentials name (docs/formats.md).

    Several agencies may share one page: host and path together say whose list it is.
    """
    below = f"/{agency}" if agency else ""
    uri = f"https://{request.host}{below}/status/{ledger}/{number}"
    found = current_app.extensions["ledger"].status_list(uri)
    if found is None:
        abort(404)
    token, max_age_s = found
    response = make_response(token)
    response.mimetype = "application/statuslist+jwt"
    response.set_etag(hashlib.sha256(token.encode()).hexdigest())
    response.headers["Cache-Control"] = f"public, max-age={max_age_s}"
    response.headers["Access-Control-Allow-Origin"] = "*"  # wallets and verifiers live in browsers too
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.make_conditional(request)
    return response


def _result(data: bytes) -> Response:
    services = current_app.extensions["ledger"]
    language = chosen_language()
    report = services.verify(data)
    page = result_page(report, services.types, language, services.clock.now())
    if report.exit_code == UNREADABLE:
        return _form_page(Submission(data, error=f"{page.reason} {page.advice}".strip()))
    readable = _as_text(data)
    return show_result(report, None if readable is None else Again("verify", {"text": readable}))


def _form_page(submission: Submission | None) -> Response:
    return make_response(
        render_template("home.html", submission=submission, today=figures_of_today()),
        200 if submission is None else 422,
    )


def _read_form(language: Language) -> Submission:
    upload = request.files.get("file")
    pasted = request.form.get("text", "").strip()
    data = upload.read() if upload is not None and upload.filename else None
    if data is not None and pasted:
        return Submission(error=text("home.error_both", language))
    if data is not None:
        return Submission(data)
    if pasted:
        return Submission(pasted.encode(), field="text")
    return Submission(error=text("home.error_nothing", language))


def _as_text(data: bytes) -> str | None:
    """The bytes as text, for showing the same result in the other language; None if they are none."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def register(app: Flask) -> None:
    """All addresses of the page, in one place, and what every template knows."""
    app.add_url_rule("/", view_func=home, methods=["GET"])
    app.add_url_rule("/verify", view_func=verify, methods=["POST"])
    for rule in (
        "/status/<string:ledger>/<int:number>",
        "/<path:agency>/status/<string:ledger>/<int:number>",
    ):
        app.add_url_rule(rule, view_func=status_list, methods=["GET"])
