"""Governance: the tree of agencies, each agency in whole, proposals that wait for another admin."""

from __future__ import annotations

from flask import Flask

from ledger.core.people import Role
from web.governance import views
from web.navigation import Entry, add


def register(app: Flask) -> None:
    """Routes and the entry of the header."""
    app.register_blueprint(views.pages)
    add(
        app,
        Entry(
            "governance.tree",
            "governance.nav",
            roles=frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.OPERATOR}),
            order=34,
            below=("governance.agency", "governance.proposal"),
        ),
    )
