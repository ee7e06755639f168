"""A mirror follows an honest operator: every block run, everything confirmed, co-signed, resumed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ledger.adapters.abi import issuer_id
from ledger.apps.mirroring import follow
from ledger.bootstrap_mirror import MirrorPlan, set_up_mirror
from ledger.core.mirroring import MirrorState
from ledger.core.trust import load_trust_bytes
from ledger.settings import Settings
from tests.mirror_world import WITNESSES, Copy, Operator, OperatorNode, make_world_trust
from tests.ports.chain_world import ROOT, World


@pytest.fixture
def operator() -> Operator:
    return Operator.fresh()


def test_it_runs_every_block_and_confirms_as_of_the_operators_word(
    operator: Operator, tmp_path: Path
) -> None:
    batch = operator.anchor(3)
    node = OperatorNode(operator, piece=4)
    copy = Copy(
        tmp_path / "a", operator.clock, load_trust_bytes(make_world_trust(operator)), [node], WITNESSES[0]
    )
    state = copy.step()
    assert (state.condition, state.code, state.head) == ("following", None, operator.chain.head())
    evidence = copy.rows.evidence(batch.issuer, batch.root, 1)
    assert evidence is not None
    assert evidence.anchor is not None
    assert evidence.head.kind == "mirror"
    assert evidence.head.confirmed_at == operator.clock.now()
    assert [seen.thumbprint for seen in evidence.head.witnessed] == [WITNESSES[0].thumbprint]
    operator.clock.advance(15)
    assert copy.step().confirmed_at == operator.clock.now() - 15
    operator.idle(5)
    assert copy.step().confirmed_at == operator.clock.now()
    (ours,) = operator.book.newest_of_each()
    assert ours.checkpoint.signed_at == operator.clock.now()
    copy.close()


def test_a_copy_whose_beginning_was_cut_short_begins_again(operator: Operator, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    sqlite3.connect(folder / "chain.db").close()
    (folder / "chain.db").touch()
    copy = Copy(
        folder, operator.clock, load_trust_bytes(make_world_trust(operator)), [OperatorNode(operator)]
    )
    assert copy.step().condition == "following"
    copy.close()


def test_what_died_between_keeping_and_telling_is_told_after_a_restart(
    operator: Operator, tmp_path: Path
) -> None:
    trust, node = load_trust_bytes(make_world_trust(operator)), OperatorNode(operator)
    copy = Copy(tmp_path / "a", operator.clock, trust, [node], WITNESSES[0])
    newest = operator.book.newest("operator")
    assert newest is not None
    last = operator.chain.head().number
    copy.copy.import_blocks((operator.chain.block_rlp(at) or b"" for at in range(1, last + 1)), lambda: None)
    copy.book.keep(newest, "operator")
    copy.close()
    again = Copy(tmp_path / "a", operator.clock, trust, [node], WITNESSES[0])
    assert again.step().condition == "following"
    head = again.rows.head()
    assert head is not None
    assert head.block == operator.chain.head()
    assert [seen.block for seen in head.witnessed] == [last]
    again.close()


def test_who_waits_for_a_node_from_the_beginning_is_told_so(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "trust.json"
    file.write_bytes(make_world_trust(operator))
    settings = Settings(home=tmp_path / "home")
    set_up_mirror(settings, MirrorPlan("http://127.0.0.1:1", file))
    told: list[MirrorState] = []
    state = follow(settings, None, told.append, lambda _seconds: True)
    assert told == [state]
    assert (state.condition, state.code, state.confirmed_at) == ("waiting", "NODE_SILENT", None)


def test_the_registry_decides_whose_checkpoints_count(operator: Operator, tmp_path: Path) -> None:
    copy = Copy(
        tmp_path / "a", operator.clock, load_trust_bytes(make_world_trust(operator)), [OperatorNode(operator)]
    )
    copy.step()
    World(operator.chain, operator.clock).must(
        "compromiseKey", ROOT, issuer_id(ROOT), 2, operator.clock.now() - 5
    )
    operator.state()
    state = copy.step()
    assert (state.condition, state.code) == ("waiting", "CHECKPOINT_KEY")
    copy.close()
