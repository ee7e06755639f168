"""Who did what, when, for whom: an append-only log that tells when somebody changed it.

`note` is called by every act that changes something or looks at personal data, after it succeeded.
The head is sealed with a key of the vault and noted in a file outside of the database. Not detected:
rows that were never written; a database and that file both put back to an older state together, by
somebody who holds the machine (docs/threat-model.md).
"""

from __future__ import annotations

import csv
import hmac
import io
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Protocol

from ledger.core.audit import (
    SALT_BYTES,
    AuditFault,
    AuditRow,
    Fact,
    Head,
    check_rows,
    facts_text,
    head_text,
    link_of,
    plain_cell,
)
from ledger.core.people import Actor
from ledger.ports import Clock, Entropy

LONGEST_SUBJECT = 200
COLUMNS = ("number", "at", "uscc", "person", "session", "action", "subject", "facts", "link")


class AuditStore(Protocol):
    """Rows 1, 2, 3 … without a gap, also when several processes write at once; nothing changes one."""

    def append(self, build: Callable[[int, bytes], tuple[AuditRow, bytes]]) -> Head:
        """Store the row (and head seal) that `build` makes of the next number and the newest link."""

    def head(self) -> Head:
        """Number 0 before the first row."""

    def snapshot(self) -> tuple[Head, list[AuditRow]]:
        """Head and all rows as of one moment, rows by number."""

    def newest(
        self,
        usccs: Collection[str] | None,
        before: int | None,
        count: int,
        action: str | None = None,
        person: int | None = None,
        subject: str | None = None,
    ) -> list[AuditRow]:
        """Rows of these organisations (None: all), newest first."""


class HeadFile(Protocol):
    """Where the newest row is noted outside of the database."""

    def load(self) -> Head | None:
        """The newest noted head, None when there never was one."""

    def save(self, head: Head) -> None:
        """Note it, unless a newer one is there."""


class AuditService:
    """Writes, reads and judges the log.

    Args:
        store: the rows.
        noted: the head outside of the database.
        seal: 32 bytes of a kind and a text that only this installation can compute (Vault.index).
        clock: stamps rows.
        entropy: salts.
    """

    def __init__(
        self,
        store: AuditStore,
        noted: HeadFile,
        seal: Callable[[str, str], bytes],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._noted = noted
        self._seal = seal
        self._clock = clock
        self._entropy = entropy

    def note(self, actor: Actor | None, action: str, subject: str, **facts: Fact) -> int:
        """Write one row down; returns its number.

        Args:
            actor: who did it; None for programs and people who are not logged in.
            action: `room.verb`.
            subject: what it was done to, e.g. `batch/12`.
            facts: more of it, never personal data. `uscc` says whose log it belongs to where that is
                not the organisation that the actor acts for; `person` who did it, where there is no actor.
        """
        uscc = str(facts.pop("uscc", None) or (actor.uscc if actor else ""))
        person = facts.pop("person", None) if actor is None else actor.person
        text, at, salt = facts_text(facts), self._clock.now(), self._entropy.token(SALT_BYTES)

        def build(number: int, previous: bytes) -> tuple[AuditRow, bytes]:
            row = AuditRow(
                number,
                at,
                int(person) if person is not None else None,
                actor.session if actor is not None and actor.session else None,
                uscc,
                action,
                subject[:LONGEST_SUBJECT],
                text,
                salt,
                b"",
            )
            link = link_of(row, previous)
            return _with_link(row, link), self._seal("audit-head", head_text(number, link))

        head = self._store.append(build)
        self._noted.save(head)
        return head.number

    def rows(
        self,
        usccs: Collection[str] | None,
        *,
        before: int | None = None,
        count: int = 50,
        action: str | None = None,
        person: int | None = None,
        subject: str | None = None,
    ) -> list[AuditRow]:
        """Rows of these organisations (an actor's `subtree`; None: of all), newest first.

        Args:
            usccs: whose.
            before: only rows with a smaller number (the page before).
            count: at most.
            action: only this one, or all of a room: `login`.
            person: only what this person did.
            subject: only what was done to this, e.g. `batch/12`.
        """
        return self._store.newest(usccs, before, count, action, person, subject)

    def fault(self) -> AuditFault | None:
        """What is wrong with the log; None when it is whole."""
        head, rows = self._store.snapshot()
        fault = check_rows(rows, head, self._noted.load())
        if fault is None and head.number:
            expected = self._seal("audit-head", head_text(head.number, head.link))
            if not hmac.compare_digest(expected, head.seal):
                return AuditFault("seal", head.number)
        return fault

    def head(self) -> Head:
        """The newest row's number and link, to be written down elsewhere."""
        return self._store.head()

    def export_csv(self, usccs: Collection[str] | None) -> Iterator[str]:
        """A table with a header line, oldest first; no cell begins like a formula."""
        yield _csv_line(COLUMNS)
        for row in self._oldest_first(usccs):
            yield _csv_line([plain_cell(str(value)) for value in _shown(row).values()])

    def export_lines(self, usccs: Collection[str] | None) -> Iterator[str]:
        """One JSON object a line, oldest first."""
        for row in self._oldest_first(usccs):
            yield json.dumps(_shown(row), ensure_ascii=False) + "\n"

    def _oldest_first(self, usccs: Collection[str] | None) -> Iterator[AuditRow]:
        _, rows = self._store.snapshot()
        return (row for row in rows if usccs is None or row.uscc in usccs)


def _with_link(row: AuditRow, link: bytes) -> AuditRow:
    return AuditRow(
        row.number, row.at, row.person, row.session, row.uscc, row.action, row.subject, row.facts, row.salt, link
    )  # fmt: skip


def _shown(row: AuditRow) -> dict[str, Any]:
    return {
        "number": row.number,
        "at": row.at,
        "uscc": row.uscc,
        "person": row.person,
        "session": row.session,
        "action": row.action,
        "subject": row.subject,
        "facts": row.facts,
        "link": row.link.hex(),
    }


def _csv_line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
