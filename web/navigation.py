"""What the header offers to whom: each room adds its entries, the frame shows those that fit the reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, request

from ledger.core.people import Actor, Role

KEY = "navigation"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the header.

    Args:
        endpoint: where it leads; without parameters.
        key: its name in the catalogue, for example `issue.nav_desk`.
        roles: who sees it; empty: everybody, logged in or not.
        order: the smallest stands first.
        below: other endpoints for which it counts as the present one.
    """

    endpoint: str
    key: str
    roles: frozenset[Role] = frozenset()
    order: int = 50
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as this reader sees it."""

    href: str
    key: str
    current: bool


def add(app: Flask, *entries: Entry) -> None:
    """Called in a room's `register`."""
    app.extensions.setdefault(KEY, []).extend(entries)


def links(app: Flask, actor: Actor | None, address: Callable[[str], str]) -> list[Link]:
    """What this reader may go to. An entry with roles is shown to people with one of them."""
    roles = frozenset() if actor is None else actor.roles
    entries: list[Entry] = app.extensions.get(KEY, [])
    return [
        Link(
            address(entry.endpoint),
            entry.key,
            request.endpoint is not None and request.endpoint in (entry.endpoint, *entry.below),
        )
        for entry in sorted(entries, key=lambda entry: entry.order)
        # whoever is logged in has work to do: public entries make room for theirs
        if (entry.roles & roles if entry.roles else actor is None)
    ]
