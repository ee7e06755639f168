"""Where bundles are handed out: `<root>/<issuer>/<batch>/<name>.ecert.json`, 0600 in 0700.

A batch's folder appears by one rename when all its files are on disk, so nobody ever sees half of it.
What a killed writer left lies in a hidden folder and is removed by the next one.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ledger.core.errors import UnavailableError

_FILES_SYNCED_SINGLY = 64  # beyond that, one sync of everything is quicker than one a file
_STAGING = ".staging-"


class FileReleaseFolder:
    """Port ReleaseFolder on a file system.

    Args:
        root: made when missing, readable by its owner only.
        write_some: writes the beginning of some bytes and tells how many (POSIX write).
    """

    def __init__(self, root: Path, write_some: Callable[[int, memoryview], int] = os.write) -> None:
        self._root = root
        self._write_some = write_some

    def path(self, issuer: str, batch_id: int) -> Path:
        """The folder of a batch, there only when complete."""
        return self._root / issuer / str(batch_id)

    def is_complete(self, issuer: str, batch_id: int) -> bool:
        return self.path(issuer, batch_id).is_dir()

    def write(self, issuer: str, batch_id: int, bundles: Iterator[tuple[str, bytes]]) -> int:
        final = self.path(issuer, batch_id)
        if final.is_dir():
            return sum(1 for _ in final.iterdir())
        for folder in (self._root, final.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in final.parent.glob(f"{_STAGING}{batch_id}-*"):
            shutil.rmtree(left)
        staging = Path(tempfile.mkdtemp(prefix=f"{_STAGING}{batch_id}-", dir=final.parent))
        written = self._fill(staging, bundles)
        _sync_folder(staging)
        staging.rename(final)
        _sync_folder(final.parent)
        return written

    def _fill(self, folder: Path, bundles: Iterator[tuple[str, bytes]]) -> int:
        names: list[str] = []
        parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name, data in bundles:
                self._write_file(parent, name, data)
                names.append(name)
            if len(names) > _FILES_SYNCED_SINGLY:
                os.sync()
            else:
                for name in names:
                    _sync(os.open(name, os.O_RDONLY, dir_fd=parent))
        finally:
            os.close(parent)
        return len(names)

    def _write_file(self, parent: int, name: str, data: bytes) -> None:
        """Raises: UnavailableError(RELEASE_UNAVAILABLE), for instance while the disk is full."""
        try:
            handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=parent)
            try:
                self._write_all(handle, data)
            finally:
                os.close(handle)
        except OSError as error:
            raise UnavailableError(
                "RELEASE_UNAVAILABLE", f"Bundles cannot be written out: {error.strerror}."
            ) from error

    def _write_all(self, handle: int, data: bytes) -> None:
        """One write may take less than it was given: a disk or quota nearly full, a signal."""
        left = memoryview(data)
        while left:
            written = self._write_some(handle, left)
            if written == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left = left[written:]


def _sync(handle: int) -> None:
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    _sync(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))


class MemoryReleaseFolder:
    """Port ReleaseFolder in memory."""

    def __init__(self) -> None:
        self.batches: dict[tuple[str, int], dict[str, bytes]] = {}

    def is_complete(self, issuer: str, batch_id: int) -> bool:
        return (issuer, batch_id) in self.batches

    def write(self, issuer: str, batch_id: int, bundles: Iterator[tuple[str, bytes]]) -> int:
        if (issuer, batch_id) not in self.batches:
            self.batches[issuer, batch_id] = dict(bundles)
        return len(self.batches[issuer, batch_id])
