"""The ledger's node over HTTP: blocks, checkpoints and tiles for mirrors, witnesses and verifiers.

The same addresses stand beside the pages (`ecert serve`), alone (`ecert node`) and at every mirror.
Answers are for programs: bytes or JSON, in no language, the same for everybody who asks.
"""

from __future__ import annotations

from typing import Protocol

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from ledger.ports import Limits
from ledger.services.node import NodeService
from web.node import views


class NodeParts(Protocol):
    """What the addresses call."""

    @property
    def node(self) -> NodeService:
        """What is handed out."""

    @property
    def limits(self) -> Limits:
        """How often who asked."""


def register(app: Flask) -> None:
    """Its addresses; `app.extensions["ledger"]` holds NodeParts."""
    views.register(app)


def create_node_app(parts: NodeParts) -> Flask:
    """An application with nothing but the node's addresses and `/healthz`."""
    app = Flask(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=views.LARGEST_BODY, TRAP_BAD_REQUEST_ERRORS=False)
    app.extensions["ledger"] = parts
    register(app)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.errorhandler(HTTPException)
    def plain(error: HTTPException) -> Response:
        return views.problem(error.code or 500, f"HTTP_{error.code or 500}", "")

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.pop("Server", None)
        return response

    return app
