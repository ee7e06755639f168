"""A small installation of which one part is set back to an older copy, by hand; see tests.flow_world."""

from __future__ import annotations

import shutil
from pathlib import Path

from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.restore_sql import SqlRestoreBook
from ledger.adapters.store_sql import SqlStore
from ledger.core.model import ReasonClass
from ledger.core.status import Status
from ledger.services.healing import Healing
from ledger.services.status import Case, Grounds
from tests.flow_world import ISSUER, World, chain_signer

WHY = Grounds(ReasonClass.ISSUER_ERROR, "《住房公积金管理条例》", "2026-11")
DATABASES = ("store.db", "chain.db", "keys.db")


def copy_of(world: World, place: Path, *names: str) -> Path:
    """Close the installation and copy these of its databases; reopen with `again`."""
    world.close()
    place.mkdir(parents=True, exist_ok=True)
    for name in names or DATABASES:
        shutil.copy2(world.folder / name, place / name)
    return place


def put_back(world: World, place: Path, *names: str) -> None:
    """The copies take the place of what is there now; nothing else moves."""
    for name in names:
        for left in world.folder.glob(f"{name}-*"):
            left.unlink()
        shutil.copy2(place / name, world.folder / name)


def again(world: World, **changes: object) -> World:
    """The same installation, opened by a new process at the same time of day."""
    return World(world.folder, world.clock, **changes)  # type: ignore[arg-type]


def healing(world: World) -> Healing:
    """Compares this installation's database with its chain."""
    store = world.store
    assert isinstance(store, SqlStore)
    return Healing(
        SqlRestoreBook(store.database), store.batches, world.chain, world.view, [ISSUER], world.clock
    )


def end(world: World, name: bytes, status: Status = Status.VOID) -> Case:
    """A status that two people decide."""
    case = world.status.make([name], status, WHY, chain_signer("maker"), chain_signer("approver").signer_id)
    return world.status.approve(case.id, chain_signer("approver"))


def anchor_count(world: World) -> dict[bytes, int]:
    """How often each root was anchored, from the chain's own events."""
    reader = EmbeddedReader(world.folder / "chain.db")
    found: dict[bytes, int] = {}
    for event in reader.events(0, reader.head().number):
        if event.name == "BatchAnchored":
            root = event.args["root"]
            assert isinstance(root, bytes)
            found[root] = found.get(root, 0) + 1
    reader.close()
    return found
