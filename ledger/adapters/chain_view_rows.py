"""Rows of the chain view: which tables there are, and how one reads and writes them anywhere.

The projector and the reading code know only `Rows`; a dictionary (here) and SQLite
(chain_view_sql.py) provide them, so that all views hold the same rows by construction.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Key = tuple[Any, ...]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Column names of the key and of the rest, with their SQLite types."""

    key: Mapping[str, str]
    rest: Mapping[str, str]


def _columns(text: str) -> dict[str, str]:
    return dict(column.split(":") for column in text.split())


TABLES: Mapping[str, Table] = {
    name: Table(_columns(key), _columns(rest))
    for name, key, rest in (
        ("fact", "name:TEXT", "value:BLOB"),
        ("block", "number:INTEGER", "hash:BLOB time:INTEGER"),
        (
            "issuer", "issuer:TEXT",
            "parent:TEXT level:INTEGER admitted_at:INTEGER dissolved_at:INTEGER successor:TEXT",
        ),
        ("directory", "issuer:TEXT number:INTEGER", "hash:BLOB set_at:INTEGER"),
        ("type", "type_id:INTEGER", "code:TEXT version:INTEGER file_hash:BLOB single_use:INTEGER"),
        (
            "type_grant", "issuer:TEXT type_id:INTEGER number:INTEGER",
            ("valid_from:INTEGER valid_until:INTEGER withdrawn_since:INTEGER withdrawn_at:INTEGER "
            "cause:INTEGER"),
        ),
        (
            "signing_key", "issuer:TEXT number:INTEGER",
            ("thumbprint:BLOB purpose:INTEGER valid_from:INTEGER valid_until:INTEGER "
            "compromised_since:INTEGER"),
        ),
        ("thumbprint", "thumbprint:BLOB", "issuer:TEXT number:INTEGER"),
        (
            "role", "issuer:TEXT role:INTEGER type_id:INTEGER signer:BLOB",
            "valid_from:INTEGER valid_until:INTEGER epoch:INTEGER",
        ),
        (
            "anchor", "issuer:TEXT root:BLOB",
            ("type_id:INTEGER key:INTEGER size:INTEGER anchored_at:INTEGER list:INTEGER "
            "first_word:INTEGER pending:INTEGER operator:BLOB maker:BLOB approver:BLOB "
            "standing_id:BLOB block:INTEGER tx_hash:BLOB withdrawn_at:INTEGER withdrawn_reason:INTEGER"),
        ),
        ("anchor_order", "number:INTEGER", "issuer:TEXT root:BLOB"),
        ("status_word", "issuer:TEXT root:BLOB word:INTEGER", "value:BLOB"),
        ("list_range", "issuer:TEXT list:INTEGER first_word:INTEGER root:BLOB", "words:INTEGER"),
        (
            "standing", "standing_id:BLOB",
            ("issuer:TEXT type_id:INTEGER acts:INTEGER anchor_limit:INTEGER supersede_limit:INTEGER "
            "use_limit:INTEGER valid_from:INTEGER valid_until:INTEGER approver:BLOB revoked_at:INTEGER"),
        ),
        (
            "alarm", "number:INTEGER",
            "code:TEXT issuer:TEXT list:INTEGER root:BLOB other_root:BLOB block:INTEGER",
        ),
    )
}  # fmt: skip
"""Times are seconds since 1970 UTC; a status word is 32 bytes big-endian; issuers are USCCs."""


class Rows(Protocol):
    """Tables of rows, each found by its key."""

    def get(self, table: str, key: Key) -> Row | None:
        """The rest of the row, None if there is none."""

    def put(self, table: str, key: Key, row: Row) -> None:
        """Insert or replace."""

    def items(self, table: str, prefix: Key = ()) -> Iterator[tuple[Key, Row]]:
        """Rows whose key begins with `prefix`, in order of their keys."""

    def below(self, table: str, prefix: Key, value: int) -> Iterator[tuple[Key, Row]]:
        """Rows whose key begins with `prefix` and goes on with less than `value`, the highest first."""

    def count(self, table: str, prefix: Key = ()) -> int:
        """How many rows `items` would give."""


class DictRows:
    """Rows in memory."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[Key, Row]] = {name: {} for name in TABLES}
        self._keys: dict[str, list[Key]] = {name: [] for name in TABLES}

    def get(self, table: str, key: Key) -> Row | None:
        return self._rows[table].get(key)

    def put(self, table: str, key: Key, row: Row) -> None:
        rows = self._rows[table]
        if key not in rows:
            insort(self._keys[table], key)
        rows[key] = row

    def items(self, table: str, prefix: Key = ()) -> Iterator[tuple[Key, Row]]:
        rows, keys = self._rows[table], self._keys[table]
        for position in range(bisect_left(keys, prefix), len(keys)):
            key = keys[position]
            if key[: len(prefix)] != prefix:
                return
            yield key, rows[key]

    def below(self, table: str, prefix: Key, value: int) -> Iterator[tuple[Key, Row]]:
        rows, keys = self._rows[table], self._keys[table]
        for position in range(bisect_left(keys, (*prefix, value)) - 1, -1, -1):
            key = keys[position]
            if key[: len(prefix)] != prefix:
                return
            yield key, rows[key]

    def count(self, table: str, prefix: Key = ()) -> int:
        return sum(1 for _ in self.items(table, prefix)) if prefix else len(self._rows[table])

    def dump(self) -> dict[str, dict[Key, Row]]:
        """A copy of everything."""
        return {name: dict(rows) for name, rows in self._rows.items()}

    def load(self, rows: Mapping[str, Mapping[Key, Row]]) -> None:
        """Replace everything."""
        self._rows = {name: dict(rows.get(name, {})) for name in TABLES}
        self._keys = {name: sorted(self._rows[name]) for name in TABLES}
