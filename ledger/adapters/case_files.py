"""Sealed cases as files, one a case (services.status.CaseBook), and the same in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ledger.adapters.home_files import PRIVATE_FOLDER, write_file

SUFFIX = ".case"


class CaseFiles:
    """Cases in one folder.

    Args:
        folder: `cases/` of the data directory; made when the first case is saved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, case_id: str, sealed: bytes) -> None:
        """Replace the case of that id."""
        self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        write_file(self._folder / f"{case_id}{SUFFIX}", sealed)

    def load(self, case_id: str) -> bytes | None:
        """None when there is no such case. An id is 32 hex digits, so it names no other file."""
        if len(case_id) != 32 or not set(case_id) <= set("0123456789abcdef"):
            return None
        try:
            return (self._folder / f"{case_id}{SUFFIX}").read_bytes()
        except FileNotFoundError:
            return None

    def ids(self) -> Sequence[str]:
        """Ids of all cases."""
        return sorted(path.stem for path in self._folder.glob(f"*{SUFFIX}") if path.name[0] != ".")


class MemoryCases:
    """Cases that end with the process: for tests."""

    def __init__(self) -> None:
        self._cases: dict[str, bytes] = {}

    def save(self, case_id: str, sealed: bytes) -> None:
        """Replace the case of that id."""
        self._cases[case_id] = sealed

    def load(self, case_id: str) -> bytes | None:
        """None when there is no such case."""
        return self._cases.get(case_id)

    def ids(self) -> Sequence[str]:
        """Ids of all cases."""
        return sorted(self._cases)
