"""The public directory: agencies as a tree with their papers, keys and rights, and the types they issue.

A name comes from the signed directory entry whose hash the ledger holds, and from nowhere else; an
agency whose entry is not at hand is shown by its code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger.core.credential_type import CredentialType
from ledger.core.directory import DirectoryEntry, parse_directory_entry
from ledger.core.errors import NotFoundError
from ledger.core.model import IssuerRecord, StandingRecord, TypeRecord
from ledger.ports import ChainView, Clock
from ledger.services.granting import types_by_agency

Names = Mapping[str, str]
NO_ROOT = bytes(32)
"""No batch has it: asked for what the ledger says about an agency alone."""


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """A registered type. `kind` is None when its file is not known to this program; `issuers` may issue it now."""

    record: TypeRecord
    kind: CredentialType | None
    issuers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgencyFacts:
    """An agency in the tree. `entry` is None when it is not at hand or not the one on the ledger."""

    record: IssuerRecord
    entry: DirectoryEntry | None
    standings: tuple[StandingRecord, ...]


class DirectoryService:
    """Who there is.

    Args:
        view: the registry as this installation knows it.
        entry_of: the text of an agency's directory entry, None when it is not here.
        types: the type files that this program knows.
        clock: rights are judged now.
    """

    def __init__(
        self,
        view: ChainView,
        entry_of: Callable[[str], str | None],
        types: Iterable[CredentialType],
        clock: Clock,
    ) -> None:
        self._view = view
        self._entry_of = entry_of
        self._types = {(kind.type_code, kind.version): kind for kind in types}
        self._clock = clock
        self._names: dict[bytes, Names] = {}

    def name(self, issuer: str) -> Names | None:
        """Chinese and English name of an agency; None when it cannot be told.

        A page asks for hundreds: an entry that was read once is known by its hash on the ledger.
        """
        record = self._record(issuer)
        if record is None or not record.directory:
            return None
        current = record.directory[-1][0]
        if current not in self._names:
            entry = self._entry(record)
            if entry is None:
                return None
            self._names[current] = entry.name
        return self._names[current]

    def type_name(self, type_id: int) -> Names | None:
        """Chinese, English and Tibetan name of a registered type; None when its file is not known."""
        for record in self._view.types():
            if record.type_id == type_id:
                kind = self._types.get((record.code, record.version))
                return None if kind is None else {"zh": kind.name.zh, "en": kind.name.en, "bo": kind.name.bo}
        return None

    def agencies(self) -> list[AgencyFacts]:
        """The whole tree, parents before their children, in the order of admission."""
        return [self._facts(record) for record in self._in_tree_order()]

    def agency(self, issuer: str) -> AgencyFacts:
        """One agency.

        Raises:
            NotFoundError: ISSUER_UNKNOWN.
        """
        record = self._record(issuer)
        if record is None:
            raise NotFoundError("ISSUER_UNKNOWN", f"The ledger knows no agency {issuer}.", issuer=issuer)
        return self._facts(record)

    def types(self) -> list[TypeFacts]:
        """Every registered type with the agencies that may issue it now, those above them considered."""
        may = types_by_agency(self._view, self._clock.now())
        return [
            TypeFacts(
                record,
                self._types.get((record.code, record.version)),
                tuple(one.issuer for one in self._view.issuers() if record.type_id in may[one.issuer]),
            )
            for record in self._view.types()
        ]

    def _record(self, issuer: str) -> IssuerRecord | None:
        found = self._view.evidence(issuer, NO_ROOT, None)
        return None if found is None else found.issuer

    def _in_tree_order(self) -> Sequence[IssuerRecord]:
        children: dict[str | None, list[IssuerRecord]] = {}
        for record in self._view.issuers():
            children.setdefault(record.parent, []).append(record)
        found: list[IssuerRecord] = []
        waiting = list(reversed(children.get(None, [])))
        while waiting:
            record = waiting.pop()
            found.append(record)
            waiting += reversed(children.get(record.issuer, []))
        return found

    def _entry(self, record: IssuerRecord) -> DirectoryEntry | None:
        text = self._entry_of(record.issuer)
        if text is None or not record.directory:
            return None
        entry = parse_directory_entry(text)
        return entry if entry.hash == record.directory[-1][0] else None

    def _facts(self, record: IssuerRecord) -> AgencyFacts:
        return AgencyFacts(record, self._entry(record), self._view.standings(record.issuer))
