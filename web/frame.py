"""What every template knows: its language, texts, addresses of files, navigation, spelled numbers and times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, request, url_for
from markupsafe import Markup, escape

from ledger.core.accounts import Organisation
from ledger.core.people import Actor
from web import assets, navigation
from web.access import actor_or_none
from web.language import (
    LANGUAGES,
    TAGS,
    Language,
    asked_language,
    chosen_language,
    html_lang,
    remember_language,
)
from web.security import form_token, set_token
from web.texts import text

SHANGHAI = timezone(timedelta(hours=8))  # no summer time since 1991; docs/formats.md, Times
ADDRESSES = "addresses"
PARTS = "frame-parts"
NAVIGATION = "navigation"
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def translate(key: str, **values: object) -> str:
    """The sentence `key` in the reader's language (`t` in templates)."""
    language: Language = g.get("page_language") or chosen_language()
    return text(key, language, **values)


def form_token_field() -> Markup:
    """The hidden field that tells our forms from others'; the browser gets its cookie with this page."""
    token = g.get("form_token_handed_out")
    if token is None:
        token = g.form_token_handed_out = form_token()
    return token_field(token)


def token_field(token: str) -> Markup:
    """The hidden field with this token."""
    return Markup('<input type="hidden" name="token" value="') + escape(token) + Markup('">')


def address(endpoint: str, **values: object) -> str:
    """The address of a page (`url_for` in templates); one without parameters is spelled once a process."""
    if values or endpoint.startswith("."):
        return url_for(endpoint, **values)  # type: ignore[arg-type]  # values of routes: words and numbers
    known: dict[tuple[str, str], str] = current_app.extensions.setdefault(ADDRESSES, {})
    key = (request.script_root, endpoint)
    if key not in known:
        known[key] = url_for(endpoint)
    return known[key]


def link(endpoint: str, **values: object) -> str | None:
    """The address of a page, None where this installation has none, or it is not for who is logged in."""
    view = current_app.view_functions.get(endpoint)
    if view is None:
        return None
    reader, mark = actor_or_none(), view.__dict__.get("access", ("public",))
    is_for_people = mark[0] == "people" or endpoint.startswith("accounts.")
    if is_for_people and not current_app.extensions["web-settings"].has_people:
        return None
    if reader is not None and mark[0] == "people" and mark[1] and not mark[1] & reader.roles:
        return None
    return address(endpoint, **values)


def frame_part(name: str) -> Markup:
    """A part of the frame (templates/parts) as every visitor sees it, drawn once for a language and a page.

    Knows of nobody who is logged in.
    """
    app: Flask = current_app
    language: Language = g.get("page_language") or chosen_language()
    drawn: dict[tuple[str, Language, str, str | None], Markup] = app.extensions.setdefault(PARTS, {})
    key = (name, language, request.script_root, request.endpoint if name == NAVIGATION else None)
    if key not in drawn:
        links = navigation.links(app, None, address) if name == NAVIGATION else ()
        mode = app.extensions["web-settings"].mode
        template = app.jinja_env.get_template(f"parts/{name}.html")
        drawn[key] = Markup(template.render(navigation=links, mode=mode))  # noqa: S704  (our template escapes)
    return drawn[key]


def switch_links() -> list[tuple[str, str, str, bool]]:
    """For the header: address of this page, tag, own name, whether it is the present one.

    A page that answers a POST cannot be asked for again: its links lead to the start page.
    """
    here = request.method in {"GET", "HEAD"}
    kept = [(key, value) for key, value in request.args.items(multi=True) if key != "lang" and here]
    path = request.path if here else "/"
    language = chosen_language()
    return [
        (
            f"{path}?{urlencode([*kept, ('lang', other)])}",
            TAGS[other],
            text("own_name", other),
            other == language,
        )
        for other in LANGUAGES
    ]


def spell_number(number: float) -> str:
    """4210 as 4,210."""
    return f"{number:,}"


@lru_cache(maxsize=1024)  # most times on a page are the same few
def spell_time(seconds: int) -> str:
    """Date and time of day in Beijing time, as clerks write it."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def spell_day(seconds: int) -> str:
    """The day in Beijing."""
    return spell_time(seconds)[:10]


def spell_age(seconds: int) -> str:
    """How long ago that was, in one word and the reader's language."""
    return age_words(current_app.extensions["ledger"].clock.now() - seconds, chosen_language())


def age_words(seconds: int, language: Language) -> str:
    """How long ago, in the largest unit that fits."""
    for unit, name in ((DAY_S, "ago_days"), (HOUR_S, "ago_hours"), (MINUTE_S, "ago_minutes")):
        if seconds >= unit:
            return text(name, language, count=seconds // unit)
    return text("ago_now", language)


def spell_percent(ratio: float | str | Decimal) -> str:
    """0.05 as 5%."""
    return f"{(Decimal(str(ratio)) * 100).normalize():f}%"


def _organisation(person: Actor | None, language: Language) -> str | None:
    """Name of the organisation acted for; people of several must see where they are."""
    if person is None or not person.uscc:
        return None
    known: Mapping[str, Organisation] = current_app.extensions["ledger"].people.organisations()
    found = known.get(person.uscc)
    return None if found is None else found.name(language)


def _places(person: Actor | None, language: Language) -> list[tuple[str, str]]:
    """The other organisations in which this person has a role now: USCC and name."""
    opened = g.get("opened")
    if person is None or opened is None or len(opened.organisations) < 2:
        return []
    known: Mapping[str, Organisation] = current_app.extensions["ledger"].people.organisations()
    others = (uscc for uscc in opened.organisations if uscc != person.uscc and uscc in known)
    return [(uscc, known[uscc].name(language)) for uscc in others]


def register(app: Flask) -> None:
    """Tell the templates."""
    assets.register(app)
    app.jinja_env.globals.update(
        t=translate,
        form_token_field=form_token_field,
        frame_part=frame_part,
        link=link,
        switch_links=switch_links,
        url_for=address,
    )
    app.jinja_env.filters.update(
        has_page=link,
        number=spell_number,
        when=spell_time,
        day=spell_day,
        ago=spell_age,
        percent=spell_percent,
    )

    @app.context_processor
    def frame() -> dict[str, object]:
        language = g.page_language = chosen_language()  # found once a page, not once a word
        person = actor_or_none()
        return {
            "language": language,
            "html_lang": html_lang(language),
            "mode": app.extensions["web-settings"].mode,
            "person": person,
            "organisation": _organisation(person, language),
            "other_organisations": _places(person, language),
            # visitors' is part of the frame that is drawn once
            "navigation": () if person is None else navigation.links(app, person, address),
        }

    @app.after_request
    def keep(response: Response) -> Response:
        person, asked = actor_or_none(), asked_language()
        remember_language(response, asked)
        if person is not None and asked is not None and asked != person.language:
            current_app.extensions["ledger"].people.use_language(person.person, asked)
        if (token := g.pop("form_token_handed_out", None)) is not None:
            set_token(response, token)
        return response
