"""Every error page and every problem document (RFC 9457) is made here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Response, current_app, g, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ledger.core.errors import (
    ConflictError,
    InputError,
    LedgerError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from web.language import chosen_language
from web.texts import code_text

STATUS_OF: tuple[tuple[type[LedgerError], int], ...] = (
    (InputError, 422),
    (RefusedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (UnavailableError, 503),
)
RETRY_AFTER_S = 10
DRAIN_BYTES = 32 * 1_048_576  # beyond this we hang up on whoever goes on sending
DRAIN_CHUNK = 65_536


def wants_json() -> bool:
    """Did the caller ask for JSON rather than a page?"""
    best = request.accept_mimetypes.best_match(["text/html", "application/json", "application/problem+json"])
    return best is not None and best != "text/html"


def problem(status: int, code: str, *, retry_after_s: int | None = None) -> Response:
    """A page or a problem document for `code`, in the reader's language."""
    language = chosen_language()
    words = (
        code_text(code, language) or code_text(f"HTTP_{status}", language) or code_text("HTTP_500", language)
    )
    assert words is not None  # noqa: S101  HTTP_500 is in the catalogue
    title, advice = words
    if wants_json():
        response = jsonify(
            type=f"urn:ecert:problem:{code}", title=title, status=status, detail=advice, code=code
        )
        response.mimetype = "application/problem+json"
    else:
        response = make_response(
            render_template(
                "problem.html",
                title=title,
                advice=advice,
                code=code,
                status=status,
                request_id=g.get("request_id"),
            )
        )
    response.status_code = status
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def _is_for_people() -> bool:
    """Is this route's view for logged-in people (web.access.allowed)?"""
    view = current_app.view_functions.get(request.endpoint or "")
    return bool(getattr(view, "access", ("",))[0] == "people")


def drain() -> None:
    """Read on what the client still sends, so that its browser shows our answer and not a reset."""
    stream = request.environ.get("wsgi.input")
    left = min(request.content_length or 0, DRAIN_BYTES)
    while stream is not None and left > 0:
        chunk = stream.read(min(left, DRAIN_CHUNK))
        if not chunk:
            break
        left -= len(chunk)


def or_else(
    first: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes] | None], then: WSGIApplication
) -> WSGIApplication:
    """An application that asks `first`, and `then` when it gives no answer or makes a mistake.

    Whatever `first` reads of the body it puts back.
    """

    def ask(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = first(environ, start_response)
        except Exception:  # noqa: BLE001  `then` meets the same mistake, logs it and answers
            answer = None
        return then(environ, start_response) if answer is None else answer

    return ask


def register(app: Flask) -> None:
    """Answer every error of the application."""

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(error: RequestEntityTooLarge) -> Response:
        del error
        drain()
        view = current_app.view_functions.get(request.endpoint or "")
        takes_more = getattr(view, "takes", None) is not None  # web.access.takes: an import, a page
        return problem(413, "UPLOAD_TOO_LARGE" if takes_more else "BUNDLE_TOO_LARGE")

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        status = error.code or 500
        return problem(status, f"HTTP_{status}")

    @app.errorhandler(LedgerError)
    def ledger(error: LedgerError) -> Response:
        status = next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)
        retry = RETRY_AFTER_S if isinstance(error, UnavailableError) else None
        # whether a number is nobody's or somebody else's is not told to people
        is_hidden = status == 404 and _is_for_people()
        return problem(status, "NOT_HERE" if is_hidden else error.code, retry_after_s=retry)

    # Anything else is our own mistake: Flask logs it (without its words) and the reader is told so.
    @app.errorhandler(500)
    def ours(error: Exception) -> Response:
        del error
        return problem(500, "HTTP_500")
