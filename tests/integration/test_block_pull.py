"""Blocks from mirrors: only what operator or witnesses signed, run again, all of it or nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.core.checkpoint import sign_checkpoint
from ledger.core.errors import LedgerError
from ledger.core.model import KeyRecord, Purpose
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
