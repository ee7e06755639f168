"""One backup as one file: a tar of plain files and database copies, its list of contents last.

The list (`manifest.json`) names every file with size and SHA-256; an archive without it was never
finished. Databases are copied by SQLite's own backup within one read transaction: other processes go
on writing. An archive is written in a folder of its own (`scratch`), flushed, and renamed: there is a whole
one or none. Copies in such a folder hold keys of people who may be erased later: what a process that was
killed left of its own is deleted by the next.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import IO, Any

from ledger.core.errors import InputError, NotFoundError, UnavailableError

MANIFEST = "manifest.json"
FORMAT = "ecert-backup/1"
PAGES = 1_024  # of a database, between two words about the progress
CHUNK = 1 << 20
LARGEST_MANIFEST = 256 << 20
STALE_S = 86_400  # no backup takes a day: a number of a dead process may have been given again
_FILE, _FOLDER = 0o600, 0o700


class ArchiveWriter:
    """Writes one archive; use `writing`.

    Args:
        tar: open for writing.
        say: told how many bytes were written so far.
    """

    def __init__(self, tar: tarfile.TarFile, say: Callable[[int], None]) -> None:
        self._tar = tar
        self._say = say
        self._files: dict[str, dict[str, Any]] = {}
        self._bytes = 0

    def add(self, name: str, path: Path) -> None:
        """A file as it is now; one that is gone by now is left out."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            info = tarfile.TarInfo(name)
            info.size, info.mode = size, _FILE
            reader = _Hashing(file, size)
            self._tar.addfile(info, reader)
        self._files[name] = {"size": size, "sha256": reader.digest.hexdigest()}
        self._bytes += size
        self._say(self._bytes)

    def add_database(self, name: str, path: Path, beside: Path) -> None:
        """A consistent copy of a database that others may be writing to.

        Args:
            name: in the archive.
            path: of the database.
            beside: a folder for the copy while it is made.
        """
        copy = beside / f"{name}.copy"
        try:
            copy_database(path, copy, lambda done: self._say(self._bytes + done))
            self.add(name, copy)
        finally:
            copy.unlink(missing_ok=True)

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Write the list of contents with what else is to be known."""
        text = json.dumps({"format": FORMAT, **facts, "files": self._files}, indent=1, ensure_ascii=False)
        data = text.encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode = len(data), _FILE
        self._tar.addfile(info, _Hashing.of(data))


class _Hashing:
    """Reads exactly `size` bytes and hashes them: a file that grows meanwhile is taken as it was."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size
        self.digest = hashlib.sha256()

    @classmethod
    def of(cls, data: bytes) -> _Hashing:
        return cls(io.BytesIO(data), len(data))

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes."""
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        self.digest.update(data)
        return data


def copy_database(source: Path, target: Path, say: Callable[[int], None] = lambda _: None) -> None:
    """Copy an SQLite database within one read transaction.

    Raises: UnavailableError(BACKUP_SOURCE_BROKEN).
    """
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, _FILE))
        with (
            closing(
                sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
            ) as one,
            closing(sqlite3.connect(target, isolation_level=None)) as other,
        ):
            one.execute("BEGIN")
            one.execute(
                "SELECT count(*) FROM sqlite_schema"
            ).fetchone()  # from here on nothing moves under us
            size = one.execute("PRAGMA page_size").fetchone()[0]
            one.backup(other, pages=PAGES, progress=lambda _, left, total: say((total - left) * size))
            one.execute("COMMIT")
            other.execute("PRAGMA journal_mode=DELETE")  # one file, no log beside it
            answer = other.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise _source_broken(source, str(error)) from error
    if answer != "ok":
        raise _source_broken(source, str(answer))


def _source_broken(source: Path, answer: str) -> UnavailableError:
    return UnavailableError(
        "BACKUP_SOURCE_BROKEN",
        f"{source.name} cannot be copied ({answer}); `ecert doctor` says more.",
        path=str(source),
        answer=answer,
    )


@contextmanager
def scratch(parent: Path, prefix: str, code: str) -> Iterator[Path]:
    """A private folder for as long as the block lasts, unless it was moved away by then.

    Args:
        parent: made when it is not there.
        prefix: of the folder's name; folders with it that dead processes left are deleted.
        code: of the error.
    Raises: UnavailableError(code) when there can be none.
    """
    try:
        parent.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        for left in parent.glob(f"{prefix}*"):
            if _is_stale(left, prefix):
                shutil.rmtree(left)
        folder = Path(mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=parent))
    except OSError as error:
        raise UnavailableError(
            code, f"{parent} cannot be written: {error.strerror}.", path=str(parent), reason=error.strerror
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_stale(folder: Path, prefix: str) -> bool:
    """Whether the process that made it is gone."""
    number = folder.name.removeprefix(prefix).partition("-")[0]
    if not number.isdecimal() or time.time() - folder.stat().st_mtime > STALE_S:
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@contextmanager
def writing(target: Path, beside: Path, say: Callable[[int], None]) -> Iterator[ArchiveWriter]:
    """An archive that appears under its name, 0600, when the block ends well.

    Args:
        target: its name; an existing file is refused before.
        beside: a folder on the same disk, for the archive while it is made.
        say: told how many bytes were written so far.
    Raises: UnavailableError(BACKUP_NOT_WRITTEN).
    """
    part = beside / target.name
    try:
        handle = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_RDWR, _FILE)
        with os.fdopen(handle, "w+b") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield ArchiveWriter(tar, say)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise UnavailableError(
            "BACKUP_NOT_WRITTEN",
            f"{target} cannot be written: {error.strerror}.",
            path=str(target),
            reason=error.strerror,
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_manifest(archive: Path) -> dict[str, Any]:
    """The list of contents.

    Raises: NotFoundError(BACKUP_MISSING), InputError(BACKUP_BROKEN, BACKUP_NEWER).
    """
    if not archive.is_file():
        raise NotFoundError("BACKUP_MISSING", f"There is no backup {archive}.", path=str(archive))
    try:
        with tarfile.open(archive, "r:") as tar:
            members = tar.getmembers()
            if not members or members[-1].name != MANIFEST or members[-1].size > LARGEST_MANIFEST:
                raise _broken(archive)
            file = tar.extractfile(members[-1])
            manifest = json.loads(file.read()) if file is not None else None
    except (OSError, tarfile.TarError, ValueError) as error:
        raise _broken(archive) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise _broken(archive)
    if manifest.get("format") != FORMAT:
        raise InputError(
            "BACKUP_NEWER", f"{archive} was written by another version of ecert.", path=str(archive)
        )
    return manifest


def extract(archive: Path, manifest: Mapping[str, Any], into: Path, say: Callable[[int], None]) -> None:
    """Unpack what the list names into a folder, each file compared with its SHA-256, and nothing else.

    Raises: InputError(BACKUP_BROKEN), UnavailableError(RESTORE_NOT_WRITTEN).
    """
    files: Mapping[str, Mapping[str, Any]] = manifest["files"]
    seen: set[str] = set()
    done = 0
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                if member.name == MANIFEST:
                    continue
                known = files.get(member.name)
                source = tar.extractfile(member) if known is not None and member.isreg() else None
                if known is None or source is None or not _is_inside(member.name) or member.name in seen:
                    raise _broken(archive)
                seen.add(member.name)
                if _unpack(source, into / member.name) != (known["size"], known["sha256"]):
                    raise _broken(archive)
                done += member.size
                say(done)
    except (tarfile.TarError, KeyError, TypeError, EOFError) as error:
        raise _broken(archive) from error
    except OSError as error:
        raise UnavailableError(
            "RESTORE_NOT_WRITTEN",
            f"{into} cannot be written: {error.strerror}.",
            path=str(into),
            reason=error.strerror,
        ) from error
    if seen != files.keys():
        raise _broken(archive)


def _unpack(source: IO[bytes], target: Path) -> tuple[int, str]:
    missing = [folder for folder in target.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=_FOLDER)
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE), "wb") as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def _is_inside(name: str) -> bool:
    """A plain relative path: nothing in an archive may write anywhere else."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and str(path) == name and "\x00" not in name


def _broken(archive: Path) -> InputError:
    return InputError(
        "BACKUP_BROKEN",
        f"{archive} is not a complete backup of ecert, or it was changed.",
        path=str(archive),
    )
