"""What a ledger's operator can try against its mirrors, and what they say: the truth, or that they cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import rlp

from ledger.adapters.chain_embedded.engine import decode_block
from ledger.adapters.home_files import Home
from ledger.adapters.mirror_files import load_state
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import ManualClock
from ledger.bootstrap_mirror import set_copy_aside
from ledger.core.checkpoint import Checkpoint, sign_checkpoint
from ledger.core.contradictions import parse_evidence, require_proof
from ledger.core.finality import final_height
from ledger.core.model import BlockRef
from ledger.core.trust import RestoreNotice, load_trust_bytes
from ledger.ports.mirror import LedgerNode
from tests.mirror_world import WITNESSES, Copy, MirrorNode, Operator, OperatorNode, make_world_trust

DAY_S = 86_400


@dataclass
class Town:
    """An operator with some history, its node, and mirrors that a test opens."""

    folder: Path
    operator: Operator
    node: OperatorNode
    copies: list[Copy] = field(default_factory=list)

    def mirror(self, *nodes: LedgerNode, threshold: int = 2) -> Copy:
        number = len(self.copies)
        trust = load_trust_bytes(make_world_trust(self.operator, threshold))
        copy = Copy(
            self.folder / f"mirror{number}",
            self.operator.clock,
            trust,
            nodes or [self.node],
            WITNESSES[number],
        )
        self.copies.append(copy)
        return copy

    def restarted(self, copy: Copy) -> Copy:
        copy.close()
        again = Copy(copy.folder, copy.clock, copy.trust, copy.nodes, copy.signer)
        self.copies[self.copies.index(copy)] = again
        return again


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    operator = Operator.fresh()
    operator.anchor(6)
    town = Town(tmp_path, operator, OperatorNode(operator, piece=5))
    yield town
    for copy in town.copies:
        copy.close()


def proof_in(copy: Copy) -> str:
    """The kind of the one piece of evidence, which must prove itself to a stranger."""
    (name,) = copy.evidence.names()
    evidence, seen_by = parse_evidence((copy.folder / "evidence" / name).read_bytes())
    require_proof(evidence)
    assert copy.signer is not None
    assert seen_by == copy.signer.thumbprint
    assert (copy.folder / "evidence" / name).stat().st_mode & 0o222 == 0
    return evidence.kind


def forked(copy: Copy) -> bool:
    head = copy.rows.head()
    assert head is not None
    return head.forked


def final(copy: Copy) -> int:
    head = copy.rows.head()
    assert head is not None
    return final_height(copy.trust, head)


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


def test_the_operator_comes_back_from_yesterdays_backup_and_heals(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    head = copy.head()
    backup = town.operator.rewound(head.number - 4)
    town.operator.clock.advance(DAY_S)
    backup.state()
    town.node.operator = backup
    state = copy.step()
    assert (state.condition, state.code) == ("waiting", "LEDGER_SET_BACK")
    assert proof_in(copy) == "LEDGER_SET_BACK"
    assert not forked(copy)
    told = copy.rows.head()
    assert told is not None
    assert told.confirmed_at == town.operator.clock.now() - DAY_S
    copy.step()
    assert len(copy.evidence.names()) == 1
    lost = MirrorNode(copy).blocks_from(backup.chain.head().number + 1)
    backup.chain.import_blocks(lost)  # what `ecert restore --mirror` does
    backup.clock.advance(1)
    backup.anchor(1)
    assert copy.step().condition == "following"
    assert copy.head() == backup.chain.head()


def test_a_restore_without_mirrors_is_followed_anew_once_the_trust_file_says_so(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    old_head = copy.head()
    backup = town.operator.rewound(old_head.number - 4)
    town.operator.clock.advance(DAY_S)
    backup.anchor(6)
    town.node.operator = backup
    assert copy.step().condition == "refusing"
    notice = RestoreNotice(old_head.number - 3, old_head.number, town.operator.clock.now())
    town.node.trusts[2] = make_world_trust(town.operator, 2, previous=copy.trust, notices=[notice])
    town.operator.clock.advance(61)
    assert copy.step().condition == "restored"
    assert copy.trust.version == copy.mirror.trust.version == 2
    old_words = len(copy.book.newest_of_each())
    set_copy_aside(Home(copy.folder), copy.mirror.state, town.operator.clock.now())
    again = town.restarted(copy)
    assert again.step().condition == "following"
    assert again.head() == backup.chain.head()
    assert not forked(again)
    (kept,) = (again.folder / "evidence").glob("copy-*")
    assert {path.name for path in kept.iterdir()} >= {"chain.db", "view.db", "checkpoints.db"}
    assert len(again.book.newest_of_each()) == old_words == 1
    assert again.evidence.names() != []


def test_a_signed_block_that_does_not_run_is_refused(town: Town) -> None:
    copy = town.mirror()
    copy.step()
    town.operator.anchor(1)
    chain = town.operator.chain
    head = chain.head()
    block = decode_block(chain.block_rlp(head.number) or b"")
    header = block.header.copy(state_root=b"\x11" * 32)
    forged = block.copy(header=header)
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
