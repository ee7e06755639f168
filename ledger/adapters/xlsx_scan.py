"""Looks into an XLSX package before a library unpacks it: sizes, shape, formulas, error values.

The reader behind this (calamine) allocates a dense table and shows a formula's last value like any
other. So every part that it will read is unpacked here once, as a stream: no part may be larger than
it says, no cell may lie so far out that the table explodes, and cells with a formula or an error
value are listed, so that an import can refuse exactly them.

Sources: ECMA-376 part 1 §18.3 (sheet), part 2 (package); PKWARE APPNOTE (zip).
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from xml.parsers import expat

from ledger.core.cells import CellKind
from ledger.core.errors import InputError

_CHUNK: Final = 1 << 16
_OVERLAP: Final = 256
_MAX_PARTS: Final = 2_000
_MAX_SMALL_PART: Final = 16 << 20
_MAX_MARKED: Final = 20_000
_LOCAL_HEADER_BYTES: Final = 30
_LOCAL_HEADER_MARK: Final = b"PK\x03\x04"
_WORKBOOK: Final = "xl/workbook.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_STRINGS: Final = "xl/sharedStrings.xml"
_STYLES: Final = "xl/styles.xml"
_WORKSHEET: Final = "/worksheet"

_REFERENCE: Final = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]{1,8})([0-9]{1,12})[\"']")
_CELL_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_SUSPICIOUS: Final = (b"<f", b":f", b'"e"', b"'e'")
"""Without any of these a sheet has neither formula nor error value; with one it is read element by element."""
_ENCODING: Final = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([^\"']+)[\"']")

Marked = dict[tuple[int, int], CellKind]
"""(row, column), both from 0, of cells that hold no plain value."""


@dataclass(slots=True)
class SheetScan:
    """What a sheet holds; `rows` and `columns` are its extent, counted from A1."""

    rows: int = 0
    columns: int = 0
    marked: Marked = field(default_factory=dict)


def broken(reason: str) -> InputError:
    """The error for a package that is not what it says."""
    return InputError("FILE_BROKEN", f"The workbook cannot be read: {reason}.")


def open_package(stream: BinaryIO, max_unpacked: int) -> zipfile.ZipFile:
    """The package, its directory checked. Raises: InputError FILE_BROKEN, FILE_TOO_LARGE, FILE_KIND."""
    try:
        package = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, RuntimeError, ValueError, OSError, EOFError) as error:
        raise broken("it is no zip package") from error
    parts = package.infolist()
    names = {part.filename.lower() for part in parts}  # calamine finds parts in any case
    if len(parts) > _MAX_PARTS or len(names) != len(parts) or any("\\" in name for name in names):
        raise broken("it has too many parts, or one twice")
    if _WORKBOOK.lower() not in names:
        raise InputError("FILE_KIND", "A zip file that is no XLSX workbook.")
    for part in parts:
        if part.flag_bits & 1 or part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise broken("a part is encrypted or packed in an unusual way")
    if sum(part.file_size for part in parts) > max_unpacked:
        raise InputError("FILE_TOO_LARGE", "The workbook is too large when unpacked.", limit=max_unpacked)
    return package


def unpack(package: zipfile.ZipFile, stream: BinaryIO, name: str) -> Iterator[bytes]:
    """The unpacked bytes of a part, never more than the package's directory announces.

    Raises: InputError FILE_BROKEN.
    """
    part = _find(package, name)
    if part is None:
        raise broken(f"part {name} is missing")
    stream.seek(part.header_offset)
    header = stream.read(_LOCAL_HEADER_BYTES)
    if len(header) != _LOCAL_HEADER_BYTES or not header.startswith(_LOCAL_HEADER_MARK):
        raise broken(f"part {name} has no header")
    skip = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    stream.seek(part.header_offset + _LOCAL_HEADER_BYTES + skip)
    left, produced = part.compress_size, 0
    inflate = zlib.decompressobj(-zlib.MAX_WBITS) if part.compress_type == zipfile.ZIP_DEFLATED else None
    while left > 0:
        packed = stream.read(min(_CHUNK, left))
        if not packed:
            raise broken(f"part {name} is cut off")
        left -= len(packed)
        while packed:
            try:
                data = packed if inflate is None else inflate.decompress(packed, _CHUNK)
            except zlib.error as error:
                raise broken(f"part {name} is damaged") from error
            packed = b"" if inflate is None else inflate.unconsumed_tail
            produced += len(data)
            if produced > part.file_size:
                raise broken(f"part {name} is larger than it says")
            if data:
                yield data
    if produced != part.file_size:
        raise broken(f"part {name} is shorter than it says")


def _find(package: zipfile.ZipFile, name: str) -> zipfile.ZipInfo | None:
    wanted = name.lower()
    return next((part for part in package.infolist() if part.filename.lower() == wanted), None)


def _small_part(package: zipfile.ZipFile, stream: BinaryIO, name: str) -> bytes:
    part = _find(package, name)
    if part is not None and part.file_size > _MAX_SMALL_PART:
        raise broken(f"part {name} is too large")
    return b"".join(unpack(package, stream, name))


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")

    def refuse_doctype(*_: object) -> None:
        raise broken("it declares a document type")

    parser.StartDoctypeDeclHandler = refuse_doctype
    return parser


def _parse(data: bytes, on_start: Callable[[str, dict[str, str]], None]) -> None:
    parser = _parser()
    parser.StartElementHandler = on_start
    try:
        parser.Parse(data, True)  # noqa: FBT003 - expat's own signature
    except (expat.ExpatError, LookupError, ValueError) as error:  # an unknown encoding is a LookupError
        raise broken("its XML is damaged") from error


def first_sheet(package: zipfile.ZipFile, stream: BinaryIO) -> tuple[str, str]:
    """(name, part) of the first visible worksheet. Raises: InputError FILE_BROKEN."""
    sheets: list[tuple[str, str, bool]] = []
    targets: dict[str, tuple[str, str]] = {}

    def on_workbook(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(" ")[2] == "sheet":
            ids = [value for key, value in attributes.items() if key.endswith(" id")]
            hidden = attributes.get("state", "visible") != "visible"
            sheets.append((attributes.get("name", ""), ids[0] if ids else "", hidden))

    def on_relation(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(" ")[2] == "Relationship":
            key = attributes.get("Id", "")
            if key in targets:
                raise broken("it has a relation twice")
            targets[key] = attributes.get("Type", ""), attributes.get("Target", "")

    _parse(_small_part(package, stream, _WORKBOOK), on_workbook)
    _parse(_small_part(package, stream, _RELATIONS), on_relation)
    if len({name for name, _, _ in sheets}) != len(sheets):
        raise broken("two sheets share a name")
    for name, relation, hidden in sheets:
        kind, target = targets.get(relation, ("", ""))
        if hidden or not kind.endswith(_WORKSHEET):
            continue
        part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        if _find(package, part) is None:
            raise broken("its sheet is missing")
        return name, part
    raise broken("it has no visible worksheet")


def check_tables(package: zipfile.ZipFile, stream: BinaryIO, max_cells: int) -> None:
    """Refuses tables of texts and styles that unpack to more than announced or hold absurdly much."""
    if _find(package, _STYLES) is not None:
        _small_part(package, stream, _STYLES)
    if _find(package, _STRINGS) is None:
        return
    entries = 0
    tail = b""
    for data in unpack(package, stream, _STRINGS):
        window = tail + data
        entries += window.count(b"si>") + window.count(b"si/>") + window.count(b"<si ")
        tail = window[-3:]
    if entries > 4 * max_cells:
        raise InputError("FILE_TOO_LARGE", "The workbook has too many texts.", limit=max_cells)


def scan_sheet(
    package: zipfile.ZipFile, stream: BinaryIO, name: str, *, max_rows: int, max_columns: int, max_cells: int
) -> SheetScan:
    """Extent and marked cells of a sheet part.

    Raises: InputError FILE_TOO_MANY_ROWS, FILE_TOO_MANY_COLUMNS, FILE_TOO_LARGE, FILE_FORMULAS,
    FILE_BROKEN.
    """
    scan = SheetScan()
    has_marked = False
    letters: set[bytes] = set()
    tail = b""
    cells = 0
    for data in unpack(package, stream, name):
        if not tail:
            _check_encoding(data)
        window = tail + data
        found = _REFERENCE.findall(window)
        if found:
            columns, rows = zip(*found, strict=True)
            letters.update(columns)
            scan.rows = max(scan.rows, *map(int, set(rows)))
        cells += data.count(b"<c") + data.count(b":c")
        if scan.rows > max_rows:
            raise InputError("FILE_TOO_MANY_ROWS", "The sheet has too many rows.", limit=max_rows)
        if len(letters) > max_columns or cells > 2 * max_cells:
            raise InputError("FILE_TOO_MANY_COLUMNS", "The sheet has too many columns.", limit=max_columns)
        has_marked = has_marked or any(mark in window for mark in _SUSPICIOUS)
        tail = window[-_OVERLAP:]
    scan.columns = max((column_number(text.decode("ascii").upper()) for text in letters), default=0)
    if scan.columns > max_columns:
        raise InputError("FILE_TOO_MANY_COLUMNS", "The sheet has too many columns.", limit=max_columns)
    if scan.rows * scan.columns > max_cells:
        raise InputError("FILE_TOO_LARGE", "The sheet has too many cells.", limit=max_cells)
    if has_marked:
        scan.marked = _marked_cells(package, stream, name)
    return scan


def _check_encoding(data: bytes) -> None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")):
        raise broken("its sheet is not in UTF-8")
    declared = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    if declared and declared[1].lower() not in {b"utf-8", b"us-ascii", b"ascii"}:
        raise broken("its sheet is not in UTF-8")


def column_number(letters: str) -> int:
    """1 for A, 26 for Z, 27 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _cell_place(reference: str) -> tuple[int, int]:
    match = _CELL_REFERENCE.fullmatch(reference.upper())
    if not match:
        raise broken("a cell has no place")
    return int(match[2]) - 1, column_number(match[1]) - 1


