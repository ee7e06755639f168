"""What was handed to the nodes and is not decided yet: remembered before it is handed over.

A transaction that replaces another one has the same sender, nonce and call, and a higher price; both
are of one family, named by the hash of its first. Whoever asks about the first learns what became of
whichever the chain took: with one nonce that is one of them at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sending:
    """One signed transaction. `sent_at`: seconds; `gas_price`: wei."""

    hash: bytes
    family: bytes
    sender: bytes
    nonce: int
    raw: bytes
    gas_price: int
    sent_at: int


class Sendings(Protocol):
    """The signing queue: one line of nonces per key, shared by all processes of an installation."""

    def keep(self, sending: Sending) -> None:
        """Durable when it returns; known already: no effect."""

    def family(self, transaction_hash: bytes) -> Sequence[Sending]:
        """Every transaction of the family that this one belongs to, oldest first; none: never kept."""

    def undecided(self) -> Sequence[Sending]:
        """By sender and nonce, oldest first."""

    def decided(self, family: bytes) -> None:
        """Nothing is to be done about this family any more; what became of it can still be asked."""


class MemorySendings:
    """For tests, and for whoever sends nothing."""

    def __init__(self) -> None:
        self._rows: dict[bytes, Sending] = {}
        self._decided: set[bytes] = set()

    def keep(self, sending: Sending) -> None:
        self._rows.setdefault(sending.hash, sending)

    def family(self, transaction_hash: bytes) -> Sequence[Sending]:
        found = self._rows.get(transaction_hash)
        if found is None:
            return ()
        return [row for row in self._rows.values() if row.family == found.family]

    def undecided(self) -> Sequence[Sending]:
        rows = [row for row in self._rows.values() if row.family not in self._decided]
        return sorted(rows, key=lambda row: (row.sender, row.nonce))

    def decided(self, family: bytes) -> None:
        self._decided.add(family)
