"""Renders results: of a file, of a sheet, of a public entry; and the form again when nothing could be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from flask import Response, current_app, make_response, render_template
from markupsafe import Markup

from ledger.core.errors import InputError
from ledger.core.report import Report
from web.check.sheet import Sheet
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
    return make_response(render_template("result.html", page=page, again=again, sheet=sheet))


@lru_cache(maxsize=4096)
def group_html(group: CheckGroup, language: Language) -> Markup:
    """A group of checks (in templates): drawn once for all results that say the same."""
    template = current_app.jinja_env.get_template("check/group.html")
    return Markup(template.render(group=group, language=language))  # noqa: S704  (our template escapes)


def verdict_html(page: ResultPage, language: Language) -> Markup:
    """The verdict and the notes beside it (in templates)."""
    said = (language, page.state, page.heading, page.reason)
    return _verdicts(lambda: _draw("check/verdict.html", page, language), page.notes, *said)


def details_html(page: ResultPage, language: Language) -> Markup:
    """The checks, ages and codes (in templates); nothing in them is of one certificate of a batch."""
    return _details(lambda: _draw("check/details.html", page, language), page.groups, language)


_verdicts = Kept[Markup]()
_details = Kept[Markup]()


def _draw(name: str, page: ResultPage, language: Language) -> Markup:
    template = current_app.jinja_env.get_template(name)
    return Markup(template.render(page=page, language=language))  # noqa: S704  (our template escapes)


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
