"""Accounts, storage and tries of the embedded chain are py-evm's: the same steps give the same roots."""

from __future__ import annotations

from typing import Any

import pytest
from eth.db.account import AccountDB
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM
from eth_typing import Address
from hypothesis import example, given
from hypothesis import strategies as st
from trie import HexaryTrie

from ledger.adapters.abi import keccak256
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.state_db import LedgerAccounts
from ledger.adapters.chain_embedded.state_trie import StateTrie, TrieNodes
from ledger.adapters.chain_embedded.store import MEMORY
from ledger.adapters.chain_embedded.tries import EMPTY_ROOT
from ledger.adapters.system import ManualClock, SeededEntropy
from ledger.core.errors import UnavailableError

_ADDRESSES = [Address(bytes([number]) * 20) for number in range(4)]
_KEYS = [keccak256(bytes([number])) for number in range(40)] + [
    bytes(29) + bytes([first, second, third])
    for first in (0, 1)
    for second in (0, 16)
    for third in (0, 1, 17)
]
_VALUES = [b"", b"", b"\x01", b"\x80", b"v" * 33, b"long" * 40]
_NUMBERS = st.sampled_from([0, 1, 127, 128, 2**64, 2**256 - 1])
_WHO = st.sampled_from(_ADDRESSES)
_STEPS = st.one_of(
    st.tuples(st.just("set_storage"), _WHO, st.integers(0, 5), _NUMBERS),
    st.tuples(st.just("set_balance"), _WHO, _NUMBERS),
    st.tuples(st.just("increment_nonce"), _WHO),
    st.tuples(st.just("set_code"), _WHO, st.sampled_from([b"", b"code", b"more code"])),
    st.tuples(st.just("delete_code"), _WHO),
    st.tuples(st.just("touch_account"), _WHO),
    st.tuples(st.just("delete_account"), _WHO),
    st.tuples(st.just("delete_storage"), _WHO),
    st.tuples(st.just("mark_address_warm"), _WHO),
    st.tuples(st.just("mark_storage_warm"), _WHO, st.integers(0, 5)),
    st.tuples(st.sampled_from(["record", "discard", "commit", "transaction", "block"])),
)


class Store(dict[bytes, bytes]):
    """Nodes in memory, as the engine hands them over."""

    def __init__(self) -> None:
        super().__init__()
        self.trie_nodes = TrieNodes(self.get)


class Both:
    """The same steps on ours and on py-evm's."""

    def __init__(self) -> None:
        self.store = Store()
        self.sides: list[Any] = [LedgerAccounts(self.store), AccountDB(AtomicDB())]
        self.checkpoints: list[list[Any]] = []
        self.wiped = False

    def step(self, name: str, *args: Any) -> None:
        if name == "record":
            self.checkpoints.append([side.record() for side in self.sides])
        elif name in {"discard", "commit"}:
            if self.checkpoints:
                for side, checkpoint in zip(self.sides, self.checkpoints.pop(), strict=True):
                    getattr(side, name)(checkpoint)
        elif name in {"transaction", "block"}:
            while self.checkpoints:
                self.step("commit")
            for side in self.sides:
                side.lock_changes()
                if name == "block":
                    side.persist()
            self.wiped = False
        else:
            self.wiped |= name in {"delete_account", "delete_storage"}
            for side in self.sides:
                getattr(side, name)(*args)

    def seen(self, side: Any) -> list[Any]:
        told: list[Any] = []
        for who in _ADDRESSES:
            told += [side.get_balance(who), side.get_nonce(who), side.get_code(who), side.get_code_hash(who)]
            told += [side.account_exists(who), side.account_is_empty(who), side.is_address_warm(who)]
            told += [side.account_has_code_or_nonce(who)]
            for slot in range(6):
                told += [side.get_storage(who, slot), side.is_storage_warm(who, slot)]
                if not self.wiped:  # py-evm forgets what a transaction found when storage is taken away
                    told.append(side.get_storage(who, slot, from_journal=False))
        return told


@given(st.lists(_STEPS, max_size=40))
@example([("set_storage", _ADDRESSES[1], 2, 7), ("record",), ("delete_storage", _ADDRESSES[1]), ("discard",)])
@example(
    [
        ("set_storage", _ADDRESSES[1], 2, 7),
        ("block",),
        ("record",),
        ("delete_account", _ADDRESSES[1]),
        ("set_storage", _ADDRESSES[1], 3, 1),
        ("discard",),
        ("block",),
    ]
)
def test_the_same_steps_give_the_same_state(steps: list[tuple[Any, ...]]) -> None:
    both = Both()
    for step in steps:
        both.step(*step)
        ours, theirs = (both.seen(side) for side in both.sides)
        assert ours == theirs, step
    both.step("block")
    ours, theirs = both.sides
    assert ours.state_root == theirs.state_root
    again = LedgerAccounts(both.store, ours.state_root)  # from what was written alone
    again.lock_changes()
    theirs.lock_changes()
    assert both.seen(again) == both.seen(theirs)
    assert again.has_root(ours.state_root)
    assert not again.has_root(keccak256(b"another"))


@given(
    st.lists(st.lists(st.tuples(st.sampled_from(_KEYS), st.sampled_from(_VALUES)), max_size=12), max_size=6)
)
def test_a_trie_has_the_root_that_py_evms_has(blocks: list[list[tuple[bytes, bytes]]]) -> None:
    store: dict[bytes, bytes] = {}
    nodes, theirs, root = TrieNodes(store.get), HexaryTrie({}), EMPTY_ROOT
    for block in blocks:
        trie = StateTrie(nodes, root)
        for key, value in block:
            trie.set(key, value)
            theirs[key] = value
        root = trie.write(store)
        assert root == theirs.root_hash
        for fresh in (nodes, TrieNodes(store.get)):
            assert [StateTrie(fresh, root).get(key) for key in _KEYS] == [theirs[key] for key in _KEYS]


def test_a_damaged_node_is_told() -> None:
    store: dict[bytes, bytes] = {}
    trie = StateTrie(TrieNodes(store.get), EMPTY_ROOT)
    for key in _KEYS:
        trie.set(key, b"v" * 33)
    root = trie.write(store)
    for damage in (lambda node: node[:-1] + b"\x00", lambda _: None):
        damaged = TrieNodes(lambda node_hash, damage=damage: damage(store[node_hash]))
        with pytest.raises(UnavailableError) as refusal:
            StateTrie(damaged, root).get(_KEYS[0])
        assert refusal.value.code == "CHAIN_UNAVAILABLE"


def test_a_header_is_what_py_evm_makes_after_its_parent() -> None:
    clock = ManualClock(1_795_000_000)
    chain = EmbeddedChain.create(MEMORY, clock, SeededEntropy(1))
    parent = chain.head_header
    for _ in range(2):
        clock.advance(7)
        made = chain.engine.builder(parent, clock.now()).finish().header
        expected = PragueVM.create_header_from_parent(
            parent, gas_limit=parent.gas_limit, timestamp=clock.now(), coinbase=Address(bytes(20))
        )
        assert made == expected.copy(state_root=made.state_root, transaction_root=made.transaction_root,
                                     receipt_root=made.receipt_root)  # fmt: skip
        parent = made
    chain.close()
