"""Accounts and storage while transactions run, as py-evm's state wants them (eth.abc.AccountDatabaseAPI).

py-evm's own keeps five journals over five caches, each for any database. Here what is known lies in
dictionaries, and every change leaves a line that tells how to undo it: a checkpoint is how many lines
there were. Tries are touched when a block is finished (state_trie.py).

Invariants: what a dictionary holds is the newest value; undoing the lines behind a checkpoint, newest
first, gives the state of that moment. After `persist` nothing before it can be undone.
Source: Yellow Paper, section 4.1; EIP-2200 (values before the transaction), EIP-2929 (what is warm). A
property test runs the same steps on this and on py-evm's.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import rlp
from eth.abc import AccountDatabaseAPI, MetaWitnessAPI
from eth.db.witness import MetaWitness
from eth.typing import JournalDBCheckpoint
from eth_typing import Address, Hash32
from lru import LRU

from ledger.adapters.abi import keccak256
from ledger.adapters.chain_embedded.state_trie import StateTrie, string
from ledger.adapters.chain_embedded.tries import EMPTY_ROOT
from ledger.core.errors import UnavailableError

_NO_CODE: Final = keccak256(b"")
_PLACES: Final = 100_000
_ACCOUNT = rlp.sedes.List(
    [rlp.sedes.big_endian_int, rlp.sedes.big_endian_int, rlp.sedes.binary, rlp.sedes.binary]
)
_places: LRU[int | bytes, bytes] = LRU(_PLACES)


class _Account(NamedTuple):
    nonce: int = 0
    balance: int = 0
    storage_root: bytes = EMPTY_ROOT
    code_hash: bytes = _NO_CODE


_FRESH: Final = _Account()


def _place(of: int | bytes) -> bytes:
    """The key in a trie of a slot or an address."""
    known = _places.get(of)
    if known is None:
        known = keccak256(of if isinstance(of, bytes) else of.to_bytes(32))
        _places[of] = known
    return known


class LedgerAccounts(AccountDatabaseAPI):
    """See eth.abc.AccountDatabaseAPI.

    Args:
        db: of the engine; has the decoded nodes in `trie_nodes`.
        state_root: 32 bytes.
    """

    def __init__(self, db: Any, state_root: Hash32 = Hash32(EMPTY_ROOT)) -> None:  # noqa: B008  bytes never change
        self._db = db
        self._root = bytes(state_root)
        self._trie = StateTrie(db.trie_nodes, self._root)
        self._accounts: dict[bytes, _Account | None] = {}
        self._slots: dict[bytes, dict[int, int]] = {}
        self._tries: dict[bytes, StateTrie] = {}
        self._codes: dict[bytes, bytes] = {}
        self._changed: set[bytes] = set()
        self._changed_slots: dict[bytes, set[int]] = {}
        self._before: dict[tuple[bytes, int], int] = {}  # when the transaction began, of what it wrote
        self._warm: set[bytes | tuple[bytes, int]] = set()
        self._transient: dict[tuple[bytes, int], bytes] = {}
        self._undo: list[tuple[Any, Any, Any]] = []  # (what, key, value before)

    # the whole

    @property
    def state_root(self) -> Hash32:
        return Hash32(self._root)

    @state_root.setter
    def state_root(self, value: Hash32) -> None:
        if value != self._root:
            raise RuntimeError("a state cannot go back behind what was persisted")

    def has_root(self, state_root: bytes) -> bool:
        return state_root == EMPTY_ROOT or state_root in self._db

    def record(self) -> JournalDBCheckpoint:
        return JournalDBCheckpoint(len(self._undo))

    def commit(self, checkpoint: JournalDBCheckpoint) -> None:
        """Nothing: an outer checkpoint may still undo it."""

    def discard(self, checkpoint: JournalDBCheckpoint) -> None:
        undo = self._undo
        while len(undo) > checkpoint:
            what, key, value = undo.pop()
            if what is _WARM:
                self._warm.discard(key)
            elif what is _WIPED:
                self._slots[key], self._tries[key] = value
            else:
                what[key] = value

    def lock_changes(self) -> None:
        self._before.clear()
        self._warm.clear()

    def make_state_root(self) -> Hash32:
        into = self._db
        for code_hash, code in self._codes.items():
            into[code_hash] = code
        for address, slots in self._changed_slots.items():
            known, trie = self._slots[address], self._tries[address]
            for slot in slots:
                value = known.get(slot)
                if value is not None:
                    trie.set(_place(slot), string(_big_endian(value)) if value else b"")
            root, account = trie.write(into), self._account(address)
            if root != (account or _FRESH).storage_root and (account is not None or root != EMPTY_ROOT):
                self._set(address, (account or _FRESH)._replace(storage_root=root))
        for address in self._changed:
            account = self._accounts[address]
            self._trie.set(_place(address), b"" if account is None else rlp.encode(account, _ACCOUNT))
        self._root = self._trie.write(into)
        self._codes.clear()
        self._changed.clear()
        self._changed_slots.clear()
        return self.state_root

    def persist(self) -> MetaWitnessAPI:
        self.make_state_root()
        self._undo.clear()
        return MetaWitness(set(), {})

    # accounts

    def _account(self, address: bytes) -> _Account | None:
        try:
            return self._accounts[address]
        except KeyError:
            encoded = self._trie.get(_place(address))
            found = _Account(*rlp.decode(encoded, _ACCOUNT)) if encoded else None
            self._accounts[address] = found
            return found

    def _set(self, address: bytes, account: _Account | None) -> None:
        self._undo.append((self._accounts, address, self._account(address)))
        self._accounts[address] = account
        self._changed.add(address)

    def get_balance(self, address: Address) -> int:
        return (self._account(address) or _FRESH).balance

    def set_balance(self, address: Address, balance: int) -> None:
        self._set(address, (self._account(address) or _FRESH)._replace(balance=balance))

    def get_nonce(self, address: Address) -> int:
        return (self._account(address) or _FRESH).nonce

    def set_nonce(self, address: Address, nonce: int) -> None:
        self._set(address, (self._account(address) or _FRESH)._replace(nonce=nonce))

    def increment_nonce(self, address: Address) -> None:
        self.set_nonce(address, self.get_nonce(address) + 1)

    def account_has_code_or_nonce(self, address: Address) -> bool:
        account = self._account(address) or _FRESH
        return account.nonce != 0 or account.code_hash != _NO_CODE

    def account_exists(self, address: Address) -> bool:
        return self._account(address) is not None

    def account_is_empty(self, address: Address) -> bool:
        return not self.account_has_code_or_nonce(address) and not self.get_balance(address)

    def touch_account(self, address: Address) -> None:
        self._set(address, self._account(address) or _FRESH)

    def delete_account(self, address: Address) -> None:
        self._wipe(address)
        self._set(address, None)

    # code

    def get_code_hash(self, address: Address) -> Hash32:
        return Hash32((self._account(address) or _FRESH).code_hash)

    def get_code(self, address: Address) -> bytes:
        code_hash = self.get_code_hash(address)
        if code_hash == _NO_CODE:
            return b""
        code = self._codes.get(code_hash)
        if code is not None:
            return code
        try:
            return bytes(self._db[code_hash])
        except KeyError as error:
            raise UnavailableError(
                "CHAIN_UNAVAILABLE", "the chain file is damaged: a contract's code is missing"
            ) from error

    def set_code(self, address: Address, code: bytes) -> None:
        code_hash = keccak256(code)
        self._codes[code_hash] = code  # stays when the change is undone: nothing names it then
        self._set(address, (self._account(address) or _FRESH)._replace(code_hash=code_hash))

    def delete_code(self, address: Address) -> None:
        self._set(address, (self._account(address) or _FRESH)._replace(code_hash=_NO_CODE))

    # storage

    def _storage(self, address: bytes) -> dict[int, int]:
        known = self._slots.get(address)
        if known is None:
            root = (self._account(address) or _FRESH).storage_root
            self._tries[address] = StateTrie(self._db.trie_nodes, root)
            known = self._slots[address] = {}
        return known

    def get_storage(self, address: Address, slot: int, from_journal: bool = True) -> int:  # noqa: FBT001, FBT002  py-evm's shape
        if not from_journal:
            before = self._before.get((address, slot))
            if before is not None:
                return before
        known = self._storage(address)
        try:
            return known[slot]
        except KeyError:
            encoded = self._tries[address].get(_place(slot))
            value = known[slot] = int.from_bytes(_content(encoded)) if encoded else 0
            return value

    def set_storage(self, address: Address, slot: int, value: int) -> None:
        was = self.get_storage(address, slot)
        self._before.setdefault((address, slot), was)
        known = self._slots[address]
        self._undo.append((known, slot, was))
        known[slot] = value
        self._changed_slots.setdefault(address, set()).add(slot)

    def delete_storage(self, address: Address) -> None:
        account = self._account(address) or _FRESH
        self._wipe(address)
        self._set(address, account._replace(storage_root=EMPTY_ROOT))

    def _wipe(self, address: bytes) -> None:
        known = self._storage(address)
        self._undo.append((_WIPED, address, (known, self._tries[address])))
        self._slots[address] = {}
        self._tries[address] = StateTrie(self._db.trie_nodes, EMPTY_ROOT)
        self._changed_slots.setdefault(address, set())

    # EIP-1153

    def get_transient_storage(self, address: Address, slot: int) -> bytes:
        """See eth.abc.TransientStorageAPI."""
        return self._transient.get((address, slot), b"")

    def set_transient_storage(self, address: Address, slot: int, value: bytes) -> None:
        """See eth.abc.TransientStorageAPI."""
        key = address, slot
        self._undo.append((self._transient, key, self._transient.get(key, b"")))
        self._transient[key] = value

    def clear_transient_storage(self) -> None:
        """At the end of a transaction."""
        self._transient.clear()

    # EIP-2929

    def is_address_warm(self, address: Address) -> bool:
        return address in self._warm

    def mark_address_warm(self, address: Address) -> None:
        self._warm_up(address)

    def is_storage_warm(self, address: Address, slot: int) -> bool:
        return (address, slot) in self._warm

    def mark_storage_warm(self, address: Address, slot: int) -> None:
        self._warm_up((address, slot))

    def _warm_up(self, what: bytes | tuple[bytes, int]) -> None:
        if what not in self._warm:
            self._warm.add(what)
            self._undo.append((_WARM, what, None))


_WARM: Final = object()
_WIPED: Final = object()


def _big_endian(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8)


def _content(encoded: bytes) -> bytes:
    """The byte string of at most 32 bytes that RLP holds."""
    return encoded if encoded[0] < 0x80 else encoded[1:]
