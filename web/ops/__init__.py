"""What supervisors and operators ask of the web itself: alive, ready, figures, a number for each request."""

from __future__ import annotations

from flask import Flask

from web.ops import around, probes


def register(app: Flask) -> None:
    """Its addresses, and what happens around every request."""
    probes.register(app)
    around.register(app)
