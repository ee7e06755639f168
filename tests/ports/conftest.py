"""Fixtures that several port suites share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.chain_memory import MemoryChain
from ledger.adapters.system import ManualClock
from tests.ports.chain_world import START, AnvilWorlds, World, embedded, founding

SEALING = ["memory", "embedded in memory", "embedded file"]


@pytest.fixture(scope="session")
def anvil_worlds() -> Iterator[AnvilWorlds]:
    worlds = AnvilWorlds()
    yield worlds
    worlds.anvil.stop()


@pytest.fixture(params=[*SEALING, pytest.param("anvil", marks=pytest.mark.needs("anvil"))])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A chain with both contracts."""
    if request.param == "anvil":
        chain, clock = request.getfixturevalue("anvil_worlds").fresh()
        yield World(chain, clock)
        chain.close()
        return
    yield from _sealing(request, tmp_path)


@pytest.fixture(params=SEALING)
def sealing_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A chain that seals its own blocks, so that their times are its clock's."""
    yield from _sealing(request, tmp_path)


def _sealing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "memory":
        clock = ManualClock(START)
        yield World(MemoryChain(clock, founding()), clock)
        return
    path = ":memory:" if request.param == "embedded in memory" else tmp_path / "chain.db"
    chain, clock = embedded(path)
    yield World(chain, clock)
    chain.close()
