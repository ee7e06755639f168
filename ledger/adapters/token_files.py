"""Published status list tokens as files: `published/status/<ledger id>/<issuer>/<list>.jwt`.

`ecert serve` serves them under the addresses that the credentials name. The issuer is part of the path
because several agencies share one folder; docs/operations/running.md maps it for another web server.
"""

from __future__ import annotations

from collections.abc import Iterator
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

    def everything(self) -> Iterator[tuple[str, str, str]]:
        """(issuer, list number, token) of every list that was ever published."""
        for path in sorted(self._folder.glob("status/*/*/*.jwt")):
            yield path.parent.name, path.stem, path.read_text("ascii", errors="replace")

    def load(self, issuer: str, ledger_id: bytes, list_number: int) -> str | None:
        """The newest token, None when the list was never published."""
        try:
            return self.path(issuer, ledger_id, list_number).read_text("ascii")
        except FileNotFoundError:
            return None
