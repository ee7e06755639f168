"""Blocks, transactions and events of the chain file as they are kept, for people who look."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ledger.adapters.abi import ContractCodec
from ledger.adapters.chain_embedded.reader import ChainFile
from ledger.adapters.chain_embedded.store import LogRow, TransactionRow
from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import credential, record
from ledger.core.explored import BlockFacts, EventFacts, TransactionFacts
from ledger.core.model import BlockRef, ChainInfo
from ledger.ports import ContractName


class ChainFileLog:
    """See ledger.services.explorer.LedgerLog.

    Args:
        chain: the chain file, open for reading.
    """

    def __init__(self, chain: ChainFile) -> None:
        self._chain = chain
        self._codec: ContractCodec = chain.codec

    def info(self) -> ChainInfo:
        return self._chain.info()

    def head(self) -> BlockRef:
        return self._chain.head()

    def block(self, number: int) -> BlockFacts | None:
        store = self._chain.store
        with store.snapshot():
            ref = store.block(number)
            if ref is None:
                return None
            rows = store.rows("SELECT * FROM tx WHERE block=? ORDER BY position", (number,))
            logs = tuple(store.logs("block=?", (number,)))
        transactions = tuple(self._facts(TransactionRow(*row), ref, logs) for row in rows)
        return BlockFacts(ref, transactions)

    def block_number(self, block_hash: bytes) -> int | None:
        found = self._chain.store.row("SELECT number FROM block WHERE hash=?", (block_hash,))
        return None if found is None else int(found[0])

    def blocks(self, before: int, count: int) -> Sequence[BlockRef]:
        rows = self._chain.store.rows(
            "SELECT number,hash,time FROM block WHERE number<? AND number IN (SELECT block FROM log)"
            " ORDER BY number DESC LIMIT ?",
            (before, count),
        )
        return [BlockRef(*row) for row in rows]

    def transaction(self, transaction_hash: bytes) -> TransactionFacts | None:
        store = self._chain.store
        with store.snapshot():
            row = store.transaction(transaction_hash)
            if row is None:
                return None
            ref = store.block(row.block)
            logs = tuple(store.logs("block=?", (row.block,)))
        if ref is None:
            raise RuntimeError("a transaction without its block: the chain file is damaged")
        return self._facts(row, ref, logs)

    def _facts(self, row: TransactionRow, ref: BlockRef, logs: Sequence[LogRow]) -> TransactionFacts:
        return TransactionFacts(
            hash=row.hash,
            block=ref,
            position=row.position,
            sender=row.sender,
            gas_used=row.gas_used,
            error=None if row.status else self._chain.failure(row.output)[0],
            events=tuple(self._event(log) for log in logs if log.tx_hash == row.hash),
        )

    def _event(self, log: LogRow) -> EventFacts:
        contract: ContractName = "registry" if log.address == self._chain.store.meta("registry") else "ledger"
        decoded = self._codec[contract].decode_log(log.topics, log.data)
        name, args = ("", {}) if decoded is None else decoded
        return EventFacts(name, args, log.address, log.topics, log.data, log.tx_hash, log.position)


class SqlEntryBook:
    """See ledger.services.explorer.EntryBook.

    Args:
        database: of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_entry(self, entry: bytes) -> tuple[int, int] | None:
        return self._one(credential.c.entry == entry)

    def find_name(self, first: bytes) -> tuple[int, int] | None:
        last = first + b"\xff" * (16 - len(first))
        return self._one(record.c.name.between(first.ljust(16, b"\0"), last))

    def _one(self, which: sa.ColumnElement[bool]) -> tuple[int, int] | None:
        query = (
            sa.select(credential.c.batch_id, credential.c.leaf_index)
            .join(record, record.c.id == credential.c.record_id)
            .where(which)
            .order_by(credential.c.batch_id.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else (row[0], row[1])
