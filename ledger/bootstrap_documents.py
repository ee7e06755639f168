"""Wires the making of documents over an installation: orders anywhere, drawing and sealing in the worker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ledger.adapters.document_files import DocumentFolder
from ledger.adapters.document_store import SqlPrints
from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.glyphs_fonts import FontGlyphs
from ledger.bootstrap import Installation
from ledger.core.model import ChainInfo
from ledger.ports import ChainView
from ledger.services.document_making import DocumentMaker
from ledger.services.documents import DocumentService
from ledger.services.export import ExportService
from ledger.services.kill_points import Hooks


@dataclass
class DocumentRoom:
    """Prints of one installation.

    Args:
        here: the installation.
        view: what is read about the chain.
        info: chain and contract.
        export: makes bundles anew.
        hooks: told about kill points.
    """

    here: Installation
    view: ChainView
    info: ChainInfo
    export: ExportService
    hooks: Hooks | None = None

    @cached_property
    def prints(self) -> SqlPrints:
        """Where prints are kept."""
        return SqlPrints(self.here.store.database)

    @cached_property
    def files(self) -> DocumentFolder:
        """Where their sealed files lie."""
        return DocumentFolder(self.here.home.documents)

    @cached_property
    def documents(self) -> DocumentService:
        """Orders, finds, withdraws."""
        here = self.here
        return DocumentService(
            self.prints,
            self.files,
            here.store.batches,
            self.export,
            here.vault,
            self.view,
            self.info,
            {loaded.type.ref: loaded.type for loaded in here.types.all()},
            SdJwtFormat(),
            FontGlyphs(),
            here.clock,
            here.entropy,
            self.hooks,
        )

    @cached_property
    def maker(self) -> DocumentMaker:
        """Draws and seals; needs the agencies' seal keys."""
        from ledger.adapters.document_page import TypstPages
        from ledger.adapters.seal_pades import PadesSealer

        here = self.here
        return DocumentMaker(
            self.documents,
            self.prints,
            self.files,
            here.store,
            here.agencies,
            self.view,
            TypstPages(),
            PadesSealer(),
            FontGlyphs(),
            here.clock,
            here.entropy,
            is_demo=here.record.mode == "demo",
            hooks=self.hooks,
        )
