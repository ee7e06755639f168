"""What the pages of approving, keys and statuses share: the room's services, names of people, spelled hashes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from flask import current_app, request
from markupsafe import Markup, escape

from ledger.bootstrap_signing import SigningRoom, site_of
from ledger.core.credential_type import CredentialType, Field
from ledger.core.eip712 import signer_text
from ledger.core.errors import NotFoundError, RefusedError
from ledger.core.signing import Site
from ledger.services.signing_desk import Signer
from web.access import actor
from web.claims import spell
from web.language import chosen_language
from web.texts import text

GROUP = 4
TAIL = 4
"""Last digits by which two unknown keys are told apart."""


def room() -> SigningRoom:
    """The services of this room."""
    return cast("SigningRoom", current_app.extensions["ledger"].signing)


def services() -> Any:
    """All services of the web."""
    return current_app.extensions["ledger"]


def who() -> Signer:
    """Who acts, for which organisation."""
    return Signer(actor().person, actor().uscc)


def site() -> Site:
    """The site that passkeys belong to here.

    Raises:
        RefusedError: SITE_UNNAMED when the settings name none and this is not localhost.
    """
    named = room().site
    if named is not None:
        return named
    if request.host.rsplit(":", 1)[0] == "localhost":
        return site_of(f"{request.scheme}://{request.host}")
    raise RefusedError(
        "SITE_UNNAMED",
        "Passkeys belong to a site with a name: open it as http://localhost or let the operator set ECERT_ORIGIN.",
        host=request.host,
    )


def has_site() -> bool:
    """Whether passkeys can sign on this address."""
    try:
        site()
    except RefusedError:
        return False
    return True


def say(key: str, **values: object) -> str:
    """A sentence in the reader's language."""
    return text(key, chosen_language(), **values)


def names(people: Iterable[int | None]) -> dict[int, str]:
    """Names of people by number."""
    wanted = {person for person in people if person}
    return cast("dict[int, str]", services().people.names(wanted)) if wanted else {}


def grouped(data: bytes) -> Markup:
    """A hash that two people can compare aloud: groups of four digits."""
    digits = data.hex()
    groups = (digits[start : start + GROUP] for start in range(0, len(digits), GROUP))
    inside = " ".join(f"<span>{escape(group)}</span>" for group in groups)
    return Markup('<code class="hash">{}</code>').format(Markup(inside))  # noqa: S704  escaped above


def signer_name(
    uscc: str, signer_id: bytes | None, people: dict[int, str], owner: int | None, label: str = ""
) -> str:
    """Who stands behind a signer id: the person, the server's key by its role, or that nobody enrolled it.

    Signer ids themselves are technical: `signer_line` has them.
    """
    if signer_id is None or not any(signer_id):
        return ""
    person = people.get(owner) if owner is not None else None
    role = room().desk.server_role(uscc, signer_id)
    if role is not None:
        key = say(f"signing.server_{role.name.lower()}")
        return f"{person} · {key}" if person else key
    if person:
        return f"{person} · {label}" if label else person
    return say("signing.unenrolled", tail=signer_id.hex()[-TAIL:])


def key_hint(uscc: str, who: str) -> str:
    """What to write after --key: the real file when it lies here, else a pattern to fill in."""
    try:
        return str(room().here.key_hint(uscc, who))
    except NotFoundError:  # an agency that is not run by this installation
        return f"file:/…/{who}/signing.key"


def signer_line(signer_id: bytes | None) -> str:
    """A signer id as the contracts know it; empty where there is none."""
    return "" if signer_id is None or not any(signer_id) else signer_text(signer_id)


def type_name(kind: CredentialType | None, code: str) -> str:
    """The type in the reader's language; its code where this program does not know it."""
    if kind is None:
        return code
    return str(getattr(kind.name, chosen_language()))


def field_label(field: Field) -> str:
    """A field's name in the reader's language."""
    return str(getattr(field.labels, chosen_language()))


def field_value(field: Field | None, value: Any) -> str:
    """A value as the certificate's reader will see it: what is approved is what is shown later."""
    return "—" if value is None or value == "" else spell(value, field, chosen_language())
