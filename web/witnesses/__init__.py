"""Witnesses: who watches the operator of this ledger, up to where they have signed, and who contradicts."""

from __future__ import annotations

from flask import Flask

from ledger.core.people import Role
from web.navigation import Entry, add
from web.witnesses import views


def register(app: Flask) -> None:
    """Its addresses."""
    app.add_url_rule("/witnesses", "witnesses.board", views.board, methods=["GET"])
    app.add_url_rule(
        "/witnesses/evidence/<string(maxlength=120):name>",
        "witnesses.evidence",
        views.evidence,
        methods=["GET"],
    )
    add(
        app,
        Entry("witnesses.board", "witnesses.nav", roles=frozenset({Role.AUDITOR, Role.OPERATOR}), order=66),
    )
