"""What protects the page: headers, same-origin forms, whom a request is counted for."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, request

from ledger.core.limits import client_name
from ledger.ports import Entropy

TOKEN_BYTES = 32

# Nothing comes from elsewhere and nothing is written into a page as script or style.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Pages with a camera: the reader of codes is WebAssembly, the picture never leaves the page.
CAMERA = {
    "Content-Security-Policy": POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
    .replace("img-src 'self'", "img-src 'self' blob:")
    .replace("connect-src 'self'", "connect-src 'self'; media-src 'self' blob:; worker-src 'self'"),
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}
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
CAMERA_HEADERS = HEADERS | CAMERA
LASTING = ("Strict-Transport-Security", "max-age=31536000")
UNKEPT = ("Cache-Control", "no-store")
VARIES = ("Vary", "Accept, Cookie")


def allow_camera() -> None:
    """This answer is a page that reads codes with the camera."""
    g.camera = True


def client() -> str:
    """Whom to count this request for (see ledger.core.limits.client_name)."""
    return client_name(request.remote_addr)


def cookie_name(*, secure: bool) -> str:
    """`__Host-` keeps other hosts of the same domain from setting it (RFC 6265bis §4.1.3.2)."""
    return "__Host-form" if secure else "form"


def form_token() -> str:
    """The token of this session, or before any log-in of this browser (in a cookie, by `set_token`)."""
    if session := g.get("session_token"):
        return _bound_to(session)
    secure = current_app.extensions["web-settings"].secure_cookies
    token = request.cookies.get(cookie_name(secure=secure))
    return visitors_token(token, current_app.extensions["ledger"].entropy)


def visitors_token(kept: str | None, entropy: Entropy) -> str:
    """The token that the browser keeps, or a new one."""
    if kept and len(kept) == TOKEN_BYTES * 4 // 3 + 1:
        return kept
    return base64.urlsafe_b64encode(entropy.token(TOKEN_BYTES)).rstrip(b"=").decode()


def set_token(response: Response, token: str) -> None:
    """Give the browser its token; nobody else learns it. A session's token follows from its cookie."""
    if g.get("session_token"):
        return
    secure = current_app.extensions["web-settings"].secure_cookies
    response.set_cookie(
        cookie_name(secure=secure), token, secure=secure, httponly=True, samesite="Strict", path="/"
    )


def _bound_to(session: str) -> str:
    """A form token that only pages made for this session carry; the session does not follow from it."""
    digest = hmac.digest(session.encode(), b"ecert form", "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def carries_form_token(req: Request) -> bool:
    """Does this request of a logged-in browser carry the token that belongs to its session?"""
    given = req.headers.get("X-Form-Token") or (req.form.get("token", "") if req.form else "")
    session = g.get("session_token")
    return bool(session) and hmac.compare_digest(_bound_to(session).encode(), given.encode())


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


def fixed_headers(*, secure: bool) -> list[tuple[str, str]]:
    """What every answer carries that says nothing else."""
    lasting = [LASTING] if secure else []
    return [*HEADERS.items(), *lasting, UNKEPT, VARIES]


def register(app: Flask) -> None:
    """Put the headers on every response."""
    secure = app.extensions["web-settings"].secure_cookies

    @app.after_request
    def protect(response: Response) -> Response:
        headers = response.headers
        given = {name.lower() for name, _ in headers}
        wanted = CAMERA_HEADERS if g.get("camera") else HEADERS
        for name, value in wanted.items():
            if name.lower() not in given:
                headers.add(name, value)
        if secure:
            headers.set(*LASTING)
        if "cache-control" not in given:
            headers.add(*UNKEPT)
            headers.set(*VARIES)
        return response
