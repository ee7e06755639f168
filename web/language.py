"""Which language a reader gets: what was asked for now, then what was asked for before, then Chinese."""

from __future__ import annotations

from typing import Literal

from flask import Response, has_request_context, request

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
COOKIE = "lang"
COOKIE_AGE_S = 31_536_000


def chosen_language() -> Language:
    """The reader's language; `zh` unless they said otherwise."""
    if has_request_context():
        for value in (request.args.get("lang"), _form_language(), request.cookies.get(COOKIE)):
            if value in LANGUAGES:
                return "en" if value == "en" else "zh"
    return "zh"


def remember_language(response: Response) -> None:
    """Keep an explicit choice for a year; it says nothing about a person."""
    if request.args.get("lang") in LANGUAGES or _form_language() in LANGUAGES:
        response.set_cookie(COOKIE, chosen_language(), max_age=COOKIE_AGE_S, samesite="Lax", httponly=True)


def _form_language() -> str | None:
    # only a form that was read already: an error while reading one asks for the language too
    return request.form.get("lang") if "form" in request.__dict__ else None
