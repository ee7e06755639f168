"""Advances a chain view along its source: blocks, events and head together.

One follower at a time, by a lease in the view itself. A source that contradicts a block which the view
has taken is never believed: the view stops, is marked forked, and keeps both hashes. Only final blocks
are followed, so there is nothing to roll back otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from ledger.adapters.chain_view_projector import project
from ledger.adapters.chain_view_reading import (
    Fork,
    encode_fork,
    read_block,
    read_info,
    read_integer,
    write_info,
    write_integer,
)
from ledger.adapters.chain_view_rows import Rows
from ledger.core.model import BlockRef, ChainInfo, LedgerEvent
from ledger.ports import Clock, ViewHead

LEASE_S = 30
_CHUNK = 500  # blocks taken in one transaction
_SPARSE_CHUNK = 5_000

FollowState = Literal["confirmed", "leased", "behind", "forked", "undeployed"]


class Source(Protocol):
    """What a view follows: the reading half of the Chain port."""

    def info(self) -> ChainInfo: ...

    def head(self) -> BlockRef: ...

    def block(self, number: int) -> BlockRef | None: ...

    def events(self, first: int, last: int) -> Iterator[LedgerEvent]: ...


@runtime_checkable
class LockedSource(Protocol):
    """A source that only one process at a time can have open."""

    @property
    def holds_lock(self) -> bool: ...


@runtime_checkable
class SparseSource(Protocol):
    """A source with many blocks that are none of our business: only those with our events are taken."""

    @property
    def first_block(self) -> int:
        """No block before this one holds anything of ours."""


class WritableView(Protocol):
    """A view that can be advanced."""

    def write(self) -> AbstractContextManager[Rows]:
        """Rows in one transaction: all of it or nothing."""

    def head(self) -> ViewHead | None: ...

    def clear(self) -> None:
        """Forget everything."""


@dataclass(frozen=True, slots=True)
class FollowResult:
    """How far it came.

    `confirmed`: the source's head was reached; `leased`: another follower is at work; `behind`: the
    source is older than the view (a restored copy); `forked`: it contradicts the view; `undeployed`:
    the chain has no contracts yet.
    """

    state: FollowState
    head: ViewHead | None


class Follower:
    """Keeps one view at the head of one source.

    Args:
        source: a chain or a reader of one.
        view: with `write`.
        clock: injected.
        holder: a name that no other follower has, for the lease. Who holds the chain's own lock takes
            the lease over: its last holder is dead, or only reads.
    """

    def __init__(self, source: Source, view: WritableView, clock: Clock, holder: str) -> None:
        self._source = source
        self._view = view
        self._clock = clock
        self._holder = holder
        self._takes_over = isinstance(source, LockedSource) and source.holds_lock

    def advance(self, confirmed_at: int | None = None) -> FollowResult:
        """Take what is new, then confirm.

        Args:
            confirmed_at: when the source was known to be current; None: now, it is the living source.
        """
        now = self._clock.now()
        moment = now if confirmed_at is None else confirmed_at
        state: FollowState | None = None
        while state is None:
            with self._view.write() as rows:
                if not self._takes_over and _is_leased(rows, self._holder, now):
                    state = "leased"
                else:
                    _lease(rows, self._holder, now)
                    state = _take(rows, self._source, now, moment)
        return FollowResult(state, self._view.head())

    def rebuild(self) -> FollowResult:
        """Start over from the source: also the way out of a fork, once a person has judged it."""
        self._view.clear()
        return self.advance()


def _is_leased(rows: Rows, holder: str, now: int) -> bool:
    """Whether somebody else is at work."""
    found = rows.get("fact", ("lease",))
    if found is None:
        return False
    until, other = int.from_bytes(found[0][:8]), found[0][8:].decode()
    return other != holder and now < until


def _lease(rows: Rows, holder: str, now: int) -> None:
    rows.put("fact", ("lease",), ((now + LEASE_S).to_bytes(8) + holder.encode(),))


def _take(rows: Rows, source: Source, now: int, moment: int) -> FollowState | None:
    """One chunk. None: there is more."""
    info, target = source.info(), source.head()
    if not any(info.ledger):
        return "undeployed"
    if rows.get("fact", ("fork",)) is not None:
        return "forked"
    number = read_integer(rows, "head")
    if number is not None:
        fork = _contradiction(rows, source, info, min(number, target.number), now)
        if fork is not None:
            rows.put("fact", ("fork",), (encode_fork(fork),))
            return "forked"
        if target.number < number:
            return "behind"
    is_sparse = isinstance(source, SparseSource)
    first = (
        number + 1 if number is not None else source.first_block if isinstance(source, SparseSource) else 0
    )
    last = min(target.number, first + (_SPARSE_CHUNK if is_sparse else _CHUNK) - 1)
    if is_sparse:
        _take_touched_blocks(rows, source, first, last)
    else:
        _take_blocks(rows, source, first, last)
    if number is None:
        write_info(rows, info)
    if last < target.number:
        return None
    write_integer(rows, "confirmed_at", moment)
    return "confirmed"


def _take_blocks(rows: Rows, source: Source, first: int, last: int) -> None:
    for number in range(first, last + 1):
        block = source.block(number)
        if block is None:
            raise RuntimeError(f"the source lost block {number} below its own head")
        rows.put("block", (number,), (block.hash, block.time))
    changes = read_integer(rows, "changes") or 0
    if first <= last:
        for event in source.events(first, last):
            project(rows, event)
            changes += 1
        write_integer(rows, "head", last)
    write_integer(rows, "changes", changes)


def _take_touched_blocks(rows: Rows, source: Source, first: int, last: int) -> None:
    """Blocks with events, and the last one, by which the next look knows the source again."""
    changes = read_integer(rows, "changes") or 0
    if first <= last:
        for event in source.events(first, last):
            rows.put("block", (event.block.number,), (event.block.hash, event.block.time))
            project(rows, event)
            changes += 1
        newest = source.block(last)
        if newest is None:
            raise RuntimeError(f"the source lost block {last} below its own head")
        rows.put("block", (last,), (newest.hash, newest.time))
        write_integer(rows, "head", last)
    write_integer(rows, "changes", changes)


def _contradiction(rows: Rows, source: Source, info: ChainInfo, number: int, now: int) -> Fork | None:
    """The source must be the same chain and hold our block at this height, where we have taken it."""
    if isinstance(source, SparseSource) and rows.get("block", (number,)) is None:
        return None
    ours = read_block(rows, number)
    theirs = source.block(number)
    their_hash = bytes(32) if theirs is None else theirs.hash
    if read_info(rows) != info or their_hash != ours.hash:
        return Fork(number, ours.hash, their_hash, now)
    return None
