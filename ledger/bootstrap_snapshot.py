"""Makes snapshots of an installation's ledger, and opens them where no ledger can be reached.

Order that must hold when one is taken: signatures, then the block it ends at against what was accepted
before, then its content; only then anything is written, and the memory of the highest block last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ledger.adapters.chain_view_follow import Follower, SparseSource
from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.chain_view_snapshot import (
    SnapshotView,
    State,
    StoredSnapshotView,
    delta,
    read_state,
    state_of,
)
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.adapters.home_files import Home, HomeRecord, read_at_most, write_file
from ledger.adapters.signer_file import Keyring
from ledger.adapters.snapshot_files import SeenBlocks, write_snapshot_file
from ledger.adapters.system import SystemClock
from ledger.bootstrap import load_trust, open_view, password_chain
from ledger.bootstrap_chain import SNAPSHOT_KIND, Reader, chain_reader
from ledger.core.checkpoint import SignedCheckpoint
from ledger.core.columns import Tables
from ledger.core.errors import ConflictError, InputError, NotFoundError, UnavailableError
from ledger.core.model import BlockRef, ChainInfo, LedgerEvent, ViewHead
from ledger.core.snapshot import (
    MAX_SNAPSHOT_BYTES,
    Follows,
    Header,
    Snapshot,
    encode_snapshot,
    make_snapshot,
    parse_snapshot,
    require_not_older,
    require_trusted,
    sign_snapshot,
)
from ledger.core.trust import Trust
from ledger.ports import Clock, PasswordSource
from ledger.settings import Settings

__all__ = [
    "Imported",
    "Opened",
    "accept",
    "age_s",
    "batches_in",
    "export_snapshot",
    "import_snapshots",
    "load_snapshot",
    "memory_beside",
    "open_snapshots",
    "sign_snapshot_file",
    "state_in",
]


# making


def export_snapshot(
    settings: Settings,
    out: Path,
    since: int | Path | None = None,
    keys: Sequence[str] = (),
    ask: PasswordSource | None = None,
) -> Snapshot:
    """Write the ledger's state as this installation knows it now.

    Args:
        settings: of the installation.
        out: the file to write.
        since: make a delta: a block number, or an earlier snapshot's file.
        keys: key URIs that sign it at once.
        ask: asks for passwords.

    Raises:
        NotFoundError: HOME_MISSING, CHAIN_MISSING, VIEW_MISSING.
        ConflictError: SNAPSHOT_SOURCE_FORKED, SNAPSHOT_SINCE.
        InputError: SNAPSHOT_*, FILE_UNWRITABLE.
    """
    if isinstance(since, Path) and since.resolve() == out.resolve():
        raise InputError(
            "SNAPSHOT_OVERWRITES",
            f"{out} is the snapshot that the delta is to follow: name another file to write.",
            path=str(out),
        )
    home = Home(settings.home)
    record = home.load_ready()
    clock = SystemClock()
    view = open_view(home.path, clock)
    if not isinstance(view, MemoryView | SqlView):
        raise TypeError("a view whose rows can be copied")
    head = view.head()  # before the rows: a moment too early is honest, one too late is not
    state = _state_of(view)
    info = view.info()
    if head is None or state is None or info is None:
        raise NotFoundError("VIEW_MISSING", f"{home.path} has not read a block of its ledger yet.")
    if head.forked:
        raise ConflictError(
            "SNAPSHOT_SOURCE_FORKED",
            "This installation's copy of the ledger contradicts its source; a person must look at that first.",
            block=head.block.number,
        )
    base = None if since is None else _base(home, record, clock, since, state)
    checkpoint, cosignatures = _statements(home, state, head)
    snapshot = make_snapshot(
        state.columns if base is None else delta(base, state),
        info=info,
        block=state.block,
        confirmed_at=head.confirmed_at,
        state=state.digest,
        follows=None if base is None else Follows(base.block.number, base.digest),
        checkpoint=checkpoint,
        cosignatures=cosignatures,
    )
    _require_readable(snapshot, base, state)
    snapshot = _signed(snapshot, settings, keys, ask, is_demo=record.mode == "demo")
    write_snapshot_file(out, encode_snapshot(snapshot))
    return snapshot


def _require_readable(snapshot: Snapshot, base: State | None, state: State) -> None:
    """Whoever takes it comes to the same state; a base of another history shows here at the latest."""
    try:
        SnapshotView(snapshot.header, read_state(snapshot, base))
    except InputError as error:
        if base is None:
            raise
        raise _no_base(base.block.number, state) from error


def sign_snapshot_file(
    settings: Settings, path: Path, keys: Sequence[str], ask: PasswordSource | None
) -> Snapshot:
    """Add signatures to a file. Needs no installation: signers may sit in different houses.

    Raises:
        InputError: SNAPSHOT_*, KEY_*, FILE_UNREADABLE, FILE_UNWRITABLE.
    """
    home = Home(settings.home)
    is_demo = home.exists() and home.load().mode == "demo"
    snapshot = _signed(load_snapshot(path), settings, keys, ask, is_demo=is_demo)
    write_snapshot_file(path, encode_snapshot(snapshot))
    return snapshot


def _signed(
    snapshot: Snapshot, settings: Settings, keys: Sequence[str], ask: PasswordSource | None, *, is_demo: bool
) -> Snapshot:
    keyring = Keyring(password_chain(settings, demo=is_demo, ask=ask))
    for uri in keys:
        snapshot = sign_snapshot(snapshot, keyring.credential_signer(uri))
    return snapshot


def _state_of(view: MemoryView | SqlView) -> State | None:
    """The state that a view holds, None before its first block."""
    rows = view.dump()
    return state_of(rows) if ("head",) in rows["fact"] else None


def _base(home: Home, record: HomeRecord, clock: Clock, since: int | Path, state: State) -> State:
    """The state that a delta is laid upon."""
    if isinstance(since, Path):
        base = state_in(load_snapshot(since))
    else:
        base = _state_at(home, record, clock, since, state)
    known = state.tables["block"].get((base.block.number,))
    if base.block.number > state.block.number or known not in (None, (base.block.hash, base.block.time)):
        raise _no_base(base.block.number, state)
    return base


def _state_at(home: Home, record: HomeRecord, clock: Clock, number: int, state: State) -> State:
    """The state as it was: the ledger's events up to that block, read again."""
    if record.chain.get("kind") == SNAPSHOT_KIND:
        raise ConflictError(
            "SNAPSHOT_SINCE_FILE",
            "This installation knows the ledger from snapshots only: name the earlier snapshot's file instead.",
        )
    if not 0 <= number <= state.block.number:
        raise _no_base(number, state)
    reader = chain_reader(home, record)
    view = MemoryView()
    is_sparse = isinstance(reader, SparseSource)
    Follower((_SparsePast if is_sparse else _Past)(reader, number), view, clock, "export").advance()
    found = _state_of(view)
    if found is None:
        raise _no_base(number, state)
    return found


