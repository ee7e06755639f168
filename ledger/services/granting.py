"""Whether an issuer may issue a type now, as the chain has it: its own grant and those of all above it.

The contract walks the same grants when a batch is anchored. Asking here first means that nothing is
signed and nobody approves what the chain would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ledger.core.errors import RefusedError
from ledger.core.grants import GrantState, grant_state
from ledger.core.model import GrantRecord, IssuerRecord
from ledger.ports import ChainView


class GrantView(Protocol):
    """The part of a chain view that knows grants."""

    def issuers(self) -> Iterator[IssuerRecord]:
        """Every issuer ever admitted."""

    def grants(self, issuer: str, type_id: int) -> tuple[GrantRecord, ...]:
        """Intervals of one (issuer, type), oldest first."""


class RegistryView(ChainView, GrantView, Protocol):
    """A chain view that knows grants too."""


def grant_now(view: GrantView, issuer: str, type_id: int, at: int) -> tuple[GrantState, str]:
    """The state of the first grant upward that is not good and whose it is; (GOOD, issuer) when all are."""
    parents = {record.issuer: record.parent for record in view.issuers()}
    above: str | None = issuer
    while above is not None:
        state = grant_state(view.grants(above, type_id), at)
        if state is not GrantState.GOOD:
            return state, above
        above = parents.get(above)
    return GrantState.GOOD, issuer


def types_by_agency(view: ChainView, at: int) -> dict[str, frozenset[int]]:
    """For every agency the types that it may issue at a time: it lives, it and all above it hold good grants."""
    held: dict[str | None, frozenset[int]] = {None: frozenset(kind.type_id for kind in view.types())}
    found: dict[str, frozenset[int]] = {}
    for record in sorted(view.issuers(), key=lambda one: one.level):  # parents first
        held[record.issuer] = frozenset(
            type_id
            for type_id in held[record.parent]
            if grant_state(view.grants(record.issuer, type_id), at) is GrantState.GOOD
        )
        is_alive = record.dissolved_at is None or at < record.dissolved_at
        found[record.issuer] = held[record.issuer] if is_alive else frozenset()
    return found


def require_grant(view: GrantView, issuer: str, type_id: int, type_ref: str, at: int) -> None:
    """Refuse to issue without a grant that is good now.

    Raises: RefusedError(TYPE_NOT_GRANTED) with the `state` of the grant and `holder`, whose grant it is.
    """
    state, holder = grant_now(view, issuer, type_id, at)
    if state is GrantState.GOOD:
        return
    whose = "" if holder == issuer else f" (the grant of {holder} above it is {state.value})"
    raise RefusedError(
        "TYPE_NOT_GRANTED",
        f"{issuer} holds no grant for {type_ref} that is good now{whose}.",
        issuer=issuer,
        type=type_ref,
        state=state.value,
        holder=holder,
    )
