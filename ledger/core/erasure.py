"""What is erased together when a person asks for it, or the law does."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.core.flow import Place


@dataclass(frozen=True, slots=True)
class Target:
    """All revisions of one row, and uploads that hold one of them.

    Args:
        places: where the rows lie, oldest first; never empty.
        uploads: names of data keys of uploaded files that hold one of them.
        documents: ids of prints.
    """

    places: tuple[Place, ...]
    uploads: tuple[bytes, ...] = ()
    documents: tuple[bytes, ...] = ()

    @property
    def names(self) -> tuple[bytes, ...]:
        """Names of all data keys to destroy."""
        return (*(place.name for place in self.places), *self.uploads)
