"""Wires the witnesses' page: trust file, kept statements, what a mirror noticed."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.adapters.home_files import Home, HomeRecord
from ledger.adapters.mirror_files import EVIDENCE_FOLDER, EvidenceFiles, load_state
from ledger.adapters.trust_files import HomeTrust
from ledger.bootstrap_chain import chain_reader, open_book
from ledger.core.contradictions import Evidence
from ledger.core.errors import InputError, NotFoundError
from ledger.core.mirroring import MirrorState
from ledger.ports import ChainView, Clock
from ledger.services.witnessing import WitnessService


class MirrorNotes:
    """What a mirror keeps for people, out of its home; nothing where this is no mirror.

    Args:
        home: the data directory.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._files = EvidenceFiles(home.path / EVIDENCE_FOLDER)

    def look(self) -> tuple[MirrorState | None, Sequence[tuple[str, Evidence]]]:
        """State and evidence; a file that somebody damaged is left out, the others still speak."""
        found: list[tuple[str, Evidence]] = []
        for name in self._files.names():
            try:
                found.append((name, self._files.load(name)[0]))
            except (InputError, NotFoundError):
                continue
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