def _no_base(number: int, state: State) -> ConflictError:
    return ConflictError(
        "SNAPSHOT_SINCE",
        f"A delta cannot begin at block {number}: the ledger is at block {state.block.number}, or its block "
        "there is another one.",
        block=number,
        head=state.block.number,
    )


class _Past:
    """A chain as it was at one block."""

    def __init__(self, reader: Reader, number: int) -> None:
        self._reader = reader
        self._number = number

    def info(self) -> ChainInfo:
        return self._reader.info()

    def head(self) -> BlockRef:
        found = self._reader.block(self._number)
        if found is None:
            raise UnavailableError("CHAIN_UNAVAILABLE", f"Block {self._number} cannot be read.")
        return found

    def block(self, number: int) -> BlockRef | None:
        return self._reader.block(number)

    def events(self, first: int, last: int) -> Iterator[LedgerEvent]:
        return self._reader.events(first, last)


class _SparsePast(_Past):
    """The same of a chain with many blocks of others."""

    @property
    def first_block(self) -> int:
        if not isinstance(self._reader, SparseSource):
            raise TypeError("a sparse reader")
        return self._reader.first_block


def _statements(
    home: Home, state: State, head: ViewHead
) -> tuple[SignedCheckpoint | None, tuple[SignedCheckpoint, ...]]:
    """The operator's newest checkpoint and each witness's, as far as they speak of these blocks."""
    if not home.checkpoints_file.exists():
        return None, ()
    trusted = {(seen.thumbprint, seen.block) for seen in head.witnessed}
    with closing(CheckpointFile(home.checkpoints_file, read_only=True)) as book:
        operator = book.newest("operator")
        found = [
            kept.signed
            for number in sorted({block for _, block in trusted if block <= state.block.number})
            for kept in book.at(number)
            if kept.signatory == "witness" and (kept.signed.thumbprint, number) in trusted
        ]
    if operator is not None and not _agrees(operator, state):
        operator = None
    return operator, tuple(signed for signed in found if _agrees(signed, state))


