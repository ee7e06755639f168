"""What is known of earlier rows, as far as it still stands.

A record whose batch was withdrawn, or was anchored with a key or a grant that is broken since a date before it,
stands no longer: the same row may be issued again, without changing a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ledger.core.flow import KnownRow
from ledger.core.status_list import PUBLIC_INVALID, batch_value
from ledger.ports import ChainView
from ledger.ports.store import ImportStore


class KnownRecords:
    """Looks records up by their keyed indexes.

    Args:
        imports: where they are kept.
        view: which batches stand.
    """

    def __init__(self, imports: ImportStore, view: ChainView) -> None:
        self._imports = imports
        self._view = view

    def known(self, issuer: str, type_ref: str, keys: Sequence[bytes]) -> dict[bytes, KnownRow]:
        """The newest record under each of these keys; `is_dead` too when its batch is broken on chain."""
        found = self._imports.known(issuer, type_ref, keys)
        roots = {row.batch_root for row in found.values() if row.batch_root is not None and not row.is_dead}
        broken = {root for root in roots if self._is_broken(issuer, root)}
        return {
            key: replace(row, is_dead=True) if row.batch_root in broken else row for key, row in found.items()
        }

    def _is_broken(self, issuer: str, root: bytes) -> bool:
        evidence = self._view.evidence(issuer, root, None)
        if evidence is None or evidence.anchor is None:
            return False  # on its way, or the view is behind: it may stand
        grants = [grant for history in evidence.grants.values() for grant in history]
        return batch_value(evidence.anchor, evidence.key, grants, is_final=True) == PUBLIC_INVALID
