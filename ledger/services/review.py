"""What an approver looks at before signing: rows in clear, a fresh sample, what replaces what, what is new.

Rows are opened here, in memory, for the people who answer for them; the caller notes who looked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.core.credential_type import CredentialType
from ledger.core.flow import BatchRecord, Leaf
from ledger.core.review import FieldComparison, compare, differences, summarise
from ledger.ports import Entropy, Store, Vault
from ledger.services.issue import ROW_CONTEXT

SAMPLE = 10
WHOLE = 100_000  # more than any batch


class BatchLooks(Protocol):
    """Readings of stored batches that only people need."""

    def picked(self, batch_id: int, positions: Sequence[int]) -> Sequence[tuple[int, Leaf]]:
        """Rows at these positions (0: the first that was stored), with their positions."""

    def replaced(self, batch_id: int, first: int, count: int) -> Sequence[tuple[Leaf, Leaf]]:
        """Rows of the batch that replace an older one, and those: (new, old), in stored order."""

    def count_replaced(self, batch_id: int) -> int:
        """How many rows of the batch replace an older one."""

    def previous(self, batch_id: int) -> int | None:
        """The last batch of the same issuer and type before it that is on chain."""

    def named(self, issuer: str, lowest: bytes, highest: bytes) -> Sequence[bytes]:
        """Names of the issuer's rows between these two, both included; at most three."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `number` counts from 1; `fields` is None when the row was erased."""

    number: int
    record_id: int
    name: bytes
    fields: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Replacement:
    """A row and what it replaces. `changed`: keys whose values differ."""

    new: Row
    old: Row
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A batch beside the one before it; `previous` is None for the first of its kind."""

    previous: BatchRecord | None
    fields: tuple[FieldComparison, ...]


class ReviewService:
    """See the module.

    Args:
        store: batches and sealed rows.
        looks: further readings.
        vault: opens rows.
        types: credential types by ref.
        entropy: draws samples.
    """

    def __init__(
        self,
        store: Store,
        looks: BatchLooks,
        vault: Vault,
        types: Mapping[str, CredentialType],
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._looks = looks
        self._vault = vault
        self._types = types
        self._entropy = entropy

    def kind(self, batch: BatchRecord) -> CredentialType | None:
        """The type of a batch; None for document batches and types that this program does not know."""
        return self._types.get(batch.type_code)

    def rows(self, batch_id: int, first: int, count: int) -> list[Row]:
        """Rows from position `first` on."""
        leaves = self._store.signing.sealed_rows(batch_id, first, count)
        return self._open([(first + at, leaf) for at, leaf in enumerate(leaves)])

    def sample(self, batch: BatchRecord, count: int = SAMPLE) -> list[Row]:
        """`count` rows drawn anew, nobody can guess which; in stored order."""
        drawn = sorted(self._entropy.permutation(batch.size)[:count])
        return self._open(self._looks.picked(batch.id, [int(position) for position in drawn]))

    def replaced(self, batch_id: int, first: int, count: int) -> list[Replacement]:
        """Rows that replace older ones, beside them."""
        pairs = self._looks.replaced(batch_id, first, count)
        new = self._open([(first + at, pair[0]) for at, pair in enumerate(pairs)])
        old = self._open([(first + at, pair[1]) for at, pair in enumerate(pairs)])
        return [
            Replacement(after, before, differences(before.fields or {}, after.fields or {}))
            for after, before in zip(new, old, strict=True)
        ]

    def count_replaced(self, batch_id: int) -> int:
        """How many rows replace older ones."""
        return self._looks.count_replaced(batch_id)

    def compare(self, batch: BatchRecord) -> Comparison:
        """Ranges and choices of the whole batch beside those of the one before it."""
        kind = self.kind(batch)
        if kind is None:
            return Comparison(None, ())
        previous_id = self._looks.previous(batch.id)
        after = summarise(self._clear(batch.id), kind)
        if previous_id is None:
            return Comparison(None, compare(after, None))
        before = summarise(self._clear(previous_id), kind)
        return Comparison(self._store.batches.batch(previous_id), compare(after, before))

    def find(self, issuer: str, text: str) -> tuple[bytes, ...]:
        """Names of the issuer's credentials that a proof number or serial of 32 hex digits stands for."""
        digits = text.replace("-", "").replace(" ", "")
        try:
            start = bytes.fromhex(digits)
        except ValueError:
            return ()
        if len(start) not in {8, 16}:
            return ()
        missing = 16 - len(start)
        return tuple(self._looks.named(issuer, start + bytes(missing), start + b"\xff" * missing))

    def _clear(self, batch_id: int) -> list[Mapping[str, Any]]:
        return [row.fields for row in self.rows(batch_id, 0, WHOLE) if row.fields is not None]

    def _open(self, leaves: Sequence[tuple[int, Leaf]]) -> list[Row]:
        keys = self._vault.load([leaf.name for _, leaf in leaves])
        found = []
        for position, leaf in leaves:
            key = keys.get(leaf.name)
            fields = None if key is None else json.loads(key.open(leaf.sealed, ROW_CONTEXT + leaf.name))
            found.append(Row(position + 1, leaf.record_id, leaf.name, fields))
        return found
