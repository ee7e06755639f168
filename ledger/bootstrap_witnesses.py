"""Wires the witnesses' page: trust file, kept statements, what a mirror noticed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ledger.adapters.home_files import Home, HomeRecord
from ledger.adapters.mirror_files import EVIDENCE_FOLDER, EvidenceFiles, load_state
from ledger.adapters.trust_files import HomeTrust
from ledger.bootstrap_chain import chain_reader, open_book
from ledger.core.contradictions import Evidence
from ledger.core.errors import InputError, NotFoundError
from ledger.core.mirroring import MirrorState
from ledger.core.trust import Trust, parse_trust
from ledger.ports import ChainView, Clock
from ledger.services.changes import ChangesService, TrustStep
from ledger.services.governed import GovernedBook
from ledger.services.witnessing import WitnessService


class MirrorNotes:
    """What a mirror keeps for people, out of its home; nothing where this is no mirror.

    Args:
        home: the data directory.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._files = EvidenceFiles(home.path / EVIDENCE_FOLDER)
        self._read: dict[str, Evidence] = {}  # a file may hold thousands of headers, and the page is public

    def look(self) -> tuple[MirrorState | None, Sequence[tuple[str, Evidence]]]:
        """State and evidence, without headers above the first; a damaged file is left out, the others still speak."""
        found: list[tuple[str, Evidence]] = []
        for name in self._files.names():
            if name not in self._read:
                try:
                    read = self._files.load(name)[0]
                except (InputError, NotFoundError):
                    continue
                self._read[name] = replace(read, headers=read.headers[:1], block=b"")
            found.append((name, self._read[name]))
        return load_state(self._home.path), found

    def read(self, name: str) -> bytes:
        """The file itself; `name` is one that `look` gave."""
        return (self._files.folder / name).read_bytes()


def open_witnesses(home: Home, record: HomeRecord, view: ChainView, clock: Clock) -> WitnessService:
    """How things stand with the witnesses of this installation's ledger."""
    notes = MirrorNotes(home)
    return WitnessService(
        HomeTrust(home).trust,
        view,
        open_book(home),
        chain_reader(home, record),
        clock,
        notes.look,
        notes.read,
    )


class TrustSteps:
    """Trust files that this installation took into use after the first, with when.

    Args:
        home: the data directory.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._trusts = HomeTrust(home)

    def look(self) -> tuple[TrustStep, ...]:
        """Oldest first."""
        return tuple(self._steps())

    def _steps(self) -> Iterator[TrustStep]:
        before: Trust | None = None
        for number in self._trusts.versions():
            data, taken_at = self._trusts.version(number), self._trusts.taken_at(number)
            after = None if data is None else parse_trust(data)
            if before is not None and after is not None and taken_at is not None:
                yield _step(before, after, taken_at)
            before = after


def _step(before: Trust, after: Trust, taken_at: int) -> TrustStep:
    was, now = before.witnesses, after.witnesses
    return TrustStep(
        version=after.version,
        taken_at=taken_at,
        added=tuple(key for key in now.keys if key not in was.keys),
        removed=tuple(key for key in was.keys if key not in now.keys),
        threshold_before=was.threshold,
        threshold=now.threshold,
        names={**was.names, **now.names},
    )


def open_changes(home: Home, record: HomeRecord, view: ChainView, book: GovernedBook) -> ChangesService:
    """What changed on this installation's ledger."""
    trusts = HomeTrust(home)
    return ChangesService(
        view,
        book,
        chain_reader(home, record),
        lambda: trusts.trust().restore_notices,
        TrustSteps(home).look,
    )
