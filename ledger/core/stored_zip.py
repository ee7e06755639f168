"""A ZIP of stored (not compressed) files whose every byte is known before any file is read.

Sizes and CRC-32 are known, times are fixed: the archive has one length and one content for ever, so a
download that broke off goes on where it stopped, and no archive ever lies on a disk.

Source: APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12, 4.3.16; below 4 GiB and 65,535 files, hence no ZIP64.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

_VERSION = 20  # 2.0: folders and stored files
_UTF8_NAMES = 0x0800
_DOS_DAY = 0x21  # 1980-01-01, the first that the format knows
_LOCAL, _CENTRAL, _END = 0x04034B50, 0x02014B50, 0x06054B50
MAX_FILES = 65_535
MAX_BYTES = 2**32 - 1


class StoredFile(NamedTuple):
    """One file: its name in the archive, its size in bytes and its CRC-32."""

    name: str
    size: int
    crc32: int


class StoredZip:
    """The layout of an archive.

    Args:
        files: in this order.
    Raises: OverflowError for more than the format without ZIP64 holds.
    """

    def __init__(self, files: Sequence[StoredFile]) -> None:
        self._files = tuple(files)
        self._heads = [_local(file) for file in self._files]
        offset, central = 0, []
        for file, head in zip(self._files, self._heads, strict=True):
            central.append(_entry(file, min(offset, MAX_BYTES)))
            offset += len(head) + file.size
        directory = b"".join(central)
        self.size = offset + len(directory) + 22
        if len(self._files) > MAX_FILES or self.size > MAX_BYTES:
            raise OverflowError("too much for one archive")
        count = len(self._files)
        end = struct.pack("<IHHHHIIH", _END, 0, 0, count, count, len(directory), offset, 0)
        self._tail = directory + end
        self.tag = hashlib.sha256(self._tail).hexdigest()[:32]
        """Changes whenever a byte of the archive would."""

    def read(self, first: int, last: int, content: Callable[[int], bytes]) -> Iterator[bytes]:
        """Bytes first..last-1 of the archive.

        Args:
            first: the first byte, 0 <= first <= last.
            last: the byte after the last, at most `size`.
            content: bytes of the file at that place; read only where they are wanted.
        """
        at = 0
        for place, (file, head) in enumerate(zip(self._files, self._heads, strict=True)):
            end = at + len(head) + file.size
            if first < end and at < last:
                if first < at + len(head):
                    yield head[max(0, first - at) : last - at]
                start = at + len(head)
                if start < last and file.size:
                    yield content(place)[max(0, first - start) : last - start]
            at = end
        if at < last:
            yield self._tail[max(0, first - at) : last - at]


def _local(file: StoredFile) -> bytes:
    name = file.name.encode("utf-8")
    sizes = (file.crc32, file.size, file.size)
    return (
        struct.pack("<IHHHHHIIIHH", _LOCAL, _VERSION, _UTF8_NAMES, 0, 0, _DOS_DAY, *sizes, len(name), 0)
        + name
    )


def _entry(file: StoredFile, offset: int) -> bytes:
    name = file.name.encode("utf-8")
    sizes = (file.crc32, file.size, file.size)
    packed = struct.pack(
        "<IHHHHHHIIIHHHHHII",
        _CENTRAL, _VERSION, _VERSION, _UTF8_NAMES, 0, 0, _DOS_DAY, *sizes, len(name), 0, 0, 0, 0, 0, offset,
    )  # fmt: skip
    return packed + name
