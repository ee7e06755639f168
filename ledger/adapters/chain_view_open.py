"""Opens a chain view for reading, from a home folder or a chain file, in any process.

Starts from the rows that the installation's own follower left, catches up in memory from the chain
file, and goes on doing so at every look. Writes nothing, asks nobody, imports no EVM.
"""

from __future__ import annotations

from pathlib import Path

from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.chain_view_reading import Look, at
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.core.errors import NotFoundError, UnavailableError
from ledger.ports import Clock

CHAIN_FILE = "chain.db"
VIEW_FILE = "view.db"
CHECKPOINTS_FILE = "checkpoints.db"


def open_view(path: Path, clock: Clock) -> FollowingView:
    """A view that follows an embedded chain file, read-only.

    Args:
        path: a home folder (ECERT_HOME) or a chain file. An installation's own file (the lock file
            beside it names it) is the source itself: each look confirms it. A copied file is confirmed as of the
            last sign of life in it, so that an old copy shows its age.
        clock: for the moment of confirmation.
    Raises: NotFoundError(CHAIN_MISSING), UnavailableError(CHAIN_UNAVAILABLE).
    """
    chain_file = path / CHAIN_FILE if path.is_dir() else path
    book = CheckpointFile(chain_file.with_name(CHECKPOINTS_FILE), read_only=True)
    return FollowingView(EmbeddedReader(chain_file), clock, chain_file.with_name(VIEW_FILE), book)


class FollowingView(MemoryView):
    """See open_view.

    Args:
        reader: of the chain file.
        clock: for the moment of confirmation.
        warm_start: a view file to start from, if it is there and of the same chain.
        book: what witnesses signed.
    """

    def __init__(
        self, reader: EmbeddedReader, clock: Clock, warm_start: Path, book: CheckpointFile | None = None
    ) -> None:
        super().__init__("embedded", book)
        self._signed = book
        self._reader = reader
        self._clock = clock
        self._follower = Follower(reader, self, clock, "reader")
        self._stamp = b""
        self._checked_at = 0
        self._busy = False
        self._load_rows(warm_start)
        self._catch_up(reader.change_stamp())

    def close(self) -> None:
        """Give the files back."""
        self._reader.close()
        if self._signed is not None:
            self._signed.close()

    def _load_rows(self, warm_start: Path) -> None:
        try:
            stored = SqlView(warm_start, read_only=True)
        except (NotFoundError, UnavailableError):
            return  # only a shortcut: everything can be read from the chain file
        try:
            rows = stored.dump()
        except UnavailableError:
            return
        finally:
            stored.close()
        rows["fact"].pop(("lease",), None)
        ledger_id = rows["fact"].get(("ledger_id",))
        if ledger_id is not None and ledger_id[0] == self._reader.info().ledger_id:
            self.load(rows)

    def _look(self) -> Look | None:
        """Catch up when the chain file moved; an unreadable file leaves what is known, growing old."""
        if self._busy:
            return self._seen
        try:
            stamp = self._reader.change_stamp()
            if stamp != self._stamp or self._clock.now() != self._checked_at:
                with self._lock:
                    self._catch_up(stamp)
        except UnavailableError:
            return self._seen
        return self._seen

    def _catch_up(self, stamp: bytes) -> None:
        self._busy = True
        try:
            now = self._clock.now()
            moment = now if self._reader.is_source else self._reader.alive_at()
            seen = self._seen
            if stamp == self._stamp and seen is not None and not seen.head.forked:
                seen.head = at(seen.head, moment)
            else:
                self._follower.advance(moment)
                self._stamp = stamp
            self._checked_at = now
        finally:
            self._busy = False
