"""Pages that belong to the frame itself: the accessibility statement, and the figures of the start page."""

from __future__ import annotations

from flask import Flask, current_app, render_template

from ledger.core.errors import UnavailableError
from ledger.services.statistics import Figures
from web.access import public
from web.language import chosen_language


def figures_of_today() -> Figures | None:
    """What the start page counts; None while the ledger cannot be read: checking goes on without."""
    try:
        figures: Figures = current_app.extensions["ledger"].statistics.figures()
    except UnavailableError:
        return None
    return figures


@public("whoever cannot use the page must learn what to do")
def accessibility() -> str:
    """What works for whom, what does not, whom to tell."""
    language = chosen_language()
    try:
        agencies = current_app.extensions["ledger"].directory.agencies()
    except UnavailableError:
        agencies = []
    entries = [agency.entry for agency in agencies if agency.entry is not None and agency.entry.phone]
    phones = [(entry.name.get(language) or entry.name["zh"], entry.phone) for entry in entries]
    return render_template("accessibility.html", phones=phones)


def register(app: Flask) -> None:
    """The addresses."""
    app.add_url_rule("/accessibility", view_func=accessibility, methods=["GET"])
