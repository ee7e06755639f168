"""The approver's desk (P8), people's signing keys, and what a browser's key needs to sign."""

from __future__ import annotations

from flask import Flask

from ledger.core.people import Role
from web.approve import batches, keys, signing, standings
from web.navigation import Entry, add


def register(app: Flask) -> None:
    """Routes and entries of the header."""
    app.register_blueprint(batches.pages)
    app.register_blueprint(signing.pages)
    app.register_blueprint(keys.pages)
    app.register_blueprint(standings.pages)
    add(
        app,
        Entry(
            "approve.waiting",
            "approve.nav",
            roles=frozenset({Role.CLERK, Role.APPROVER}),
            order=20,
            below=("approve.batch", "approve.rows", "approve.replaced"),
        ),
        Entry(
            "standing.all_of_them",
            "approve.standing_nav",
            roles=frozenset({Role.APPROVER, Role.ADMINISTRATOR}),
            order=35,
            below=("standing.one",),
        ),
        Entry("keys.mine", "signing.nav", roles=frozenset({Role.CLERK, Role.APPROVER}), order=70),
        Entry("keys.everybody", "signing.nav_all", roles=frozenset({Role.ADMINISTRATOR}), order=71),
    )
