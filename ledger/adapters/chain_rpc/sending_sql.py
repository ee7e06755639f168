"""The signing queue in the store's database (Sendings)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ledger.adapters.chain_rpc.sending import Sending
from ledger.adapters.store_database import Database
from ledger.adapters.tables_sending import chain_sending

_table = chain_sending.c


class SqlSendings:
    """Shared by all processes that open this database.

    Args:
        database: the store's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, sending: Sending) -> None:
        with self._database.write() as connection:
            known = connection.execute(sa.select(_table.hash).where(_table.hash == sending.hash)).first()
            if known is None:
                connection.execute(
                    sa.insert(chain_sending).values(
                        hash=sending.hash,
                        family=sending.family,
                        sender=sending.sender,
                        nonce=sending.nonce,
                        raw=sending.raw,
                        gas_price=sending.gas_price,
                        sent_at=sending.sent_at,
                        decided=False,
                    )
                )

    def family(self, transaction_hash: bytes) -> Sequence[Sending]:
        name = sa.select(_table.family).where(_table.hash == transaction_hash).scalar_subquery()
        return self._rows(_table.family == name, _table.gas_price, _table.sent_at)

    def undecided(self) -> Sequence[Sending]:
        return self._rows(
            _table.decided.is_(False), _table.sender, _table.nonce, _table.gas_price, _table.sent_at
        )

    def decided(self, family: bytes) -> None:
        with self._database.write() as connection:
            connection.execute(sa.update(chain_sending).where(_table.family == family).values(decided=True))

    def _rows(self, which: sa.ColumnElement[bool], *order: sa.ColumnElement[Any]) -> list[Sending]:
        query = sa.select(chain_sending).where(which).order_by(*order)
        with self._database.read() as connection:
            return [_sending(row) for row in connection.execute(query)]


def _sending(row: Row[Any]) -> Sending:
    return Sending(
        hash=bytes(row.hash),
        family=bytes(row.family),
        sender=bytes(row.sender),
        nonce=row.nonce,
        raw=bytes(row.raw),
        gas_price=row.gas_price,
        sent_at=row.sent_at,
    )