def _agrees(signed: SignedCheckpoint, state: State) -> bool:
    block = signed.checkpoint.block
    known = state.tables["block"].get((block.number,))
    return block.number <= state.block.number and known in (None, (block.hash, block.time))


# taking


@dataclass(frozen=True, slots=True)
class Opened:
    """Snapshots, taken one upon the other: the last header, the state behind it, and a view of it."""

    header: Header
    state: State
    view: SnapshotView


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import left: the newest block, and whether it was there before."""

    header: Header
    is_news: bool
    batches: int
    credentials: int


def load_snapshot(path: Path) -> Snapshot:
    """A file as it lies there; believed by nobody yet.

    Raises:
        InputError: FILE_UNREADABLE, SNAPSHOT_SHAPE, SNAPSHOT_VERSION, SNAPSHOT_TOO_LARGE.
    """
    return parse_snapshot(read_at_most(path, MAX_SNAPSHOT_BYTES))


def state_in(snapshot: Snapshot) -> State:
    """The state of a whole snapshot, of a file that we made ourselves or only look at.

    Raises:
        InputError: SNAPSHOT_*; SNAPSHOT_GAP for a delta.
    """
    return read_state(snapshot)


def batches_in(snapshot: Snapshot) -> tuple[int, int]:
    """Batches and credentials in a whole snapshot.

    Raises:
        InputError: as state_in.
    """
    state = state_in(snapshot)
    anchors = list(SnapshotView(snapshot.header, state).anchors())
    return len(anchors), sum(anchor.size for anchor in anchors if anchor.type_id)


def age_s(header: Header) -> int:
    """Seconds since the exporter last knew this to be the ledger's newest state."""
    return max(0, SystemClock().now() - header.confirmed_at)


def memory_beside(trust_file: Path) -> SeenBlocks:
    """Where a verifier remembers the highest block that it accepted: beside its trust file."""
    return SeenBlocks(trust_file.with_name(trust_file.name + ".seen"))


def open_snapshots(
    paths: Sequence[Path], trust: Trust, memory: SeenBlocks, *, allow_older: bool = False
) -> Opened:
    """A view of one snapshot and the deltas upon it. Remembers nothing: see `accept`.

    Args:
        paths: a whole snapshot, then deltas in order.
        trust: names the signers.
        memory: what was accepted before.
        allow_older: take an older one than that.

    Raises:
        InputError: SNAPSHOT_*, CHECKPOINT_*.
        RefusedError: SNAPSHOT_ROLLBACK, SNAPSHOT_NO_SIGNERS.
    """
    known = memory.newest(trust.ledger_id)
    state: State | None = None
    header: Header | None = None
    for position, path in enumerate(paths, 1):
        snapshot = load_snapshot(path)
        require_trusted(snapshot, trust)
        header = snapshot.header
        if position == len(paths):  # what lies below the last delta is only the way to it
            require_not_older(header, known, trust, allow_older=allow_older)
        state = read_state(snapshot, state)
    if header is None or state is None:
        raise InputError("SNAPSHOT_MISSING", "Name at least one snapshot.")
    return Opened(header, state, SnapshotView(header, state))


def accept(header: Header, trust: Trust, memory: SeenBlocks) -> None:
    """Remember the block, so that an older snapshot is noticed from now on.

    Raises:
        UnavailableError: SNAPSHOT_MEMORY_UNWRITABLE.
    """
    known = memory.newest(trust.ledger_id)
    is_void = known is not None and trust.voids(known.number, known.time)
    memory.remember(trust.ledger_id, header.block, replace=is_void)


