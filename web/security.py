"""What protects the page: headers, same-origin forms, a limit on how often one client asks."""

from __future__ import annotations

import base64
import hmac
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, request

TOKEN_BYTES = 32
MAX_CLIENTS = 4096  # remembered at a time; the oldest is forgotten first

# Nothing comes from elsewhere and nothing is written into a page as script or style.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # not `no-referrer`: browsers would then send `Origin: null` with our own form
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class RateLimiter:
    """A bucket per client that holds a minute's worth and fills evenly. Per process, in memory."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        self._capacity = float(per_minute)
        self._rate = per_minute / 60.0
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> int:
        """Seconds until this client may ask again; 0 takes one from its bucket."""
        now = self._monotonic()
        with self._lock:
            level, then = self._buckets.pop(client, (self._capacity, now))
            level = min(self._capacity, level + (now - then) * self._rate)
            allowed = level >= 1
            self._buckets[client] = (level - 1 if allowed else level, now)
            if len(self._buckets) > MAX_CLIENTS:
                self._buckets.popitem(last=False)
        return 0 if allowed else math.ceil((1 - level) / self._rate)


def cookie_name(*, secure: bool) -> str:
    """`__Host-` keeps other hosts of the same domain from setting it (RFC 6265bis §4.1.3.2)."""
    return "__Host-form" if secure else "form"


def form_token() -> str:
    """The token of this browser: from its cookie, else a new one, which `set_token` hands out."""
    secure = current_app.extensions["web-settings"].secure_cookies
    token = request.cookies.get(cookie_name(secure=secure))
    if token and len(token) == TOKEN_BYTES * 4 // 3 + 1:
        return token
    entropy = current_app.extensions["ledger"].entropy
    return base64.urlsafe_b64encode(entropy.token(TOKEN_BYTES)).rstrip(b"=").decode()


def set_token(response: Response, token: str) -> None:
    """Give the browser its token; nobody else learns it."""
    secure = current_app.extensions["web-settings"].secure_cookies
    response.set_cookie(
        cookie_name(secure=secure), token, secure=secure, httponly=True, samesite="Strict", path="/"
    )


def is_own_form(req: Request, *, secure: bool) -> bool:
    """Does this form come from our own page?

    A browser's own word (`Sec-Fetch-Site`, `Origin`) decides where there is one; an old browser that
    says neither must show its token twice, in cookie and form.
    Source: OWASP Cross-Site Request Forgery Prevention, Fetch Metadata and double submit.
    """
    site = req.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = req.headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc == req.host
    cookie = req.cookies.get(cookie_name(secure=secure), "")
    given = req.form.get("token", "")
    return bool(cookie) and hmac.compare_digest(cookie.encode(), given.encode())


def is_foreign(req: Request) -> bool:
    """Does a browser say that another site made this request?"""
    if req.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        return True
    origin = req.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != req.host


def register(app: Flask) -> None:
    """Put the headers on every response."""
    secure = app.extensions["web-settings"].secure_cookies

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint == "static":
            response.headers["Cache-Control"] = "public, max-age=300"
        elif "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
            response.headers["Vary"] = "Accept, Cookie"
        return response
