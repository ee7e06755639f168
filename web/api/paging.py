"""Where a list goes on: a cursor says after which row, and nothing that a caller should read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from ledger.core.errors import InputError
from ledger.core.jose import b64url_decode, b64url_encode

T = TypeVar("T")
_SHAPE = re.compile(rb"c1:([1-9][0-9]{0,17})")


class CursorError(InputError):
    """A cursor that is none of ours."""


def encode_cursor(number: int) -> str:
    """After (or before) this row."""
    return b64url_encode(b"c1:%d" % number)


def following(found: Sequence[T], limit: int, number: Callable[[T], int]) -> str | None:
    """Cursor of the next page; None where this one is not full."""
    return encode_cursor(number(found[-1])) if len(found) == limit else None


def parse_cursor(text: str | None) -> int | None:
    """The row; None at the beginning. Raises CursorError(CURSOR_INVALID)."""
    if text is None:
        return None
    try:
        found = _SHAPE.fullmatch(b64url_decode(text))
    except (InputError, ValueError):
        found = None
    if found is None:
        raise CursorError("CURSOR_INVALID", "This cursor is none of ours: begin anew without one.")
    return int(found.group(1))
