"""A copied home, lock file and all, shows the age of the copy; the installation's own stays fresh."""

from __future__ import annotations

import shutil
from pathlib import Path

from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.chain_view_open import open_view
from ledger.adapters.system import ManualClock
from ledger.core.checks.codes import Code
from tests.flow_world import START, World, deposit_table, found

MAX_AGE_S = 60


def verified(world: World, home: Path, bundle: bytes) -> tuple[bool, int, set[str]]:
    """(accepted, national code, codes of all checks) by the chain view of that home."""
    view = open_view(home, world.clock)
    try:
        report = world.verifier(view).verify(bundle, now=world.clock.now())
    finally:
        view.close()
    return report.accepted, report.verdict.national, {str(check.code) for check in report.checks}


def test_a_copied_home_grows_old_while_its_source_stays_fresh(tmp_path: Path):
    home, copy = tmp_path / "home", tmp_path / "copy"
    clock = ManualClock(START)
    found(home, clock)
    world = World(home, clock)
    world.issue_all(deposit_table([1]))
    bundle = next(iter(world.bundles().values()))
    clock.advance(30)
    world.worker.run_once()
    assert (home / "chain.db.lock").exists()
    shutil.copytree(home, copy)
    assert verified(world, copy, bundle)[0]

    clock.advance(MAX_AGE_S + 1)
    world.worker.run_once()
    accepted, national, codes = verified(world, copy, bundle)
    assert not accepted
    assert national == 4, "cannot tell"
    assert Code.VIEW_STALE in codes
    accepted, _, codes = verified(world, home, bundle)
    assert accepted
    assert Code.VIEW_FRESH in codes
    world.close()


def test_a_moved_home_is_its_own_source_again_once_it_is_opened_for_sealing(tmp_path: Path):
    home, copy = tmp_path / "home", tmp_path / "copy"
    clock = ManualClock(START)
    found(home, clock)
    shutil.copytree(home, copy)
    reader = EmbeddedReader(copy / "chain.db")
    assert not reader.is_source
    World(copy, clock).close()
    assert reader.is_source
    reader.close()
