"""Published status list tokens as files: `published/status/<ledger id>/<issuer>/<list>.jwt`.

A web server may serve the folder as it is; the path follows the URI in the credentials, with the
issuer in it because several agencies may share one folder.
"""

from __future__ import annotations

from pathlib import Path

from ledger.adapters.home_files import PRIVATE_FOLDER, write_file

PUBLIC_FILE = 0o644


class TokenFiles:
    """Tokens under one folder.

    Args:
        folder: `published/` of the data directory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, issuer: str, ledger_id: bytes, list_number: int) -> Path:
        """Where the token of a list lies."""
        return self._folder / "status" / ledger_id.hex() / issuer / f"{list_number}.jwt"

    def save(self, issuer: str, ledger_id: bytes, list_number: int, token: str) -> None:
        """Replace the token of one list."""
        path = self.path(issuer, ledger_id, list_number)
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        write_file(path, token.encode("ascii"), PUBLIC_FILE)

    def load(self, issuer: str, ledger_id: bytes, list_number: int) -> str | None:
        """The newest token, None when the list was never published."""
        try:
            return self.path(issuer, ledger_id, list_number).read_text("ascii")
        except FileNotFoundError:
            return None
