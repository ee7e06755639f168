"""Signed checkpoints in a SQLite file of their own, beside the chain file.

The process that seals writes the operator's, the processes that answer witnesses write theirs, everybody
reads. It is another file than chain and store so that nobody waits for it. Every commit survives the death
of a process; a power cut may cost the last ones, which their signers simply repeat.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.adapters.sqlite_reading import connect_read_only
from ledger.adapters.sqlite_watch import ChangeWatch
from ledger.core.checkpoint import SignedCheckpoint, encode_checkpoint, parse_checkpoint
from ledger.core.errors import UnavailableError
from ledger.core.model import WitnessHead
from ledger.ports.witness import MOST_STRAY, KeptStatement, Signatory

_BUSY_S = 3.0
_DEEPEST = 2_000  # statements of one witness looked at for one that agrees with our blocks
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS statement(signatory TEXT NOT NULL, number INTEGER NOT NULL,
  thumbprint BLOB NOT NULL, hash BLOB NOT NULL, signed_at INTEGER NOT NULL,
  stray INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(signatory, number, thumbprint, hash)) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS witness(thumbprint BLOB PRIMARY KEY) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS statement_key ON statement(thumbprint, number) WHERE signatory='witness'",
    "CREATE INDEX IF NOT EXISTS statement_stray ON statement(thumbprint) WHERE signatory='witness' AND stray",
)
_HashOf = Callable[[int], bytes | None]


class CheckpointFile:
    """See ledger.ports.witness.CheckpointBook.

    Args:
        path: made by the first writer.
        read_only: never writes; a file that is not there yet reads as empty.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._watch: ChangeWatch | None = None

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            if self._watch is not None:
                self._watch.close()
            if self._db is not None:
                self._db.close()
            self._db = self._watch = None

    # writing

    def keep(self, signed: SignedCheckpoint, signatory: Signatory, *, is_stray: bool = False) -> None:
        """See CheckpointBook."""
        block = signed.checkpoint.block
        row = (signatory, block.number, signed.thumbprint, block.hash, signed.checkpoint.signed_at, is_stray)
        with self._using() as db:
            if db is None:
                raise UnavailableError("CHECKPOINTS_UNAVAILABLE", "checkpoints are only read here")
            if is_stray and _strays(db, signed.thumbprint) >= MOST_STRAY:
                return
            db.execute(
                "INSERT INTO statement VALUES(?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
                "signed_at=excluded.signed_at, stray=excluded.stray, body=excluded.body "
                "WHERE excluded.signed_at>signed_at",
                (*row, encode_checkpoint(signed)),
            )
            if signatory == "witness":
                db.execute("INSERT OR IGNORE INTO witness VALUES(?)", (signed.thumbprint,))

    # reading

    def newest(self, signatory: Signatory) -> SignedCheckpoint | None:
        """See CheckpointBook."""
        found = self._rows(
            "SELECT body FROM statement WHERE signatory=? ORDER BY number DESC, signed_at DESC LIMIT 1",
            (signatory,),
        )
        return parse_checkpoint(found[0][0]) if found else None

    def at(self, number: int) -> Sequence[KeptStatement]:
        """See CheckpointBook."""
        signatories: tuple[Signatory, ...] = ("operator", "witness")
        return [
            KeptStatement(signatory, parse_checkpoint(body))
            for signatory in signatories
            for (body,) in self._rows(
                "SELECT body FROM statement WHERE signatory=? AND number=? ORDER BY thumbprint, hash",
                (signatory, number),
            )
        ]

    def newest_of_each(self) -> Sequence[SignedCheckpoint]:
        """See CheckpointBook."""
        found = [next(self._downward(key, None), None) for key in self._witnesses()]
        return [parse_checkpoint(row[3]) for row in found if row is not None]

    def witnessed(self, hash_of: _HashOf, head: int) -> tuple[WitnessHead, ...]:
        """See CheckpointBook."""
        found: list[WitnessHead] = []
        for key in self._witnesses():
            for number, block_hash, signed_at, _ in self._downward(key, head):
                if hash_of(number) == block_hash:
                    found.append(WitnessHead(key, number, signed_at))
                    break
        return tuple(found)

    def stray(self, hash_of: _HashOf, head: int) -> Sequence[SignedCheckpoint]:
        """See CheckpointBook."""
        found: list[bytes] = []
        for key in self._witnesses():
            highest = next(self._downward(key, None), None)
            if highest is not None and highest[0] > head:
                found.append(highest[3])
            for number, block_hash, _, body in self._downward(key, head):
                if hash_of(number) != block_hash:
                    found.append(body)
                    break
        return [parse_checkpoint(body) for body in found]

    def stamp(self) -> bytes:
        """See CheckpointBook."""
        watch = self._watch
        if watch is None:
            with self._using() as db:
                if db is None or self._watch is None:
                    return b""
                watch = self._watch
        return watch.stamp()

    def _witnesses(self) -> list[bytes]:
        return [bytes(row[0]) for row in self._rows("SELECT thumbprint FROM witness ORDER BY thumbprint")]

    def _downward(self, key: bytes, top: int | None) -> Iterator[tuple[int, bytes, int, bytes]]:
        """(number, hash, signed_at, body) of a witness, highest block first."""
        query = (
            "SELECT number,hash,signed_at,body FROM statement WHERE signatory='witness' AND thumbprint=? "
            "AND number<=? ORDER BY number DESC, signed_at DESC LIMIT ?"
        )
        highest = 2**63 - 1 if top is None else top
        yield from self._rows(query, (key, highest, 1))
        yield from self._rows(query + " OFFSET 1", (key, highest, _DEEPEST))

    def _rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with self._using() as db:
            return [] if db is None else db.execute(query, parameters).fetchall()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection | None]:
        """The open file; None while it is only read and not there."""
        with self._lock:
            try:
                yield self._open()
            except sqlite3.Error as error:
                raise UnavailableError(
                    "CHECKPOINTS_UNAVAILABLE", f"{self._path.name} cannot be used: {error}"
                ) from error

    def _open(self) -> sqlite3.Connection | None:
        if self._db is not None:
            return self._db
        if self._read_only:
            if not self._path.is_file():
                return None
            db = connect_read_only(self._path, _BUSY_S)
            if not _has_tables(db):  # its first writer is at work
                db.close()
                return None
        else:
            db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
            self._path.chmod(0o600)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            for statement in _SCHEMA:
                db.execute(statement)
        self._db, self._watch = db, ChangeWatch(db, self._path)
        return db


def _strays(db: sqlite3.Connection, thumbprint: bytes) -> int:
    count: int = db.execute(
        "SELECT count(*) FROM statement WHERE signatory='witness' AND thumbprint=? AND stray", (thumbprint,)
    ).fetchone()[0]
    return count


def _has_tables(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name='witness'").fetchone() is not None
