"""Cells of an import: what readers hand over, and how one becomes the canonical value of a field.

Two steps per kind of field. The *quick* step takes a cell that is already canonical and says nothing
about any other; nearly every cell of an honest file stops there. The *slow* step normalises what
people and spreadsheets do (full-width digits, spaces, a leading apostrophe, lower-case letters,
rewritten dates), each with a warning, or names the fault. No float survives: amounts and ratios
become texts with two decimals, counts whole numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Final

from ledger.core.credential_type import Field
from ledger.core.errors import InputError
from ledger.core.identifiers import is_demo_uscc, parse_uscc
from ledger.core.rules import Mode


class CellKind(Enum):
    """Cells that hold nothing we take."""

    FORMULA = "formula"
    ERROR = "error"
    OTHER = "other"


Cell = str | int | float | Decimal | bool | date | datetime | CellKind | None
"""`float` only from XLSX, where every number is one; `int` and `Decimal` only from JSON."""

Value = str | int
Quick = Callable[[Cell], Value | None]
"""The canonical value of a canonical cell, None for every other cell."""


@dataclass(slots=True)
class Reading:
    """Result of the slow step: a value, or an error code, or neither for an empty cell."""

    value: Value | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()


Slow = Callable[[Cell], Reading]

EXACT_DIGITS: Final = 15  # what a spreadsheet keeps of a number; Excel specifications and limits
EXACT_LIMIT: Final = 10**EXACT_DIGITS
EXACT_AMOUNT_LIMIT: Final = 10 ** (EXACT_DIGITS - 2)  # two of the digits are cents
EXACT_COUNT_LIMIT: Final = 10**9  # as _COUNT
MAX_JSON_DIGITS: Final = 40
EARLIEST_DAY: Final = "1850-01-01"
LATEST_DAY: Final = "2199-12-31"
EARLIEST_MONTH: Final = "190001"
LATEST_MONTH: Final = "209912"

_SCIENTIFIC: Final = re.compile(r"[+-]?[0-9](?:\.[0-9]+)?[Ee][+-]?[0-9]{1,3}")
_AMOUNT: Final = re.compile(r"(?:0|[1-9][0-9]{0,15})\.[0-9]{2}")
_AMOUNT_LOOSE: Final = re.compile(r"(-?)(0|[1-9][0-9]{0,15})(?:\.([0-9]*))?")
_RATIO: Final = re.compile(r"0\.[0-9]{2}")
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_IDENTIFIER: Final = re.compile(r"[0-9A-Z]+")
_MONTH: Final = re.compile(r"[0-9]{4}(?:0[1-9]|1[0-2])")
_MONTH_LOOSE: Final = re.compile(r"([0-9]{4})(?:[-/.]|年)?([0-9]{1,2})月?")
_DAY_LOOSE: Final = re.compile(
    r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日|([0-9]{2})([0-9]{2}))"
    r"(?:[ T]00:00(?::00(?:\.0+)?)?)?"
)
_SPACES: Final = re.compile(r"\s+")
_HIDDEN: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # invisible letters and marks
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, direction
    "\u2800\u3164\ufeff\uffa0\ufff0-\uffff"  # blanks, fillers, byte order, replacement characters
    "\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e007f"  # surrogates, formatting, tags
    "]"
)
_PRIVATE_USE: Final = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")
_FORMULA_STARTS: Final = ("=", "@", "+", "-")
_FULL_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_MIDNIGHT: Final = time(0)


def quick_reader(field: Field) -> Quick:
    """The quick step of a field."""
    if field.kind == "code":
        codes: dict[object, str] = {code: code for code in field.values}
        return codes.get
    return _QUICK[field.kind]


def _never(_cell: Cell) -> None:
    return None


def _matching(pattern: re.Pattern[str]) -> Quick:
    match = pattern.fullmatch

    def quick(cell: Cell) -> str | None:
        return cell if type(cell) is str and match(cell) else None

    return quick


def _quick_text(cell: Cell) -> str | None:
    if (
        type(cell) is not str
        or not cell
        or cell.strip() != cell
        or cell[0] in "=@+-'"
        or _HIDDEN.search(cell)
        or not unicodedata.is_normalized("NFC", cell)
        or _PRIVATE_USE.search(cell)
    ):
        return None
    return cell


def _decimal(pattern: re.Pattern[str]) -> Quick:
    """Texts of this spelling, and spreadsheet numbers that two decimals hold exactly."""
    match = pattern.fullmatch

    def quick(cell: Cell) -> str | None:
        if type(cell) is str:
            return cell if match(cell) else None
        if type(cell) is float and 0 <= cell < EXACT_AMOUNT_LIMIT:
            text = f"{cell + 0.0:.2f}"  # plus zero: minus zero becomes zero
            # More decimals, or the noise of a sum, are for the slow step.
            return text if float(text) == cell and match(text) else None
        return None

    return quick


def _quick_day(cell: Cell) -> str | None:
    if type(cell) is date:
        cell = cell.isoformat()
        return cell if EARLIEST_DAY <= cell <= LATEST_DAY else None
    if type(cell) is not str or len(cell) != 10 or cell[4] != "-" or cell[7] != "-":
        return None
    try:
        date.fromisoformat(cell)
    except ValueError:
        return None
    return cell if EARLIEST_DAY <= cell <= LATEST_DAY else None


def _quick_month(cell: Cell) -> str | None:
    if type(cell) is not str or not _MONTH.fullmatch(cell):
        return None
    return cell if EARLIEST_MONTH <= cell <= LATEST_MONTH else None


def _quick_count(cell: Cell) -> int | None:
    if type(cell) is float and 0 <= cell < EXACT_COUNT_LIMIT and cell.is_integer():
        return int(cell)
    return int(cell) if type(cell) is str and _COUNT.fullmatch(cell) else None


_QUICK: Final[dict[str, Quick]] = {
    "text": _quick_text,
    "date": _quick_day,
    "month": _quick_month,
    "count": _quick_count,
    "uscc": _never,
    "money": _decimal(_AMOUNT),
    "ratio": _decimal(_RATIO),
    "identifier": _matching(_IDENTIFIER),
}


def slow_reader(field: Field, mode: Mode) -> Slow:
    """The slow step of a field: normalises, warns, or names the fault."""
    match field.kind:
        case "text":
            return _read_text
        case "code":
            return _code_reader(field)
        case "uscc":
            return _uscc_reader(mode)
        case kind:
            return _guarded(
                {
                    "identifier": _read_identifier,
                    "date": _read_day,
                    "month": _read_month,
                    "money": _read_amount,
                    "ratio": _read_ratio,
                    "count": _read_count,
                }[kind]
            )


def _refusal(cell: Cell) -> Reading | None:
    """The answer for cells that hold no value at all, None for the others."""
    if cell is None:
        return Reading()
    if cell is CellKind.FORMULA:
        return Reading(error="FORMULA")
    if cell is CellKind.ERROR:
        return Reading(error="CELL_ERROR")
    if cell is CellKind.OTHER or isinstance(cell, bool):
        return Reading(error="CELL_KIND")
    return None


def _plain(text: str, *, keep_inner_spaces: bool = False) -> tuple[str, tuple[str, ...]]:
    """`text` with ASCII forms, without apostrophe and spaces, and a warning for each change."""
    warnings: list[str] = []
    if text.startswith("'"):
        text = text[1:]
        warnings.append("APOSTROPHE_REMOVED")
    narrow = text.translate(_FULL_WIDTH)
    if narrow != text and narrow.replace(" ", "") != text.replace("\u3000", "").replace(" ", ""):
        warnings.append("FULL_WIDTH_REPLACED")
    trimmed = narrow.strip() if keep_inner_spaces else _SPACES.sub("", narrow)
    if trimmed != narrow:
        warnings.append("SPACES_REMOVED")
    return trimmed, tuple(warnings)


def _guarded(read: Callable[[Cell, str, tuple[str, ...]], Reading]) -> Slow:
    """A reader that is asked only for cells with a value: (cell, its plain text, warnings so far)."""

    def slow(cell: Cell) -> Reading:
        refusal = _refusal(cell)
        if refusal is not None:
            return refusal
        if not isinstance(cell, str):
            return read(cell, "", ())
        text, warnings = _plain(cell, keep_inner_spaces=read is _read_day)
        if not text:
            return Reading(warnings=warnings)
        if text[0] in "=@":
            return Reading(error="FORMULA")
        return read(cell, text, warnings)

    return slow


def _number_text(cell: Cell) -> str | None:
    """A number cell in plain decimal notation, None for other cells and absurd sizes."""
    if isinstance(cell, float):
        return format(cell, f".{EXACT_DIGITS}g")
    if isinstance(cell, Decimal):
        if not cell.is_finite() or abs(cell.adjusted()) > MAX_JSON_DIGITS:
            return None
        return format(cell, "f")
    if isinstance(cell, int):
        return str(cell) if abs(cell) < 10**MAX_JSON_DIGITS else None
    return None


def _read_text(cell: Cell) -> Reading:
    refusal = _refusal(cell)
    if refusal is not None:
        return refusal
    if isinstance(cell, str):
        return _clean_text(cell)
    number = _number_text(cell)
    if number is None or not number.isdigit() or len(number) > EXACT_DIGITS:
        return Reading(error="CELL_KIND")
    return Reading(number, warnings=("NUMBER_AS_TEXT",))


def _clean_text(text: str) -> Reading:
    warnings: list[str] = []
    if text.startswith("'"):
        text = text[1:]
        warnings.append("APOSTROPHE_REMOVED")
    if text.strip() != text:
        text = text.strip()
        warnings.append("SPACES_REMOVED")
    if text.startswith(_FORMULA_STARTS):
        return Reading(error="FORMULA")
    if _HIDDEN.search(text):
        return Reading(error="TEXT_HIDDEN_CHARACTER")
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
        warnings.append("TEXT_RECOMPOSED")
    if _PRIVATE_USE.search(text):
        warnings.append("TEXT_PRIVATE_USE")
    return Reading(text or None, warnings=tuple(warnings))


def _read_identifier(cell: Cell, text: str, warnings: tuple[str, ...]) -> Reading:
    if not isinstance(cell, str):
        return _number_identifier(cell)
    if _SCIENTIFIC.fullmatch(text):
        return Reading(error="NUMBER_LOST_DIGITS")
    if _HIDDEN.search(text):
        return Reading(error="TEXT_HIDDEN_CHARACTER")
    if text.upper() != text:
        text = text.upper()
        warnings = (*warnings, "LOWER_CASE_REPLACED")
    return Reading(text, warnings=warnings)


def _number_identifier(cell: Cell) -> Reading:
    """A number where a text belongs: good only while no digit can be lost."""
    if not isinstance(cell, float | int | Decimal):
        return Reading(error="CELL_KIND")
    if not -EXACT_LIMIT < cell < EXACT_LIMIT:
        return Reading(error="NUMBER_LOST_DIGITS")
    number = _number_text(cell)
    if number is None or not number.isdigit():
        return Reading(error="IDENTIFIER_CHARACTER")
    return Reading(number, warnings=("NUMBER_AS_TEXT",))


def _uscc_reader(mode: Mode) -> Slow:
    is_demo = mode == "demo"

    def read_uscc(cell: Cell, text: str, warnings: tuple[str, ...]) -> Reading:
        reading = _read_identifier(cell, text, warnings)
        if not isinstance(reading.value, str):
            return reading
        try:
            parse_uscc(reading.value)
        except InputError as error:
            return Reading(error=error.code)
        if is_demo_uscc(reading.value) != is_demo:
            return Reading(error="DEMO_DIVISION_ONLY" if is_demo else "DEMO_DIVISION_REFUSED")
        return reading

    return _guarded(read_uscc)


def _code_reader(field: Field) -> Slow:
    by_label = {labels.zh: code for code, labels in field.values.items()}
    width = max(map(len, field.values))

    def read_code(cell: Cell, text: str, warnings: tuple[str, ...]) -> Reading:
        number = _number_text(cell)
        text = number if number is not None else text
        if text in field.values:
            return Reading(text, warnings=warnings)
        if text in by_label:
            return Reading(by_label[text], warnings=(*warnings, "CODE_FROM_LABEL"))
        if text.isascii() and text.isdigit() and text.zfill(width) in field.values:
            return Reading(text.zfill(width), warnings=(*warnings, "CODE_PADDED"))
        return Reading(error="CODE_UNKNOWN")

    return _guarded(read_code)


def _read_day(cell: Cell, text: str, warnings: tuple[str, ...]) -> Reading:
    if isinstance(cell, datetime):
        if cell.time() != _MIDNIGHT:
            return Reading(error="DATE_FORMAT")
        return _bounded_day(cell.date(), warnings)
    if isinstance(cell, date):
        return _bounded_day(cell, warnings)
    match = _DAY_LOOSE.fullmatch(_number_text(cell) or text)
    if not match:
        return Reading(error="DATE_FORMAT")
    year, _, *parts = match.groups()
    month, day = (part for part in parts if part is not None)
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return Reading(error="DATE_NOT_REAL")
    if found.isoformat() != text:
        warnings = (*warnings, "DATE_REWRITTEN")
    return _bounded_day(found, warnings)


def _bounded_day(day: date, warnings: tuple[str, ...]) -> Reading:
    text = day.isoformat()
    if not EARLIEST_DAY <= text <= LATEST_DAY:
        return Reading(error="DATE_IMPLAUSIBLE")
    return Reading(text, warnings=warnings)


def _read_month(cell: Cell, text: str, warnings: tuple[str, ...]) -> Reading:
    if isinstance(cell, date):
        if cell.day != 1:
            return Reading(error="MONTH_FORMAT")
        text, warnings = f"{cell.year:04d}{cell.month:02d}", ("MONTH_REWRITTEN",)
    number = _number_text(cell)
    source = number if number is not None else text
    match = _MONTH_LOOSE.fullmatch(source)
    if not match:
        return Reading(error="MONTH_FORMAT")
    month = int(match[2])
    if not 1 <= month <= 12:
        return Reading(error="MONTH_NOT_REAL")
    found = f"{match[1]}{month:02d}"
    if not EARLIEST_MONTH <= found <= LATEST_MONTH:
        return Reading(error="MONTH_NOT_REAL")
    if found != source:
        warnings = (*warnings, "MONTH_REWRITTEN")
    return Reading(found, warnings=warnings)


_AMOUNT_FAULTS: Final = {
    "format": "AMOUNT_FORMAT",
    "decimals": "AMOUNT_DECIMALS",
    "negative": "AMOUNT_NEGATIVE",
    "digits": "NUMBER_LOST_DIGITS",
}
_RATIO_FAULTS: Final = {
    "format": "RATIO_FORMAT",
    "decimals": "RATIO_DECIMALS",
    "negative": "RATIO_RANGE",
    "digits": "RATIO_RANGE",
}


def _amount(cell: Cell, text: str) -> tuple[str | None, str]:
    """(canonical amount with two decimals, "") or (None, what is wrong)."""
    if isinstance(cell, float | int | Decimal):
        if isinstance(cell, float) and abs(cell) >= EXACT_AMOUNT_LIMIT:
            return None, "digits"
        text = _number_text(cell) or ""
    match = _AMOUNT_LOOSE.fullmatch(text)
    if not match or match[3] == "":
        return None, "format"
    sign, whole, decimals = match[1], match[2], match[3] or ""
    if len(decimals) > 2:
        return None, "decimals"
    canonical = f"{whole}.{decimals:0<2}"
    if sign and canonical != "0.00":
        return None, "negative"
    return canonical, ""


def _read_amount(cell: Cell, text: str, warnings: tuple[str, ...]) -> Reading:
    value, fault = _amount(cell, text)
    if value is None:
        return Reading(error=_AMOUNT_FAULTS[fault])
    return Reading(value, warnings=warnings)


def _read_ratio(cell: Cell, text: str, warnings: tuple[str, ...]) -> Reading:
    value, fault = _amount(cell, text)
    if value is None:
        return Reading(error=_RATIO_FAULTS[fault])
    if not _RATIO.fullmatch(value):
        return Reading(error="RATIO_RANGE")
    return Reading(value, warnings=warnings)


def _read_count(cell: Cell, text: str, warnings: tuple[str, ...]) -> Reading:
    number = _number_text(cell)
    text = number if number is not None else text
    if re.fullmatch(r"-[0-9]+", text):
        return Reading(error="COUNT_RANGE")
    if not _COUNT.fullmatch(text):
        return Reading(error="COUNT_FORMAT")
    return Reading(int(text), warnings=warnings)
