"""What the desk's views call, and who may do what here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app, url_for

from ledger.core.credential_type import CredentialType
from ledger.core.errors import NotFoundError, UnavailableError
from ledger.core.flow import BatchRecord
from ledger.core.intake import Intake
from ledger.core.people import Role
from ledger.services.intake import IntakeService
from ledger.services.intake_book import SheetKind
from ledger.services.issuing_desk import IssuingDesk
from web.access import actor, must_see
from web.language import chosen_language
from web.texts import text

PER_PAGE = 50


def intake_service() -> IntakeService:
    """Takes files and forms."""
    return cast("IntakeService", current_app.extensions["ledger"].intake)


def desk_service() -> IssuingDesk:
    """Batches, rows, figures, search."""
    return cast("IssuingDesk", current_app.extensions["ledger"].issuing)


def now() -> int:
    """Seconds since 1970 UTC."""
    return int(current_app.extensions["ledger"].clock.now())


def note(action: str, subject: str, **facts: str | int | bool | None) -> None:
    """Write into the audit log what the caller did."""
    current_app.extensions["ledger"].audit.note(actor(), action, subject, **facts)


def t(key: str, **values: object) -> str:
    """The sentence of this key in the reader's language."""
    return text(key, chosen_language(), **values)


def granted(code: str) -> CredentialType:
    """A type that the caller's organisation may issue now. Raises: NotFoundError(TYPE_NOT_HERE)."""
    found = desk_service().granted_type(actor().uscc, code)
    if found is None:
        raise NotFoundError("TYPE_NOT_HERE", "This organisation may not issue such a type now.")
    return found


def own_intake(intake_id: int) -> Intake:
    """An upload that the caller may look at. Raises: NotFoundError(INTAKE_UNKNOWN, NOT_HERE)."""
    found = intake_service().intake(intake_id)
    must_see(found.issuer)
    return found


def own_batch(batch_id: int) -> BatchRecord:
    """A batch that the caller may look at. Raises: NotFoundError(BATCH_UNKNOWN, NOT_HERE)."""
    found = desk_service().batch(batch_id)
    must_see(found.issuer)
    return found


def waits_for_witnesses(found: BatchRecord) -> bool:
    """On the ledger, and too few witnesses have signed yet; False while the ledger cannot be read."""
    try:
        return bool(current_app.extensions["ledger"].desk.waits_for_witnesses(found))
    except UnavailableError:  # the page says already that the ledger does not answer
        return False


def answers_for(issuer: str) -> bool:
    """Whether the caller is one of those who answer for the rows of this organisation: may see their values."""
    return actor().uscc == issuer and bool(actor().roles & {Role.CLERK, Role.APPROVER})


def may_change(issuer: str) -> bool:
    """Whether the caller is a clerk of this organisation."""
    return actor().uscc == issuer and Role.CLERK in actor().roles


def seen() -> list[str]:
    """The organisations whose work the desk shows: one's own to those who do it, the subtree to others."""
    if actor().roles & {Role.CLERK, Role.APPROVER}:
        return [actor().uscc]
    return sorted(actor().subtree)


def agency_name(issuer: str) -> str:
    """The organisation in the reader's language, its code where nobody knows it."""
    found = current_app.extensions["ledger"].people.organisations().get(issuer)
    return issuer if found is None else str(found.name(chosen_language()))


def sheet_kind(kind: str) -> SheetKind:
    """From an address. Raises: NotFoundError(NOT_HERE)."""
    if kind == "xlsx":
        return "xlsx"
    if kind == "csv":
        return "csv"
    raise NotFoundError("NOT_HERE", "Such a file is not made.")


@dataclass(frozen=True, slots=True)
class Page:
    """Where somebody is in a long list; `previous` and `next` are addresses or None."""

    number: int
    first: int
    previous: str | None
    next: str | None


def page_of(asked: str | None, endpoint: str, *, more: bool | None = None, **values: object) -> Page:
    """The page that was asked for; `more`: whether another one follows."""
    number = max(1, int(asked)) if asked and asked.isdecimal() and len(asked) < 7 else 1
    given = {key: value for key, value in values.items() if value not in (None, "")}

    def at(page: int) -> str:
        return url_for(endpoint, **given, page=page)  # type: ignore[arg-type]  # numbers and words

    return Page(
        number,
        (number - 1) * PER_PAGE,
        at(number - 1) if number > 1 else None,
        at(number + 1) if more else None,
    )
