"""Wires the checking of what is handed in: files in a process of their own, sheets by code or secret."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ledger.adapters.comparisons_sql import SqlComparisons
from ledger.adapters.document_store import SqlPrints
from ledger.adapters.pdf_reader_process import BoundedReader
from ledger.bootstrap import BoundVerifier, Installation
from ledger.core.credential_type import CredentialType
from ledger.core.errors import UnavailableError
from ledger.core.receipt import Receipt
from ledger.ports import ChainView, Clock
from ledger.services.documents import DocumentService
from ledger.services.lookup import Bundles, LookupService
from ledger.services.page import PageService


@dataclass
class CheckRoom:
    """Checking pages and sheets.

    Args:
        here: the installation.
        verifier: judges bundles.
        documents: prints; asked for late, since it needs the key store.
        bundles: released credentials; the same.
        types: the known types.
        clock: time.
    """

    here: Installation
    verifier: BoundVerifier
    documents: Callable[[], DocumentService]
    bundles: Callable[[], Bundles]
    types: Sequence[CredentialType]
    clock: Clock

    @cached_property
    def reader(self) -> BoundedReader:
        """The process that reads strangers' files."""
        return BoundedReader(self.clock)

    @cached_property
    def lookup(self) -> LookupService:
        """Sheets by code, secret or number.

        Raises:
            UnavailableError: the key store is locked.
        """
        comparisons = SqlComparisons(self.here.store.database)
        return LookupService(
            self.documents(), self.bundles(), self.verifier.verify, comparisons, self.types, self.clock
        )

    @cached_property
    def pages(self) -> PageService:
        """Whatever is handed in; files are checked without the key store too."""
        return PageService(
            self.verifier.verify,
            self.reader,
            self._view,
            self._receipt,
            self._withdrawn_at,
            lambda: self.lookup,
        )

    @property
    def _view(self) -> ChainView:
        if self.verifier.view is None:
            raise UnavailableError("CHAIN_UNAVAILABLE", "There is no copy of the ledger here.")
        return self.verifier.view

    def _receipt(self, file_hash: bytes) -> Receipt | None:
        return self.documents().page_receipt(file_hash)

    def _withdrawn_at(self, document_id: bytes) -> int | None:
        return SqlPrints(self.here.store.database).withdrawn_at(document_id)
