"""Answers the plain cases of checking ahead of Flask: the busiest addresses do not pay for everything around a view.

Plain are POST /verify with a raw bundle by a program, and POST /check/file with a bundle in our own
form by a visitor, where all but the certificate's own was drawn before (web.check.result); from a
client within its limit and by no foreign site. Everything else, each refusal and each mistake of ours
goes on to Flask, whose routes answer the plain cases too, with the same words (a test compares them).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from werkzeug.http import dump_cookie, parse_cookie

from ledger.core.limits import LimitKind, client_name
from ledger.core.page import Kind
from ledger.services.page import HEAD_BYTES, Checked, recognise
from web.check.result import CHECKED, Place, again_of, known_result
from web.forms import LARGEST_PLAIN, read_plain_form
from web.language import COOKIE, LANGUAGES, Language
from web.ops.around import BUSY, HEADER, SLOW_S, number_of, write_down
from web.problems import or_else
from web.report_json import report_json
from web.security import cookie_name, fixed_headers, visitors_token
from web.statistics import count_one
from web.verdict import result_page
from web.views import MAX_BYTES, RAW_TYPES

PROGRAMS: Final = ("/verify", "verify")
PAGE: Final = ("/check/file", "check.file")
MOST_PARTS: Final = 8
_UNUSUAL: Final = ("QUERY_STRING", "SCRIPT_NAME", BUSY)
_OF_PEOPLE: Final = ("HTTP_COOKIE", "HTTP_ORIGIN")
_OWN_SITES: Final = frozenset({None, "same-origin", "none"})
Headers = list[tuple[str, str]]


class Quick:
    """The plain cases.

    Args:
        services: what the page calls (web.app.WebServices).
        mode: of the installation.
        secure: served over TLS.
    """

    def __init__(self, services: Any, mode: str, *, secure: bool) -> None:
        self._services = services
        self._mode = mode
        self._secure = secure
        self._form_cookie = cookie_name(secure=secure)
        self._headers = fixed_headers(secure=secure)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """The answer; None, with the body unread or put back, where this is no plain case."""
        path = environ["PATH_INFO"]
        if path == PROGRAMS[0]:
            return self._report(environ, start_response) if _is_programs(environ) else None
        if path == PAGE[0] and _is_own_form(environ):
            return self._page(environ, start_response)
        return None

    def _report(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        began_at = self._services.clock.monotonic()
        if not self._may(environ):
            return None  # refused there too: whoever has to wait does not get on by asking again
        number = self._number(environ)
        body = report_json(self._services.verify(_read(environ)))
        head = [("Content-Type", "application/json")]
        return self._answer(start_response, PROGRAMS[1], body, head, number, began_at)

    def _page(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        services = self._services
        began_at = services.clock.monotonic()
        cookies = parse_cookie(environ.get("HTTP_COOKIE"))
        data = _bundle(environ)
        if data is None or set(cookies) - {self._form_cookie, COOKIE} or not self._may(environ):
            return None
        number = self._number(environ)
        checked: Checked = services.pages.check(data)
        environ[CHECKED] = checked
        if checked.report is None or checked.found is not None or checked.report.credential is None:
            return None
        language: Language = next((one for one in LANGUAGES if one == cookies.get(COOKIE)), "zh")
        page = result_page(checked.report, services.types, language, services.clock.now())
        token = visitors_token(cookies.get(self._form_cookie), services.entropy)
        place = Place("", PAGE[1], PAGE[1], self._mode, language)
        text = known_result(page, again_of(data), token, place)
        if text is None:
            return None
        cookie = dump_cookie(
            self._form_cookie, token, secure=self._secure, httponly=True, samesite="Strict", path="/"
        )
        head = [("Content-Type", "text/html; charset=utf-8"), ("Set-Cookie", cookie)]
        return self._answer(start_response, PAGE[1], text.encode(), head, number, began_at)

    def _may(self, environ: WSGIEnvironment) -> bool:
        """Whether this client is within its limit; counts the check."""
        return not self._services.limits.take(LimitKind.CHECK, client_name(environ.get("REMOTE_ADDR")))

    def _number(self, environ: WSGIEnvironment) -> str:
        return number_of(environ.get("HTTP_X_REQUEST_ID", ""), self._services.entropy)

    def _answer(
        self,
        start_response: StartResponse,
        endpoint: str,
        body: bytes,
        head: Headers,
        number: str,
        began_at: float,
    ) -> Iterable[bytes]:
        services = self._services
        count_one(services)
        passed_s = services.clock.monotonic() - began_at
        services.answered(endpoint, 200, passed_s)
        if passed_s >= SLOW_S:
            write_down(endpoint, "POST", 200, passed_s)
        start_response(
            "200 OK", [*head, *self._headers, ("Content-Length", str(len(body))), (HEADER, number)]
        )
        return (body,)


def _is_short_post(environ: WSGIEnvironment, most: int) -> bool:
    length = environ.get("CONTENT_LENGTH", "")
    return (
        environ["REQUEST_METHOD"] == "POST"
        and length.isdecimal()
        and int(length) <= most
        and not any(environ.get(name) for name in _UNUSUAL)
    )


def _is_programs(environ: WSGIEnvironment) -> bool:
    """Whether Flask would do nothing but judge what was handed in."""
    return (
        _is_short_post(environ, MAX_BYTES)
        and environ.get("CONTENT_TYPE") in RAW_TYPES
        and environ.get("HTTP_SEC_FETCH_SITE") in _OWN_SITES
        and not any(environ.get(name) for name in _OF_PEOPLE)
    )


def _is_own_form(environ: WSGIEnvironment) -> bool:
    """Whether a browser sends our own form, by its own word, and shows what it gets."""
    origin, wants = environ.get("HTTP_ORIGIN"), environ.get("HTTP_ACCEPT", "*/*")
    return (
        _is_short_post(environ, LARGEST_PLAIN)
        and environ.get("HTTP_SEC_FETCH_SITE") == "same-origin"
        and (origin is None or urlsplit(origin).netloc == environ.get("HTTP_HOST"))
        and (wants == "*/*" or wants.startswith("text/html,"))
    )


def _read(environ: WSGIEnvironment) -> bytes:
    """The body, which stays readable: Flask may need it."""
    data: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    environ["wsgi.input"] = io.BytesIO(data)
    return data


def _bundle(environ: WSGIEnvironment) -> bytes | None:
    """The bundle in the form, if that is all there is in it."""
    form = read_plain_form(environ.get("CONTENT_TYPE", ""), _read(environ), MOST_PARTS)
    if form is None:
        return None
    fields, files = form
    file = files.get("file")
    others = ("text", "again", "lang")
    if file is None or not file.filename or any(fields.get(name, "").strip() for name in others):
        return None
    data = file.read()
    return data if recognise(data[:HEAD_BYTES]) is Kind.BUNDLE and data.startswith(b"{") else None


def register(app: Flask) -> None:
    """In front of the application, behind whatever else is put in front of it later."""
    settings = app.extensions["web-settings"]
    quick = Quick(app.extensions["ledger"], settings.mode, secure=settings.secure_cookies)
    inner: WSGIApplication = app.wsgi_app
    app.wsgi_app = or_else(quick, inner)  # type: ignore[method-assign,assignment]
