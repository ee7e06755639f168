"""Blocks from mirrors: only what operator or witnesses signed, run again, all of it or nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.engine import decode_block
from ledger.core.checkpoint import sign_checkpoint
from ledger.core.errors import LedgerError
from ledger.core.model import BlockRef, ChainInfo, KeyRecord, Purpose
from ledger.core.trust import RestoreNotice, Trust, load_trust_bytes
from ledger.services.block_pull import BlockPull, Pulled
from tests.mirror_world import OPERATOR_KEY, WITNESSES, Operator, OperatorNode, make_world_trust
from tests.ports.chain_world import FAR, ROOT, START

KEY = KeyRecord(ROOT, 1, OPERATOR_KEY.thumbprint, int(Purpose.CHECKPOINT), START, FAR, None)
LOST = 3


@pytest.fixture
def operator() -> Operator:
    """The ledger as it was before it was set back."""
    found = Operator.fresh()
    found.anchor(LOST + 1)
    return found


@pytest.fixture
def behind(operator: Operator) -> Operator:
    """The same, put back by LOST blocks."""
    return operator.rewound(operator.chain.head().number - LOST)


def trust_of(operator: Operator, *notices: RestoreNotice) -> Trust:
    return load_trust_bytes(make_world_trust(operator, 1, notices=notices))


def pull(behind: Operator, *nodes: OperatorNode, trust: Trust | None = None) -> Pulled:
    return BlockPull(behind.chain, nodes, trust or trust_of(behind), [KEY]).pull()


def code_of(behind: Operator, *nodes: OperatorNode, trust: Trust | None = None) -> str:
    """Why it was refused; nothing was kept."""
    before = behind.chain.head()
    with pytest.raises(LedgerError) as refusal:
        pull(behind, *nodes, trust=trust)
    assert behind.chain.head() == before
    return refusal.value.code


def test_what_is_missing_comes_from_whoever_has_most(operator: Operator, behind: Operator) -> None:
    early = OperatorNode(operator.rewound(operator.chain.head().number - 1), name="early")
    early.operator.state()
    whole = OperatorNode(operator, name="whole", piece=2)
    done = pull(behind, OperatorNode(operator, name="off", is_silent=True), early, whole)
    assert (done.count, done.mirror, done.silent) == (LOST, "whole", ("off (NODE_SILENT)",))
    assert behind.chain.head() == operator.chain.head()
    assert pull(behind, whole) == replace(done, first=done.first + LOST, mirror=None, silent=())


def test_a_mirror_that_dies_in_the_middle_is_replaced_by_another(
    operator: Operator, behind: Operator
) -> None:
    dying = Falling(operator, name="dying", piece=1)
    assert pull(behind, dying, OperatorNode(operator, name="other", piece=1)).count == LOST
    assert behind.chain.head() == operator.chain.head()


@dataclass
class Falling(OperatorNode):
    """Hands out one block, then nothing any more."""

    def blocks_from(self, number: int) -> tuple[bytes, ...]:
        found = super().blocks_from(number)
        self.is_silent = True
        return found


def test_a_witness_s_word_is_as_good(operator: Operator, behind: Operator) -> None:
    operator.key = WITNESSES[0]
    node = OperatorNode(operator, answer=operator.state())
    assert pull(behind, node).count == LOST


class TestRefused:
    def test_nobody_answers(self, operator: Operator, behind: Operator) -> None:
        assert code_of(behind, OperatorNode(operator, is_silent=True)) == "MIRRORS_SILENT"

    def test_nothing_that_counts_was_signed(self, operator: Operator, behind: Operator) -> None:
        """By a stranger's key; with a broken signature; about another ledger; by a key that is reported stolen."""
        good = operator.state()
        wrong = [
            sign_checkpoint(good.checkpoint, type(OPERATOR_KEY).from_private_number(99)),
            replace(good, signature=bytes(64)),
            sign_checkpoint(replace(good.checkpoint, ledger_id=bytes(32)), OPERATOR_KEY),
        ]
        for answer in wrong:
            node = OperatorNode(replace(operator, book=type(operator.book)()), answer=answer)
            assert code_of(behind, node) == "MIRROR_UNSIGNED"
        stolen = replace(KEY, compromised_since=START)
        with pytest.raises(LedgerError) as refusal:
            BlockPull(behind.chain, [OperatorNode(operator)], trust_of(behind), [stolen]).pull()
        assert refusal.value.code == "MIRROR_UNSIGNED"

    def test_a_statement_about_blocks_that_a_notice_calls_lost(
        self, operator: Operator, behind: Operator
    ) -> None:
        head = behind.chain.head().number
        notice = RestoreNotice(head + 1, head + LOST, operator.clock.now())
        older = replace(operator, book=type(operator.book)())
        node = OperatorNode(older, answer=operator.state())
        assert code_of(behind, node, trust=trust_of(behind, notice)) == "MIRROR_UNSIGNED"

    def test_two_mirrors_with_two_histories(self, operator: Operator, behind: Operator) -> None:
        other = operator.rewound(operator.chain.head().number - 1)
        other.anchor()
        assert code_of(behind, OperatorNode(operator, name="a"), OperatorNode(other, name="b")) == (
            "MIRRORS_DISAGREE"
        )

    def test_our_own_chain_has_gone_on_differently(self, operator: Operator, behind: Operator) -> None:
        behind.clock.advance(7)
        behind.anchor()
        assert code_of(behind, OperatorNode(operator)) == "CHAIN_FORKED_HERE"  # with fewer blocks than others
        behind.anchor(LOST)
        assert code_of(behind, OperatorNode(operator)) == "CHAIN_FORKED_HERE"

    def test_blocks_that_do_not_lead_to_what_was_signed(self, operator: Operator, behind: Operator) -> None:
        """Another valid history, a cut one, and garbage, under a true statement."""
        true = operator.state()
        liar = operator.rewound(operator.chain.head().number - LOST)
        liar.clock.advance(9)
        liar.anchor(LOST)
        assert code_of(behind, OperatorNode(liar, answer=true)) == "CHAIN_FORKED_HERE"
        short = operator.rewound(operator.chain.head().number - 1)
        assert code_of(behind, OperatorNode(short, answer=true)) == "MIRRORS_SILENT"
        first = behind.chain.head().number + 1
        garbage = OperatorNode(operator, answer=true, blocks={first + 1: b"\x00" * 40})
        assert code_of(behind, garbage) == "BLOCK_INVALID"
        assert pull(behind, OperatorNode(operator)).count == LOST, "and it can be done again"


