"""Status codes of a credential: chain values, transitions, public list values.

Source of the table: architecture section 3. A chain status is 4 bits; a status is final exactly
when its bit 3 is set. EXPIRED is never written: it is computed from the clock.
"""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """Chain status values; the contract and this enumeration are compared by a test."""

    VALID = 0
    PENDING = 1
    SUSPENDED = 2
    REVOKED = 8
    SUPERSEDED = 9
    CANCELLED = 10
    VOID = 11
    USED = 12

    @property
    def is_final(self) -> bool:
        """Whether the contract refuses to leave this status."""
        return bool(self & 8)


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.VALID: frozenset(
        {
            Status.SUSPENDED,
            Status.REVOKED,
            Status.SUPERSEDED,
            Status.CANCELLED,
            Status.VOID,
            Status.USED,
        }
    ),
    Status.PENDING: frozenset({Status.VALID, Status.CANCELLED, Status.REVOKED, Status.VOID}),
    Status.SUSPENDED: frozenset(
        {Status.VALID, Status.REVOKED, Status.SUPERSEDED, Status.CANCELLED, Status.VOID}
    ),
    Status.REVOKED: frozenset(),
    Status.SUPERSEDED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.VOID: frozenset(),
    Status.USED: frozenset(),
}
