"""Sealed files of prints below the data directory: `documents/<first byte>/<id>.page`, encrypted.

Their keys are the data keys of their credentials: who erases a person makes these files unreadable.
"""

from __future__ import annotations

from pathlib import Path

from ledger.adapters.home_files import PRIVATE_FOLDER, write_file
from ledger.core.errors import NotFoundError


class DocumentFolder:
    """Port PrintFiles.

    Args:
        folder: made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, document_id: bytes, sealed: bytes) -> None:
        """Durable when it returns; a file that is there is replaced."""
        path = self._path(document_id)
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        write_file(path, sealed)

    def read(self, document_id: bytes) -> bytes:
        """Raises NotFoundError(PRINT_FILE_MISSING)."""
        try:
            return self._path(document_id).read_bytes()
        except FileNotFoundError:
            raise NotFoundError("PRINT_FILE_MISSING", "The file of this print is not here.") from None

    def remove(self, document_id: bytes) -> None:
        """Delete a file; missing already: no effect."""
        self._path(document_id).unlink(missing_ok=True)

    def _path(self, document_id: bytes) -> Path:
        name = document_id.hex()
        return self._folder / name[:2] / f"{name}.page"
