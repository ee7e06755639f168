"""Roles of people's keys as the chain has them, from events alone; needs no lock of the chain.

Read once and then only what came since, so that a page may ask at every look. Derived from the chain:
each process may keep its own.
"""

from __future__ import annotations

import threading

from ledger.core.model import LedgerEvent, Role
from ledger.core.signing import RoleHeld
from ledger.services.registry import ROLE_EVENTS, EventSource


class RoleBook:
    """Who holds which role of an issuer, kept up to the chain's head.

    Args:
        source: final blocks and their events.
    """

    def __init__(self, source: EventSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._next = 0
        self._epochs: dict[str, int] = {}
        self._held: dict[str, dict[tuple[bytes, int], tuple[int, RoleHeld]]] = {}

    def roles(self, issuer: str) -> tuple[RoleHeld, ...]:
        """Every role that was ever given in the issuer's present epoch, ended ones too; in order of giving."""
        with self._lock:
            self._catch_up()
            epoch = self._epochs.get(issuer, 0)
            return tuple(role for of, role in self._held.get(issuer, {}).values() if of >= epoch)

    def held(self, issuer: str, signer_id: bytes, role: Role) -> RoleHeld | None:
        """What was last decided about this signer in this role in the present epoch; removed: it ends at 0."""
        return next(
            (one for one in self.roles(issuer) if one.signer_id == signer_id and one.role is role), None
        )

    def holds(self, issuer: str, signer_id: bytes, role: Role, now: int) -> bool:
        """Whether this signer may act in this role now."""
        return any(
            held.signer_id == signer_id and held.role is role and held.is_good(now)
            for held in self.roles(issuer)
        )

    def holders(self, issuer: str, role: Role, now: int) -> tuple[bytes, ...]:
        """Signer ids that hold a role now."""
        return tuple(held.signer_id for held in self.roles(issuer) if held.role is role and held.is_good(now))

    def _catch_up(self) -> None:
        head = self._source.head().number
        if head < self._next:
            return
        for event in list(self._source.events(self._next, head, ROLE_EVENTS)):  # all of them, or none
            self._take(event)
        self._next = head + 1

    def _take(self, event: LedgerEvent) -> None:
        args = event.args
        named = args.get("issuer")
        if not isinstance(named, bytes):
            return
        issuer = named.decode("ascii")
        if event.name == "RolesReset":
            self._epochs[issuer] = int(str(args["epoch"]))
        elif event.name == "RoleSet" and not int(str(args.get("typeId", 0))):
            signer, number = args["signer"], int(str(args["role"]))
            if isinstance(signer, bytes):
                held = RoleHeld(
                    signer, Role(number), int(str(args["validFrom"])), int(str(args["validUntil"]))
                )
                epoch = int(str(args["epoch"]))
                self._held.setdefault(issuer, {})[signer, number] = (epoch, held)
