"""The trust file of a data directory and its earlier versions, which stay beside it.

`trust.json` is the one in use; `trust/<version>.json` holds each version that ever was, the one in use
included, so that somebody who has an old one can be shown every step from there to here.
"""

from __future__ import annotations

import os
from pathlib import Path

from ledger.adapters.home_files import PRIVATE_FOLDER, Home, write_file
from ledger.core.errors import NotFoundError, RefusedError
from ledger.core.finality import final_height
from ledger.core.model import ViewHead
from ledger.core.trust import MAX_TRUST_BYTES, Trust, load_trust_bytes

_READABLE = 0o644


class TrustFolder:
    """See ledger.ports.witness.TrustFiles.

    Args:
        file: the trust file in use; its versions lie in the folder of the same name without `.json`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._path = str(file)
        self._folder = file.with_suffix("") if file.suffix else file.with_name(f"{file.name}.versions")
        self._known: tuple[tuple[int, int, int], Trust] | None = None

    def newest(self) -> bytes:
        """Raises: NotFoundError(TRUST_MISSING)."""
        try:
            return self._file.read_bytes()[: MAX_TRUST_BYTES + 1]
        except OSError as error:
            raise NotFoundError(
                "TRUST_MISSING", f"The trust file {self._file} cannot be read ({error.strerror})."
            ) from error

    def trust(self) -> Trust:
        """The one in use, read again when somebody replaced it.

        Raises: NotFoundError(TRUST_MISSING), InputError(TRUST_*).
        """
        try:
            state = os.stat(self._path)  # noqa: PTH116  asked with every check: a third of what a Path takes
        except OSError as error:
            raise NotFoundError(
                "TRUST_MISSING", f"The trust file {self._file} cannot be read ({error.strerror})."
            ) from error
        mark = (state.st_ino, state.st_mtime_ns, state.st_size)
        if self._known is None or self._known[0] != mark:
            self._known = (mark, load_trust_bytes(self.newest()))
        return self._known[1]

    def version(self, number: int) -> bytes | None:
        """See TrustFiles."""
        kept = self._version_file(number)
        if kept.exists():
            return kept.read_bytes()
        data = self.newest()
        return data if self.trust().version == number else None

    def taken_at(self, number: int) -> int | None:
        """When a version after the first was taken into use here, seconds; None when that is not known."""
        try:
            return int(self._version_file(number).stat().st_mtime)
        except FileNotFoundError:
            return None

    def versions(self) -> list[int]:
        """Numbers of the versions that are here, oldest first."""
        kept = {int(path.stem) for path in self._folder.glob("*.json") if path.stem.isdecimal()}
        return sorted(kept | {self.trust().version})

    def take(self, data: bytes) -> Trust:
        """Use a file that follows the one in use; the same file again has no effect.

        Raises: InputError(TRUST_*).
        """
        old = self.newest()
        previous = load_trust_bytes(old)
        taken = load_trust_bytes(data, previous)
        if taken.fingerprint == previous.fingerprint:
            return previous
        self._folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        for version, raw in ((previous.version, old), (taken.version, data)):
            kept = self._version_file(version)
            if not kept.exists():
                write_file(kept, raw, _READABLE)
        write_file(self._file, data, _READABLE)
        return taken

    def _version_file(self, number: int) -> Path:
        return self._folder / f"{number}.json"


class HomeTrust(TrustFolder):
    """The trust files of a data directory.

    Args:
        home: the directory.
    """

    def __init__(self, home: Home) -> None:
        super().__init__(home.trust_file)


class HomeFinality:
    """The finality rule of a data directory's own trust file, as it is now (FinalityRule).

    Args:
        trusts: the directory's trust files.
    """

    def __init__(self, trusts: HomeTrust) -> None:
        self._trusts = trusts

    def height(self, head: ViewHead) -> int:
        """See FinalityRule."""
        return final_height(self._trusts.trust(), head)


def write_trust_file(path: Path, data: bytes) -> None:
    """Replace a trust file at once; anybody may read it.

    Raises: RefusedError(FILE_NOT_WRITABLE).
    """
    try:
        write_file(path, data, _READABLE)
    except OSError as error:
        raise RefusedError(
            "FILE_NOT_WRITABLE", f"{path} cannot be written: {error.strerror}.", path=str(path)
        ) from error
