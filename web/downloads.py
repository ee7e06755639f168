"""Tables to take away, and the name under which a browser keeps a file, in the reader's own script."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response, make_response

from ledger.services.intake_book import SheetKind

SHEET_TYPES: dict[SheetKind, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
FORBIDDEN = frozenset('\\/:*?"<>|\r\n\t\0')
"""Signs that some system does not take in a file's name."""


def attachment(plain: str, spoken: str = "") -> str:
    """The value of Content-Disposition.

    Source: RFC 6266 section 4.3: `filename*` in the encoding of RFC 8187, `filename` for who cannot read it.

    Args:
        plain: ASCII, ours.
        spoken: the same name in words, with its ending; empty: `plain` alone.
    """
    if not spoken:
        return f'attachment; filename="{plain}"'
    safe = "".join("-" if sign in FORBIDDEN else sign for sign in spoken)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


def sheet_answer(data: bytes, kind: SheetKind, name: str, spoken: str = "") -> Response:
    """A table to take away; both names are ours, never something that was sent to us; `name` is ASCII."""
    response = make_response(data)
    response.headers["Content-Type"] = SHEET_TYPES[kind]
    response.headers["Content-Disposition"] = attachment(
        f"{name}.{kind}", f"{spoken}.{kind}" if spoken else ""
    )
    return response
