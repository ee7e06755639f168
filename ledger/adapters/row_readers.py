"""Reads import files as streams of cells: CSV, XLSX, JSON lines; the content decides which.

Strict on purpose: a byte that cannot be decoded, an open quote, a nested value or a file that changes
while it is read stops the import with the place named. Nothing is written to a temporary folder,
because rows are personal data. CSV and JSON lines are read in constant memory.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final

from ledger.adapters.xlsx_reader import open_xlsx
from ledger.core.cells import Cell, CellKind
from ledger.core.errors import InputError, NotFoundError
from ledger.core.jose import require_depth
from ledger.ports import RowTable

_CHUNK: Final = 1 << 20
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"  # the old XLS and encrypted XLSX
_UTF8_BOM: Final = codecs.BOM_UTF8
_DELIMITERS: Final = ",\t;"
_MAX_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """Above these a file is refused before it can hurt; sizes in bytes."""

    max_bytes: int = 256 << 20
    max_line: int = 1 << 20
    max_rows: int = 1_000_000
    max_columns: int = 256
    max_unpacked: int = 512 << 20
    max_cells: int = 8_000_000


def open_rows(source: Path | bytes, limits: ReaderLimits | None = None) -> RowTable:
    """The table in a file, or in bytes already read (standard input).

    Raises:
        InputError: FILE_EMPTY, FILE_TOO_LARGE, FILE_KIND, FILE_ENCODING, FILE_BROKEN, FILE_LINE_TOO_LONG,
            FILE_TOO_MANY_ROWS, FILE_TOO_MANY_COLUMNS, FILE_FORMULAS.
        NotFoundError: FILE_MISSING.
    """
    bounds = limits or ReaderLimits()
    content = _Content(source, bounds)
    head = content.head(4096)
    if not head.removeprefix(_UTF8_BOM).strip():
        raise InputError("FILE_EMPTY", "The file is empty.")
    if head.startswith(_ZIP):
        return open_xlsx(content.open, content.digest(), bounds)
    if head.startswith(_OLE):
        raise InputError(
            "FILE_KIND", "Old XLS and password-protected workbooks are not read; save as XLSX without one."
        )
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError("FILE_ENCODING", "UTF-16 is not read; save as UTF-8 or GB18030.", row=1, byte=0)
    if b"\x00" in head:
        raise InputError("FILE_KIND", "The file is binary; CSV, XLSX and JSON lines are read.")
    first = head.removeprefix(_UTF8_BOM).lstrip()[:1]
    if first == b"[":
        raise InputError("FILE_KIND", "A JSON array is not read; write one object a line.")
    if first == b"{":
        return _JsonLines(content, bounds)
    return _Csv(content, bounds)


def read_stdin(stream: BinaryIO, limits: ReaderLimits | None = None) -> bytes:
    """Everything on a stream that cannot be read twice. Raises: InputError FILE_TOO_LARGE."""
    bounds = limits or ReaderLimits()
    data = stream.read(bounds.max_bytes + 1)
    if len(data) > bounds.max_bytes:
        raise InputError("FILE_TOO_LARGE", "The input is too large.", limit=bounds.max_bytes)
    return data


class _Content:
    """The bytes of a source, openable again and again; notices when the file is no longer the same."""

    def __init__(self, source: Path | bytes, limits: ReaderLimits) -> None:
        self._source = source
        self._limits = limits
        self._digest: bytes | None = None
        self._stamp = self._look()
        self.size = self._stamp[0]
        if self.size > limits.max_bytes:
            raise InputError("FILE_TOO_LARGE", "The file is too large.", limit=limits.max_bytes)

    def _look(self) -> tuple[int, int]:
        if isinstance(self._source, bytes):
            return len(self._source), 0
        try:
            found = self._source.stat()
        except OSError as error:
            raise NotFoundError("FILE_MISSING", f"Cannot open {self._source}.") from error
        return found.st_size, found.st_mtime_ns

    def open(self) -> BinaryIO:
        """The bytes from the start. Raises: InputError FILE_CHANGED."""
        if self._look() != self._stamp:
            raise InputError("FILE_CHANGED", "The file was changed while it was read.")
        if isinstance(self._source, bytes):
            return io.BytesIO(self._source)
        try:
            return self._source.open("rb")
        except OSError as error:
            raise NotFoundError("FILE_MISSING", f"Cannot open {self._source}.") from error

    def head(self, size: int) -> bytes:
        with self.open() as stream:
            return stream.read(size)

    def digest(self) -> bytes:
        """SHA-256 of everything."""
        if self._digest is None:
            found = hashlib.sha256()
            with self.open() as stream:
                while chunk := stream.read(_CHUNK):
                    found.update(chunk)
            self._digest = found.digest()
        return self._digest

    def lines(self) -> Iterator[bytes]:
        """Lines with their ends. Raises: InputError FILE_LINE_TOO_LONG."""
        longest = self._limits.max_line
        with self.open() as stream:
            number = 0
            while line := stream.readline(longest + 1):
                number += 1
                if len(line) > longest:
                    raise InputError("FILE_LINE_TOO_LONG", f"Line {number} is too long.", row=number)
                yield line


def _detect_encoding(content: _Content) -> str:
    """utf-8-sig or gb18030: what all lines are, without a single byte left over.

    A file that is mostly UTF-8 with a few broken bytes is refused, though GB18030 would decode it to
    nonsense; the lines with other than ASCII characters decide.

    Raises: InputError FILE_ENCODING with `row` (line) and `byte` (offset in the file); FILE_KIND.
    """
    has_bom = content.head(3) == _UTF8_BOM
    utf8_lines = other_lines = 0
    broken: dict[str, tuple[int, int]] = {}
    offset = 0
    for number, line in enumerate(content.lines(), 1):
        if b"\x00" in line:
            raise InputError("FILE_KIND", f"Line {number} has a zero byte: not a text file.", row=number)
        if not line.isascii():
            for encoding in ("utf-8", "gb18030"):
                try:
                    line.decode(encoding)
                except UnicodeDecodeError as error:
                    broken.setdefault(encoding, (number, offset + error.start))
                    other_lines += encoding == "utf-8"
                else:
                    utf8_lines += encoding == "utf-8"
                    if encoding == "utf-8":
                        break
        offset += len(line)
    if "utf-8" not in broken:
        return "utf-8-sig"
    is_utf8 = has_bom or utf8_lines > other_lines
    if not is_utf8 and "gb18030" not in broken:
        return "gb18030"
    row, byte = broken["utf-8" if is_utf8 else "gb18030"]
    raise InputError(
        "FILE_ENCODING",
        f"Line {row}, byte {byte} is neither UTF-8 nor GB18030; export the file again.",
        row=row,
        byte=byte,
    )


class _Counted(io.RawIOBase):
    """A raw stream that counts what was read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self.done += len(data)
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _TextTable:
    """What CSV and JSON lines share: one pass to detect, then one stream for each reading."""

    kind = ""

    def __init__(self, content: _Content, limits: ReaderLimits) -> None:
        self._content = content
        self._limits = limits
        self._encoding = _detect_encoding(content)
        self._counted: _Counted | None = None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the file."""
        return self._content.digest()

    def progress(self) -> tuple[int, int]:
        """Bytes read and bytes in all."""
        return (self._counted.done if self._counted else 0), self._content.size

    def _text(self) -> io.TextIOWrapper:
        self._counted = _Counted(self._content.open())
        return io.TextIOWrapper(
            io.BufferedReader(self._counted, 1 << 16), self._encoding, errors="strict", newline=""
        )


class _Csv(_TextTable):
    """RFC 4180 with comma, tab or semicolon."""

    kind = "csv"

    def __init__(self, content: _Content, limits: ReaderLimits) -> None:
        super().__init__(content, limits)
        self._delimiter = self._find_delimiter()
        first = next(self._records(), None)
        if first is None:
            raise InputError("FILE_EMPTY", "The file has no header.")
        if len(first[1]) > limits.max_columns:
            raise InputError("FILE_TOO_MANY_COLUMNS", "The header has too many columns.")
        self.header: tuple[str, ...] | None = tuple(first[1])
        self._header_row = first[0]

    def _find_delimiter(self) -> str:
        with self._text() as text:
            for line in text:
                if line.strip():
                    return max(_DELIMITERS, key=line.count)
        return ","

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Records after the header that have any value, numbered as in the file."""
        for number, record in self._records():
            if number > self._header_row:
                yield number, record

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        number = 0
        with self._text() as text:
            reader = csv.reader(text, delimiter=self._delimiter, strict=True)
            try:
                for record in reader:
                    number += 1
                    if number > self._limits.max_rows:
                        raise InputError("FILE_TOO_MANY_ROWS", "The file has too many rows.")
                    if len(record) > self._limits.max_columns:
                        raise InputError("FILE_TOO_MANY_COLUMNS", f"Row {number} is too wide.", row=number)
                    if any(record) and any(cell.strip() for cell in record):
                        yield number, record
            except csv.Error as error:
                raise InputError(
                    "FILE_BROKEN", f"Row {number + 1} is not CSV: {error}.", row=number + 1
                ) from error
            except UnicodeDecodeError as error:
                raise InputError("FILE_CHANGED", "The file was changed while it was read.") from error


