"""Keeps what was made from an object for as long as that very object is asked about.

Certificates of one batch that are checked in the same second share one tuple of checks (see
ledger.services.verify): what is written about that tuple is written once. An object is known by its
identity; since it is held here, no other can take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

About = TypeVar("About")
Made = TypeVar("Made")
MOST = 64
"""Objects that are held; then all are let go."""


class Kept(Generic[About, Made]):
    """Calls `make` once for each object and each set of further values. Thread-safe: each step is one of a dict's.

    Args:
        make: from the object and the further values, of which alone the outcome may depend.
    """

    def __init__(self, make: Callable[..., Made]) -> None:
        self._make = make
        self._made: dict[tuple[Any, ...], tuple[About, Made]] = {}

    def __call__(self, about: About, *further: Hashable) -> Made:
        """What was made of this object."""
        key = (id(about), *further)
        found = self._made.get(key)
        if found is not None and found[0] is about:
            return found[1]
        made = self._make(about, *further)
        if len(self._made) >= MOST:
            self._made = {}
        self._made[key] = (about, made)
        return made
