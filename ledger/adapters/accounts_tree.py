"""Which organisations there are: issuers of the chain with their parents, and those that only verify."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ledger.adapters.accounts_sql import SqlPeople
from ledger.core.accounts import Organisation
from ledger.core.directory import parse_directory_entry
from ledger.core.errors import InputError
from ledger.ports import ChainView, Clock

KEPT_S = 5
"""How long the tree is kept: an agency's place changes by governance acts, a page asks many times."""


class KnownOrganisations:
    """Port Tree. Names come from signed directory entries, as everywhere.

    Args:
        view: the chain.
        directory: folder of signed directory entries.
        people: organisations that only verify.
        clock: for keeping.
    """

    def __init__(self, view: ChainView | None, directory: Path, people: SqlPeople, clock: Clock) -> None:
        self._view = view
        self._directory = directory
        self._people = people
        self._clock = clock
        self._kept: tuple[float, Mapping[str, Organisation]] | None = None

    def organisations(self) -> Mapping[str, Organisation]:
        kept, now = self._kept, self._clock.monotonic()
        if kept is not None and now < kept[0] + KEPT_S:
            return kept[1]
        found = dict(self._people.organisations())
        if self._view is not None:
            for issuer in self._view.issuers():
                name_zh, name_en = self._names(issuer.issuer)
                found[issuer.issuer] = Organisation(
                    issuer.issuer, name_zh, name_en, issuer.parent, is_issuer=True
                )
        self._kept = (now, found)
        return found

    def forget(self) -> None:
        """Ask anew next time: an organisation was added by this process."""
        self._kept = None

    def _names(self, uscc: str) -> tuple[str, str]:
        try:
            entry = parse_directory_entry((self._directory / f"{uscc}.jws").read_text("ascii"))
        except (OSError, InputError):  # not handed to this installation: its number is its name
            return uscc, uscc
        return entry.name.get("zh", uscc), entry.name.get("en", uscc)
