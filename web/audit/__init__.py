"""The auditor's pages: who did what, whether the log is whole, and what to take away from it."""

from __future__ import annotations

from flask import Flask

from ledger.core.people import Role
from web.audit import prove, views
from web.navigation import Entry, add


def register(app: Flask) -> None:
    """Its addresses."""
    app.add_url_rule("/audit", "audit.log", views.log, methods=["GET"])
    app.add_url_rule("/audit/export/<string:kind>", "audit.export", views.export, methods=["GET"])
    app.add_url_rule("/audit/batch/<int:batch_id>", "audit.evidence", views.evidence, methods=["GET"])
    app.add_url_rule("/audit/prove", "audit.prove", prove.choose, methods=["GET"])
    app.add_url_rule("/audit/prove", "audit.look", prove.look, methods=["POST"])
    app.add_url_rule("/audit/prove/file", "audit.take", prove.take, methods=["POST"])
    app.add_url_rule(
        "/audit/prove/<string:issuer>/<string:digits>/<int:leaf>",
        "audit.proof",
        prove.proof,
        methods=["GET"],
    )
    add(app, Entry("audit.log", "audit.nav", roles=frozenset({Role.AUDITOR, Role.ADMINISTRATOR}), order=60))
