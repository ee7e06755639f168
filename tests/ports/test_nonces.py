"""Nonces of status changes and of transactions, of both stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.store_memory import MemoryStore
from ledger.adapters.store_sql import open_store
from ledger.adapters.system import ManualClock, SeededEntropy
from ledger.core.flow import JobKind, NewJob, TransactionState
from ledger.ports import PreparedTransaction, Store
from tests.flow_world import ISSUER, START


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture(params=["memory", "sql"])
def store(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(clock)
        return
    opened = open_store(tmp_path / "store.db", clock)
    yield opened
    opened.close()


class TestNonces:
    def test_a_word_is_filled_before_the_next_is_drawn(self, store: Store) -> None:
        entropy = SeededEntropy(5)
        drawn = [store.nonces.draw(ISSUER, entropy) for _ in range(600)]
        assert (len(set(drawn)), len({nonce // 256 for nonce in drawn})) == (600, 3)
        words = [nonce // 256 for nonce in drawn]
        assert [len({*words[at : at + 256]}) for at in (0, 256, 512)] == [1, 1, 1]
        assert all(0 < nonce < 1 << 256 for nonce in drawn)

    def test_each_issuer_has_its_own(self, store: Store) -> None:
        entropy = SeededEntropy(5)
        issuers = (ISSUER, "12990200XXXX000290", ISSUER)
        one, other, next_one = (store.nonces.draw(issuer, entropy) for issuer in issuers)
        assert next_one == one + 1
        assert other // 256 != one // 256

    def test_they_go_on_where_another_process_stopped(self, tmp_path: Path, clock: ManualClock) -> None:
        drawn = []
        for seed in range(3):
            opened = open_store(tmp_path / "store.db", clock)
            drawn.append(opened.nonces.draw(ISSUER, SeededEntropy(seed)))
            opened.close()
        assert drawn == [drawn[0], drawn[0] + 1, drawn[0] + 2]


def test_on_another_chain_the_nonces_of_accounts_begin_anew(store: Store) -> None:
    sender = b"s" * 20

    def prepared(nonce: int) -> PreparedTransaction:
        return PreparedTransaction(nonce.to_bytes(32), b"raw", sender, nonce)

    leases = []
    for name in "ab":
        store.outbox.enqueue(NewJob(JobKind.CALL, name))
        lease = store.outbox.claim([JobKind.CALL], "tester", 30)
        assert lease is not None
        leases.append(lease)
    before = store.transactions.record(leases[0], sender, 7, prepared)
    store.transactions.settle(before, TransactionState.FINAL)
    assert store.transactions.leave_chain() == 1
    assert store.transactions.leave_chain() == 0
    assert store.transactions.current(leases[0].job.id) is None
    assert [store.transactions.record(lease, sender, 0, prepared).nonce for lease in leases] == [0, 1]
