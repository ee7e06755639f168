"""The signing queue: one suite for memory and SQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.adapters.chain_rpc.sending import MemorySendings, Sending, Sendings
from ledger.adapters.chain_rpc.sending_sql import SqlSendings
from ledger.adapters.store_database import open_database
from ledger.adapters.system import ManualClock

FIRST = Sending(
    hash=b"a" * 32, family=b"a" * 32, sender=b"s" * 20, nonce=7, raw=b"raw a", gas_price=10, sent_at=100
)
DEARER = replace(FIRST, hash=b"b" * 32, raw=b"raw b", gas_price=13, sent_at=220)
OTHER = replace(FIRST, hash=b"c" * 32, family=b"c" * 32, nonce=6, raw=b"raw c")


@pytest.fixture(params=["memory", "sql"])
def sendings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sendings]:
    if request.param == "memory":
        yield MemorySendings()
        return
    database = open_database(tmp_path / "store.db", ManualClock(1))
    yield SqlSendings(database)
    database.close()


def test_nobody_knows_what_was_never_kept(sendings: Sendings) -> None:
    assert list(sendings.family(b"x" * 32)) == []
    assert list(sendings.undecided()) == []
    sendings.decided(b"x" * 32)


def test_every_member_names_its_whole_family_oldest_first(sendings: Sendings) -> None:
    for one in (FIRST, DEARER, OTHER):
        sendings.keep(one)
    assert list(sendings.family(FIRST.hash)) == list(sendings.family(DEARER.hash)) == [FIRST, DEARER]
    assert list(sendings.family(OTHER.hash)) == [OTHER]


def test_kept_twice_is_kept_once(sendings: Sendings) -> None:
    sendings.keep(FIRST)
    sendings.keep(replace(FIRST, sent_at=999))
    assert list(sendings.family(FIRST.hash)) == [FIRST]


def test_the_undecided_come_by_nonce_and_the_decided_are_remembered(sendings: Sendings) -> None:
    for one in (FIRST, OTHER, DEARER):
        sendings.keep(one)
    assert list(sendings.undecided()) == [OTHER, FIRST, DEARER]
    sendings.decided(FIRST.family)
    assert list(sendings.undecided()) == [OTHER]
    assert list(sendings.family(DEARER.hash)) == [FIRST, DEARER]
