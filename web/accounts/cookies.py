"""The session's cookie: random, unreadable for scripts, never sent by other sites' forms."""

from __future__ import annotations

from flask import Response, current_app, g, request

from ledger.core.accounts import LASTS_S, STEP_S

TOKEN_CHARACTERS = 43  # 32 bytes in base64url


def _secure() -> bool:
    return bool(current_app.extensions["web-settings"].secure_cookies)


def session_cookie() -> str:
    """`__Host-` keeps other hosts of the same domain from setting it (RFC 6265bis §4.1.3.2)."""
    return "__Host-session" if _secure() else "session"


def step_cookie() -> str:
    """For the steps of one log-in."""
    return "__Host-step" if _secure() else "step"


def session_token() -> str | None:
    """What the browser sent, if it has the right form."""
    token = request.cookies.get(session_cookie(), "")
    return token if len(token) == TOKEN_CHARACTERS and token.isascii() else None


def give_session(response: Response, token: str) -> Response:
    """Hand the browser its (new) session. Lax: a link in a message to a colleague leads in."""
    response.set_cookie(
        session_cookie(), token, max_age=LASTS_S, secure=_secure(), httponly=True, samesite="Lax", path="/"
    )
    g.session_token = token
    return response


def drop_session(response: Response) -> Response:
    """Forget it in the browser too."""
    response.delete_cookie(session_cookie(), secure=_secure(), httponly=True, samesite="Lax", path="/")
    return response


def give_step(response: Response, handle: str) -> Response:
    """Lax: an identity provider sends the browser back from another site."""
    response.set_cookie(
        step_cookie(), handle, max_age=STEP_S, secure=_secure(), httponly=True, samesite="Lax", path="/"
    )
    return response


def step_handle() -> str:
    """The handle of a log-in's step, or an empty word."""
    return request.cookies.get(step_cookie(), "")[:64]
