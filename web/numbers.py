"""Numbers in addresses: whole, and never more than a database holds. Anything else names nothing."""

from __future__ import annotations

from typing import Final

from flask import request
from werkzeug.routing import IntegerConverter, ValidationError

LARGEST: Final = 2**63 - 1
LAST_PAGE: Final = 1_000_000


class WholeNumber(IntegerConverter):
    """`<int:…>` of a route; what no row can have as its number is no address (404)."""

    def to_python(self, value: str) -> int:
        """Raises: ValidationError when it is too large."""
        number: int = super().to_python(value)
        if number > LARGEST:
            raise ValidationError
        return number


def asked_number(name: str) -> int | None:
    """The number that the address asks for under this name; None for none and for what is no such number."""
    text = request.args.get(name, "")
    number = int(text) if text.isdecimal() and len(text) <= len(str(LARGEST)) else None
    return None if number is None or number > LARGEST else number


def asked_page() -> int:
    """The page of a list that the address asks for, from 1."""
    return min(max(asked_number("page") or 1, 1), LAST_PAGE)
