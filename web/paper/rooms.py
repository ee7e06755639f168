"""What the views of this room share: the service, the caller's rights, numbers in addresses."""

from __future__ import annotations

from typing import cast

from flask import current_app

from ledger.core.errors import NotFoundError
from ledger.core.paper import Print
from ledger.core.people import Role
from ledger.services.documents import DocumentService
from web.access import actor, must_own
from web.language import chosen_language
from web.texts import text

LOOKING = (Role.CLERK, Role.APPROVER)
PRINTING = (Role.CLERK,)


def documents() -> DocumentService:
    """The service. Raises RefusedError(PASSWORD_NEEDED) while the key store is closed."""
    return cast("DocumentService", current_app.extensions["ledger"].documents)


def t(key: str, **values: object) -> str:
    """A sentence of this room in the reader's language."""
    return text(f"paper.{key}", chosen_language(), **values)


def number_of(text_of_address: str) -> bytes:
    """16 bytes of an address. Raises NotFoundError(PRINT_UNKNOWN)."""
    try:
        found = bytes.fromhex(text_of_address)
    except ValueError:
        found = b""
    if found.hex() != text_of_address:
        raise NotFoundError("PRINT_UNKNOWN", "There is no such print.")
    return found


def own_print(number: str) -> Print:
    """A print of the caller's own organisation. Raises NotFoundError(PRINT_UNKNOWN, NOT_HERE)."""
    one = documents().print(number_of(number))
    must_own(one.issuer)
    return one


def note(action: str, subject: str, **facts: str | int | bool | None) -> None:
    """Into the audit log; never personal data."""
    current_app.extensions["ledger"].audit.note(actor(), action, subject, **facts)


def names_of(prints: tuple[Print, ...]) -> dict[str, str]:
    """Names of the people who ordered these prints, by what the prints remember of them."""
    numbers = {int(one.ordered_by) for one in prints if one.ordered_by.isdecimal()}
    found = current_app.extensions["ledger"].people.names(numbers)
    return {str(number): name for number, name in found.items()}
