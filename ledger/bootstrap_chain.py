"""Which chain an installation has, and how each kind of process reaches it.

Its own (embedded) chain: one file; the process with the lock seals, others read the file. A chain that
others run: the process with the same lock sends and keeps view.db at the chain's head; others read
view.db, and ask the nodes only for what no view holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.adapters.home_files import Home, HomeRecord
from ledger.adapters.system import SystemClock
from ledger.core.model import BlockRef, ChainInfo, LedgerEvent
from ledger.core.trust import ViewKind
from ledger.ports import ChainSigner, Clock, ContractCall
from ledger.services.granting import RegistryView

if TYPE_CHECKING:
    from ledger.adapters.chain_rpc.chain import RpcChain
    from ledger.adapters.chain_rpc.nodes import SleepingClock
    from ledger.adapters.chain_rpc.record import RpcRecord
    from ledger.adapters.chain_rpc.sending import Sendings
    from ledger.adapters.snapshot_reader import SnapshotReader
    from ledger.services.explorer import LedgerLog


SNAPSHOT_KIND = "snapshot"
"""`chain.kind` of a verifier's data directory that knows its ledger from snapshots alone."""
MIRROR_KIND = "mirror"
"""`chain.kind` of a data directory that follows a node and runs every block itself."""


class Reader(Protocol):
    """What every process may ask about the chain, with or without the lock."""

    def info(self) -> ChainInfo:
        """Which chain, which contracts."""

    def head(self) -> BlockRef:
        """The newest final block."""

    def block(self, number: int) -> BlockRef | None:
        """The final block of that height."""

    def events(self, first: int, last: int, names: frozenset[str] | None = None) -> Iterator[LedgerEvent]:
        """Decoded events of both contracts, or those of these names."""

    def proposed(self, transaction_hash: bytes) -> tuple[ContractCall, bytes] | None:
        """The act that this transaction proposed, as a call and as bytes; None when it cannot be told."""

    def encode(self, call: ContractCall) -> bytes:
        """Calldata."""

    def read(self, call: ContractCall) -> Any:
        """Result of a view; the embedded chain's own readers refuse (CHAIN_LOCKED)."""


def rpc_record(record: HomeRecord) -> RpcRecord | None:
    """The chain of others that this installation uses; None: its own."""
    if record.chain.get("kind") in {None, SNAPSHOT_KIND, MIRROR_KIND}:
        return None
    from ledger.adapters.chain_rpc.record import parse_record

    return parse_record(record.chain)


def view_kind(record: HomeRecord) -> ViewKind:
    """How the view of this installation may age, see ledger.core.trust."""
    return "embedded" if rpc_record(record) is None else "consortium"


def chain_reader(home: Home, record: HomeRecord) -> Reader:
    """Final blocks and events, without the lock.

    Raises:
        NotFoundError: CHAIN_MISSING, VIEW_MISSING.
    """
    if record.chain.get("kind") == SNAPSHOT_KIND:
        return _snapshot_reader(home)
    remote = rpc_record(record)
    if remote is None:
        return EmbeddedReader(home.chain_file)
    from ledger.adapters.chain_rpc.finality import parse_finality
    from ledger.adapters.chain_rpc.watching import WatchingReader

    return WatchingReader(
        remote.nodes(SystemClock(), for_people=True), remote.need_place(), parse_finality(remote.finality)
    )


def _snapshot_reader(home: Home) -> SnapshotReader:
    from ledger.adapters.chain_view_snapshot import StoredSnapshotView
    from ledger.adapters.snapshot_reader import SnapshotReader

    return SnapshotReader(StoredSnapshotView(home.view_file, read_only=True))


def chain_info(home: Home, record: HomeRecord) -> ChainInfo:
    """Which chain and which contracts, asking nobody.

    Raises:
        NotFoundError: CHAIN_MISSING, VIEW_MISSING.
    """
    if record.chain.get("kind") == SNAPSHOT_KIND:
        return _snapshot_reader(home).info()
    remote = rpc_record(record)
    return EmbeddedReader(home.chain_file).info() if remote is None else remote.info()


def explorer_log(reader: Reader) -> LedgerLog:
    """Blocks and transactions for people who look.

    Raises:
        NotFoundError: SNAPSHOT_ONLY.
    """
    from ledger.adapters.snapshot_reader import SnapshotReader, not_here

    if isinstance(reader, SnapshotReader):
        raise not_here()
    if isinstance(reader, EmbeddedReader):
        from ledger.adapters.explorer_reader import ChainFileLog

        return ChainFileLog(reader)
    from ledger.adapters.chain_rpc.watching import NodeLog, WatchingReader

    if not isinstance(reader, WatchingReader):
        raise TypeError("a reader of one of the two kinds")
    return NodeLog(reader)


def open_view(source: Path, clock: Clock) -> RegistryView:
    """A view for reading: of a home folder, or of a chain file.

    Raises: NotFoundError(CHAIN_MISSING, VIEW_MISSING).
    """
    from ledger.adapters import chain_view_open

    home = Home(source)
    if source.is_dir() and is_snapshot_home(home):
        from ledger.adapters.chain_view_snapshot import StoredSnapshotView

        return StoredSnapshotView(home.view_file, read_only=True)
    if source.is_dir() and is_mirror_home(home):
        from ledger.adapters.chain_view_sql import SqlView

        return SqlView(home.view_file, "mirror", read_only=True, book=open_book(home))
    if source.is_dir() and home.exists() and rpc_record(home.load()) is not None:
        from ledger.adapters.chain_view_sql import SqlView

        return SqlView(home.view_file, "consortium", read_only=True, book=open_book(home))
    return chain_view_open.open_view(source, clock)


def open_book(home: Home, *, read_only: bool = True) -> CheckpointFile:
    """What operator and witnesses signed about the ledger of this data directory."""
    return CheckpointFile(home.checkpoints_file, read_only=read_only)


def is_mirror_home(home: Home) -> bool:
    """Whether this data directory follows a node."""
    return home.exists() and home.load().chain.get("kind") == MIRROR_KIND


def is_snapshot_home(home: Home) -> bool:
    """Whether this data directory knows its ledger from snapshots alone."""
    return home.exists() and home.load().chain.get("kind") == SNAPSHOT_KIND


def has_chain(home: Home) -> bool:
    """Whether a view can be opened here."""
    if home.chain_file.exists():
        return True
    if not home.exists() or not home.view_file.exists():
        return False
    record = home.load()
    return rpc_record(record) is not None or record.chain.get("kind") == SNAPSHOT_KIND


def connect(
    remote: RpcRecord,
    clock: SleepingClock,
    sendings: Sendings,
    signer_of: Callable[[bytes], ChainSigner | None],
) -> RpcChain:
    """The chain for the process with the lock.

    Args:
        remote: completed by set-up as far as the place.
        clock: the machine's.
        sendings: the signing queue.
        signer_of: keys to replace stuck transactions with.
    """
    from ledger.adapters.chain_rpc.chain import RpcChain
    from ledger.adapters.chain_rpc.fees import Fees
    from ledger.adapters.chain_rpc.finality import parse_finality

    return RpcChain(
        remote.nodes(clock),
        remote.need_place(),
        parse_finality(remote.finality),
        clock,
        sendings=sendings,
        fees=Fees(remote.ceiling_wei),
        signer_of=signer_of,
        holds_lock=True,
    )
