"""Keeps what was made from an object for as long as that very object is asked about.

Certificates of one batch that are checked in the same second share one tuple of checks (see
ledger.services.verify): what is written about that tuple is written once. An object is known by its
identity; since it is held here, no other can take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

Made = TypeVar("Made")
MOST = 64
"""Objects that are held; then all are let go."""


class Kept(Generic[Made]):
    """A memory of outcomes by object. Thread-safe: each step is one of a dict's."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], tuple[object, Made]] = {}

    def get(self, about: object, *further: Hashable) -> Made | None:
        """What was made of this object; None where nothing is kept."""
        found = self._made.get((id(about), *further))
        return found[1] if found is not None and found[0] is about else None

    def __call__(self, make: Callable[[], Made], about: object, *further: Hashable) -> Made:
        """What was made of this object.

        Args:
            make: called where nothing is kept yet.
            about: the object, which never changes.
            further: what else the outcome depends on.
        """
        key = (id(about), *further)
        found = self._made.get(key)
        if found is not None and found[0] is about:
            return found[1]
        made = make()
        if len(self._made) >= MOST:
            self._made = {}
        self._made[key] = (about, made)
        return made
