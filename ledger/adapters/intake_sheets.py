"""Spreadsheets of the issuing desk: uploads in, templates and results out (Sheets).

Every cell written is a text. In CSV a text that a spreadsheet would take for a formula gets an
apostrophe in front, which the import takes away again; in a workbook a text cell is never a formula.
Source: OWASP, CSV Injection.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal

import xlsxwriter

from ledger.adapters.row_readers import ReaderLimits, open_rows
from ledger.core.credential_type import CredentialType, Field
from ledger.core.identifiers import organisation_check, resident_id_check, uscc_check
from ledger.core.intake import MAX_UPLOAD
from ledger.ports import RowTable

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
UPLOAD_LIMITS: Final = ReaderLimits(
    max_bytes=MAX_UPLOAD,
    max_rows=200_000,
    max_unpacked=256 << 20,
    max_cells=4_000_000,
)
SheetKind = Literal["xlsx", "csv"]
_MADE: Final = datetime(2026, 1, 1)  # noqa: DTZ001  the format has no zone; the same file every time
_WIDTH: Final = 18
_AS_OF: Final = date(2026, 10, 31)
_FIGURES: Final[Mapping[str, Mapping[str, str]]] = {
    "HPF_PERSONAL_DEPOSIT": {
        "name": "王示例",
        "account_no": "990117000000001",
        "unit_name": "示范市样例科技有限公司",
        "unit_account_no": "9900000001",
        "opened_on": "2020-01-15",
        "deposit_base": "10000.00",
        "unit_ratio": "0.12",
        "person_ratio": "0.12",
        "monthly_total": "2400.00",
        "balance": "31200.00",
        "paid_to": "202610",
        "continuous_from": "202510",
        "continuous_to": "202610",
        "continuous_months": "13",
        "as_of": "2026-10-31",
    },
    "BIZ_LICENSE": {
        "name": "示范市样例商贸有限公司",
        "kind": "有限责任公司(自然人独资)",
        "legal_rep": "王示例",
        "capital": "1000000.00",
        "established_on": "2020-01-15",
        "term_from": "2020-01-15",
        "term_to": "2050-01-14",
        "address": "示范市样板区1号",
        "scope": "软件开发；信息技术咨询服务。",
        "authority": "示范市市场监督管理局",
    },
}
"""Invented values whose fields must fit each other; every other field is filled in by its kind."""


class SheetFiles:
    """Sheets by calamine and xlsxwriter.

    Args:
        types: every credential type by its ref, for the example rows.
    """

    def __init__(self, types: Mapping[str, CredentialType]) -> None:
        self._types = types

    def read(self, data: bytes) -> RowTable:
        """The rows of an upload."""
        return open_rows(data, UPLOAD_LIMITS)

    def write(
        self, kind: SheetKind, title: str, header: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> bytes:
        """A file of texts."""
        return write_xlsx([(title, [header, *rows])]) if kind == "xlsx" else write_csv(header, rows)

    def template(self, kind: SheetKind, type_ref: str, titles: tuple[str, str]) -> bytes:
        """An empty table under the type's headers, with one invented line as an example.

        In a workbook the example has a sheet of its own, which the import does not read; in CSV it is
        the only row.
        """
        found = self._types[type_ref]
        header = [field.headers[0] for field in found.fields]
        line = example_row(found)
        if kind == "xlsx":
            return write_xlsx([(titles[0], [header]), (titles[1], [header, line])])
        return write_csv(header, [line])


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """UTF-8 with BOM, which spreadsheets want."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([escape_formula(name) for name in header])
    writer.writerows([escape_formula(str(cell)) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def escape_formula(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would calculate it."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def write_xlsx(sheets: Sequence[tuple[str, Sequence[Sequence[object]]]]) -> bytes:
    """A workbook with these sheets; first rows are headers; nothing touches the disk."""
    buffer = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    book: Any = xlsxwriter.Workbook(buffer, options)
    book.set_properties({"created": _MADE})
    text = book.add_format({"num_format": "@"})
    head = book.add_format({"num_format": "@", "bold": True, "bottom": 1})
    for title, rows in sheets:
        sheet = book.add_worksheet(title)
        width = max((len(row) for row in rows), default=1)
        sheet.set_column(0, width - 1, _WIDTH, text)
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, str(cell), text if number else head)
    book.close()
    return buffer.getvalue()


def example_row(kind: CredentialType) -> list[str]:
    """One invented row of a type, in a division that does not exist."""
    known = _FIGURES.get(kind.code, {})
    people = {rule.blame for rule in kind.rules if rule.message is None}
    return [
        known.get(field.key) or _example_of(field, is_person=field.key in people) for field in kind.fields
    ]


def _example_of(field: Field, *, is_person: bool) -> str:
    if field.kind == "code":
        return next(iter(field.values))
    if field.kind == "uscc":
        body = "91990101" + "MA000001"
        body += organisation_check("MA000001")
        return body + uscc_check(body)
    if field.kind == "identifier" and is_person:
        body = "99010119900307001"
        return body + resident_id_check(body)
    plain = {
        "text": "示例",
        "identifier": "9900000001",
        "date": _AS_OF.isoformat(),
        "month": f"{_AS_OF:%Y%m}",
        "money": "1000.00",
        "ratio": "0.12",
        "count": "12",
    }
    return plain[field.kind]
