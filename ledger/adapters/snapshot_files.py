"""Snapshot files, and what a verifier without a data directory remembers between two of them."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any, Final

from ledger.adapters.home_files import write_file
from ledger.core.errors import InputError, UnavailableError
from ledger.core.model import BlockRef

READABLE: Final = 0o644
_FORMAT: Final = 1
_MAX_MEMORY_BYTES: Final = 64 * 1024


def write_snapshot_file(path: Path, data: bytes) -> None:
    """All of it or nothing: a gateway that watches a folder never takes half a file.

    Raises:
        InputError: FILE_UNWRITABLE.
    """
    try:
        write_file(path, data, READABLE)
    except OSError as error:
        raise InputError(
            "FILE_UNWRITABLE", f"{path} cannot be written: {error.strerror}.", path=str(path)
        ) from error


class SeenBlocks:
    """The highest block that was accepted from a snapshot, for each ledger, in a small file.

    Args:
        path: made when something is remembered first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def newest(self, ledger_id: bytes) -> BlockRef | None:
        """None when nothing was accepted yet.

        Raises:
            InputError: SNAPSHOT_MEMORY_BROKEN. A memory that cannot be read protects from nothing, so that
                a person has to look.
        """
        found = self._load().get(ledger_id.hex())
        if found is None:
            return None
        try:
            block = BlockRef(int(found["number"]), bytes.fromhex(found["hash"]), int(found["time"]))
        except (KeyError, TypeError, ValueError) as error:
            raise self._broken() from error
        return block

    def remember(self, ledger_id: bytes, block: BlockRef, *, replace: bool = False) -> None:
        """A lower block than the one that is remembered changes nothing.

        Args:
            ledger_id: 32 bytes.
            block: accepted just now.
            replace: forget what was remembered: a restore notice covers it.

        Raises:
            UnavailableError: SNAPSHOT_MEMORY_UNWRITABLE.
            InputError: SNAPSHOT_MEMORY_BROKEN.
        """
        try:
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                known = None if replace else self.newest(ledger_id)
                if known is not None and known.number >= block.number:
                    return
                value = {"number": block.number, "hash": block.hash.hex(), "time": block.time}
                ledgers = {**self._load(), ledger_id.hex(): value}
                text = json.dumps({"version": _FORMAT, "ledgers": ledgers}, indent=1) + "\n"
                write_file(self.path, text.encode(), READABLE)
            finally:
                os.close(folder)
        except OSError as error:
            raise UnavailableError(
                "SNAPSHOT_MEMORY_UNWRITABLE",
                f"{self.path} cannot be written ({error.strerror}): an older snapshot will not be noticed.",
                path=str(self.path),
            ) from error

    def _load(self) -> dict[str, Any]:
        try:
            with self.path.open("rb") as file:
                raw = file.read(_MAX_MEMORY_BYTES)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._broken() from error
        try:
            document = json.loads(raw)
            if document["version"] != _FORMAT:
                raise ValueError("version")
            return dict(document["ledgers"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._broken() from error

    def _broken(self) -> InputError:
        return InputError(
            "SNAPSHOT_MEMORY_BROKEN",
            f"{self.path} is not readable; if you deleted or changed nothing, somebody else did.",
            path=str(self.path),
        )
