"""Wires the verifier's desk: keeping and showing in the web, signing and looking after in the worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ledger.adapters.counters_database import CountersDatabase
from ledger.adapters.intake_sheets import SheetFiles
from ledger.adapters.verified_sql import SqlVerified
from ledger.bootstrap import Installation
from ledger.bootstrap_ops import open_limits
from ledger.core.model import ChainInfo
from ledger.ports import ChainView, Limits
from ledger.services.document_ports import PageSealer
from ledger.services.lookup import LookupService
from ledger.services.verified import VerifiedService
from ledger.services.verified_work import ReceiptPages, VerifiedWorker


@dataclass
class VerifiedRoom:
    """The verifier's desk of one installation.

    Args:
        here: the installation.
        view: the chain.
        info: which ledger.
        lookup: finds sheets by number and code.
        limits: counts wrong codes; None: those of the installation.
    """

    here: Installation
    view: ChainView
    info: ChainInfo
    lookup: Callable[[], LookupService]
    limits: Limits | None = None

    @cached_property
    def book(self) -> SqlVerified:
        """Where checks lie."""
        return SqlVerified(self.here.store.database)

    @cached_property
    def service(self) -> VerifiedService:
        """For the web."""
        here = self.here
        return VerifiedService(self.book, here.vault, self.view, here.clock, here.entropy)

    @cached_property
    def worker(self) -> VerifiedWorker:
        """For the worker; needs seal keys when a receipt is signed."""
        here = self.here
        types = {loaded.type.ref: loaded.type for loaded in here.types.all()}
        counters = CountersDatabase(here.home.counters_file, here.clock)
        return VerifiedWorker(
            self.book,
            here.store.outbox,
            here.vault,
            self.view,
            self.info,
            here.agencies,
            self._pages,
            self._sealer,
            SheetFiles(types),
            self.lookup,
            self.limits or open_limits(counters, here.settings, here.entropy),
            types,
            here.clock,
            here.entropy,
        )

    @cached_property
    def _drawing(self) -> ReceiptPages:
        from ledger.adapters.receipt_page import TypstReceipts

        return TypstReceipts()

    @cached_property
    def _sealing(self) -> PageSealer:
        from ledger.adapters.seal_pades import PadesSealer

        return PadesSealer()

    def _pages(self) -> ReceiptPages:
        return self._drawing

    def _sealer(self) -> PageSealer:
        return self._sealing
