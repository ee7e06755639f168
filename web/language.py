"""Which language a reader gets: what was asked for now, what is kept for the person, the cookie, Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from flask import Response, current_app, has_request_context, request

from web.access import actor_or_none

Language = Literal["zh", "en", "bo"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en", "bo")
TAGS: Final[Mapping[Language, str]] = {"zh": "zh-CN", "en": "en", "bo": "bo"}
COOKIE = "lang"
COOKIE_AGE_S = 31_536_000


def chosen_language() -> Language:
    """The reader's language; `zh` unless they said otherwise."""
    if has_request_context():
        person = actor_or_none()
        kept = person.language if person is not None else None
        for value in (asked_language(), kept, request.cookies.get(COOKIE)):
            if value in LANGUAGES:
                return value
    return "zh"


def asked_language() -> Language | None:
    """The language that this very request asks for; None if it does not."""
    if request.query_string and (value := _known(request.args.get("lang"))) is not None:
        return value
    # only a form that was read already: an error while reading one asks for the language too
    return _known(request.form.get("lang")) if "form" in request.__dict__ else None


def html_lang(language: Language) -> str:
    """The value of `<html lang>` (BCP 47)."""
    return TAGS[language]


def remember_language(response: Response, asked: Language | None) -> None:
    """Keep an explicit choice for a year; it says nothing about a person."""
    if asked is not None:
        secure = current_app.extensions["web-settings"].secure_cookies
        response.set_cookie(COOKIE, asked, max_age=COOKIE_AGE_S, secure=secure, samesite="Lax", httponly=True)


def _known(value: str | None) -> Language | None:
    return next((language for language in LANGUAGES if language == value), None) if value else None
