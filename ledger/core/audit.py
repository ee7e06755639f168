"""The audit log as a chain of hashes: which bytes a row is, and what a broken chain looks like.

    link(n) = SHA-256( "ecert audit row" ‖ 0x00 ‖ canonical JSON of row n, its salt and link(n - 1) )

Numbers run 1, 2, 3 … without a gap. The salt (16 random bytes) keeps a link that was published or
printed from telling what a row says to somebody who tries all likely rows. Who may write the table can
compute a chain of his own: therefore the newest link is sealed with a key that does not lie in the
database, and noted outside of it (services.audit).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ledger.core.canonical_json import canonical_json

NO_LINK = bytes(32)
"""What the first row follows."""
SALT_BYTES = 16
_TAG = b"ecert audit row\x00"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Fact = str | int | bool | None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act.

    Args:
        number: 1 and up, without gaps.
        at: seconds since 1970 UTC.
        person: number of the person; None: a program or nobody who is known.
        session: number of the session in which it was done, None outside of one.
        uscc: the organisation for which it was done, and whose auditors read it; empty: the installation.
        action: `room.verb`, e.g. `people.suspend`.
        subject: what it was done to, e.g. `batch/12`; never personal data.
        facts: canonical JSON object, never personal data.
        salt: 16 bytes.
        link: 32 bytes.
    """

    number: int
    at: int
    person: int | None
    session: int | None
    uscc: str
    action: str
    subject: str
    facts: str
    salt: bytes
    link: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row: its number, its link and the seal over both."""

    number: int
    link: bytes
    seal: bytes


@dataclass(frozen=True, slots=True)
class AuditFault:
    """What is wrong with the log, and from which row on.

    `kind`: `edited` (a row does not give its link), `gap` (a number is missing or out of order), `cut`
    (rows at the end are missing), `seal` (the head's seal is not ours), `rolled_back` (a row that was
    noted outside of the database is not there any more).
    """

    kind: Literal["edited", "gap", "cut", "seal", "rolled_back"]
    number: int


def link_of(row: AuditRow, previous: bytes) -> bytes:
    """The link that this row must carry.

    Args:
        row: its own `link` is not looked at.
        previous: link of the row before, 32 bytes.
    """
    value = {
        "number": row.number, "at": row.at, "person": row.person, "session": row.session, "uscc": row.uscc,
        "action": row.action, "subject": row.subject, "facts": row.facts, "salt": row.salt.hex(),
        "previous": previous.hex(),
    }  # fmt: skip
    return hashlib.sha256(_TAG + canonical_json(value)).digest()


def head_text(number: int, link: bytes) -> str:
    """What the seal of the head is made over."""
    return f"{number}:{link.hex()}"


def facts_text(facts: Mapping[str, Fact]) -> str:
    """Facts as they lie in the table."""
    return canonical_json(dict(facts)).decode()


def check_rows(rows: Iterable[AuditRow], head: Head, noted: Head | None = None) -> AuditFault | None:
    """The first fault of a log, None when it is whole.

    Args:
        rows: all of them, by number.
        head: what the database says is the newest row.
        noted: a newest row of some time ago, from outside of the database.
    """
    previous, expected = NO_LINK, 1
    is_noted = noted is None or noted.number == 0
    for row in rows:
        if row.number != expected:
            return AuditFault("gap", expected)
        if link_of(row, previous) != row.link:
            return AuditFault("edited", row.number)
        if noted is not None and noted.number == row.number:
            if noted.link != row.link:
                return AuditFault("rolled_back", row.number)
            is_noted = True
        previous, expected = row.link, expected + 1
    if (head.number, head.link) != (expected - 1, previous):
        return AuditFault("cut", expected)
    if not is_noted:
        return AuditFault("rolled_back", expected)
    return None


def plain_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    Source: OWASP, CSV Injection: a leading apostrophe before = + - @ and white space.
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
