"""A ledger that is known from snapshots, where others read a chain: newest block and blocks of anchors.

Events and calls are not there, and saying "there were none" would be a lie: whoever asks is told so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ledger.adapters.chain_view_snapshot import StoredSnapshotView
from ledger.core.errors import NotFoundError
from ledger.core.model import BlockRef, ChainInfo, LedgerEvent
from ledger.ports import ContractCall


class SnapshotReader:
    """See the module.

    Args:
        view: of the imported snapshots; it is this reader's from now on.

    Every method raises NotFoundError(VIEW_MISSING) before the first import.
    """

    def __init__(self, view: StoredSnapshotView) -> None:
        self._view = view

    def info(self) -> ChainInfo:
        """Which chain, which contracts."""
        found = self._view.info()
        if found is None:
            raise _nothing()
        return found

    def head(self) -> BlockRef:
        """The block that the newest snapshot ends at."""
        found = self._view.head()
        if found is None:
            raise _nothing()
        return found.block

    def block(self, number: int) -> BlockRef | None:
        """None for a block without an anchor, too."""
        return self._view.block(number)

    def events(self, first: int, last: int, names: frozenset[str] | None = None) -> Iterator[LedgerEvent]:
        """Raises: NotFoundError(SNAPSHOT_ONLY)."""
        del first, last, names
        raise not_here()

    def proposed(self, transaction_hash: bytes) -> tuple[ContractCall, bytes] | None:
        """Raises: NotFoundError(SNAPSHOT_ONLY)."""
        del transaction_hash
        raise not_here()

    def encode(self, call: ContractCall) -> bytes:
        """Raises: NotFoundError(SNAPSHOT_ONLY)."""
        del call
        raise not_here()

    def read(self, call: ContractCall) -> Any:
        """Raises: NotFoundError(SNAPSHOT_ONLY)."""
        del call
        raise not_here()


def _nothing() -> NotFoundError:
    return NotFoundError("VIEW_MISSING", "No snapshot was imported here yet.")


def not_here() -> NotFoundError:
    """What whoever asks for history is told."""
    return NotFoundError(
        "SNAPSHOT_ONLY", "This data directory knows its ledger from snapshots: its history is not here."
    )
