"""The ledger's public side: one box for everything, and a page for each block, transaction, batch and entry."""

from __future__ import annotations

from flask import Flask

from web.explorer import views
from web.navigation import Entry, add


def register(app: Flask) -> None:
    """Its addresses."""
    views.register(app)
    below = ("ledger.block", "ledger.transaction", "ledger.batch", "ledger.entry", "ledger.find")
    add(app, Entry("ledger.search", "explorer.nav", roles=frozenset(), order=20, below=below))
