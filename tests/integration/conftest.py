"""Worlds that several files here share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from ledger.adapters.system import ManualClock
from tests.flow_world import START, found
from tests.govern_world import LINE, OTHER_CITY, PROVINCE, GovernWorld


@pytest.fixture(scope="session")
def built_tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovernWorld]:
    """Nation, province, city, county, town; and another city beside the first."""
    folder = tmp_path_factory.mktemp("tree") / "home"
    found(folder, ManualClock(START))
    world = GovernWorld(folder, ManualClock(START))
    for parent, child in pairwise(LINE):
        world.admit(child, parent)
    world.admit(OTHER_CITY, PROVINCE)
    yield world
    world.close()


@pytest.fixture
def tree(built_tree: GovernWorld, tmp_path: Path) -> Iterator[GovernWorld]:
    """The tree, of one's own."""
    copied = built_tree.copy_to(tmp_path / "home")
    yield copied
    copied.close()
