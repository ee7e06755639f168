"""What the verifier's desk needs from storage, as guarantees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from ledger.core.flow import Lease
from ledger.core.verified import Kept, ListCheck, NewVerification, OpenWatch, PurposeKind, WatchState


class VerifiedBook(Protocol):
    """Checks, receipts, watches and lists of the verifying organisations."""

    def add(self, new: NewVerification) -> int:
        """Number of the check."""

    def kept(self, verification: int) -> Kept:
        """Raises NotFoundError(CHECK_UNKNOWN)."""

    def newest(self, usccs: Collection[str], before: int | None, count: int) -> Sequence[Kept]:
        """Newest first."""

    def counts(self, usccs: Collection[str], since: int) -> Mapping[tuple[str, str], int]:
        """Checks since then by organisation and kind of purpose."""

    def order_receipt(self, verification: int) -> bool:
        """With its job in one transaction; False when it was ordered before."""

    def keep_receipt(self, lease: Lease, verification: int, receipt: bytes, page: bytes) -> None:
        """Made, and the job is finished; a second time changes nothing."""

    def watch(self, verification: int, first_word: int, words: int, seen: bytes, until: int) -> None:
        """Begin to watch, or watch longer."""

    def open_watches(self) -> Sequence[OpenWatch]:
        """All that are looked after."""

    def move_watch(
        self, verification: int, state: WatchState, *, seen: bytes | None = None, at: int | None = None
    ) -> None:
        """What became of a watch."""

    def fired(self, uscc: str) -> Sequence[Kept]:
        """Checks of an organisation whose watch fired and was not read yet, newest first."""

    def told(self, verification: int) -> None:
        """Somebody read that it fired."""

    def forget(self, before: int) -> Sequence[bytes]:
        """Remove checks that are older; gives the names of their data keys."""

    def add_list(
        self, name: bytes, uscc: str, person: int, at: int, purpose: PurposeKind, sealed: bytes
    ) -> int:
        """Keep a list with its job, in one transaction."""

    def list_check(self, list_id: int) -> ListCheck:
        """Raises NotFoundError(LIST_CHECK_UNKNOWN)."""

    def lists(self, usccs: Collection[str], count: int) -> Sequence[ListCheck]:
        """Newest first."""

    def move_list(self, list_id: int, lease: Lease | None = None, **values: Any) -> None:
        """Change a list; with a lease its job is finished in the same transaction."""
