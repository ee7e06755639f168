"""An operator that was restored from an older copy, with and without a notice: healed, followed anew, no licence."""

from __future__ import annotations

from ledger.core.trust import RestoreNotice
from tests.mirror.town import DAY_S, Town, forked, proof_in
from tests.mirror_world import Copy, MirrorNode, Operator, make_world_trust


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
    backup.state()
    old_words = len(copy.book.newest_of_each())
    again = town.anew(copy)
    assert again.head().number == notice.first_block - 1
    assert again.step().condition == "following"
    assert again.head() == backup.chain.head()
    assert not forked(again)
    (kept,) = (again.folder / "evidence").glob("copy-*")
    assert {path.name for path in kept.iterdir()} >= {"chain.db", "view.db", "checkpoints.db"}
    assert len(again.book.newest_of_each()) == old_words == 1
    assert again.evidence.names() != []


def restored_with_a_notice(town: Town) -> tuple[Copy, Operator, RestoreNotice]:
    """A mirror that refuses a restored operator until the trust file has its notice."""
    town.node.piece = 1  # every block has its statement, as with a mirror that follows all the time
    copy = town.mirror()
    copy.step()
    old_head = copy.head()
    backup = town.operator.rewound(old_head.number - 4)
    town.operator.clock.advance(DAY_S)
    notice = RestoreNotice(old_head.number - 3, old_head.number + 100, town.operator.clock.now())
    backup.clock.advance(1)
    backup.anchor(6)
    town.node.operator = backup
    assert copy.step().condition == "refusing"
    town.node.trusts[2] = make_world_trust(town.operator, 2, previous=copy.trust, notices=[notice])
    town.operator.clock.advance(61)
    assert copy.step().condition == "restored"
    backup.state()
    return copy, backup, notice


def test_a_notice_is_no_licence_to_rewrite_what_came_before_the_restore(town: Town) -> None:
    copy, backup, notice = restored_with_a_notice(town)
    liar = backup.rewound(notice.first_block - 3)  # two blocks of which the notice does not speak
    liar.anchor(12)
    town.node.operator = liar
    again = town.anew(copy)
    state = again.step()
    assert (state.condition, state.code) == ("refusing", "HISTORY_REWRITTEN")
    assert again.step().condition == "refusing"  # and no notice speaks of that


def test_a_notice_is_no_licence_to_rewrite_what_came_after_the_restore(town: Town) -> None:
    copy, backup, notice = restored_with_a_notice(town)
    again = town.anew(copy)
    assert again.step().condition == "following"
    honest = again.head()
    assert notice.first_block < honest.number < notice.last_block
    liar = backup.rewound(honest.number - 2)
    liar.anchor(5)
    town.node.operator = liar
    for _ in range(2):
        assert again.step().condition == "refusing"
        town.operator.clock.advance(61)
    assert again.head() == honest
