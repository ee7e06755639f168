"""The list of what was erased, which outlives every backup: names of data keys and when they were destroyed.

One line an erasure, appended and flushed before the key is destroyed:

```
ecert-erasures/1 <ledger id>
<link> <seconds since 1970> <name>
```
`link` is SHA-256 over the link before, the time (8 bytes) and the name (16 bytes); the first link is
that of the header. So a list that was cut or changed shows, and a backup that notes the link it knew
can tell a list that is older than itself. Names are random and say nothing about anybody.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.adapters.home_files import write_file
from ledger.core.errors import InputError, NotFoundError, UnavailableError

FILE_NAME = "erasures.list"
VERSION = "ecert-erasures/1"
NAME_BYTES = 16
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Erasures:
    """A list as read: (name, time) in order, and the link after each; `links[0]` is the header's."""

    items: tuple[tuple[bytes, int], ...]
    links: tuple[str, ...]

    @property
    def link(self) -> str:
        """The newest link."""
        return self.links[-1]

    def extends(self, link: str) -> bool:
        """Whether this list goes on from (or is) the one that ended with `link`."""
        return link in self.links


class ErasureList:
    """One file.

    Args:
        path: in the data directory, or a copy elsewhere.
        ledger_id: of the installation; a list of another one is refused.
    """

    def __init__(self, path: Path, ledger_id: bytes) -> None:
        self.path = path
        self._header = f"{VERSION} {ledger_id.hex()}"

    def read(self) -> Erasures:
        """The whole list; an empty one when there is no file yet. Raises InputError(ERASURES_BROKEN)."""
        try:
            text = self.path.read_text("ascii")
        except FileNotFoundError:
            return self._parse(self._header + "\n")
        except (OSError, UnicodeDecodeError) as error:
            raise _broken(self.path) from error
        return self._parse(text)

    def require(self) -> Erasures:
        """As `read`, but the file must be there. Raises NotFoundError(ERASURES_MISSING)."""
        if not self.path.exists():
            raise NotFoundError(
                "ERASURES_MISSING", f"There is no list of erasures {self.path}.", path=str(self.path)
            )
        return self.read()

    def append(self, names: Sequence[bytes], at: int) -> None:
        """Note names that are not on it yet, flushed to the disk.

        Raises: InputError(ERASURES_BROKEN), UnavailableError(ERASURES_NOT_WRITTEN): nothing may be erased then.
        """
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, _MODE)
        except OSError as error:
            raise _not_written(self.path, error) from error
        with os.fdopen(handle, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            known = self.read()
            noted = {name for name, _ in known.items}
            link, lines = known.link, []
            for name in dict.fromkeys(names):
                if name not in noted:
                    link = _link(link, at, name)
                    lines.append(f"{link} {at} {name.hex()}\n")
            try:
                file.truncate(self._begin(file.fileno()))  # what a crash left of a last line goes
                file.seek(0, os.SEEK_END)
                file.write("".join(lines).encode("ascii"))
                file.flush()
                os.fsync(file.fileno())
            except OSError as error:
                raise _not_written(self.path, error) from error

    def copy_to(self, path: Path) -> None:
        """Bring a copy elsewhere up to date; one that knows more than this list stays as it is.

        Raises: InputError(ERASURES_BROKEN) when the file there is another list, UnavailableError(ERASURES_NOT_WRITTEN).
        """
        mine = self.read()
        there = ErasureList(path, bytes.fromhex(self._header.split()[1])).read()
        if there.extends(mine.link) and path.exists():
            return
        if not mine.extends(there.link):
            raise _broken(path)
        lines = [self._header]
        lines += [
            f"{link} {at} {name.hex()}" for link, (name, at) in zip(mine.links[1:], mine.items, strict=True)
        ]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, ("\n".join(lines) + "\n").encode("ascii"))
        except OSError as error:
            raise _not_written(path, error) from error

    def _begin(self, handle: int) -> int:
        """Length of the whole lines that are there; writes the header into an empty file."""
        data = self.path.read_bytes()
        if not data:
            line = (self._header + "\n").encode("ascii")
            os.pwrite(handle, line, 0)
            return len(line)
        return data.rfind(b"\n") + 1

    def _parse(self, text: str) -> Erasures:
        whole = text[
            : text.rfind("\n") + 1
        ]  # a last line without its end was never flushed: nothing was erased
        lines = whole.splitlines() or [self._header]
        if lines[0] != self._header:
            raise _broken(self.path)
        links = [hashlib.sha256(self._header.encode("ascii")).hexdigest()]
        items = []
        for line in lines[1:]:
            try:
                link, at, name = line.split(" ")
                item = (bytes.fromhex(name), int(at))
                is_next = link == _link(links[-1], item[1], item[0])
            except (ValueError, OverflowError) as error:
                raise _broken(self.path) from error
            if len(item[0]) != NAME_BYTES or not is_next:
                raise _broken(self.path)
            items.append(item)
            links.append(link)
        return Erasures(tuple(items), tuple(links))


def _link(before: str, at: int, name: bytes) -> str:
    return hashlib.sha256(bytes.fromhex(before) + at.to_bytes(8, "big") + name).hexdigest()


def _broken(path: Path) -> InputError:
    return InputError(
        "ERASURES_BROKEN",
        f"{path} is not this ledger's list of erasures, or it was changed; use an unchanged copy of it.",
        path=str(path),
    )


def _not_written(path: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        "ERASURES_NOT_WRITTEN",
        f"{path} cannot be written: {error.strerror}.",
        path=str(path),
        reason=error.strerror,
    )
