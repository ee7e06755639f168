"""Changes of status: suspend at once, everything else by two people; withdrawals of batches; history."""

from __future__ import annotations

from flask import Flask

from ledger.core.people import Role
from web.navigation import Entry, add
from web.status import pages


def register(app: Flask) -> None:
    """Routes and the entry of the header."""
    app.register_blueprint(pages.pages)
    add(
        app,
        Entry(
            "status.cases",
            "status.nav",
            roles=frozenset({Role.CLERK, Role.APPROVER}),
            order=30,
            below=("status.new", "status.case", "status.history", "status.predecessor"),
        ),
    )
