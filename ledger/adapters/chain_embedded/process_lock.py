"""One process at a time may run the EVM and seal: an advisory lock on a file beside the chain file.

Not on the chain file itself: closing any descriptor of it would drop SQLite's own POSIX locks. The
kernel releases the lock when the process dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ledger.core.errors import UnavailableError

LOCK_SUFFIX = ".lock"


def lock_path(chain_file: Path) -> Path:
    """Where the lock of a chain file lies."""
    return chain_file.with_name(chain_file.name + LOCK_SUFFIX)


class ProcessLock:
    """Held from construction to `release`. Raises: UnavailableError(CHAIN_LOCKED)."""

    def __init__(self, chain_file: Path) -> None:
        self._file = os.open(lock_path(chain_file), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise UnavailableError(
                "CHAIN_LOCKED",
                f"another process runs the chain {chain_file.name}; hand work over through its outbox",
            ) from error

    def release(self) -> None:
        os.close(self._file)
