"""The audit log in SQL: appending is one short transaction that holds the head's row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import sqlalchemy as sa

from ledger.adapters.store_database import Database
from ledger.adapters.tables_people import audit_head, audit_row
from ledger.core.audit import AuditRow, Head

_ROWS_A_READ = 500


class SqlAudit:
    """Port AuditStore. Any number of processes may append."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, build: Callable[[int, bytes], tuple[AuditRow, bytes]]) -> Head:
        with self._database.write() as connection:
            head = connection.execute(sa.select(audit_head).with_for_update()).one()
            row, seal = build(head.number + 1, bytes(head.link))
            connection.execute(
                sa.insert(audit_row).values(
                    number=row.number,
                    at=row.at,
                    person_id=row.person,
                    session_id=row.session,
                    uscc=row.uscc,
                    action=row.action,
                    subject=row.subject,
                    facts=row.facts,
                    salt=row.salt,
                    link=row.link,
                )
            )
            connection.execute(sa.update(audit_head).values(number=row.number, link=row.link, seal=seal))
        return Head(row.number, row.link, seal)

    def head(self) -> Head:
        with self._database.read() as connection:
            row = connection.execute(sa.select(audit_head)).one_or_none()
        return Head(0, bytes(32), bytes(32)) if row is None else _head(row)

    def all(self) -> Iterator[AuditRow]:
        last = 0
        while True:
            rows = self._some(sa.select(audit_row).where(audit_row.c.number > last).order_by("number"))
            yield from rows
            if len(rows) < _ROWS_A_READ:
                return
            last = rows[-1].number

    def snapshot(self) -> tuple[Head, list[AuditRow]]:
        with self._database.read() as connection:
            head = connection.execute(sa.select(audit_head)).one_or_none()
            rows = connection.execute(sa.select(audit_row).order_by(audit_row.c.number)).all()
        return (Head(0, bytes(32), bytes(32)) if head is None else _head(head)), [_row(row) for row in rows]

    def newest(
        self,
        usccs: Collection[str] | None,
        before: int | None,
        count: int,
        action: str | None = None,
        person: int | None = None,
        subject: str | None = None,
    ) -> list[AuditRow]:
        query = sa.select(audit_row).order_by(audit_row.c.number.desc()).limit(count)
        if usccs is not None:
            query = query.where(audit_row.c.uscc.in_(sorted(usccs)))
        if before is not None:
            query = query.where(audit_row.c.number < before)
        if action is not None:
            room, _, act = action.partition(".")
            column = audit_row.c.action
            query = query.where(column == action if act else column.startswith(f"{room}.", autoescape=True))
        if person is not None:
            query = query.where(audit_row.c.person_id == person)
        if subject is not None:
            query = query.where(audit_row.c.subject == subject)
        with self._database.read() as connection:
            return [_row(row) for row in connection.execute(query)]

    def _some(self, query: sa.Select[Any]) -> list[AuditRow]:
        with self._database.read() as connection:
            return [_row(row) for row in connection.execute(query.limit(_ROWS_A_READ))]


def _head(row: Any) -> Head:
    return Head(row.number, bytes(row.link), bytes(row.seal))


def _row(row: Any) -> AuditRow:
    return AuditRow(
        row.number, row.at, row.person_id, row.session_id, row.uscc, row.action, row.subject, row.facts,
        bytes(row.salt), bytes(row.link),
    )  # fmt: skip
