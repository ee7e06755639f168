"""The newest audit row, noted in a file beside the database (port HeadFile).

Written after each row without waiting for the disk: after a power cut it may be some rows behind,
which only means that those rows at the end could be cut off unseen until the next row.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from ledger.core.audit import Head
from ledger.core.errors import InputError

_MODE = 0o600


class AuditHeadFile:
    """One small JSON file.

    Args:
        path: in the data directory, not in the database's backup.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Head | None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        return _parse(data, self._path) if data else None

    def save(self, head: Head) -> None:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, _MODE)
        with os.fdopen(handle, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # the kernel lets it go with the file
            data = file.read()
            if data and _parse(data, self._path).number >= head.number:
                return
            file.seek(0)
            file.write(
                json.dumps({"number": head.number, "link": head.link.hex(), "seal": head.seal.hex()}).encode()
            )
            file.truncate()


def _parse(data: bytes, path: Path) -> Head:
    try:
        value = json.loads(data)
        return Head(int(value["number"]), bytes.fromhex(value["link"]), bytes.fromhex(value["seal"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("AUDIT_HEAD_BROKEN", f"{path} is not readable as the audit head.") from error
