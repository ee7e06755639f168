"""API tokens in SQL, and in memory."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ledger.adapters.store_database import Database
from ledger.adapters.tables_programs import api_token
from ledger.core.tokens import Scope, Token

_COLUMNS = tuple(column.name for column in api_token.c)
_BY_HASH = sa.select(api_token).where(api_token.c.secret_hash == sa.bindparam("hash"))


class SqlTokens:
    """Port TokenStore (services.tokens)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token: Token, secret_hash: bytes) -> tuple[Token, bool]:
        try:
            with self._database.write() as connection:
                result = connection.execute(
                    sa.insert(api_token).values(
                        uscc=token.uscc,
                        label=token.label,
                        scopes=" ".join(sorted(token.scopes)),
                        secret_hash=secret_hash,
                        created_at=token.created_at,
                        created_by=token.created_by,
                        expires_at=token.expires_at,
                    )
                )
        except IntegrityError:
            found = self.find(secret_hash)
            if found is None:
                raise
            return found, False
        key = result.inserted_primary_key
        if key is None:
            message = "the database gave no key for a token"
            raise RuntimeError(message)
        return replace(token, id=int(key[0])), True

    def find(self, secret_hash: bytes) -> Token | None:
        rows = self._database.fetch(_BY_HASH, {"hash": secret_hash})
        return _token(SimpleNamespace(**dict(zip(_COLUMNS, rows[0], strict=True)))) if rows else None

    def tokens(self, uscc: str | None) -> tuple[Token, ...]:
        query = sa.select(api_token).order_by(api_token.c.id.desc())
        if uscc is not None:
            query = query.where(api_token.c.uscc == uscc)
        with self._database.read() as connection:
            return tuple(_token(row) for row in connection.execute(query))

    def revoke(self, token_id: int, at: int, by: str) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(api_token)
                .where(api_token.c.id == token_id, api_token.c.revoked_at.is_(None))
                .values(revoked_at=at, revoked_by=by)
            )

    def used(self, token_id: int, day: int) -> None:
        with self._database.write() as connection:
            connection.execute(sa.update(api_token).where(api_token.c.id == token_id).values(used_on=day))


def _token(row: Any) -> Token:
    return Token(
        id=row.id,
        uscc=row.uscc,
        label=row.label,
        scopes=frozenset(Scope(word) for word in row.scopes.split()),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        used_on=row.used_on,
    )


class MemoryTokens:
    """Port TokenStore in memory."""

    def __init__(self) -> None:
        self._tokens: dict[int, tuple[bytes, Token]] = {}

    def add(self, token: Token, secret_hash: bytes) -> tuple[Token, bool]:
        found = self.find(secret_hash)
        if found is not None:
            return found, False
        stored = replace(token, id=len(self._tokens) + 1)
        self._tokens[stored.id] = (secret_hash, stored)
        return stored, True

    def find(self, secret_hash: bytes) -> Token | None:
        return next((token for kept, token in self._tokens.values() if kept == secret_hash), None)

    def tokens(self, uscc: str | None) -> tuple[Token, ...]:
        found = [token for _, token in self._tokens.values() if uscc is None or token.uscc == uscc]
        return tuple(reversed(found))

    def revoke(self, token_id: int, at: int, by: str) -> None:
        del by
        kept, token = self._tokens[token_id]
        if token.revoked_at is None:
            self._tokens[token_id] = (kept, replace(token, revoked_at=at))

    def used(self, token_id: int, day: int) -> None:
        kept, token = self._tokens[token_id]
        self._tokens[token_id] = (kept, replace(token, used_on=day))