def import_snapshots(
    settings: Settings, paths: Sequence[Path], trust_file: Path | None = None, *, allow_older: bool = False
) -> Imported:
    """Take snapshots into a verifier's data directory, made when it is not there yet.

    Each file is taken whole or not at all; taking one twice has no effect.

    Args:
        settings: `home` is the data directory.
        paths: whole snapshots and deltas, in order.
        trust_file: for a new data directory; an existing one has its own, renewed by `ecert trust take`.
        allow_older: go back to an older block.

    Raises:
        NotFoundError: TRUST_MISSING.
        ConflictError: HOME_OTHER_KIND, SNAPSHOT_TRUST_OTHER.
        InputError: SNAPSHOT_*, TRUST_*, CHECKPOINT_*.
        RefusedError: SNAPSHOT_ROLLBACK, SNAPSHOT_NO_SIGNERS.
    """
    home = Home(settings.home)
    if not paths:
        raise InputError("SNAPSHOT_MISSING", "Name at least one snapshot.")
    trust = _trust_of(home, trust_file)
    for path in paths:  # before a directory is made for them
        require_trusted(load_snapshot(path), trust)
    if trust_file is not None and not home.exists():
        _make_home(home, trust, trust_file)
    memory = memory_beside(home.trust_file)
    with closing(StoredSnapshotView(home.view_file)) as view:
        home.tighten()
        results = [_take(view, load_snapshot(path), trust, memory, allow_older=allow_older) for path in paths]
        anchors = tuple(view.anchors())
    is_news = any(news for _, news in results)
    credentials = sum(anchor.size for anchor in anchors if anchor.type_id)
    return Imported(results[-1][0], is_news, len(anchors), credentials)


def _trust_of(home: Home, trust_file: Path | None) -> Trust:
    """The trust file of a verifier's data directory, or of the one that is about to be made."""
    named = None if trust_file is None else load_trust(trust_file)
    if not home.exists():
        if named is None:
            raise NotFoundError(
                "TRUST_MISSING",
                f"{home.path} has no trust file yet: name it with --trust (ask the ledger's operator for it).",
                path=str(home.trust_file),
            )
        return named
    if home.load_ready().chain.get("kind") != SNAPSHOT_KIND:
        raise ConflictError(
            "HOME_OTHER_KIND",
            f"{home.path} is no verifier's data directory: it follows its ledger itself. Name another one "
            "with --home.",
            path=str(home.path),
        )
    trust = load_trust(home.trust_file)
    if named is not None and named.fingerprint != trust.fingerprint:
        raise ConflictError(
            "SNAPSHOT_TRUST_OTHER",
            f"{home.path} has version {trust.version} of the trust file, the one named is version "
            f"{named.version}; renew it with `ecert trust take`.",
            path=str(home.path),
            here=trust.version,
            named=named.version,
        )
    return trust


def _make_home(home: Home, trust: Trust, trust_file: Path) -> None:
    """Killed on the way it is no data directory yet, and made again."""
    home.create()
    write_file(home.trust_file, trust_file.read_bytes())
    chain = {"kind": SNAPSHOT_KIND}
    home.save(HomeRecord(trust.mode, SystemClock().now(), agencies=(), ready=True, chain=chain))


def _take(
    view: StoredSnapshotView, snapshot: Snapshot, trust: Trust, memory: SeenBlocks, *, allow_older: bool
) -> tuple[Header, bool]:
    """One file into the view: all of it or nothing, and after whatever another process takes in just now."""
    require_trusted(snapshot, trust)
    header = snapshot.header

    def judge(rows: Tables) -> State | None:
        base = state_of(rows) if ("head",) in rows["fact"] else None
        for known in (memory.newest(trust.ledger_id), None if base is None else base.block):
            require_not_older(header, known, trust, allow_older=allow_older)
        if base is None or base.block != header.block:
            state = read_state(snapshot, base)
            if base is not None:
                _require_same_past(base, state, trust)
            return state
        _require_same_state(base, header)
        return base if header.confirmed_at > int.from_bytes(rows["fact"][("confirmed_at",)][0]) else None

    is_news = view.renew(header, judge)
    if is_news:
        accept(header, trust, memory)
    return header, is_news


def _require_same_state(base: State, header: Header) -> None:
    """Two snapshots of one block say the same about it.

    Raises:
        InputError: SNAPSHOT_FORKED.
    """
    if base.digest != header.state:
        raise InputError(
            "SNAPSHOT_FORKED",
            f"This snapshot says something else about block {header.block.number} than the one accepted before.",
            block=header.block.number,
            known=base.digest.hex(),
            found=header.state.hex(),
        )


def _require_same_past(base: State, state: State, trust: Trust) -> None:
    """Blocks that both hold are the same, unless a restore notice took them back.

    Raises:
        InputError: SNAPSHOT_FORKED.
    """
    theirs = state.tables["block"]
    for (number,), row in base.tables["block"].items():
        if theirs.get((number,), row) != row and not trust.voids(number, row[1]):
            raise InputError(
                "SNAPSHOT_FORKED",
                f"Block {number} of this snapshot is not the one that was accepted before.",
                block=number,
                known=row[0].hex(),
                found=theirs[(number,)][0].hex(),
            )
