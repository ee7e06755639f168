"""State of the memory chain: tables that undo what a reverted call wrote, and its reverts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ledger.core.errors import LedgerError

_MISSING = object()
NOBODY = bytes(32)
NO_ISSUER = bytes(18)
FOREVER = 2**40 - 1


class RevertedError(LedgerError):
    """A custom error of the contracts: its name and values. Never leaves the memory chain."""

    def __init__(self, name: str, *values: Any) -> None:
        super().__init__(name, str(values))
        self.values = values


class Tables:
    """Rows by table and key; `undo` takes back everything since the last `keep`."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[Any, Any]] = {}
        self._before: list[tuple[dict[Any, Any], Any, Any]] = []

    def get(self, table: str, key: Any, default: Any = None) -> Any:
        return self._rows.get(table, {}).get(key, default)

    def put(self, table: str, key: Any, value: Any) -> None:
        """Values are never changed in place: put a new one."""
        rows = self._rows.setdefault(table, {})
        self._before.append((rows, key, rows.get(key, _MISSING)))
        rows[key] = value

    def delete(self, table: str, key: Any) -> None:
        self.put(table, key, None)

    def keys(self, table: str) -> list[Any]:
        return [key for key, value in self._rows.get(table, {}).items() if value is not None]

    def keep(self) -> None:
        self._before.clear()

    def undo(self) -> None:
        for rows, key, value in reversed(self._before):
            if value is _MISSING:
                rows.pop(key, None)
            else:
                rows[key] = value
        self._before.clear()


@dataclass(slots=True)
class Context:
    """What one call sees: who sends it, when, and where its events go."""

    tables: Tables
    time: int
    sender: bytes
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def emit(self, name: str, **args: object) -> None:
        self.events.append((name, args))

    @property
    def sender_id(self) -> bytes:
        """The sender as a signer id."""
        return bytes(12) + self.sender


Function = Callable[..., Any]
