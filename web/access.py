"""Each route says who may call it; a house test refuses a route that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])


def public(reason: str) -> Callable[[View], View]:
    """Anybody may call this route, because of `reason`."""

    def mark(view: View) -> View:
        view.__dict__["access"] = ("public", reason)
        return view

    return mark
