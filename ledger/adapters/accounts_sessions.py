"""Sessions, second factors and half-done log-ins in SQL (ports SessionStore and FactorStore)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ledger.adapters.accounts_sql import inserted_id
from ledger.adapters.store_database import Database
from ledger.adapters.tables_people import (
    login_step,
    person_passkey,
    person_session,
    person_totp,
    recovery_code,
)
from ledger.core.accounts import PasskeyRow, SessionRow, TotpRow
from ledger.core.errors import ConflictError

_S = person_session.c


class SqlSessions:
    """Port SessionStore. The cookie's value is nowhere in the database, its hash is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, token_hash: bytes, row: SessionRow) -> int:
        with self._database.write() as connection:
            done = connection.execute(
                sa.insert(person_session).values(
                    token_hash=token_hash,
                    person_id=row.person,
                    uscc=row.uscc,
                    stage=row.stage,
                    method=row.method,
                    device=row.device,
                    made_at=row.made_at,
                    seen_at=row.seen_at,
                    ends_at=row.ends_at,
                    fresh_until=row.fresh_until,
                )
            )
            return inserted_id(done)

    def find(self, token_hash: bytes) -> SessionRow | None:
        with self._database.read() as connection:
            row = connection.execute(
                sa.select(person_session).where(_S.token_hash == token_hash)
            ).one_or_none()
        return None if row is None else _session(row)

    def change(self, session_id: int, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(sa.update(person_session).where(_S.id == session_id).values(**values))

    def end(self, session_id: int, at: int) -> bool:
        return self._end(_S.id == session_id, at) == 1

    def end_all(self, person: int, at: int, but: int | None = None) -> int:
        others = _S.person_id == person
        return self._end(others if but is None else others & (_S.id != but), at)

    def of_person(self, person: int) -> list[SessionRow]:
        with self._database.read() as connection:
            rows = connection.execute(
                sa.select(person_session)
                .where(_S.person_id == person, _S.ended_at.is_(None))
                .order_by(_S.seen_at.desc())
            ).all()
        return [_session(row) for row in rows]

    def forget_old(self, before: int) -> int:
        with self._database.write() as connection:
            done = connection.execute(sa.delete(person_session).where(_S.ends_at < before))
            connection.execute(sa.delete(login_step).where(login_step.c.until < before))
            return int(done.rowcount)

    def _end(self, condition: sa.ColumnElement[bool], at: int) -> int:
        with self._database.write() as connection:
            done = connection.execute(
                sa.update(person_session).where(condition, _S.ended_at.is_(None)).values(ended_at=at)
            )
            return int(done.rowcount)

    # ---------------------------------------------------------------- between two requests of one log-in
    def keep_step(self, handle_hash: bytes, kind: str, payload: str, until: int) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(login_step).where(login_step.c.until < until - 86_400))
            connection.execute(
                sa.insert(login_step).values(handle_hash=handle_hash, kind=kind, payload=payload, until=until)
            )

    def take_step(self, handle_hash: bytes, kind: str, now: int) -> str | None:
        this = (login_step.c.handle_hash == handle_hash) & (login_step.c.kind == kind)
        with self._database.write() as connection:
            row = connection.execute(sa.select(login_step).where(this).with_for_update()).one_or_none()
            connection.execute(sa.delete(login_step).where(this))
        return None if row is None or row.until <= now else str(row.payload)


class SqlFactors:
    """Port FactorStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def totp(self, person: int) -> TotpRow | None:
        with self._database.read() as connection:
            row = connection.execute(
                sa.select(person_totp).where(person_totp.c.person_id == person)
            ).one_or_none()
        if row is None:
            return None
        return TotpRow(row.person_id, bytes(row.sealed), row.is_confirmed, row.last_step, row.made_at)

    def set_totp(self, row: TotpRow) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(person_totp).where(person_totp.c.person_id == row.person))
            connection.execute(
                sa.insert(person_totp).values(
                    person_id=row.person,
                    sealed=row.sealed,
                    is_confirmed=row.is_confirmed,
                    last_step=row.last_step,
                    made_at=row.made_at,
                )
            )

    def use_totp(self, person: int, step: int) -> bool:
        with self._database.write() as connection:
            done = connection.execute(
                sa.update(person_totp)
                .where(person_totp.c.person_id == person, person_totp.c.last_step < step)
                .values(last_step=step, is_confirmed=True)
            )
            return done.rowcount == 1

    def set_recovery_codes(self, person: int, indexes: Sequence[bytes]) -> None:
        with self._database.write() as connection:
            connection.execute(sa.delete(recovery_code).where(recovery_code.c.person_id == person))
            if indexes:
                connection.execute(
                    sa.insert(recovery_code),
                    [{"person_id": person, "code_index": index} for index in indexes],
                )

    def use_recovery_code(self, person: int, index: bytes, at: int) -> bool:
        with self._database.write() as connection:
            done = connection.execute(
                sa.update(recovery_code)
                .where(recovery_code.c.person_id == person, recovery_code.c.code_index == index)
                .where(recovery_code.c.used_at.is_(None))
                .values(used_at=at)
            )
            return done.rowcount == 1

    def recovery_codes_left(self, person: int) -> int:
        with self._database.read() as connection:
            return int(
                connection.execute(
                    sa.select(sa.func.count())
                    .select_from(recovery_code)
                    .where(recovery_code.c.person_id == person, recovery_code.c.used_at.is_(None))
                ).scalar_one()
            )

    def add_passkey(self, person: int, credential_id: bytes, public_key: bytes, count: int, at: int) -> None:
        try:
            with self._database.write() as connection:
                connection.execute(
                    sa.insert(person_passkey).values(
                        person_id=person,
                        credential_id=credential_id,
                        public_key=public_key,
                        sign_count=count,
                        made_at=at,
                    )
                )
        except IntegrityError as error:
            raise ConflictError("PASSKEY_KNOWN", "This passkey is registered already.") from error

    def passkeys(self, person: int) -> list[PasskeyRow]:
        return self._passkeys(person_passkey.c.person_id == person)

    def passkey(self, credential_id: bytes) -> PasskeyRow | None:
        found = self._passkeys(person_passkey.c.credential_id == credential_id)
        return found[0] if found else None

    def use_passkey(self, passkey_id: int, count: int, at: int) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(person_passkey)
                .where(person_passkey.c.id == passkey_id)
                .values(sign_count=count, used_at=at)
            )

    def remove_passkey(self, person: int, passkey_id: int) -> bool:
        this = (person_passkey.c.person_id == person) & (person_passkey.c.id == passkey_id)
        with self._database.write() as connection:
            return bool(connection.execute(sa.delete(person_passkey).where(this)).rowcount == 1)

    def remove_all(self, person: int) -> None:
        with self._database.write() as connection:
            for table in (person_totp, recovery_code, person_passkey):
                connection.execute(sa.delete(table).where(table.c.person_id == person))

    def _passkeys(self, condition: sa.ColumnElement[bool]) -> list[PasskeyRow]:
        with self._database.read() as connection:
            rows = connection.execute(
                sa.select(person_passkey).where(condition).order_by(person_passkey.c.id)
            ).all()
        return [
            PasskeyRow(
                row.id,
                row.person_id,
                bytes(row.credential_id),
                bytes(row.public_key),
                row.sign_count,
                row.made_at,
                row.used_at,
            )
            for row in rows
        ]


def _session(row: Any) -> SessionRow:
    return SessionRow(
        row.id, row.person_id, row.uscc, row.stage, row.method, row.device, row.made_at, row.seen_at,
        row.ends_at, row.fresh_until, row.ended_at,
    )  # fmt: skip
