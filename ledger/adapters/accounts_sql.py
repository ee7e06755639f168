"""People, their roles and their organisations in SQL (port PeopleStore)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ledger.adapters.store_database import Database
from ledger.adapters.tables_people import invitation, membership, organisation, person, person_subject
from ledger.core.accounts import Membership, Organisation, PersonRow
from ledger.core.errors import ConflictError, NotFoundError
from ledger.core.people import Role


class SqlPeople:
    """Port PeopleStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---------------------------------------------------------------- persons
    def add(
        self, key: bytes, login_index: bytes, sealed: bytes, password: str, language: str, at: int
    ) -> int:
        try:
            with self._database.write() as connection:
                done = connection.execute(
                    sa.insert(person).values(
                        name=key,
                        login_index=login_index,
                        sealed=sealed,
                        password=password,
                        state="active",
                        language=language,
                        made_at=at,
                    )
                )
                return inserted_id(done)
        except IntegrityError as error:
            raise ConflictError("LOGIN_TAKEN", "This log-in name is taken; choose another one.") from error

    def by_login(self, login_index: bytes) -> PersonRow | None:
        return self._one(person.c.login_index == login_index)

    def by_key(self, key: bytes) -> PersonRow | None:
        return self._one(person.c.name == key)

    def by_id(self, number: int) -> PersonRow:
        found = self._one(person.c.id == number)
        if found is None:
            raise NotFoundError("PERSON_UNKNOWN", f"There is no person {number}.", person=number)
        return found

    def persons(self, numbers: Collection[int] | None = None) -> dict[int, PersonRow]:
        query = sa.select(person).order_by(person.c.id)
        if numbers is not None:
            query = query.where(person.c.id.in_(sorted(numbers)))
        with self._database.read() as connection:
            return {row.id: _person(row) for row in connection.execute(query)}

    def change(self, number: int, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(sa.update(person).where(person.c.id == number).values(**values))

    def _one(self, condition: sa.ColumnElement[bool]) -> PersonRow | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(person).where(condition)).one_or_none()
        return None if row is None else _person(row)

    # ---------------------------------------------------------------- roles
    def give(
        self,
        number: int,
        uscc: str,
        role: Role,
        since: int,
        until: int | None,
        deputy_for: int | None,
        given_by: int | None,
        at: int,
    ) -> int:
        with self._database.write() as connection:
            running = connection.execute(
                sa.select(membership.c.id)
                .where(membership.c.person_id == number, membership.c.uscc == uscc)
                .where(membership.c.role == role.value, membership.c.ended_at.is_(None))
                .where(membership.c.since == since)
                .where(membership.c.until.is_(None) if until is None else membership.c.until == until)
            ).scalar()
            if running is not None:  # asked twice
                return int(running)
            done = connection.execute(
                sa.insert(membership).values(
                    person_id=number,
                    uscc=uscc,
                    role=role.value,
                    since=since,
                    until=until,
                    deputy_for=deputy_for,
                    given_by=given_by,
                    given_at=at,
                )
            )
            return inserted_id(done)

    def end_role(self, membership_id: int, at: int) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(membership)
                .where(membership.c.id == membership_id, membership.c.ended_at.is_(None))
                .values(ended_at=at)
            )

    def roles_of(self, number: int) -> list[Membership]:
        return self._roles(membership.c.person_id == number)

    def roles_in(self, uscc: str) -> list[Membership]:
        return self._roles(membership.c.uscc == uscc)

    def role(self, membership_id: int) -> Membership:
        found = self._roles(membership.c.id == membership_id)
        if not found:
            raise NotFoundError("ROLE_UNKNOWN", f"There is no role {membership_id}.", role=membership_id)
        return found[0]

    def _roles(self, condition: sa.ColumnElement[bool]) -> list[Membership]:
        with self._database.read() as connection:
            rows = connection.execute(sa.select(membership).where(condition).order_by(membership.c.id)).all()
        return [
            Membership(
                row.id,
                row.person_id,
                row.uscc,
                Role(row.role),
                row.since,
                row.until,
                row.deputy_for,
                row.given_by,
                row.ended_at,
            )
            for row in rows
        ]

    # ---------------------------------------------------------------- invitations
    def invite(self, number: int, code_hash: bytes, until: int) -> None:
        with self._database.write() as connection:
            connection.execute(  # the newest one counts
                sa.update(invitation)
                .where(invitation.c.person_id == number, invitation.c.used_at.is_(None))
                .values(used_at=0)
            )
            connection.execute(
                sa.insert(invitation).values(person_id=number, code_hash=code_hash, until=until)
            )

    def invited(self, code_hash: bytes, now: int) -> int | None:
        with self._database.read() as connection:
            return connection.execute(
                sa.select(invitation.c.person_id)
                .where(invitation.c.code_hash == code_hash, invitation.c.used_at.is_(None))
                .where(invitation.c.until > now)
            ).scalar()

    def use_invitation(self, code_hash: bytes, now: int) -> bool:
        with self._database.write() as connection:
            done = connection.execute(
                sa.update(invitation)
                .where(invitation.c.code_hash == code_hash, invitation.c.used_at.is_(None))
                .where(invitation.c.until > now)
                .values(used_at=now)
            )
            return done.rowcount == 1

    # ---------------------------------------------------------------- identity providers
    def bind_subject(self, number: int, provider: str, subject_index: bytes, at: int) -> None:
        try:
            with self._database.write() as connection:
                connection.execute(
                    sa.insert(person_subject).values(
                        person_id=number, provider=provider, subject_index=subject_index, made_at=at
                    )
                )
        except IntegrityError as error:
            raise ConflictError(
                "SUBJECT_TAKEN", "This account of the identity provider belongs to a person already."
            ) from error

    def by_subject(self, subject_index: bytes) -> int | None:
        with self._database.read() as connection:
            return connection.execute(
                sa.select(person_subject.c.person_id).where(person_subject.c.subject_index == subject_index)
            ).scalar()

    def unbind_subjects(self, number: int) -> int:
        with self._database.write() as connection:
            done = connection.execute(sa.delete(person_subject).where(person_subject.c.person_id == number))
            return int(done.rowcount)

    # ---------------------------------------------------------------- organisations
    def add_organisation(self, added: Organisation, at: int) -> None:
        values = {"name_zh": added.name_zh, "name_en": added.name_en, "parent": added.parent}
        with self._database.write() as connection:
            row_of = organisation.c.uscc == added.uscc
            done = connection.execute(sa.update(organisation).where(row_of).values(**values))
            if done.rowcount == 0:
                connection.execute(sa.insert(organisation).values(uscc=added.uscc, added_at=at, **values))

    def organisations(self) -> Mapping[str, Organisation]:
        with self._database.read() as connection:
            rows = connection.execute(sa.select(organisation).order_by(organisation.c.uscc)).all()
        return {
            row.uscc: Organisation(row.uscc, row.name_zh, row.name_en, row.parent, is_issuer=False)
            for row in rows
        }


def inserted_id(done: sa.CursorResult[Any]) -> int:
    """The number that the database gave to the row just inserted."""
    key = done.inserted_primary_key
    if key is None:
        raise RuntimeError("one row with a generated key was expected")
    return int(key[0])


def _person(row: Any) -> PersonRow:
    return PersonRow(
        row.id, bytes(row.name), bytes(row.sealed), row.password, row.state, row.language, row.made_at
    )
