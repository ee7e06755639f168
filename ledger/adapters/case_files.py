"""Sealed cases as files, one a case (services.status.CaseBook), and the same in memory.

A case that is decided but not handed to the outbox yet has an empty file of its name in `waiting/`, so
that an idle worker looks at those alone. The mark is there before the case and goes after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ledger.adapters.home_files import PRIVATE_FOLDER, write_file
from ledger.core.errors import InputError
from ledger.core.status import is_case_id

SUFFIX = ".case"
WAITING = "waiting"


class CaseFiles:
    """Cases in one folder.

    Args:
        folder: `cases/` of the data directory; made when the first case is saved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting = folder / WAITING

    def save(self, case_id: str, sealed: bytes, *, waiting: bool) -> None:
        """Replace the case of that id; `waiting`: it is still to be handed to the outbox."""
        mark = self._waiting / case_id
        for folder in (self._folder, self._waiting):
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        if waiting:
            write_file(mark, b"")
        write_file(self._folder / f"{case_id}{SUFFIX}", sealed)
        if not waiting:
            mark.unlink(missing_ok=True)

    def load(self, case_id: str) -> bytes | None:
        """None when there is no such case. An id is 32 hex digits, so it names no other file.

        Raises: InputError(CASE_UNREADABLE) when the file is there and cannot be read.
        """
        if not is_case_id(case_id):
            return None
        try:
            return (self._folder / f"{case_id}{SUFFIX}").read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(
                "CASE_UNREADABLE", f"Case {case_id} cannot be read: {error.strerror}.", case=case_id
            ) from error

    def ids(self) -> Sequence[str]:
        """Ids of all cases, and the names of files that only look like one."""
        return sorted(path.stem for path in self._folder.glob(f"*{SUFFIX}") if path.name[0] != ".")

    def waiting(self) -> Sequence[str]:
        """Ids of cases still to be handed to the outbox; one look into a folder that is mostly empty."""
        return sorted(path.name for path in self._waiting.glob("*") if is_case_id(path.name))


class MemoryCases:
    """Cases that end with the process: for tests."""

    def __init__(self) -> None:
        self._cases: dict[str, bytes] = {}
        self._waiting: set[str] = set()

    def save(self, case_id: str, sealed: bytes, *, waiting: bool) -> None:
        """Replace the case of that id; `waiting`: it is still to be handed to the outbox."""
        self._cases[case_id] = sealed
        (self._waiting.add if waiting else self._waiting.discard)(case_id)

    def load(self, case_id: str) -> bytes | None:
        """None when there is no such case."""
        return self._cases.get(case_id)

    def ids(self) -> Sequence[str]:
        """Ids of all cases."""
        return sorted(self._cases)

    def waiting(self) -> Sequence[str]:
        """Ids of cases still to be handed to the outbox."""
        return sorted(self._waiting)
