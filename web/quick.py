"""Answers programs that hand in a bundle, ahead of Flask: the busiest address does not pay for pages.

Only the plain case is answered here: POST /verify with a raw bundle, without cookies or query, from a
client within its limit and by no foreign site. Everything else, each refusal and each mistake of ours
goes on to Flask, whose route answers the plain case too, with the same words (a test compares them).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask

from ledger.core.limits import LimitKind, client_name
from web.ops.around import BUSY, HEADER, SLOW_S, number_of, write_down
from web.problems import or_else
from web.report_json import report_json
from web.security import fixed_headers
from web.statistics import count_one
from web.views import MAX_BYTES, RAW_TYPES

ENDPOINT: Final = "verify"
_PATH: Final = "/verify"
_UNUSUAL: Final = ("HTTP_COOKIE", "HTTP_ORIGIN", "QUERY_STRING", BUSY)
_OWN_SITES: Final = frozenset({None, "same-origin", "none"})


class Quick:
    """The plain case.

    Args:
        services: what the page calls (web.app.WebServices).
        secure: served over TLS.
    """

    def __init__(self, services: Any, *, secure: bool) -> None:
        self._services = services
        self._headers = [("Content-Type", "application/json"), *fixed_headers(secure=secure)]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """The answer; None, with nothing read or counted, where this is not the plain case."""
        if environ["PATH_INFO"] != _PATH or not _is_plain(environ):
            return None
        services = self._services
        began_at = services.clock.monotonic()
        if services.limits.take(LimitKind.CHECK, client_name(environ.get("REMOTE_ADDR"))):
            return None  # refused there too: whoever has to wait does not get on by asking again
        number = number_of(environ.get("HTTP_X_REQUEST_ID", ""), services.entropy)
        data = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = io.BytesIO(data)  # for Flask, should something go wrong
        body = report_json(services.verify(data))
        count_one(services)
        passed_s = services.clock.monotonic() - began_at
        services.answered(ENDPOINT, 200, passed_s)
        if passed_s >= SLOW_S:
            write_down(ENDPOINT, "POST", 200, passed_s)
        start_response("200 OK", [*self._headers, ("Content-Length", str(len(body))), (HEADER, number)])
        return (body,)


def _is_plain(environ: dict[str, Any]) -> bool:
    """Whether Flask would do nothing but judge what was handed in."""
    length = environ.get("CONTENT_LENGTH", "")
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ.get("CONTENT_TYPE") in RAW_TYPES
        and environ.get("HTTP_SEC_FETCH_SITE") in _OWN_SITES
        and not any(environ.get(name) for name in _UNUSUAL)
        and length.isdecimal()
        and int(length) <= MAX_BYTES
        and not environ.get("SCRIPT_NAME")
    )


def register(app: Flask) -> None:
    """In front of the application, behind whatever else is put in front of it later."""
    settings = app.extensions["web-settings"]
    quick = Quick(app.extensions["ledger"], secure=settings.secure_cookies)
    inner: WSGIApplication = app.wsgi_app
    app.wsgi_app = or_else(quick, inner)  # type: ignore[method-assign,assignment]
