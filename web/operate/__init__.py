"""The operator's page: what is stuck, what is missing, what ends soon; and another try for what gave up."""

from __future__ import annotations

from flask import Flask

from ledger.core.people import Role
from web.navigation import Entry, add
from web.operate import views


def register(app: Flask) -> None:
    """Its addresses."""
    app.add_url_rule("/operate", "operate.page", views.page, methods=["GET"])
    app.add_url_rule("/operate/live", "operate.live", views.live, methods=["GET"])
    app.add_url_rule("/operate/jobs/<int:job_id>/retry", "operate.retry", views.retry, methods=["POST"])
    roles = frozenset({Role.OPERATOR, Role.ADMINISTRATOR})
    add(app, Entry("operate.page", "operate.nav", roles=roles, order=70))
