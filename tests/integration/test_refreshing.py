"""Fresh receipts: from the old path, from all leaf hashes of a batch, and never for another credential."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.system import ManualClock
from ledger.core.errors import LedgerError
from ledger.core.merkle import hash_leaf
from ledger.core.model import BlockRef
from ledger.core.receipt import Bundle, parse_bundle
from ledger.services.refreshing import TILE, Refresher
from tests.flow_world import START, World, deposit_table, found

pytestmark = pytest.mark.xdist_group("flow")
ROWS = TILE + 5


class Leaves:
    """A node's tiles; remembers what it was asked."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self.asked: list[int] = []

    def leaf_tile(self, issuer: str, root: bytes, tile: int) -> Sequence[bytes] | None:
        assert (len(issuer), len(root)) == (18, 32)
        self.asked.append(tile)
        return self.leaves[tile * TILE : (tile + 1) * TILE] or None


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("refresh") / "home"
    clock = ManualClock(START)
    found(folder, clock)
    opened = World(folder, clock)
    opened.issue_all(deposit_table(range(ROWS)), max_batch=300)
    return opened


@pytest.fixture(scope="module")
def bundle(world: World) -> Bundle:
    return parse_bundle(next(iter(world.bundles().values())))


@pytest.fixture(scope="module")
def leaves(world: World) -> list[bytes]:
    entries = world.store.signing.entries(1)
    return [hash_leaf(entries[at : at + 32]) for at in range(0, len(entries), 32)]


def refreshed(world: World, bundle: Bundle, tiles: Leaves | None = None) -> Bundle:
    return Refresher(world.view, SdJwtFormat(), tiles).refresh(bundle)


def code_of(world: World, bundle: Bundle, tiles: Leaves | None = None) -> str:
    with pytest.raises(LedgerError) as refusal:
        refreshed(world, bundle, tiles)
    return refusal.value.code


def test_the_block_is_renewed_and_nobody_is_asked(world: World, bundle: Bundle) -> None:
    receipt = bundle.receipt
    assert receipt is not None
    old = bundle._replace(receipt=receipt._replace(block=BlockRef(1, bytes(32), 7)))
    tiles = Leaves([])
    assert refreshed(world, old, tiles) == bundle
    assert tiles.asked == []


def test_without_a_path_all_tiles_of_the_batch_are_fetched(
    world: World, bundle: Bundle, leaves: list[bytes]
) -> None:
    """A bare credential, a broken path, a path of another tree: the same fresh receipt."""
    receipt = bundle.receipt
    assert receipt is not None
    for old in (
        bundle._replace(receipt=None),
        bundle._replace(receipt=receipt._replace(path=receipt.path[1:])),
        bundle._replace(receipt=receipt._replace(path=(bytes(32), *receipt.path[1:]))),
        bundle._replace(receipt=receipt._replace(root=bytes(32))),
    ):
        tiles = Leaves(leaves)
        assert refreshed(world, old, tiles).receipt == receipt
        assert tiles.asked in ([0, 1], []), "whole batches or nothing: which leaf is meant stays unsaid"


def test_what_cannot_be_renewed_is_said(world: World, bundle: Bundle, leaves: list[bytes]) -> None:
    bare = bundle._replace(receipt=None)
    assert code_of(world, bare) == "REFRESH_TILES"
    assert code_of(world, bare, Leaves(leaves[:TILE])) == "REFRESH_TILES"
    assert code_of(world, bare, Leaves([bytes(32)] * ROWS)) == "REFRESH_NOT_INCLUDED"
    receipt = bundle.receipt
    assert receipt is not None
    wrong = [*leaves]
    wrong[(receipt.leaf_index + 1) % ROWS] = bytes(32)
    assert code_of(world, bare, Leaves(wrong)) == "REFRESH_TILES"


def test_a_batch_that_is_not_on_the_ledger(world: World, bundle: Bundle, tmp_path: Path) -> None:
    found(tmp_path / "other", ManualClock(START))
    other = World(tmp_path / "other", ManualClock(START + 60))
    assert code_of(other, bundle) == "REFRESH_NO_ANCHOR"
    other.close()
