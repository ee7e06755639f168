"""Status codes of a credential: chain values, transitions, public list values.

Source of the table: architecture section 3. A chain status is 4 bits; a status is final exactly
when its bit 3 is set. EXPIRED is never written: it is computed from the clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from ledger.core.model import CREDENTIALS_PER_WORD, WordChange

STATUS_BITS = 4
_LANE = (1 << STATUS_BITS) - 1


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


def word_changes(leaf_indexes: Iterable[int], status: Status) -> tuple[WordChange, ...]:
    """The words that give these leaves of one batch a status, words ascending.

    Leaf i lies in word i // 64 of its batch, at bits 4·(i mod 64).

    Args:
        leaf_indexes: of one batch; one named twice counts once.
        status: the new one.
    Source: architecture section 3.
    """
    words: dict[int, tuple[int, int]] = {}
    for leaf_index in leaf_indexes:
        word, lane = divmod(leaf_index, CREDENTIALS_PER_WORD)
        shift = STATUS_BITS * lane
        mask, value = words.get(word, (0, 0))
        words[word] = (mask | _LANE << shift, value | int(status) << shift)
    return tuple(WordChange(word, *words[word]) for word in sorted(words))


def is_case_id(text: str) -> bool:
    """Whether this is 32 lower-case hex digits."""
    return len(text) == 32 and set(text) <= set("0123456789abcdef")
