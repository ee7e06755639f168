"""Renders results: of a file, of a sheet, of a public entry; and the form again when nothing could be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from flask import Response, current_app, make_response, render_template, request
from markupsafe import Markup, escape

from ledger.core.errors import InputError
from ledger.core.report import Report
from web.access import actor_or_none
from web.check.sheet import Sheet
from web.frame import form_token_field
from web.kept import Kept
from web.language import Language, chosen_language
from web.texts import code_text, text
from web.verdict import CheckGroup, ResultPage, result_page

MOST_AGAIN = 2_000_000
"""Characters that a page carries to show itself in another language."""


@dataclass(frozen=True, slots=True)
class Again:
    """How this result is asked for once more, in another language: an address and its hidden fields."""

    endpoint: str
    fields: Mapping[str, str]


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
    return Response("".join(_filled(_mould_of(page, again, sheet), _own(page, again, sheet))))


def _mould_of(page: ResultPage, again: Again | None, sheet: Sheet | None) -> Sequence[str]:
    """The page in pieces: text and, at every second place, the name of what is this certificate's own.

    For visitors it is kept: certificates of a batch that are checked in the same second differ in
    nothing else. Their page says nothing of the visitor.
    """

    def draw() -> Sequence[str]:
        return _MARK.split(render_template("result.html", page=page, again=again, sheet=sheet, own=_MARKS))

    if sheet is not None or again is None or actor_or_none() is not None:
        return draw()
    settings = current_app.extensions["web-settings"]
    where = (request.script_root, request.endpoint, again.endpoint, settings.mode, chosen_language())
    said = (page.heading, bool(page.rows), page.issuer_name, page.phone)
    return _moulds(draw, page.groups, *where, *said)


_moulds = Kept[Sequence[str]]()
# no text of anybody's can be such a mark: templates escape it
_MARKS: Final = {
    "token": Markup("<!--own token-->"),
    "again": Markup("<!--own again-->"),
    "facts": Markup("<!--own facts-->"),
    "withheld": Markup("<!--own withheld-->"),
}
_MARK: Final = re.compile(r"<!--own (\w+)-->")


def _filled(mould: Sequence[str], own: Mapping[str, str]) -> list[str]:
    pieces = list(mould)
    pieces[1::2] = [own[name] for name in mould[1::2]]
    return pieces


def _own(page: ResultPage, again: Again | None, sheet: Sheet | None) -> dict[str, str]:
    """HTML of what the mould leaves open."""
    language = chosen_language()
    withheld = ""
    if page.withheld:
        fields = text("check.withheld", language, fields=" · ".join(page.withheld))
        withheld = f'<p class="hint withheld">{escape(fields)}</p>'
    elif sheet is None:
        withheld = f'<p class="hint">{escape(text("check.nothing_withheld", language))}</p>'
    own = {
        "facts": "\n".join([f"{_term(label)}{escape(value)}</dd></div>" for label, value in page.rows]),
        "withheld": withheld,
    }
    if again is not None:
        own["token"] = form_token_field()
        own["again"] = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in again.fields.items()
        )
    return own


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
