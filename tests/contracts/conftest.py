"""One chain for all contract tests of a process; each test starts from the same founded world."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.world import World, found


@pytest.fixture(scope="session")
def founded() -> World:
    return found()


@pytest.fixture
def world(founded: World) -> Iterator[World]:
    with founded.lab.snapshot():
        yield founded
