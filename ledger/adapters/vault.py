"""Encryption at rest: a data key per credential, kept apart from the data.

Hierarchy: password → scrypt → key file → key-encryption key (KEK) and index key, once per process;
KEK → wrapped data keys in their own SQLite file; data key → the personal data of one credential,
wherever the store keeps it. Destroying a data key erases the person's data in the store, in its WAL
and in every backup of it, while anchors stay valid. The key file is backed up separately and shortly.

Layout of a sealed value: version 1 ‖ nonce 12 ‖ ciphertext ‖ tag 16. Of a wrapped key: version 1 ‖
nonce 12 ‖ 32 ‖ tag 16, with the name authenticated. AES-256-GCM (NIST SP 800-38D) under random nonces:
a data key seals a handful of values, the KEK stays far below the 2^32 wraps that its nonces allow.
Index: HMAC-SHA-256 (RFC 2104) under a key of its own, over kind ‖ 0x00 ‖ value: a plain hash of an
identity number could be found by trying all of them.

Not protected: who holds this process's memory, or key file, password and keys.db together.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.adapters.key_files import FILE_MODE, make_private_folder
from ledger.core.errors import InputError, RefusedError, UnavailableError
from ledger.ports import Entropy, Vault

VERSION = b"\x01"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
NAME_BYTES = 16
SECRET_BYTES = 2 * KEY_BYTES  # KEK ‖ index key
SEALED_OVERHEAD = len(VERSION) + NONCE_BYTES + TAG_BYTES
BUSY_TIMEOUT_S = 30.0  # for who works on its own; people before a page wait less
NAMES_PER_QUERY = 500  # SQLite's oldest limit on variables is 999

_SCHEMA = """
CREATE TABLE IF NOT EXISTS data_key (
    name BLOB PRIMARY KEY, wrapped BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erasure (
    name BLOB PRIMARY KEY, erased_at INTEGER NOT NULL
) WITHOUT ROWID;
"""


class VaultKeys:
    """The two keys of an installation, in the clear; made from 64 secret bytes."""

    __slots__ = ("_index", "_wrap")

    def __init__(self, kek: bytes, index_key: bytes) -> None:
        self._wrap = AESGCM(kek)
        self._index = hmac.new(index_key, digestmod=hashlib.sha256)

    @classmethod
    def from_secret(cls, secret: bytes) -> VaultKeys:
        """From KEK ‖ index key, 64 bytes."""
        if len(secret) != SECRET_BYTES:
            raise RuntimeError("the vault's secret has 64 bytes")
        return cls(secret[:KEY_BYTES], secret[KEY_BYTES:])

    def wrap(self, name: bytes, key: bytes, nonce: bytes) -> bytes:
        """A data key under the KEK, bound to its name."""
        return VERSION + nonce + self._wrap.encrypt(nonce, key, name)

    def unwrap(self, name: bytes, wrapped: bytes) -> bytes:
        """The data key; raises InputError(VAULT_TAMPERED)."""
        return _open(self._wrap, wrapped, name)

    def index(self, kind: str, value: str) -> bytes:
        """32 bytes: HMAC-SHA-256 over kind ‖ 0x00 ‖ value."""
        state = self._index.copy()
        state.update(kind.encode() + b"\x00" + value.encode())
        return state.digest()


def _open(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    if sealed[:1] != VERSION or len(sealed) < SEALED_OVERHEAD:
        raise InputError("VAULT_TAMPERED", "these bytes were not sealed by this vault")
    try:
        return cipher.decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], context)
    except InvalidTag as error:
        raise InputError("VAULT_TAMPERED", "sealed bytes, their context or their key were changed") from error


def looks_sealed(data: bytes) -> bool:
    """Whether these bytes have the outer form of a sealed value; no key is needed to ask."""
    return data[:1] == VERSION and len(data) >= SEALED_OVERHEAD


def stored_names(path: Path, names: Sequence[bytes]) -> frozenset[bytes]:
    """Those of the names that have a data key in this file; no password is needed to ask.

    Raises: UnavailableError(VAULT_UNAVAILABLE).
    """
    found: set[bytes] = set()
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            for at in range(0, len(names), NAMES_PER_QUERY):
                part = names[at : at + NAMES_PER_QUERY]
                marks = ",".join("?" * len(part))
                query = f"SELECT name FROM data_key WHERE name IN ({marks})"  # noqa: S608  marks only
                found.update(name for (name,) in connection.execute(query, part))
    except sqlite3.Error as error:
        raise UnavailableError("VAULT_UNAVAILABLE", "the key store cannot be used now") from error
    return frozenset(found)


def erase_in_file(path: Path, items: Sequence[tuple[bytes, int]]) -> int:
    """Destroy these keys in a key store that no process uses; no password is needed. How many there were.

    Args:
        path: of the key store.
        items: names with the times of their erasures.
    Raises: UnavailableError(VAULT_UNAVAILABLE).
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO erasure (name, erased_at) VALUES (?, ?)", items)
            before = connection.total_changes
            connection.executemany("DELETE FROM data_key WHERE name = ?", [(name,) for name, _ in items])
            destroyed = connection.total_changes - before
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise UnavailableError("VAULT_UNAVAILABLE", "the key store cannot be used now") from error
    return destroyed


class SealingKey:
    """A data key in the clear (port DataKey)."""

    __slots__ = ("_cipher", "_token")

    def __init__(self, key: bytes, token: Callable[[int], bytes]) -> None:
        self._cipher = AESGCM(key)
        self._token = token

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Version ‖ nonce ‖ ciphertext ‖ tag; `context` is authenticated, not stored."""
        nonce = self._token(NONCE_BYTES)
        return VERSION + nonce + self._cipher.encrypt(nonce, plaintext, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """What was sealed; raises InputError(VAULT_TAMPERED)."""
        return _open(self._cipher, sealed, context)


def _draw(keys: VaultKeys, names: Sequence[bytes], entropy: Entropy) -> list[tuple[bytes, bytes, bytes]]:
    """Name, key, wrapped key: one entropy call for all."""
    step = KEY_BYTES + NONCE_BYTES
    random = entropy.token(step * len(names)) if names else b""
    drawn = []
    for at, name in zip(range(0, len(random), step), names, strict=True):
        key, nonce = random[at : at + KEY_BYTES], random[at + KEY_BYTES : at + step]
        drawn.append((name, key, keys.wrap(name, key, nonce)))
    return drawn


def _require_names(names: Sequence[bytes]) -> None:
    if any(len(name) != NAME_BYTES for name in names):
        raise RuntimeError("names of data keys have 16 bytes")


def _refuse_erased(count: int) -> RefusedError:
    return RefusedError("DATA_KEY_ERASED", "the data of these credentials was erased for good", count=count)


class MemoryVault:
    """The port Vault in memory: the same encryption, nothing durable."""

    def __init__(self, keys: VaultKeys, entropy: Entropy) -> None:
        self._keys = keys
        self._entropy = entropy
        self._lock = threading.Lock()
        self._wrapped: dict[bytes, bytes] = {}
        self._erased: dict[bytes, int] = {}

    def create(self, names: Sequence[bytes]) -> list[SealingKey]:
        """Keys of these names in this order, made where missing."""
        _require_names(names)
        with self._lock:
            erased = self._erased.keys() & set(names)
            if erased:
                raise _refuse_erased(len(erased))
            missing = [name for name in dict.fromkeys(names) if name not in self._wrapped]
            for name, _, wrapped in _draw(self._keys, missing, self._entropy):
                self._wrapped[name] = wrapped
        found = self.load(names)
        return [found[name] for name in names]

    def load(self, names: Sequence[bytes]) -> dict[bytes, SealingKey]:
        """Keys of these names; unknown and erased ones are absent."""
        with self._lock:
            present = {name: self._wrapped[name] for name in names if name in self._wrapped}
        return {
            name: SealingKey(self._keys.unwrap(name, wrapped), self._entropy.token)
            for name, wrapped in present.items()
        }

    def erase(self, names: Sequence[bytes], at: int) -> int:
        """Destroys keys and remembers the names."""
        _require_names(names)
        with self._lock:
            destroyed = [name for name in dict.fromkeys(names) if self._wrapped.pop(name, None) is not None]
            for name in names:
                self._erased.setdefault(name, at)
        return len(destroyed)

    def erasures(self) -> list[tuple[bytes, int]]:
        """Erased names with their times, oldest first."""
        with self._lock:
            return sorted(self._erased.items(), key=lambda item: (item[1], item[0]))

    def index(self, kind: str, value: str) -> bytes:
        """32 bytes that only this installation can compute."""
        return self._keys.index(kind, value)


class SqliteVault:
    """The port Vault over its own SQLite file; several threads and processes may share the file.

    Every commit is flushed to the disk before `create` or `erase` returns, and SQLite overwrites
    what it deletes (`secure_delete`), so that an erased key is neither in the file nor in free
    pages; after an erasure the WAL, which still held it, is emptied too.
    """

    def __init__(self, path: Path, keys: VaultKeys, entropy: Entropy, busy_s: float = BUSY_TIMEOUT_S) -> None:
        """Opens the file, makes it where there is none.

        Args:
            path: of the file.
            keys: of the installation.
            entropy: data keys and nonces.
            busy_s: how long a writer waits for others; then VAULT_UNAVAILABLE.
        """
        self._path = path
        self._keys = keys
        self._entropy = entropy
        self._busy_s = busy_s
        self._local = threading.local()
        self._opened: dict[threading.Thread, sqlite3.Connection] = {}
        self._lock = threading.Lock()
        if not path.exists():
            make_private_folder(path.parent)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, FILE_MODE))
        with self._writing() as connection:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)

    def close(self) -> None:
        """Closes the connections of all threads."""
        with self._lock:
            for connection in self._opened.values():
                connection.close()
            self._opened.clear()
            self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # each thread has its own; close() may be called from any
            connection = sqlite3.connect(
                self._path, timeout=self._busy_s, isolation_level=None, check_same_thread=False
            )
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}")
            self._local.connection = connection
            with self._lock:
                # a server with a thread for each request must not run out of files
                for ended in [each for each in self._opened if not each.is_alive()]:
                    self._opened.pop(ended).close()
                self._opened[threading.current_thread()] = connection
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction.

        Raises: UnavailableError(VAULT_UNAVAILABLE) when the file is locked, full or damaged.
        """
        try:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise UnavailableError("VAULT_UNAVAILABLE", "the key store cannot be used now") from error

    def create(self, names: Sequence[bytes]) -> list[SealingKey]:
        """Keys of these names in this order, made where missing, durable on return."""
        _require_names(names)
        token = self._entropy.token
        drawn = _draw(self._keys, sorted(set(names)), self._entropy)  # ascending: one pass over the tree
        with self._writing() as connection:
            erased = len(dict(_select(connection, "erasure", "erased_at", names)))
            if erased:
                raise _refuse_erased(erased)
            before = connection.total_changes
            connection.executemany(
                "INSERT OR IGNORE INTO data_key (name, wrapped) VALUES (?, ?)",
                [(name, wrapped) for name, _, wrapped in drawn],
            )
            were_there = connection.total_changes - before < len(drawn)
            stored = dict(_select(connection, "data_key", "wrapped", names)) if were_there else {}
        ready = {name: SealingKey(key, token) for name, key, _ in drawn if name not in stored}
        for name, wrapped in stored.items():
            ready[name] = SealingKey(self._keys.unwrap(name, wrapped), token)
        return [ready[name] for name in names]

    def load(self, names: Sequence[bytes]) -> dict[bytes, SealingKey]:
        """Keys of these names; unknown and erased ones are absent."""
        try:
            wrapped = dict(_select(self._connection(), "data_key", "wrapped", names))
        except sqlite3.Error as error:
            raise UnavailableError("VAULT_UNAVAILABLE", "the key store cannot be used now") from error
        return {
            name: SealingKey(self._keys.unwrap(name, sealed), self._entropy.token)
            for name, sealed in wrapped.items()
        }

    def erase(self, names: Sequence[bytes], at: int) -> int:
        """Destroys keys, remembers the names, empties the WAL."""
        _require_names(names)
        with self._writing() as connection:
            count = len(dict(_select(connection, "data_key", "wrapped", names)))
            connection.executemany(
                "INSERT OR IGNORE INTO erasure (name, erased_at) VALUES (?, ?)",
                [(name, at) for name in names],
            )
            connection.executemany("DELETE FROM data_key WHERE name = ?", [(name,) for name in names])
        self._empty_wal()
        return count

    def _empty_wal(self) -> None:
        try:
            busy, _, _ = self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise UnavailableError("VAULT_UNAVAILABLE", "the key store cannot be used now") from error
        if busy:
            raise UnavailableError(
                "VAULT_WAL_BUSY", "the keys are deleted, but a reader kept the write-ahead log: erase again"
            )

    def erasures(self) -> list[tuple[bytes, int]]:
        """Erased names with their times, oldest first."""
        try:
            rows = self._connection().execute("SELECT name, erased_at FROM erasure ORDER BY erased_at, name")
            return [(bytes(name), int(at)) for name, at in rows]
        except sqlite3.Error as error:
            raise UnavailableError("VAULT_UNAVAILABLE", "the key store cannot be used now") from error

    def index(self, kind: str, value: str) -> bytes:
        """32 bytes that only this installation can compute."""
        return self._keys.index(kind, value)


def replay_erasures(vault: Vault, items: Iterable[tuple[bytes, int]]) -> int:
    """Erases again what was erased before a restore; how many keys came back with the backup."""
    return sum(vault.erase([name], at) for name, at in items)


def _select(
    connection: sqlite3.Connection, table: str, column: str, names: Sequence[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    """Name and column of these names; table and column are our own words."""
    if connection.execute(f"SELECT NOT EXISTS (SELECT 1 FROM {table})").fetchone()[0]:  # noqa: S608
        return
    for at in range(0, len(names), NAMES_PER_QUERY):
        some = names[at : at + NAMES_PER_QUERY]
        marks = ",".join("?" * len(some))
        query = f"SELECT name, {column} FROM {table} WHERE name IN ({marks})"  # noqa: S608 (our own words)
        for name, value in connection.execute(query, some):
            yield bytes(name), value
