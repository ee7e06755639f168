"""Nonces of status changes in SQL: 256 after one another share a word, see ports.NonceBook."""

from __future__ import annotations

import sqlalchemy as sa

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import nonce_word
from ledger.core.flow import NONCE_PREFIX_BYTES, NONCES_PER_WORD
from ledger.ports import Entropy


class SqlNonces:
    """Port NonceBook."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def draw(self, issuer: str, entropy: Entropy) -> int:
        row_of = nonce_word.c.issuer == issuer
        with self._database.write() as connection:
            row = connection.execute(sa.select(nonce_word).where(row_of).with_for_update()).first()
            prefix, used = (b"", NONCES_PER_WORD) if row is None else (bytes(row.prefix), row.used)
            if used == NONCES_PER_WORD:
                prefix, used = entropy.token(NONCE_PREFIX_BYTES), 0
            if row is None:
                connection.execute(sa.insert(nonce_word).values(issuer=issuer, prefix=prefix, used=1))
            else:
                connection.execute(sa.update(nonce_word).where(row_of).values(prefix=prefix, used=used + 1))
        return int.from_bytes(prefix) * NONCES_PER_WORD + used
