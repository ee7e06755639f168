"""Public figures with pictures, and the count of checks behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, current_app, render_template, request

from ledger.core.status import Status
from ledger.services.statistics import shanghai_date
from web.access import public
from web.language import chosen_language
from web.navigation import Entry, add
from web.texts import text

CHECKING = frozenset({"verify", "check.file", "check.find_number", "check.open_qr", "verifier.check"})
"""Endpoints whose good answer to a POST is a check; the API counts its own."""
OK = 200
SHOWN = (
    Status.VALID,
    Status.PENDING,
    Status.SUSPENDED,
    Status.REVOKED,
    Status.SUPERSEDED,
    Status.CANCELLED,
    Status.VOID,
    Status.USED,
)


@public("counts over the public ledger; nobody is in them")
def page() -> str:
    """The figures as pictures and as tables."""
    services = current_app.extensions["ledger"]
    figures = services.statistics.figures()
    language = chosen_language()
    kinds = [
        (_named(services.directory.type_name(key), f"#{key}"), count)
        for key, count in figures.by_type.items()
    ]
    agencies = [
        (_named(services.directory.name(key), key), count) for key, count in figures.by_issuer.items()
    ]
    return render_template(
        "statistics/page.html",
        figures=figures,
        days=[(day.strftime("%m-%d"), count) for day, count in figures.by_day],
        checks=[(day.strftime("%m-%d"), count) for day, count in figures.checks],
        kinds=sorted(kinds, key=lambda one: -one[1]),
        agencies=sorted(agencies, key=lambda one: -one[1]),
        statuses=[
            (text(f"statistics.status_{status.name.lower()}", language), figures.statuses.get(status, 0))
            for status in SHOWN
        ],
    )


def _named(names: Mapping[str, str] | None, otherwise: str) -> str:
    return otherwise if names is None else names.get(chosen_language()) or names["zh"]


def register(app: Flask) -> None:
    """Its address, and one more check for each answer that was one."""
    app.add_url_rule("/statistics", "statistics.page", page, methods=["GET"])
    add(app, Entry("statistics.page", "statistics.nav", roles=frozenset(), order=40))

    @app.after_request
    def count_check(response: Response) -> Response:
        if request.method == "POST" and response.status_code == OK and request.endpoint in CHECKING:
            count_one(app.extensions["ledger"])
        return response


def count_one(services: Any) -> None:
    """One more check today."""
    services.day_counts.count(shanghai_date(services.clock.now()))