@dataclass
class Dying:
    """Port ImportingChain: its process is killed at one moment of a pull."""

    chain: EmbeddedChain
    moment: str

    def info(self) -> ChainInfo:
        return self.chain.info()

    def head(self) -> BlockRef:
        return self.chain.head()

    def block(self, number: int) -> BlockRef | None:
        return self.chain.block(number)

    def import_blocks(self, blocks: Iterable[bytes], confirm: Callable[[], None]) -> BlockRef:
        def fetched() -> Iterable[bytes]:
            for count, block in enumerate(blocks):
                if self.moment == f"{count} have run":
                    die()
                yield block

        def confirmed() -> None:
            confirm()
            if self.moment == "confirmed":
                die()

        self.chain.import_blocks(fetched(), confirmed)
        die()
        raise AssertionError


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.kill
@pytest.mark.parametrize("moment", ["0 have run", "2 have run", "confirmed", "kept"])
def test_killed_in_the_middle_of_a_pull_it_goes_on_and_nothing_is_lost_or_doubled(
    operator: Operator, behind: Operator, tmp_path: Path, moment: str
) -> None:
    """Also not the transaction that waited in the copy, and lies in a block of the mirror."""
    file = tmp_path / "chain.db"
    before, first = behind.chain.head(), behind.chain.head().number + 1
    (waiting,) = decode_block(operator.chain.block_rlp(first) or b"").transactions
    behind.chain.send(waiting)
    file.write_bytes(behind.chain.store._db.serialize())

    def opened() -> EmbeddedChain:
        return EmbeddedChain.open(file, behind.clock, accept_clock=True)

    child = os.fork()
    if child == 0:
        try:
            BlockPull(
                Dying(opened(), moment), [OperatorNode(operator, piece=1)], trust_of(behind), [KEY]
            ).pull()
        finally:
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    there = operator.chain.head()
    chain = opened()
    assert chain.head() == (there if moment == "kept" else before), "all of it or nothing"
    done = BlockPull(chain, [OperatorNode(operator)], trust_of(behind), [KEY]).pull()
    assert (done.count, chain.head()) == (0 if moment == "kept" else LOST, there)
    assert chain.waiting_count() == 0
    assert chain.state_root(there.number) == operator.chain.state_root(there.number)
    assert list(chain.events(0, there.number)) == list(operator.chain.events(0, there.number))
    Operator(chain, behind.clock, number=5_000).anchor()
    assert chain.head().number == there.number + 1, "and it goes on"
    chain.close()
    database = sqlite3.connect(file)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
