"""A mirror follows an honest operator: every block run, everything confirmed, co-signed, resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.core.trust import load_trust_bytes
from tests.mirror_world import WITNESSES, Copy, Operator, OperatorNode, make_world_trust


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
