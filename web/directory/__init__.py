"""The public directory: which agencies there are, what they may issue, with which keys; and the types."""

from __future__ import annotations

from flask import Flask

from web.directory import views
from web.navigation import Entry, add


def register(app: Flask) -> None:
    """Its addresses."""
    app.add_url_rule("/directory/types", "directory.types", views.types, methods=["GET"])
    app.add_url_rule("/directory/issuers", "directory.issuers", views.issuers, methods=["GET"])
    app.add_url_rule("/directory/issuers/<string:issuer>", "directory.issuer", views.issuer, methods=["GET"])
    below = ("directory.types", "directory.issuer")
    add(app, Entry("directory.issuers", "directory.nav", roles=frozenset(), order=30, below=below))
