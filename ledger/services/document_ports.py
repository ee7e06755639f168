"""What printing needs of the outside: where prints lie, who draws, who seals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ledger.core.flow import NewJob
from ledger.core.paper import Print, PrintRun
from ledger.ports import Agencies, CredentialSigner


class PrintLeaf(Protocol):
    """A credential of a batch, as a run over it needs it."""

    @property
    def leaf_index(self) -> int: ...

    @property
    def record_id(self) -> int: ...

    @property
    def name(self) -> bytes: ...


class PrintStore(Protocol):
    """Prints, kept. Every step is one transaction; a print is made at most once."""

    def add(self, wanted: Print, record_id: int, job: NewJob) -> None: ...

    def add_run(self, run: PrintRun, wanted: Sequence[tuple[Print, int, int]], job: NewJob) -> PrintRun: ...

    def leaves(self, batch_id: int) -> Sequence[PrintLeaf]: ...

    def get(self, document_id: bytes) -> Print: ...

    def find(self, document_id: bytes) -> Print | None: ...

    def queued(self) -> int: ...

    def of_credential(self, name: bytes) -> tuple[Print, ...]: ...

    def of_piece(self, run_id: bytes, piece: int) -> tuple[Print, ...]: ...

    def of_run(self, run_id: bytes) -> tuple[Print, ...]: ...

    def run(self, run_id: bytes) -> PrintRun: ...

    def runs(self, batch_id: int) -> tuple[PrintRun, ...]: ...

    def made(
        self,
        document_id: bytes,
        *,
        file_hash: bytes,
        size: int,
        crc32: int,
        code_index: bytes,
        secret_index: bytes,
    ) -> None: ...

    def failed(self, document_id: bytes, code: str) -> None: ...

    def revoke(self, document_id: bytes, at: int, by: str) -> Print: ...

    def by_code_index(self, index: bytes) -> Print | None: ...

    def by_secret_index(self, index: bytes) -> Print | None: ...

    def by_file_hash(self, file_hash: bytes) -> Print | None: ...

    def name_of_number(self, first: bytes, last: bytes) -> tuple[bytes, ...]: ...

    def waiting(self) -> tuple[tuple[str, int, int], ...]: ...

    def next_files(self, issuer: str, limit: int) -> tuple[tuple[bytes, bytes], ...]: ...

    def collect(self, issuer: str, files: Sequence[bytes], root: bytes, key: int, issued_on: int) -> int: ...

    def page_entries(self, batch_id: int) -> bytes: ...


class PrintFiles(Protocol):
    """Sealed files of prints; a written file is durable."""

    def write(self, document_id: bytes, sealed: bytes) -> None: ...

    def read(self, document_id: bytes) -> bytes: ...


class Bundles(Protocol):
    """Makes the bundle of a released credential anew."""

    def bundle(self, batch_id: int, leaf_index: int) -> bytes: ...


class PageRenderer(Protocol):
    """Draws a page. Guarantee: the same arguments give the same bytes."""

    def render(self, data: Mapping[str, Any], qr_text: str, bundle: bytes) -> bytes: ...


class PageSealer(Protocol):
    """Seals a page: afterwards no byte of the file can change unseen."""

    def seal(self, page: bytes, signer: CredentialSigner, name: str) -> bytes: ...


class SealAgencies(Agencies, Protocol):
    """Agencies with their seal keys."""

    def seal_signer(self, issuer: str) -> CredentialSigner: ...
