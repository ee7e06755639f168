"""Status lists for the public, made from the chain view and signed with the agency's status key.

A list is published before the bundles of a new batch are released, and again before its token runs
out. Every index that belongs to no final batch reads not-VALID. Which batches are closed and not yet
on chain comes from the store; what is on chain comes from the view alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from ledger.core.directory import parse_directory_entry
from ledger.core.flow import BatchState
from ledger.core.status_list import status_uri
from ledger.ports import BatchStore, ChainView, Clock, CredentialSigner
from ledger.services.status_list import OpenRange, build_status_list, make_status_list_token

WITH_RANGE = (
    BatchState.CLOSED,
    BatchState.SIGNED,
    BatchState.MADE,
    BatchState.APPROVED,
    BatchState.ANCHORED,
    BatchState.RELEASED,
    BatchState.REFUSED,
    BatchState.DEAD,
)


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
    """

    def __init__(
        self,
        view: ChainView,
        batches: BatchStore,
        agencies: StatusAgencies,
        folder: TokenFolder,
        clock: Clock,
        ledger_id: bytes,
    ) -> None:
        self._view = view
        self._batches = batches
        self._agencies = agencies
        self._folder = folder
        self._clock = clock
        self._ledger_id = ledger_id

    def publish(self, issuer: str, list_number: int) -> None:
        """A fresh token of one list."""
        entry = parse_directory_entry(self._agencies.directory_entry(issuer))
        published = build_status_list(
            self._view, issuer, list_number, tuple(self._ranges(issuer, list_number))
        )
        token = make_status_list_token(
            published,
            uri=status_uri(entry.iss, self._ledger_id, list_number),
            signer=self._agencies.status_signer(issuer),
            now=self._clock.now(),
        )
        self._folder.save(issuer, self._ledger_id, list_number, token)

    def publish_all(self, issuers: Sequence[str]) -> int:
        """Fresh tokens of every list that these issuers ever used; their number."""
        count = 0
        for issuer in issuers:
            for number in sorted(self._lists(issuer)):
                self.publish(issuer, number)
                count += 1
        return count

    def _lists(self, issuer: str) -> set[int]:
        on_chain = {anchor.list for anchor in self._view.anchors(issuer) if anchor.type_id}
        return on_chain | {batch.list for batch in self._batches.batches(issuer, WITH_RANGE) if batch.type_id}

    def _ranges(self, issuer: str, list_number: int) -> Iterator[OpenRange]:
        on_chain = {anchor.root for anchor in self._view.anchors(issuer)}
        for batch in self._batches.batches(issuer, WITH_RANGE):
            if batch.type_id and batch.list == list_number and batch.root not in on_chain:
                yield OpenRange(
                    batch.list,
                    batch.first_word,
                    batch.size,
                    refused=batch.state is BatchState.REFUSED,
                )
