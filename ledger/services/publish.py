"""Status lists for the public, made from the chain view and signed with the agency's status key.

A list is published before the bundles of a new batch are released, and again before its token runs
out. Every index that belongs to no final batch reads not-VALID. Which batches are closed and not yet
on chain comes from the store; what is on chain comes from the view alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from ledger.core.directory import parse_directory_entry
from ledger.core.flow import BatchState
from ledger.core.status_list import status_uri
from ledger.ports import BatchStore, ChainView, Clock, CredentialSigner
from ledger.ports.witness import FinalityRule
from ledger.services.status_list import (
    DrawnList,
    OpenRange,
    draw_list,
    make_status_list_token,
    with_ranges,
)

QUIET_EVERY_S = 100
"""How often a list without open batches gets a new token: within one of the two times 300 s that it lives."""


class StatusAgencies(Protocol):
    """What the publisher needs of the installation's agencies."""

    def directory_entry(self, issuer: str) -> str:
        """The signed directory entry, which names the agency's URL."""

    def status_signer(self, issuer: str) -> CredentialSigner:
        """The agency's key of purpose status."""


class TokenFolder(Protocol):
    """Where published tokens lie; a reader sees the old token or the new one."""

    def save(self, issuer: str, ledger_id: bytes, list_number: int, token: str) -> None:
        """Replace the token of one list."""


class StatusListPublisher:
    """Publishes lists (port ListPublisher).

    Args:
        view: already advanced by the worker.
        batches: ranges of batches that are not on chain.
        agencies: whose lists, signed by which keys.
        folder: where tokens go.
        clock: dates the tokens.
        ledger_id: 32 bytes, part of the list's URI.
        earlier: ledgers that were moved here, and each issuer's newest list there: credentials of then name
            their lists by those ids, and go on being answered.
        finality: which blocks are final: a batch above reads SUSPENDED; None: every block of the view is.
    """

    def __init__(
        self,
        view: ChainView,
        batches: BatchStore,
        agencies: StatusAgencies,
        folder: TokenFolder,
        clock: Clock,
        ledger_id: bytes,
        earlier: Mapping[bytes, Mapping[str, int]] = MappingProxyType({}),
        finality: FinalityRule | None = None,
    ) -> None:
        self._view = view
        self._batches = batches
        self._agencies = agencies
        self._folder = folder
        self._clock = clock
        self._ledger_id = ledger_id
        self._earlier = earlier
        self._finality = finality
        self._drawn: dict[tuple[str, int], DrawnList] = {}
        self._due: dict[tuple[str, int], int] = {}  # when a list is published again, by (issuer, number)
        self._height: int | None = None

    def publish(self, issuer: str, list_number: int) -> None:
        """A fresh token of one list."""
        entry = parse_directory_entry(self._agencies.directory_entry(issuer))
        place = (issuer, list_number)
        drawn = draw_list(
            self._view, issuer, list_number, self._drawn.get(place), final_height=self._final_height()
        )
        self._drawn[place] = drawn
        published = with_ranges(drawn, list_number, self._ranges(issuer, list_number))
        now = self._clock.now()
        for ledger_id in self._ids(issuer, list_number):
            token = make_status_list_token(
                published,
                uri=status_uri(entry.iss, ledger_id, list_number),
                signer=self._agencies.status_signer(issuer),
                now=now,
            )
            self._folder.save(issuer, ledger_id, list_number, token)
        self._due[place] = 0 if published.has_open else now + QUIET_EVERY_S

    def _ids(self, issuer: str, list_number: int) -> Iterator[bytes]:
        """Under which ledgers' names credentials look for this list."""
        yield self._ledger_id
        for ledger_id, newest in self._earlier.items():
            if list_number <= newest.get(issuer, 0):
                yield ledger_id

    def _final_height(self) -> int | None:
        """Above it nothing counts as anchored yet; None: whatever the view has counts."""
        head = self._view.head() if self._finality is not None else None
        return None if self._finality is None or head is None else self._finality.height(head)

    def publish_all(self, issuers: Sequence[str]) -> int:
        """Fresh tokens of every list that these issuers ever used; their number."""
        return sum(self._publish_each(issuer, self._lists(issuer)) for issuer in issuers)

    def publish_due(self, issuers: Sequence[str]) -> int:
        """Fresh tokens of lists with open batches, and of the others now and then; their number.

        A quiet list that is full is rarely worth a signature: its token lives ten minutes. Where finality fell,
        since more witnesses are asked for, every list may say too much: all are due.
        """
        now, height = self._clock.now(), self._final_height()
        if height is not None and self._height is not None and height < self._height:
            self._due.clear()
        self._height = height
        return sum(
            self._publish_each(
                issuer,
                (number for number in self._lists(issuer) if self._due.get((issuer, number), 0) <= now),
            )
            for issuer in issuers
        )

    def _publish_each(self, issuer: str, numbers: Iterable[int]) -> int:
        count = 0
        for number in sorted(numbers):
            self.publish(issuer, number)
            count += 1
        return count

    def _lists(self, issuer: str) -> set[int]:
        return {*self._view.lists(issuer), *range(1, self._batches.newest_list(issuer) + 1)}

    def _ranges(self, issuer: str, list_number: int) -> Iterator[OpenRange]:
        for found in self._batches.open_ranges(issuer, list_number):
            refused = found.state is BatchState.REFUSED
            yield OpenRange(list_number, found.first_word, found.size, refused=refused, root=found.root)
