"""Wires the node: what a data directory hands to mirrors, witnesses and verifiers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.counters_database import CountersDatabase
from ledger.adapters.home_files import Home, HomeRecord
from ledger.adapters.system import SystemClock, SystemEntropy
from ledger.adapters.trust_files import HomeTrust
from ledger.bootstrap import Installation
from ledger.bootstrap_chain import SNAPSHOT_KIND, open_book, open_view, rpc_record
from ledger.bootstrap_ops import open_limits
from ledger.core.errors import NotFoundError, RefusedError
from ledger.core.merkle import hash_leaf
from ledger.ports import Limits, Store
from ledger.ports.witness import LeafTiles
from ledger.services.node import NodeService
from ledger.settings import Settings


class StoreLeaves:
    """Leaf hashes of the batches that this installation issued (LeafTiles).

    Args:
        store: their entries.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batches: dict[tuple[str, bytes], int] = {}

    def leaf_hashes(self, issuer: str, root: bytes, first: int, last: int) -> bytes | None:
        """See LeafTiles."""
        place = (issuer, root)
        if place not in self._batches:
            found = self._store.batches.batches(issuer)
            self._batches |= {(issuer, batch.root): batch.id for batch in found if batch.root is not None}
        number = self._batches.get(place)
        if number is None:
            return None
        leaves = self._store.releases.credentials(number, first, last)
        return b"".join(hash_leaf(leaf.entry) for leaf in leaves)


class NoLeaves:
    """A home without batches of its own (LeafTiles)."""

    def leaf_hashes(self, issuer: str, root: bytes, first: int, last: int) -> bytes | None:  # noqa: ARG002
        """None: nothing is kept here."""
        return None


def open_node(home: Home, record: HomeRecord, leaves: LeafTiles | None = None) -> NodeService:
    """The node of a data directory with an embedded chain, sealed here or mirrored.

    Args:
        home: the directory.
        record: what home.json says.
        leaves: of its batches; None: none are kept.

    Raises:
        RefusedError: NODE_REMOTE when the chain is one that others run.
        NotFoundError: CHAIN_MISSING, TRUST_MISSING, SNAPSHOT_ONLY.
    """
    if record.chain.get("kind") == SNAPSHOT_KIND:
        raise NotFoundError(
            "SNAPSHOT_ONLY",
            "This data directory knows its ledger from snapshots: there are no blocks here to hand out.",
        )
    if rpc_record(record) is not None:
        raise RefusedError(
            "NODE_REMOTE",
            "This ledger lies on a chain that others run: mirrors and verifiers ask its own nodes.",
        )
    clock, trusts, chain = SystemClock(), HomeTrust(home), EmbeddedReader(home.chain_file)
    return NodeService(
        chain=chain,
        view=open_view(home.path, clock),
        book=open_book(home, read_only=False),
        leaves=leaves or NoLeaves(),
        trusts=trusts,
        trust=trusts.trust,
        clock=clock,
        is_sealing=chain.is_source,
    )


def node_of(here: Installation) -> NodeService:
    """The node of an installation, with the leaf tiles of its own batches."""
    leaves = StoreLeaves(here.store) if here.home.store_file.exists() else None
    return open_node(here.home, here.record, leaves)


@dataclass
class NodeParts:
    """What `ecert node` serves (web.node.NodeParts).

    Args:
        here: the installation.
    """

    here: Installation

    @cached_property
    def node(self) -> NodeService:
        """What is handed out."""
        return node_of(self.here)

    @cached_property
    def limits(self) -> Limits:
        """How often who asked, counted for all processes together."""
        counters = CountersDatabase(self.here.home.counters_file, self.here.clock)
        return open_limits(counters, self.here.settings, SystemEntropy())


def open_node_parts(settings: Settings) -> NodeParts:
    """The node over `settings.home`; everything is opened now, so that what is missing is said now.

    Raises:
        NotFoundError: HOME_MISSING, CHAIN_MISSING, TRUST_MISSING, SNAPSHOT_ONLY.
        ConflictError: HOME_NOT_READY.
        RefusedError: NODE_REMOTE.
    """
    home = Home(settings.home)
    parts = NodeParts(Installation(settings, home, home.load_ready()))
    parts.node.card()
    return parts
