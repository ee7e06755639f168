"""The verifier's desk: one check after another, kept with their purpose; receipts, watches, lists."""

from __future__ import annotations

from flask import Flask

from ledger.core.people import Role
from web.navigation import Entry, add
from web.verifier import checks, desk, lists


def register(app: Flask) -> None:
    """Its addresses."""
    rules = (
        ("/desk/verify", "desk", desk.page, "GET"),
        ("/desk/verify", "check", desk.check, "POST"),
        ("/desk/verify/compare", "compare", desk.compare, "POST"),
        ("/desk/checks", "history", checks.history, "GET"),
        ("/desk/checks/<int:check_id>", "one", checks.one, "GET"),
        ("/desk/checks/<int:check_id>/receipt", "order", checks.order, "POST"),
        ("/desk/checks/<int:check_id>/receipt.<string:kind>", "receipt", checks.receipt, "GET"),
        ("/desk/checks/<int:check_id>/watch", "watch", checks.watch, "POST"),
        ("/desk/checks/<int:check_id>/read", "read", checks.read, "POST"),
        ("/desk/lists", "lists", lists.page, "GET"),
        ("/desk/lists", "add_list", lists.add, "POST"),
        ("/desk/lists/template.xlsx", "list_template", lists.template, "GET"),
        ("/desk/lists/<int:list_id>", "list", lists.one, "GET"),
        ("/desk/lists/<int:list_id>/live", "list_live", lists.live, "GET"),
        ("/desk/lists/<int:list_id>/result.xlsx", "list_result", lists.result, "GET"),
    )
    for rule, name, view, method in rules:
        app.add_url_rule(rule, f"verifier.{name}", view, methods=[method])
    officers = frozenset({Role.VERIFIER})
    readers = frozenset({Role.VERIFIER, Role.AUDITOR, Role.ADMINISTRATOR})
    add(
        app,
        Entry(
            "verifier.desk",
            "verifier.nav_desk",
            roles=officers,
            order=10,
            below=("verifier.check", "verifier.compare"),
        ),
        Entry("verifier.lists", "verifier.nav_lists", roles=officers, order=12, below=("verifier.list",)),
        Entry("verifier.history", "verifier.nav_history", roles=readers, order=14, below=("verifier.one",)),
    )
