"""One process at a time may run the EVM and seal: an advisory lock on a file beside the chain file.

Not on the chain file itself: closing any descriptor of it would drop SQLite's own POSIX locks. The
kernel releases the lock when the process dies, however it dies.

The holder writes into the lock file which file it seals (device and inode), so that a copied folder,
which has a copy of the lock file too, is not taken for the installation itself.
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

    def name_file(self, chain_file: Path) -> None:
        """Write down which file is sealed under this lock; once it is there."""
        identity = _identity(chain_file)
        if os.pread(self._file, len(identity) + 1, 0) != identity:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, identity, 0)

    def release(self) -> None:
        os.close(self._file)
