"""Around every request: its number, its time, one line in the log where a line helps.

Written down are endpoint names, methods, statuses and times: never a path (it may hold a number of
somebody's proof), a query, a form, an address or a name.
"""

from __future__ import annotations

import logging
import re

import structlog
from flask import Flask, Response, current_app, g, request

from ledger.core.errors import UnavailableError
from ledger.ports import Entropy
from web.access import actor_or_none

BUSY = "ecert.busy"  # set by ledger.apps.bridge
HEADER = "X-Request-Id"
OWN_BYTES = 12
SLOW_S = 1.0
ERROR = 400
_GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_log = logging.getLogger("web.requests")


def request_id() -> str:
    """The number of this request."""
    return str(g.request_id)


def number_of(given: str, entropy: Entropy) -> str:
    """The number of a request that says `given`; from now on it stands in every line that is logged."""
    # a proxy's number is taken over, so that its log and ours can be laid side by side; anything else is not
    number = given if _GIVEN.fullmatch(given) else entropy.token(OWN_BYTES).hex()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=number)
    return number


def write_down(endpoint: str, method: str, status: int, passed_s: float) -> None:
    """One line in the log."""
    _log.info(
        "answered",
        extra={"endpoint": endpoint, "method": method, "status": status, "ms": round(passed_s * 1000)},
    )


def _begin() -> None:
    """Raises: UnavailableError(BUSY) when the server is full."""
    services = current_app.extensions["ledger"]
    g.request_id = number_of(request.headers.get(HEADER, ""), services.entropy)
    g.began_at = services.clock.monotonic()
    if request.environ.get(BUSY):
        raise UnavailableError("BUSY", "Too many requests wait; try again in a moment.")


def _end(response: Response) -> Response:
    services = current_app.extensions["ledger"]
    response.headers[HEADER] = request_id()
    passed = services.clock.monotonic() - g.began_at
    endpoint = request.endpoint or "none"
    services.answered(endpoint, response.status_code, passed)
    person = actor_or_none()
    if response.status_code >= ERROR or passed >= SLOW_S or (person is not None and request.method != "GET"):
        write_down(endpoint, request.method, response.status_code, passed)
    return response


def register(app: Flask) -> None:
    """Number, time and count every request; the last to see the answer, errors included."""
    app.before_request_funcs.setdefault(None, []).insert(0, _begin)
    app.after_request_funcs.setdefault(None, []).insert(0, _end)  # Flask runs them last to first