class _DuplicateMemberError(ValueError):
    pass


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateMemberError("a member is there twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=Decimal, parse_constant=_refuse_constant
)


class _JsonLines(_TextTable):
    """One object a line; the members are the columns."""

    kind = "jsonl"
    header: tuple[str, ...] | None = None

    def __init__(self, content: _Content, limits: ReaderLimits) -> None:
        super().__init__(content, limits)
        if self._encoding == "gb18030":
            raise InputError("FILE_ENCODING", "JSON lines must be UTF-8.", row=1, byte=0)

    def rows(self) -> Iterator[tuple[int, Mapping[str, Cell]]]:
        """Lines that are not blank, as column name to cell."""
        with self._text() as text:
            for number, line in enumerate(text, 1):
                if number > self._limits.max_rows:
                    raise InputError("FILE_TOO_MANY_ROWS", "The file has too many rows.")
                if line.strip():
                    yield number, self._object(number, line)

    def _object(self, number: int, line: str) -> dict[str, Cell]:
        try:
            # Libraries of the EVM raise the interpreter's recursion limit so far that the parser would
            # run out of stack and take the process along: brackets are counted first.
            require_depth(line)
            found = _DECODER.decode(line.strip())
        except (ValueError, RecursionError, ArithmeticError, InputError) as error:
            raise InputError("FILE_JSON_LINE", f"Line {number} is not a JSON object.", row=number) from error
        if not isinstance(found, dict) or not all(map(_is_column_name, found)):
            raise InputError("FILE_JSON_LINE", f"Line {number} is not a JSON object.", row=number)
        if len(found) > self._limits.max_columns:
            raise InputError("FILE_TOO_MANY_COLUMNS", f"Line {number} is too wide.", row=number)
        return {name: _json_cell(value) for name, value in found.items()}


def _is_column_name(name: str) -> bool:
    return len(name) <= _MAX_NAME and name.isprintable()


def _json_cell(value: Any) -> Cell:
    if value is None or isinstance(value, str | int | Decimal):
        return value
    return CellKind.OTHER


class MemoryTable:
    """A table that is already there: what another program hands over, and tests."""

    kind = "memory"

    def __init__(
        self,
        header: Sequence[str] | None,
        rows: Callable[[], Iterator[tuple[int, Sequence[Cell] | Mapping[str, Cell]]]],
        digest: bytes,
    ) -> None:
        """Args: header, None for rows by name; rows, a fresh iterator each time; digest, 32 bytes."""
        self.header = None if header is None else tuple(header)
        self.digest = digest
        self._rows = rows
        self._done = 0

    def rows(self) -> Iterator[tuple[int, Sequence[Cell] | Mapping[str, Cell]]]:
        """What `rows` gives."""
        self._done = 0
        for number, cells in self._rows():
            self._done += 1
            yield number, cells

    def progress(self) -> tuple[int, int]:
        """Rows read; the total is unknown, so it is the same number."""
        return self._done, self._done
