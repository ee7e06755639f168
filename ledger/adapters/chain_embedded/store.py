"""Tables of the chain file: nodes of the state tries, blocks, transactions, logs, waiting transactions.

One writer (the process with the lock) and any number of readers at the same time: WAL, no exclusive
locking. Everything that belongs to one block is written in one SQLite transaction with
synchronous=FULL, so that after a kill or a power cut a block is there whole or not at all.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.adapters.chain_embedded.accounts import code_hash_at
from ledger.adapters.sqlite_reading import connect_read_only
from ledger.adapters.sqlite_watch import ChangeWatch
from ledger.core.errors import NotFoundError, UnavailableError
from ledger.core.model import BlockRef, ChainInfo

MEMORY = ":memory:"
_BUSY_S = 10.0  # a reader's checkpoint may hold the writer up for a moment
_SCHEMA_VERSION = 1
OUT_OF_GAS = b"\x00out of gas"
"""Stored in place of revert data, which is empty then; no error selector of ours begins with 0x00."""
_SCHEMA = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE node(hash BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE block(number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, time INTEGER NOT NULL,
  rlp BLOB NOT NULL);
CREATE TABLE tx(hash BLOB PRIMARY KEY, block INTEGER NOT NULL, position INTEGER NOT NULL,
  sender BLOB NOT NULL, status INTEGER NOT NULL, gas_used INTEGER NOT NULL, output BLOB NOT NULL,
  created BLOB) WITHOUT ROWID;
CREATE TABLE account(address BLOB PRIMARY KEY, nonce INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE log(block INTEGER NOT NULL, position INTEGER NOT NULL, tx_position INTEGER NOT NULL,
  tx_hash BLOB NOT NULL, address BLOB NOT NULL, topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB,
  data BLOB NOT NULL, PRIMARY KEY(block, position)) WITHOUT ROWID;
CREATE INDEX log_topic2 ON log(topic2, topic1) WHERE topic2 IS NOT NULL;
CREATE TABLE mempool(arrival INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE,
  raw BLOB NOT NULL);
CREATE TABLE rejected(hash BLOB PRIMARY KEY, code TEXT NOT NULL, detail TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class LogRow:
    """One log as stored. `topics` has 0 to 4 entries of 32 bytes."""

    block: int
    position: int
    tx_position: int
    tx_hash: bytes
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """One transaction in a block. `output` is kept only where it tells why it failed."""

    hash: bytes
    block: int
    position: int
    sender: bytes
    status: int
    gas_used: int
    output: bytes
    created: bytes | None


@dataclass(frozen=True, slots=True)
class SealedRows:
    """What one block adds."""

    ref: BlockRef
    rlp: bytes
    transactions: tuple[TransactionRow, ...]
    logs: tuple[LogRow, ...]
    nonces: Mapping[bytes, int]
    rejected: Mapping[bytes, tuple[str, tuple[Any, ...]]]


class ChainStore:
    """One connection to a chain file.

    Args:
        path: the file, or MEMORY.
        read_only: never writes, not even the WAL index where that can be avoided.
    """

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._db = _connect(path, read_only=read_only)
        self._code_hashes: dict[bytes, bytes] = {}
        self._watch = ChangeWatch(self._db, None if path == MEMORY else Path(path))

    def is_empty(self) -> bool:
        return bool(self.row("PRAGMA user_version")[0] == 0)

    def create(self) -> None:
        """Make the tables of an empty file; inside `write` together with the first rows."""
        with self.write():
            for statement in _SCHEMA.split(";"):
                if statement.strip():
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")

    def require_schema(self) -> None:
        """Raises: NotFoundError(CHAIN_MISSING) if this is no chain file."""
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version != _SCHEMA_VERSION:
            raise NotFoundError("CHAIN_MISSING", f"{self.path} is not a chain file of this version")

    def close(self) -> None:
        """The file may be opened by others afterwards."""
        with self.lock:
            self._watch.close()
            self._db.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction; inside another one, a part of it.

        Raises: UnavailableError(CHAIN_UNAVAILABLE) when the disk refuses.
        """
        with self.lock:
            if self._db.in_transaction:
                yield self._db
                return
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                raise UnavailableError(
                    "CHAIN_UNAVAILABLE", f"the chain file cannot be written: {error}"
                ) from error

    def _roll_back(self) -> None:
        """After a failed COMMIT."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several reads of one moment, while another process goes on sealing."""
        with self.lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("COMMIT")

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows. Raises: UnavailableError(CHAIN_UNAVAILABLE)."""
        with self.lock:
            try:
                return self._db.execute(query, parameters).fetchall()
            except sqlite3.Error as error:
                raise UnavailableError(
                    "CHAIN_UNAVAILABLE", f"the chain file cannot be read: {error}"
                ) from error

    def row(self, query: str, parameters: Sequence[Any] = ()) -> Any:
        """The first row or None."""
        found = self.rows(query, parameters)
        return found[0] if found else None

    def change_stamp(self) -> bytes:
        """Differs from an earlier one when somebody committed in between."""
        return self._watch.stamp()

    # facts about the installation

    def meta(self, name: str) -> bytes | None:
        found = self.row("SELECT value FROM meta WHERE name=?", (name,))
        return None if found is None else bytes(found[0])

    def save_meta(self, values: Mapping[str, bytes]) -> None:
        with self.write() as db:
            db.executemany("INSERT OR REPLACE INTO meta VALUES(?,?)", values.items())

    def chain_id(self) -> int:
        return int(self.meta("chain_id") or b"0")

    def info(self) -> ChainInfo:
        """Addresses and code hashes are zero bytes until the contracts are deployed."""
        genesis = self.block(0)
        registry, ledger = (self.meta(name) or bytes(20) for name in ("registry", "ledger"))
        return ChainInfo(
            chain_id=self.chain_id(),
            ledger_id=genesis.hash if genesis else bytes(32),
            registry=registry,
            ledger=ledger,
            registry_code_hash=self._code_hash(registry),
            ledger_code_hash=self._code_hash(ledger),
        )

    def _code_hash(self, address: bytes) -> bytes:
        """From the state, not from what the file says about itself. Code never changes once it is there."""
        if not any(address):
            return bytes(32)
        known = self._code_hashes.get(address)
        if known is None:
            head = self.head()
            known = code_hash_at(self.block_rlp(head.number) or b"", head.hash, address, self.node)
            if any(known):
                self._code_hashes[address] = known
        return known

    # blocks and transactions

    def head(self) -> BlockRef:
        found = self.row("SELECT number,hash,time FROM block ORDER BY number DESC LIMIT 1")
        return BlockRef(*found)

    def block(self, number: int) -> BlockRef | None:
        found = self.row("SELECT number,hash,time FROM block WHERE number=?", (number,))
        return None if found is None else BlockRef(*found)

    def block_rlp(self, number: int) -> bytes | None:
        found = self.row("SELECT rlp FROM block WHERE number=?", (number,))
        return None if found is None else bytes(found[0])

    def nonce(self, address: bytes) -> int:
        found = self.row("SELECT nonce FROM account WHERE address=?", (address,))
        return 0 if found is None else int(found[0])

    def transaction(self, transaction_hash: bytes) -> TransactionRow | None:
        found = self.row("SELECT * FROM tx WHERE hash=?", (transaction_hash,))
        return None if found is None else TransactionRow(*found)

    def rejection(self, transaction_hash: bytes) -> tuple[str, tuple[Any, ...]] | None:
        found = self.row("SELECT code,detail FROM rejected WHERE hash=?", (transaction_hash,))
        return None if found is None else (found[0], tuple(json.loads(found[1])))

    def logs(self, where: str, parameters: Sequence[Any]) -> Iterator[LogRow]:
        """Logs in chain order. `where` is SQL over the columns of `log`, written by us alone."""
        query = f"SELECT * FROM log WHERE {where} ORDER BY block,position"  # noqa: S608  ours
        for row in self.rows(query, parameters):
            topics = tuple(topic for topic in row[5:9] if topic is not None)
            yield LogRow(row[0], row[1], row[2], row[3], row[4], topics, row[9])

    # waiting transactions

    def enqueue(self, transaction_hash: bytes, raw: bytes) -> None:
        """Durable when it returns; a second time has no effect."""
        with self.write() as db:
            db.execute("DELETE FROM rejected WHERE hash=?", (transaction_hash,))
            db.execute("INSERT OR IGNORE INTO mempool(hash,raw) VALUES(?,?)", (transaction_hash, raw))

    def is_waiting(self, transaction_hash: bytes) -> bool:
        return self.row("SELECT 1 FROM mempool WHERE hash=?", (transaction_hash,)) is not None

    def waiting(self, limit: int) -> list[tuple[bytes, bytes]]:
        """(hash, raw) in order of arrival."""
        return self.rows("SELECT hash,raw FROM mempool ORDER BY arrival LIMIT ?", (limit,))

    def waiting_count(self) -> int:
        return int(self.row("SELECT count(*) FROM mempool")[0])

    def node(self, node_hash: bytes) -> bytes | None:
        found = self.row("SELECT value FROM node WHERE hash=?", (node_hash,))
        return None if found is None else bytes(found[0])

    def commit(self, nodes: Mapping[bytes, bytes], sealed: SealedRows) -> None:
        """Everything of one block, at once."""
        with self.write() as db:
            db.executemany("INSERT OR IGNORE INTO node VALUES(?,?)", nodes.items())
            db.execute(
                "INSERT INTO block VALUES(?,?,?,?)",
                (sealed.ref.number, sealed.ref.hash, sealed.ref.time, sealed.rlp),
            )
            db.executemany(
                "INSERT INTO tx VALUES(?,?,?,?,?,?,?,?)",
                [
                    (t.hash, t.block, t.position, t.sender, t.status, t.gas_used, t.output, t.created)
                    for t in sealed.transactions
                ],
            )
            db.executemany(
                "INSERT INTO log VALUES(?,?,?,?,?,?,?,?,?,?)", [_log_values(log) for log in sealed.logs]
            )
            db.executemany("INSERT OR REPLACE INTO account VALUES(?,?)", sealed.nonces.items())
            db.executemany("DELETE FROM mempool WHERE hash=?", [(t.hash,) for t in sealed.transactions])
            _reject(db, sealed.rejected)

    def reject(self, rejected: Mapping[bytes, tuple[str, tuple[Any, ...]]]) -> None:
        """Take transactions that can never be included out of the queue, with their reasons."""
        with self.write() as db:
            _reject(db, rejected)


def _reject(db: sqlite3.Connection, rejected: Mapping[bytes, tuple[str, tuple[Any, ...]]]) -> None:
    db.executemany("DELETE FROM mempool WHERE hash=?", [(key,) for key in rejected])
    db.executemany(
        "INSERT OR REPLACE INTO rejected VALUES(?,?,?)",
        [(key, code, json.dumps(detail)) for key, (code, detail) in rejected.items()],
    )


def _log_values(log: LogRow) -> tuple[Any, ...]:
    topics = (*log.topics, None, None, None, None)[:4]
    return (log.block, log.position, log.tx_position, log.tx_hash, log.address, *topics, log.data)


def _connect(path: Path | str, *, read_only: bool) -> sqlite3.Connection:
    if path == MEMORY:
        return sqlite3.connect(MEMORY, isolation_level=None, check_same_thread=False)
    file = Path(path)
    try:
        if read_only:
            return connect_read_only(file, _BUSY_S)
        db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA cache_size=-65536")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise UnavailableError("CHAIN_UNAVAILABLE", f"{file} cannot be opened: {error}") from error
    return db
