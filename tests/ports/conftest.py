"""Fixtures that several port suites share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.chain_memory import MemoryChain
from ledger.adapters.system import ManualClock
from tests.ports.chain_world import START, World, embedded, founding


@pytest.fixture(params=["memory", "embedded in memory", "embedded file"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "memory":
        clock = ManualClock(START)
        yield World(MemoryChain(clock, founding()), clock)
        return
    path = ":memory:" if request.param == "embedded in memory" else tmp_path / "chain.db"
    chain, clock = embedded(path)
    yield World(chain, clock)
    chain.close()
