"""XLSX tables through calamine: real dates, numbers as numbers, formulas and errors marked.

The first visible worksheet is read; its first row with values is the header, row numbers are those of
the sheet. The sheet lies in memory as calamine's table; rows are turned into Python one by one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, Final, Protocol

import python_calamine
from python_calamine import CalamineSheet, CalamineWorkbook

from ledger.adapters import xlsx_scan
from ledger.core.cells import Cell, CellKind
from ledger.core.errors import InputError

_FOREIGN_ERRORS: Final = (
    python_calamine.CalamineError,
    python_calamine.PasswordError,
    python_calamine.XmlError,
    python_calamine.ZipError,
    OSError,
    ValueError,
)


class SizeLimits(Protocol):
    """The part of the reader's limits that concerns workbooks."""

    @property
    def max_rows(self) -> int: ...

    @property
    def max_columns(self) -> int: ...

    @property
    def max_unpacked(self) -> int: ...

    @property
    def max_cells(self) -> int: ...


def open_xlsx(open_file: Callable[[], BinaryIO], digest: bytes, limits: SizeLimits) -> XlsxTable:
    """The first visible worksheet. Raises: InputError FILE_*."""
    with open_file() as stream:
        with xlsx_scan.open_package(stream, limits.max_unpacked) as package:
            xlsx_scan.check_tables(package, stream, limits.max_cells)
            name, part = xlsx_scan.first_sheet(package, stream)
            scan = xlsx_scan.scan_sheet(
                package,
                stream,
                part,
                max_rows=limits.max_rows,
                max_columns=limits.max_columns,
                max_cells=limits.max_cells,
            )
        stream.seek(0)
        try:
            sheet = CalamineWorkbook.from_filelike(stream).get_sheet_by_name(name)
        except _FOREIGN_ERRORS as error:
            raise xlsx_scan.broken("calamine refuses it") from error
    return XlsxTable(sheet, digest, scan.marked)


class XlsxTable:
    """One worksheet. Meets ledger.ports.RowTable."""

    kind = "xlsx"

    def __init__(self, sheet: CalamineSheet, digest: bytes, marked: xlsx_scan.Marked) -> None:
        """Use open_xlsx."""
        self.digest = digest
        self._sheet = sheet
        self._marked: dict[int, list[tuple[int, CellKind]]] = {}
        for (row, column), kind in marked.items():
            self._marked.setdefault(row, []).append((column, kind))
        columns = [column for _, column in marked]
        start, end = sheet.start or (0, 0), sheet.end or (-1, -1)
        self._left = min([start[1], *columns])  # empty columns left of the table are no columns
        self._pad = start[1] - self._left
        self._width = max([end[1], *columns]) + 1 - self._left
        self._height = max([end[0], *self._marked]) + 1
        self._done = 0
        first = next(self._filled_rows(), None)
        if first is None:
            raise InputError("FILE_EMPTY", "The sheet is empty.")
        self._header_row = first[0]
        self.header: tuple[str, ...] | None = tuple(_header_text(cell) for cell in first[1])

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Rows below the header that have any value, numbered as in the sheet."""
        for number, cells in self._filled_rows():
            self._done = number
            if number > self._header_row:
                yield number, cells

    def progress(self) -> tuple[int, int]:
        """Rows read and rows in all."""
        return self._done, self._height

    def _filled_rows(self) -> Iterator[tuple[int, list[Cell]]]:
        before: list[Cell] = [None] * self._pad
        values = self._sheet.iter_rows()
        for index in range(self._height):
            cells = before + [_cell(value) for value in next(values, ())]
            cells += [None] * (self._width - len(cells))
            for column, kind in self._marked.get(index, ()):
                cells[column - self._left] = kind
            if any(cell is not None for cell in cells):
                yield index + 1, cells


def _cell(value: Any) -> Cell:
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    if isinstance(value, bool | float | int | dt.date):
        return value
    return CellKind.OTHER  # a time of day or a length of time


def _header_text(cell: Cell) -> str:
    if isinstance(cell, CellKind):
        raise InputError("FILE_FORMULAS", "The header has a formula; paste it as values.")
    return "" if cell is None else str(cell)
