"""Each route says who may call it; a house test refuses a route that does not.

    @public("why anybody may")
    @allowed(Role.CLERK, Role.APPROVER)            # logged in, with one of these roles where they act
    @allowed(Role.APPROVER, fresh=True)            # and proved who they are within five minutes
    @token_allowed("verify")                       # REST: a bearer token with this scope

Inside: `actor()` is who calls. `must_see(uscc)` for everything that belongs to an organisation: what
another organisation has does not exist for this one (404, never 403: no answer tells numbers apart).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import g

from ledger.core.errors import NotFoundError
from ledger.core.people import Actor, Role

View = TypeVar("View", bound=Callable[..., Any])


def public(reason: str) -> Callable[[View], View]:
    """Anybody may call this route, because of `reason`."""

    def mark(view: View) -> View:
        view.__dict__["access"] = ("public", reason)
        return view

    return mark


def allowed(*roles: Role, fresh: bool = False) -> Callable[[View], View]:
    """People who are logged in with one of these roles; the guard of web.accounts reads this mark."""

    def mark(view: View) -> View:
        view.__dict__["access"] = ("people", frozenset(roles), fresh)
        return view

    return mark


def token_allowed(scope: str) -> Callable[[View], View]:
    """Programs with a bearer token of this scope; the guard of web.api reads this mark."""

    def mark(view: View) -> View:
        view.__dict__["access"] = ("token", scope)
        return view

    return mark


def actor() -> Actor:
    """Who calls; only inside routes that are `allowed` or `token_allowed`."""
    return cast("Actor", g.actor)


def actor_or_none() -> Actor | None:
    """Who calls, None when nobody is logged in (public pages)."""
    return cast("Actor | None", g.get("actor"))


def must_see(uscc: str) -> None:
    """Refuse what belongs to an organisation that the caller does not see.

    Raises:
        NotFoundError: NOT_HERE.
    """
    if uscc not in actor().subtree:
        raise NotFoundError("NOT_HERE", "There is nothing here that you may see.")


def must_own(uscc: str) -> None:
    """Refuse changing what belongs to another organisation than the one acted for.

    Raises:
        NotFoundError: NOT_HERE.
    """
    if uscc != actor().uscc:
        raise NotFoundError("NOT_HERE", "There is nothing here that you may change.")


def takes(largest: int, *, parts: int = 8) -> Callable[[View], View]:
    """This route takes bodies of up to `largest` bytes; the guard reads forms before the view does.

    Args:
        largest: bytes of the whole body.
        parts: fields and files of a multipart form.
    """

    def mark(view: View) -> View:
        view.__dict__["takes"] = (largest, parts)
        return view

    return mark
