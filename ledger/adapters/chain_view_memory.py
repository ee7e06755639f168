"""The chain view in memory: for tests, and for readers without a follower."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ledger.adapters.chain_view_reading import RowsView
from ledger.adapters.chain_view_rows import DictRows, Key, Row, Rows
from ledger.ports.witness import CheckpointBook


class MemoryView(RowsView):
    """See RowsView; advanced by chain_view_follow.Follower.

    Args:
        kind: embedded, mirror, consortium or snapshot.
        book: see RowsView.
    """

    def __init__(self, kind: str = "embedded", book: CheckpointBook | None = None) -> None:
        self._memory = DictRows()
        super().__init__(self._memory, kind, book)

    @contextmanager
    def write(self) -> Iterator[Rows]:
        """All of it or nothing: after an error the view is empty, to be followed anew."""
        with self._lock:
            try:
                yield self._memory
            except BaseException:
                self.clear()
                raise
            self._seen = self._read_look()

    def clear(self) -> None:
        """Forget everything."""
        self.load({})

    def load(self, rows: Mapping[str, Mapping[Key, Row]]) -> None:
        """Start from rows that another view held."""
        with self._lock:
            self._memory.load(rows)
            self._seen = None

    def dump(self) -> dict[str, dict[Key, Row]]:
        """A copy of all rows."""
        with self._lock:
            return self._memory.dump()