class _MarkedCells:
    """Collects cells with a formula or an error value while expat walks through the sheet."""

    def __init__(self) -> None:
        self.marked: Marked = {}
        self._row = -1
        self._column = -1

    def on_start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        if name == "row":
            row = attributes.get("r", "")
            self._row = int(row) - 1 if row.isascii() and row.isdigit() else self._row + 1
            self._column = -1
        elif name == "c":
            reference = attributes.get("r")
            if reference is None:
                self._column += 1
            else:
                self._row, self._column = _cell_place(reference)
            if attributes.get("t") == "e":
                self._mark(self._row, self._column, CellKind.ERROR)
        elif name == "f":
            self._mark_formula(attributes)

    def _mark_formula(self, attributes: dict[str, str]) -> None:
        self._mark(self._row, self._column, CellKind.FORMULA)
        if attributes.get("t") not in {"array", "dataTable"} or "ref" not in attributes:
            return
        first, _, last = attributes["ref"].partition(":")
        (top, left), (bottom, right) = _cell_place(first), _cell_place(last or first)
        if (bottom - top + 1) * (right - left + 1) > _MAX_MARKED:
            raise InputError("FILE_FORMULAS", "The sheet has too many formulas; paste it as values.")
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                self._mark(row, column, CellKind.FORMULA)

    def _mark(self, row: int, column: int, kind: CellKind) -> None:
        if len(self.marked) >= _MAX_MARKED:
            raise InputError("FILE_FORMULAS", "The sheet has too many formulas; paste it as values.")
        if self.marked.get((row, column)) is not CellKind.FORMULA:
            self.marked[row, column] = kind


def _marked_cells(package: zipfile.ZipFile, stream: BinaryIO, name: str) -> Marked:
    collector = _MarkedCells()
    parser = _parser()
    parser.StartElementHandler = collector.on_start
    try:
        for data in unpack(package, stream, name):
            parser.Parse(data, False)  # noqa: FBT003 - expat's own signature
        parser.Parse(b"", True)  # noqa: FBT003 - expat's own signature
    except (expat.ExpatError, LookupError, ValueError) as error:  # an unknown encoding is a LookupError
        raise broken("its XML is damaged") from error
    return collector.marked
