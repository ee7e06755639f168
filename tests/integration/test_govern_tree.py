"""Five levels of agencies: what each admits, grants and withdraws, and what that does to all below it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.system import ManualClock
from ledger.core.errors import RefusedError
from ledger.core.model import WithdrawalCause
from ledger.services.granting import require_grant
from tests.flow_world import START, TYPE_REF, found
from tests.govern_world import (
    CITY,
    COUNTY,
    LINE,
    NATION,
    OTHER_CITY,
    PROVINCE,
    TOWN,
    TYPE,
    GovernWorld,
    person,
)

pytestmark = pytest.mark.xdist_group("governing")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovernWorld]:
    """Nation, province, city, county, town; and another city beside the first."""
    folder = tmp_path_factory.mktemp("tree") / "home"
    found(folder, ManualClock(START))
    world = GovernWorld(folder, ManualClock(START))
    for parent, child in zip(LINE, LINE[1:], strict=False):
        world.admit(child, parent)
    world.admit(OTHER_CITY, PROVINCE)
    yield world
    world.close()


@pytest.fixture
def world(built: GovernWorld, tmp_path: Path) -> Iterator[GovernWorld]:
    copied = built.copy_to(tmp_path / "home")
    yield copied
    copied.close()


def test_five_levels_stand(world: GovernWorld) -> None:
    import time

    t = time.perf_counter()
    bundle = world.issue_to(TOWN, 1)
    print("issue", time.perf_counter() - t)
    t = time.perf_counter()
    assert world.verify(bundle).accepted, world.verify(bundle).as_json()
    print("verify", time.perf_counter() - t)
