"""One process at a time may run the EVM and seal: an advisory lock on a file beside the chain file.

Not on the chain file itself: closing any descriptor of it would drop SQLite's own POSIX locks. The
kernel releases the lock when the process dies, however it dies.

The holder writes into the lock file which file it seals (device and inode), so that a copied folder,
which has a copy of the lock file too, is not taken for the installation itself.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from ledger.core.errors import UnavailableError

LOCK_SUFFIX = ".lock"
PROBED_S = 0.2
"""Whoever only asks whether the lock is free holds it for less than this; who means to keep it waits so long."""
_TRY_EVERY_S = 0.01


def lock_path(chain_file: Path) -> Path:
    """Where the lock of a chain file lies."""
    return chain_file.with_name(chain_file.name + LOCK_SUFFIX)


def is_sealed_here(chain_file: Path) -> bool:
    """Whether the last holder of the lock beside this file sealed this very file, not one it was copied from."""
    try:
        return lock_path(chain_file).read_bytes() == _identity(chain_file)
    except FileNotFoundError:
        return False


def _identity(chain_file: Path) -> bytes:
    found = chain_file.stat()
    return b"%d:%d\n" % (found.st_dev, found.st_ino)


class ProcessLock:
    """Held from construction to `release`.

    Args:
        chain_file: whose lock it is.
        patience_s: how long to try; 0: once.
    Raises: UnavailableError(CHAIN_LOCKED).
    """

    def __init__(self, chain_file: Path, patience_s: float = 0.0) -> None:
        self._file = os.open(lock_path(chain_file), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if time.monotonic() < until:
                    time.sleep(_TRY_EVERY_S)
                    continue
                os.close(self._file)
                raise UnavailableError(
                    "CHAIN_LOCKED",
                    f"another process runs the chain {chain_file.name}; hand work over through its outbox",
                ) from error
            return

    def name_file(self, chain_file: Path) -> None:
        """Write down which file is sealed under this lock; once it is there."""
        identity = _identity(chain_file)
        if os.pread(self._file, len(identity) + 1, 0) != identity:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, identity, 0)

    def release(self) -> None:
        os.close(self._file)
