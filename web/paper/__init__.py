"""Prints: PDF of one credential, PDFs of a whole batch, what was printed before."""

from __future__ import annotations

from flask import Blueprint, Flask

from web.paper import batches, prints


def register(app: Flask) -> None:
    """All addresses of the room, in one place."""
    room = Blueprint("paper", __name__)
    get, post, both = ["GET"], ["POST"], ["GET", "POST"]
    for rule, name, view, methods in (
        ("/credentials/<string(length=32):name>/prints", "document", prints.document, both),
        ("/prints/<string(length=32):number>", "print_page", prints.print_page, get),
        ("/prints/<string(length=32):number>/file.pdf", "print_file", prints.print_file, get),
        ("/prints/<string(length=32):number>/receipt.page.json", "print_receipt", prints.print_receipt, get),
        ("/prints/<string(length=32):number>/withdraw", "print_withdraw", prints.print_withdraw, post),
        ("/batches/<int:batch_id>/prints", "batch_zip", batches.batch_zip, both),
        (
            "/batches/<int:batch_id>/prints/<string(length=32):number>/<int:part>.zip",
            "zip_part",
            batches.zip_part,
            get,
        ),
    ):
        room.add_url_rule(rule, endpoint=name, view_func=view, methods=methods)
    app.register_blueprint(room)
