"""What changed since yesterday, for auditors and operators."""

from __future__ import annotations

from flask import Flask

from ledger.core.people import Role
from web.changes import views
from web.navigation import Entry, add


def register(app: Flask) -> None:
    """Its address."""
    app.add_url_rule("/changes", "changes.page", views.page, methods=["GET"])
    add(app, Entry("changes.page", "changes.nav", roles=frozenset({Role.AUDITOR, Role.OPERATOR}), order=58))
