"""Signing keys and requests in the store's database (SigningBook of services.signing_book)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ledger.adapters.store_database import Database
from ledger.adapters.tables_signing import signing_key, signing_request
from ledger.core.errors import ConflictError
from ledger.core.signing import (
    Act,
    KeyKind,
    KeyState,
    RequestState,
    SigningKey,
    SigningRequest,
)

DIGEST_BYTES = 32


class SqlSigningBook:
    """See services.signing_book.

    Args:
        database: the store's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_key(self, key: SigningKey) -> SigningKey:
        """Raises ConflictError(SIGNING_KEY_KNOWN)."""
        values = {
            column.name: getattr(key, column.name) for column in signing_key.columns if column.name != "id"
        } | {"kind": str(key.kind), "state": str(key.state)}
        try:
            with self._database.write() as connection:
                done = connection.execute(sa.insert(signing_key).values(**values))
                assigned = done.inserted_primary_key
        except IntegrityError as error:
            raise key_known() from error
        if assigned is None:
            raise RuntimeError("an insert gives its key")
        return replace(key, id=int(assigned[0]))

    def key(self, key_id: int) -> SigningKey | None:
        found = self._keys(signing_key.c.id == key_id)
        return found[0] if found else None

    def keys(self, uscc: str, person: int | None = None) -> tuple[SigningKey, ...]:
        which = signing_key.c.uscc == uscc
        return self._keys(which if person is None else sa.and_(which, signing_key.c.person == person))

    def owner(self, uscc: str, signer_id: bytes) -> SigningKey | None:
        found = self._keys(sa.and_(signing_key.c.uscc == uscc, signing_key.c.signer_id == signer_id))
        return found[0] if found else None

    def _keys(self, which: sa.ColumnElement[bool]) -> tuple[SigningKey, ...]:
        query = sa.select(signing_key).where(which).order_by(signing_key.c.id)
        with self._database.read() as connection:
            return tuple(_key(row) for row in connection.execute(query))

    def set_state(self, key_id: int, state: KeyState) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(signing_key).where(signing_key.c.id == key_id).values(state=str(state))
            )

    def add_request(self, request: SigningRequest) -> None:
        late = sa.and_(
            signing_request.c.state == str(RequestState.OPEN),
            signing_request.c.expires_at < request.created_at,
        )
        with self._database.write() as connection:
            connection.execute(sa.delete(signing_request).where(late))
            connection.execute(
                sa.insert(signing_request).values(
                    id=request.id,
                    person=request.person,
                    uscc=request.uscc,
                    act=str(request.act),
                    subject=request.subject,
                    key_id=request.key,
                    digests=b"".join(request.digests),
                    payload=json.dumps(dict(request.payload)),
                    created_at=request.created_at,
                    expires_at=request.expires_at,
                    state=str(request.state),
                    done_at=request.done_at,
                )
            )

    def request(self, request_id: str) -> SigningRequest | None:
        return self._request(sa.select(signing_request).where(signing_request.c.id == request_id))

    def finish(self, request_id: str, at: int) -> bool:
        which = sa.and_(signing_request.c.id == request_id, signing_request.c.state == str(RequestState.OPEN))
        with self._database.write() as connection:
            key_id = connection.execute(sa.select(signing_request.c.key_id).where(which)).scalar()
            if key_id is None:
                return False
            connection.execute(
                sa.update(signing_request).where(which).values(state=str(RequestState.DONE), done_at=at)
            )
            connection.execute(
                sa.update(signing_key).where(signing_key.c.id == key_id).values(last_used_at=at)
            )
        return True

    def done(self, act: Act, subject: str) -> SigningRequest | None:
        return self._request(
            sa.select(signing_request)
            .where(
                signing_request.c.act == str(act),
                signing_request.c.subject == subject,
                signing_request.c.state == str(RequestState.DONE),
            )
            .order_by(signing_request.c.done_at.desc(), signing_request.c.created_at.desc())
            .limit(1)
        )

    def _request(self, query: sa.Select[Any]) -> SigningRequest | None:
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        joined = bytes(row.digests)
        return SigningRequest(
            id=row.id,
            person=row.person,
            uscc=row.uscc,
            act=Act(row.act),
            subject=row.subject,
            key=row.key_id,
            digests=tuple(
                joined[start : start + DIGEST_BYTES] for start in range(0, len(joined), DIGEST_BYTES)
            ),
            payload=json.loads(row.payload),
            created_at=row.created_at,
            expires_at=row.expires_at,
            state=RequestState(row.state),
            done_at=row.done_at,
        )


def key_known() -> ConflictError:
    """This key was enrolled before."""
    return ConflictError("SIGNING_KEY_KNOWN", "This key is enrolled already; use it or choose another one.")


def _key(row: Any) -> SigningKey:
    return SigningKey(
        id=row.id,
        person=row.person,
        uscc=row.uscc,
        kind=KeyKind(row.kind),
        credential_id=bytes(row.credential_id),
        public_key=bytes(row.public_key),
        signer_id=bytes(row.signer_id),
        label=row.label,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        state=KeyState(row.state),
    )
