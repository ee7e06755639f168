"""Renders results: of a file, of a sheet, of a public entry; and the form again when nothing could be read."""

from __future__ import annotations

import base64
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

from flask import Response, current_app, make_response, render_template, request
from markupsafe import Markup, escape

from ledger.core.errors import InputError
from ledger.core.report import Report
from web.access import actor_or_none
from web.check.sheet import Sheet
from web.frame import form_token_field, token_field
from web.kept import Kept
from web.language import Language, chosen_language
from web.texts import code_text, text
from web.verdict import CheckGroup, ResultPage, result_page

CHECKED = "ecert.checked"
"""In a request that web.quick counted and judged already: what became of the file."""
MOST_AGAIN = 2_000_000
"""Characters that a page carries to show itself in another language."""


@dataclass(frozen=True, slots=True)
class Again:
    """How this result is asked for once more, in another language: an address and its hidden fields."""

    endpoint: str
    fields: Mapping[str, str]


def again_of(data: bytes) -> Again:
    """For a file that was handed in."""
    return Again("check.file", {"again": base64.b64encode(data).decode("ascii")})


@dataclass(frozen=True, slots=True)
class Submission:
    """What was wrong with what was handed in; the start page shows it beside the field."""

    error: str
    field: str = "file"


def show_result(
    report: Report, again: Again | None, sheet: Sheet | None = None, *, hide_values: bool = False
) -> Response:
    """The page of one report; of a withdrawn sheet without a value."""
    services = current_app.extensions["ledger"]
    language = chosen_language()
    page = result_page(report, services.types, language, services.clock.now())
    if sheet is not None:
        page = of_sheet(page, sheet)
    if hide_values:
        page = replace(page, rows=(), withheld=())
    if again is not None and sum(map(len, again.fields.values())) > MOST_AGAIN:
        again = None
    own = _own(page, language, hints=sheet is None)
    if again is not None:
        own |= _way_back(again, form_token_field())
    return Response(_filled(_mould_of(page, again, sheet), own))


def known_result(page: ResultPage, again: Again, token: str, place: Place) -> str | None:
    """A visitor's page where all but the certificate's own was drawn before; None where it was not."""
    mould = _moulds.get(page.groups, *place, *_said(page))
    if mould is None:
        return None
    return _filled(mould, _own(page, place.language, hints=True) | _way_back(again, token_field(token)))


def _mould_of(page: ResultPage, again: Again | None, sheet: Sheet | None) -> Sequence[str]:
    """The page in pieces: text and, at every second place, the name of what is this certificate's own.

    For visitors it is kept: certificates of a batch that are checked in the same second differ in
    nothing else. Their page says nothing of the visitor.
    """

    def draw() -> Sequence[str]:
        # the template gets no value of a certificate: what it does not have it cannot keep for others
        shown = replace(page, rows=_SOME_ROWS if page.rows else (), withheld=())
        asked = None if again is None else Again(again.endpoint, {})
        return _MARK.split(render_template("result.html", page=shown, again=asked, sheet=sheet, own=_MARKS))

    if sheet is not None or again is None or actor_or_none() is not None:
        return draw()
    mode = current_app.extensions["web-settings"].mode
    place = Place(request.script_root, request.endpoint or "", again.endpoint, mode, chosen_language())
    return _moulds(draw, page.groups, *place, *_said(page))


class Place(NamedTuple):
    """What a visitor's result page depends on beside the result."""

    script_root: str
    endpoint: str
    again: str
    mode: str
    language: Language


def _said(page: ResultPage) -> tuple[Hashable, ...]:
    return (page.heading, bool(page.rows), page.issuer_name, page.phone)


_moulds = Kept[Sequence[str]]()
# no text of anybody's can be such a mark: templates escape it
_MARKS: Final = {
    "token": Markup("<!--own token-->"),
    "again": Markup("<!--own again-->"),
    "facts": Markup("<!--own facts-->"),
    "withheld": Markup("<!--own withheld-->"),
}
_SOME_ROWS: Final = (("", ""),)
_MARK: Final = re.compile(r"<!--own (\w+)-->")


def _filled(mould: Sequence[str], own: Mapping[str, str]) -> str:
    pieces = list(mould)
    pieces[1::2] = [own[name] for name in mould[1::2]]
    return "".join(pieces)


def _own(page: ResultPage, language: Language, *, hints: bool) -> dict[str, str]:
    """HTML of what the mould leaves open."""
    withheld = ""
    if page.withheld:
        fields = text("check.withheld", language, fields=" · ".join(page.withheld))
        withheld = f'<p class="hint withheld">{escape(fields)}</p>'
    elif hints:
        withheld = f'<p class="hint">{escape(text("check.nothing_withheld", language))}</p>'
    return {
        "facts": "\n".join([f"{_term(label)}{escape(value)}</dd></div>" for label, value in page.rows]),
        "withheld": withheld,
    }


def _way_back(again: Again, token: Markup) -> dict[str, str]:
    """HTML of the form that shows the result in another language."""
    fields = [
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in again.fields.items()
    ]
    return {"token": token, "again": "".join(fields)}


@lru_cache(maxsize=4096)
def group_html(group: CheckGroup, language: Language) -> Markup:
    """A group of checks (in templates): drawn once for all results that say the same."""
    template = current_app.jinja_env.get_template("check/group.html")
    return Markup(template.render(group=group, language=language))  # noqa: S704  (our template escapes)


@lru_cache(maxsize=1024)  # labels of types: few, and on every page
def _term(label: str) -> str:
    return f"<div><dt>{escape(label)}</dt><dd>"


def of_sheet(page: ResultPage, sheet: Sheet) -> ResultPage:
    """A sheet is not called genuine before somebody compared it (review F15), and shows no other values."""
    language = chosen_language()
    known = {text(key, language) for key in ("type", "issuer", "issuer_code")}
    rows = tuple(row for row in page.rows if row[0] in known)
    page = replace(page, rows=rows, withheld=page.withheld if sheet.mode == "qr" else ())
    if page.state != "good":
        return page
    if not sheet.is_compared:
        return replace(
            page,
            state="unknown",
            icon="?",
            heading=text("check.compare_first", language),
            reason=text("check.compare_first_hint", language),
            advice=text(f"check.compare_how_{sheet.mode}", language),
            accepted=False,
        )
    if sheet.not_compared:
        return replace(
            page,
            heading=text("check.partly_compared", language),
            reason=text("check.partly_compared_hint", language, count=len(sheet.not_compared)),
        )
    return page


def fault_words(fault: InputError) -> str:
    """What a fault says to people."""
    language = chosen_language()
    words = code_text(fault.code, language) or code_text("FILE_OTHER", language)
    if words is None:
        raise RuntimeError("FILE_OTHER has no words")
    return f"{words.title} {words.advice}"


def start_again(submission: Submission) -> Response:
    """The start page with what was wrong."""
    return make_response(render_template("home.html", submission=submission), 422)
