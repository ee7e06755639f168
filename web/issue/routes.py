"""Addresses of the issuing desk, in one place."""

from __future__ import annotations

from flask import Blueprint, Flask

from ledger.core.people import Role
from web.issue import batches, desk, imports, single
from web.navigation import Entry, add

LOOKING = frozenset({Role.CLERK, Role.APPROVER, Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR})
_BELOW = ("issue.batches", "issue.batch", "issue.intake", "issue.search")


def register(app: Flask) -> None:
    """Add them to the application, and the desk to the header."""
    room = Blueprint("issue", __name__)
    get, post, both = ["GET"], ["POST"], ["GET", "POST"]
    for rule, name, view, methods in (
        ("/desk", "desk", desk.desk, get),
        ("/desk/search", "search", desk.search, both),
        ("/desk/issue/<string:code>", "single", single.single, both),
        ("/desk/drafts/<string:name>", "draft", single.draft, both),
        ("/desk/drafts/<string:name>/check", "draft_check", single.draft_check, get),
        ("/desk/drafts/<string:name>/submit", "draft_submit", single.draft_submit, post),
        ("/desk/drafts/<string:name>/delete", "draft_delete", single.draft_delete, post),
        ("/desk/import/<string:code>", "upload", imports.upload, both),
        ("/desk/import/<string:code>/template.<string:kind>", "template", imports.template, get),
        ("/desk/imports", "intakes", imports.intakes, get),
        ("/desk/imports/<int:intake_id>", "intake", imports.intake, get),
        ("/desk/imports/<int:intake_id>/progress", "intake_progress", imports.intake_progress, get),
        ("/desk/imports/<int:intake_id>/submit", "intake_submit", imports.intake_submit, post),
        ("/desk/imports/<int:intake_id>/recheck", "intake_recheck", imports.intake_recheck, post),
        ("/desk/imports/<int:intake_id>/abandon", "intake_abandon", imports.intake_abandon, post),
        ("/desk/imports/<int:intake_id>/failed.<string:kind>", "intake_failed", imports.intake_failed, get),
        (
            "/desk/imports/<int:intake_id>/results.<string:kind>",
            "intake_results",
            imports.intake_results,
            get,
        ),
        ("/desk/batches", "batches", batches.batches, get),
        ("/desk/batches/<int:batch_id>", "batch", batches.batch, get),
        ("/desk/batches/<int:batch_id>/progress", "batch_progress", batches.batch_progress, get),
        ("/desk/batches/<int:batch_id>/results.<string:kind>", "batch_results", batches.batch_results, get),
        ("/desk/batches/<int:batch_id>/requeue", "requeue", batches.requeue, post),
        (
            "/desk/batches/<int:batch_id>/rows/<int:record_id>/correct",
            "correct",
            single.correct,
            post,
        ),
    ):
        room.add_url_rule(rule, endpoint=name, view_func=view, methods=methods)
    app.register_blueprint(room)
    add(app, Entry("issue.desk", "issue.nav_desk", roles=LOOKING, order=10, below=_BELOW))
