"""What a form for checking hands in: one file, text, number or sheet's values; read alike by all pages that check."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request

from ledger.core.errors import InputError

FORM_PARTS = 80  # fields of the longest sheet, and a few of our own
MAX_TYPED = 2_100  # characters of a number, a code or a QR text
VALUE = "v_"
"""In front of a printed value's name, so that none is ever taken for one of the form's own fields."""


def typed(name: str) -> str:
    """What was typed into this field, without spaces around it."""
    return request.form.get(name, "")[:MAX_TYPED].strip()


def file_or_text() -> tuple[bytes, str]:
    """The bytes of the file or of the text, and which field they came from.

    Raises: InputError(FILE_MISSING, FILE_TWICE).
    """
    upload, pasted = request.files.get("file"), request.form.get("text", "").strip()
    has_file = upload is not None and bool(upload.filename)
    if has_file and pasted:
        raise InputError("FILE_TWICE", "both a file and a text")
    if upload is not None and has_file:
        return upload.read(), "file"
    if pasted:
        return pasted.encode(), "text"
    raise InputError("FILE_MISSING", "neither a file nor a text")


def has_file_or_text() -> bool:
    """Whether `file_or_text` would find something."""
    upload = request.files.get("file")
    return (upload is not None and bool(upload.filename)) or bool(request.form.get("text", "").strip())


def values() -> dict[str, str]:
    """Typed values by the name of the printed claim."""
    return {
        name.removeprefix(VALUE): value[:MAX_TYPED]
        for name, value in request.form.items()
        if name.startswith(VALUE)
    }


def said(answers: Mapping[str, str]) -> dict[str, bool]:
    """Whether the sheet agrees, by printed claim; what nobody answered is left out."""
    return {name: answer == "same" for name, answer in answers.items() if answer in {"same", "differs"}}
