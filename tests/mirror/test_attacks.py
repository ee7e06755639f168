"""What a ledger's operator can try against its mirrors, and what they say: the truth, or that they cannot tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import rlp

from ledger.adapters.abi import issuer_id
from ledger.adapters.chain_embedded.engine import decode_block
from ledger.adapters.mirror_files import load_state
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import ManualClock
from ledger.core.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from ledger.core.errors import InputError
from ledger.core.model import BlockRef, Purpose
from ledger.core.trust import load_trust_bytes
from ledger.services import mirror as mirror_service
from tests.mirror.town import DAY_S, Town, final, forked, proof_in
from tests.mirror_world import WITNESSES, Copy, MirrorNode, OperatorNode, make_world_trust
from tests.ports.chain_world import FAR, ROOT, START, World


def test_block_n_minus_5_is_rewritten_and_the_chain_grows_longer(town: Town) -> None:
    one, two = town.mirror(), town.mirror()
    one.step(), two.step()
    honest = one.head()
    liar = town.operator.rewound(honest.number - 6)
    liar.anchor(9)
    town.node.operator = liar
    for copy in (one, two):
        state = copy.step()
        assert (state.condition, state.code) == ("refusing", "HISTORY_REWRITTEN")
        assert copy.head() == honest
        assert proof_in(copy) == "HISTORY_REWRITTEN"
        assert forked(copy)
        assert copy.step() == state
    assert list(liar.book.newest_of_each()) == []
    again = town.restarted(one)
    assert again.step().condition == "refusing"
    assert load_state(again.folder) == again.mirror.state
    assert len(again.evidence.names()) == 1


def test_two_blocks_are_signed_at_one_height(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    liar = town.operator.rewound(copy.head().number - 1)
    liar.anchor(1)
    town.node.operator = liar
    assert copy.step().code == "CHECKPOINTS_CONFLICT"
    assert proof_in(copy) == "CHECKPOINTS_CONFLICT"


def test_a_height_that_was_never_signed_alone_is_proved_by_the_headers_above_it(town: Town) -> None:
    copy = town.mirror()  # takes pieces of five: most heights have no statement in its book
    copy.step()
    liar = town.operator.rewound(copy.head().number - 2)
    liar.anchor(1)
    town.node.operator = liar
    assert copy.step().code == "HISTORY_REWRITTEN"
    assert proof_in(copy) == "HISTORY_REWRITTEN"


def test_a_block_is_backdated(town: Town) -> None:
    copy = town.mirror()
    town.operator.idle(600)
    copy.step()
    head = copy.head()
    past = ManualClock(town.operator.clock.now() - 300)
    liar = town.operator.rewound(head.number, past)
    liar.anchor(1)
    liar.state(town.operator.clock)
    town.node.operator = liar
    assert copy.step().code == "BLOCK_BACKDATED"
    assert proof_in(copy) == "BLOCK_BACKDATED"
    assert copy.head() == head


def test_a_clock_that_was_set_back_by_a_moment_is_no_fraud(town: Town) -> None:
    copy = town.mirror()
    town.operator.idle(600)
    copy.step()
    slow = ManualClock(town.operator.clock.now() - 4)
    corrected = town.operator.rewound(copy.head().number, slow)
    corrected.anchor(1)
    town.node.operator = corrected
    assert copy.step().condition == "following"


def test_each_mirror_is_shown_another_history(town: Town) -> None:
    left, right = town.operator, town.operator.rewound(town.operator.chain.head().number - 2)
    left.anchor(2)
    right.anchor(3)
    one, two = town.mirror(OperatorNode(left)), town.mirror(OperatorNode(right))
    before = final(one) if one.step().condition == "following" else None
    assert two.step().condition == "following"
    # Each alone: nothing of the disputed blocks is final, since the other witness does not sign it.
    assert before == final(two) == -1
    meeting = town.mirror(OperatorNode(left), MirrorNode(two))
    state = meeting.step()
    assert state.condition == "refusing"
    assert state.code in ("HISTORY_REWRITTEN", "CHECKPOINTS_CONFLICT")
    proof_in(meeting)


def test_histories_part_and_a_witness_of_the_other_one_shows_it(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    liar = town.operator.rewound(copy.head().number - 1)
    liar.anchor(1)
    other = liar.book.newest("operator")
    assert other is not None
    theirs = sign_checkpoint(other.checkpoint, WITNESSES[2])
    town.operator.book.keep(theirs, "witness")
    state = copy.step()
    assert (state.condition, state.warning) == ("following", "WITNESS_CONTRADICTS")
    town.operator.book.keep(other, "operator")  # the node lets the other statement slip
    town.node.answer = town.operator.book.at(copy.head().number)[0].signed
    if town.node.answer == other:
        town.node.answer = town.operator.book.at(copy.head().number)[1].signed
    assert copy.step().condition == "refusing"
    proof_in(copy)


def test_the_operator_goes_away_for_a_day(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    told = copy.rows.head()
    assert told is not None
    town.node.is_silent = True
    town.operator.clock.advance(DAY_S)
    state = copy.step()
    assert (state.condition, state.code) == ("waiting", "NODE_SILENT")
    head = copy.rows.head()
    assert head is not None
    assert (head.confirmed_at, head.forked) == (town.operator.clock.now() - DAY_S, False)
    town.node.is_silent = False
    town.operator.anchor(2)
    assert copy.step().condition == "following"
    assert copy.head() == town.operator.chain.head()


def test_an_old_answer_confirms_nothing(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    old = town.operator.book.newest("operator")
    town.operator.anchor(1)
    copy.step()
    town.node.answer = old
    town.operator.clock.advance(50)
    state = copy.step()
    assert (state.condition, state.code) == ("waiting", "CHECKPOINT_OLD")
    assert copy.evidence.names() == []


def test_a_peer_that_repeats_an_older_word_sets_nothing_back(town: Town) -> None:
    peer = OperatorNode(town.operator, name="peer.example", answer=town.operator.book.newest("operator"))
    newest = town.operator.idle(20)
    copy = town.mirror(town.node, peer)
    for _ in range(3):
        state = copy.step()
        head = copy.rows.head()
        assert head is not None
        assert (state.confirmed_at, head.confirmed_at) == (newest.checkpoint.signed_at,) * 2
    assert town.node.asked.count("post") == 1
    town.node.is_silent = True
    again = town.restarted(copy)
    again.step()
    head = again.rows.head()
    assert head is not None
    assert head.confirmed_at == newest.checkpoint.signed_at


def test_who_repeats_himself_for_minutes_is_not_followed(town: Town) -> None:
    peer = OperatorNode(town.operator, name="peer.example")
    copy = town.mirror(town.node, peer)
    assert copy.step().condition == "following"
    town.operator.clock.advance(61)  # the node answers, and nobody signs any more
    state = copy.step()
    assert (state.condition, state.code) == ("waiting", "CHECKPOINT_OLD")
    town.operator.idle(20)
    assert copy.step().condition == "following"
    town.node.is_silent = True
    town.operator.clock.advance(61)
    assert copy.step().code == "NODE_SILENT"


def test_a_ledger_that_was_set_back_is_not_followed_because_a_peer_remembers(town: Town) -> None:
    peer = OperatorNode(town.operator, name="peer.example")
    copy = town.mirror(town.node, peer)
    copy.step()
    backup = town.operator.rewound(copy.head().number - 2)
    backup.idle(20)
    town.node.operator = backup
    state = copy.step()
    assert (state.condition, state.code) == ("waiting", "LEDGER_SET_BACK")


def test_a_clock_set_back_by_a_moment_is_no_ledger_set_back(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    slow = ManualClock(town.operator.clock.now() + 3)
    lagging = town.operator.rewound(copy.head().number - 1)
    town.node.answer = lagging.state(slow)
    assert copy.step().code == "CHECKPOINT_OLD"
    assert copy.evidence.names() == []


@dataclass
class SlyNode(OperatorNode):
    """Answers a question about one height with statements about another."""

    instead: int = 0

    def statements(self, number: int) -> tuple[tuple[SignedCheckpoint, ...], tuple[SignedCheckpoint, ...]]:
        del number
        return super().statements(self.instead)


def test_a_statement_about_another_height_than_asked_is_no_answer(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    liar = town.operator.rewound(copy.head().number - 1)
    liar.anchor(4)
    above = liar.book.newest("operator")
    other = liar.book.at(copy.head().number)[0].signed
    assert above is not None
    town.operator.book.keep(above, "operator")
    town.operator.book.keep(sign_checkpoint(other.checkpoint, WITNESSES[2]), "witness")
    sly = SlyNode(
        town.operator, name="sly.example", answer=town.operator.book.at(copy.head().number)[0].signed
    )
    sly.instead = above.checkpoint.block.number
    copy.nodes = [sly]
    again = town.restarted(copy)
    state = again.step()
    assert (state.condition, state.warning) == ("following", "WITNESS_CONTRADICTS")


def test_a_word_of_a_witness_from_the_future_is_not_kept(town: Town) -> None:
    copy = town.mirror()
    head = town.operator.book.newest("operator")
    assert head is not None
    late = replace(head.checkpoint, signed_at=2**53 - 1)
    town.operator.book.keep(sign_checkpoint(late, WITNESSES[2]), "witness")
    copy.step()
    state = copy.step()
    assert (state.condition, state.warning) == ("following", "CHECKPOINT_FROM_FUTURE")
    assert [signed.thumbprint for signed in copy.book.newest_of_each()] == [WITNESSES[0].thumbprint]


@pytest.mark.parametrize("grows", [0, 4], ids=["at our head", "above it"])
def test_without_its_own_words_a_mirror_neither_follows_nor_hangs(town: Town, grows: int) -> None:
    copy = town.mirror()
    copy.step()
    head = copy.head()
    copy.close()
    for file in copy.folder.glob("checkpoints.db*"):
        file.unlink()
    again = Copy(copy.folder, copy.clock, copy.trust, copy.nodes, copy.signer)
    town.copies[0] = again
    liar = town.operator.rewound(head.number - 1)
    liar.anchor(1 + grows)
    town.node.operator = liar
    state = again.step()
    assert (state.condition, state.code) == ("waiting", "MIRROR_WORDS_LOST")
    assert again.head() == head


def test_a_history_that_parted_long_ago_is_proved_by_a_statement_near_the_parting(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = town.mirror()
    copy.step()
    liar = town.operator.rewound(copy.head().number - 3)
    liar.anchor(12)
    town.node.operator = liar
    # reason: twenty thousand blocks would take minutes
    monkeypatch.setattr(mirror_service, "MOST_HEADERS", 4)
    assert copy.step().code == "HISTORY_REWRITTEN"
    assert proof_in(copy) == "HISTORY_REWRITTEN"
    (name,) = copy.evidence.names()
    assert len(copy.evidence.load(name)[0].headers) == 4


def test_two_stories_under_two_keys_of_the_operator_are_refused_as_well(town: Town) -> None:
    key = MemoryCredentialSigner.from_private_number(4720)
    World(town.operator.chain, town.operator.clock).must(
        "registerKey", ROOT, issuer_id(ROOT), key.thumbprint, int(Purpose.CHECKPOINT), START, FAR
    )
    town.operator.anchor(1)
    copy = town.mirror()
    copy.step()
    liar = town.operator.rewound(copy.head().number - 1)
    liar.key = key
    liar.anchor(1)
    assert liar.chain.head().number == copy.head().number
    town.node.operator = liar
    assert copy.step().code == "HISTORY_REWRITTEN"  # nobody may say that one key signed both
    assert proof_in(copy) == "HISTORY_REWRITTEN"


def test_a_trust_file_that_a_person_renewed_counts_while_the_node_is_silent(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    town.node.is_silent = True
    copy.in_file = load_trust_bytes(make_world_trust(town.operator, 1, previous=copy.trust))
    town.operator.clock.advance(61)
    copy.step()
    assert copy.mirror.trust.version == 2


def test_a_signed_block_that_does_not_run_is_refused(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    town.operator.anchor(1)
    chain = town.operator.chain
    head = chain.head()
    block = chain.block_rlp(head.number) or b""
    header = decode_block(block).header.copy(state_root=b"\x11" * 32)
    forged = [rlp.decode(rlp.encode(header)), *rlp.decode(block)[1:]]
    info = chain.info()
    stated = Checkpoint(
        info.ledger_id,
        info.chain_id,
        BlockRef(head.number, header.hash, header.timestamp),
        header.state_root,
        town.operator.clock.now(),
    )
    town.node.answer = sign_checkpoint(stated, town.operator.key)
    town.node.blocks[head.number] = rlp.encode(forged)
    state = copy.step()
    assert state.code == "BLOCK_INVALID"
    assert proof_in(copy) == "BLOCK_INVALID"
    assert copy.head().number == head.number - 1


def test_somebody_between_can_neither_move_nor_frame_the_operator(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    head = copy.head()
    stranger = MemoryCredentialSigner.from_private_number(99)
    liar = town.operator.rewound(head.number - 2)
    liar.key = stranger
    liar.anchor(6)
    town.node.operator = liar
    state = copy.step()
    assert (state.condition, state.code) == ("waiting", "CHECKPOINT_KEY")
    assert (copy.head(), copy.evidence.names(), forked(copy)) == (head, [], False)
    longer = town.operator.rewound(head.number)
    longer.key = stranger
    longer.anchor(3)
    town.node.operator = longer
    assert copy.step().code == "CHECKPOINT_KEY"
    assert copy.head() == head


def test_what_is_no_word_about_this_ledger_is_not_looked_into(town: Town) -> None:
    lies: list[tuple[dict[str, Any], str]] = [
        ({"ledger_id": b"\x01" * 32}, "CHECKPOINT_LEDGER"),
        ({"chain_id": 1}, "CHECKPOINT_LEDGER"),
        ({"signed_at": 2**40}, "CHECKPOINT_FROM_FUTURE"),
        ({}, "CHECKPOINT_SIGNATURE"),
    ]
    copy = town.mirror()
    copy.step()
    honest = town.operator.anchor(1)
    newest = town.operator.book.newest("operator")
    assert newest is not None
    for changes, code in lies:
        signed = sign_checkpoint(replace(newest.checkpoint, **changes), town.operator.key)
        town.node.answer = signed if changes else replace(signed, signature=bytes(64))
        state = copy.step()
        assert (state.condition, state.code) == ("waiting", code)
    assert copy.rows.evidence(honest.issuer, honest.root, None).anchor is None  # type: ignore[union-attr]
    assert copy.evidence.names() == []


def test_another_ledger_is_not_begun(town: Town) -> None:
    trust = load_trust_bytes(make_world_trust(town.operator))
    with pytest.raises(InputError, match="MIRROR_LEDGER"):
        Copy(town.folder / "other", town.operator.clock, replace(trust, ledger_id=b"\x01" * 32), [town.node])
    Copy(
        town.folder / "other", town.operator.clock, trust, [town.node]
    ).close()  # nothing wrong stayed behind


def test_other_contracts_than_the_trust_files_are_not_kept(town: Town) -> None:
    trust = load_trust_bytes(make_world_trust(town.operator))
    other = replace(trust, ledger=replace(trust.ledger, code_hash=b"\x01" * 32))
    copy = Copy(town.folder / "other", town.operator.clock, other, [town.node])
    town.copies.append(copy)
    state = copy.step()
    assert (state.condition, state.code, copy.head().number) == ("waiting", "MIRROR_CONTRACTS", 0)


def test_a_block_ahead_of_our_clock_is_waited_for(town: Town) -> None:
    copy = town.mirror()
    copy.clock = ManualClock(town.operator.clock.now())
    copy = town.restarted(copy)
    copy.step()
    town.operator.clock.advance(60)
    town.operator.anchor(1)
    assert (copy.step().code, copy.evidence.names()) == ("BLOCK_FROM_FUTURE", [])
    copy.clock.advance(120)
    assert copy.step().condition == "following"


def test_blocks_that_the_checkpoint_does_not_cover_are_not_kept(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    head = copy.head()
    other = town.operator.rewound(head.number)
    other.anchor(2)
    town.operator.anchor(2)
    town.node.answer = town.operator.book.newest("operator")
    town.node.operator = other
    state = copy.step()
    assert (state.condition, state.code) == ("waiting", "NODE_ANSWER")
    assert (copy.head(), copy.evidence.names()) == (head, [])
    town.node.operator = town.operator
    assert copy.step().condition == "following"


def test_a_silent_node_is_replaced_by_a_mirror(town: Town) -> None:
    one = town.mirror()
    one.step()
    silent = OperatorNode(town.operator, is_silent=True)
    trust = load_trust_bytes(make_world_trust(town.operator))
    two = Copy(town.folder / "two", town.operator.clock, trust, [MirrorNode(one)], None)
    town.copies.append(two)
    two.nodes = [silent, MirrorNode(one)]
    two = town.restarted(two)
    state = two.step()
    assert (state.condition, state.warning) == ("following", "NODE_SILENT")
    assert two.head() == town.operator.chain.head()


def test_a_witness_signs_no_second_block_at_a_height(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    assert copy.signer is not None
    liar = town.operator.rewound(copy.head().number - 1)
    liar.anchor(1)
    stated = liar.book.newest("operator")
    assert stated is not None
    fresh = Copy(town.folder / "fresh", town.operator.clock, copy.trust, [OperatorNode(liar)], copy.signer)
    town.copies.append(fresh)
    fresh.book.keep(copy.book.newest_of_each()[0], "witness")  # its book came along, its copy did not
    state = fresh.step()
    assert (state.condition, state.code) == ("waiting", "MIRROR_SIGNED_OTHER")
    assert list(liar.book.newest_of_each()) == []
