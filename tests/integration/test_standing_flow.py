"""Batches under a standing approval against the real contract: covered, used up, revoked, ended, other type."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.system import ManualClock
from ledger.core.flow import BatchState
from ledger.core.model import StandingAct
from tests.flow_world import START, chain_signer
from tests.standing_world import StandingWorld, copy_of, found_with_service


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("standing") / "home"
    found_with_service(folder)
    return folder


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[StandingWorld]:
    made = StandingWorld(copy_of(template, tmp_path / "home"), ManualClock(START))
    yield made
    made.close()


def states(world: StandingWorld) -> list[BatchState]:
    return [batch.state for batch in world.store.batches.batches()]


def test_single_rows_are_released_without_anybody(world: StandingWorld) -> None:
    standing_id = world.register()
    names = [world.single(number) for number in range(5)]
    world.work()
    assert states(world) == [BatchState.RELEASED], "one window, one batch, one chain write"
    (batch,) = world.store.batches.batches()
    assert batch.standing_id == standing_id
    assert batch.maker == chain_signer("service").signer_id
    assert set(world.bundles()) == {f"{name.hex()}.ecert.json" for name in names}
    (anchor,) = world.view.anchors()
    assert anchor.standing_id == standing_id
    for data in world.bundles().values():
        assert world.verifier().verify(data, now=world.clock.now()).accepted
    found = world.standing.standing(standing_id)
    assert (found.anchored, found.rest(StandingAct.ANCHOR)) == (5, 95)
