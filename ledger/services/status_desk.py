"""From what a clerk types or hands in to the credentials meant, and what each of them may become.

Nothing is changed here; services.status does that. Every number is answered: found and allowed, or why not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.core.credential_type import CredentialType
from ledger.core.errors import ConflictError, InputError, LedgerError, NotFoundError
from ledger.core.flow import Place
from ledger.core.identifiers import parse_licence_identifier
from ledger.core.model import ChainEvidence
from ledger.core.status import Status
from ledger.ports import BatchStore
from ledger.services.cases import Case
from ledger.services.governed import acted_for, heir_of
from ledger.services.granting import RegistryView
from ledger.services.review import ReviewService
from ledger.services.status import StatusService

MOST_NUMBERS = 5_000
NUMBER = re.compile(
    r"1\.2\.156\.3005\.2\.[0-9A-Z]{18}[0-9]{3}\.[0-9A-Z]{18}\.[0-9A-F]{32}\.[0-9]{3}\.[0-9A-Z]"
    r"|[0-9A-F]{32}|[0-9A-F]{4}(?:-[0-9A-F]{4}){3}"
)
_SEPARATORS = re.compile(r"[\s,;，；、]+")
SHOWN = 80  # characters of a number that cannot be read


@dataclass(frozen=True, slots=True)
class Refusal:
    """A number that cannot be changed so. `now`: its status where that is the reason.

    `instead`: statuses that its type has in place of the one wanted.
    """

    text: str
    code: str
    now: str = ""
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """What a list of numbers stands for. `issuers`: of the names, each with how many of them it issued."""

    names: tuple[bytes, ...]
    refusals: tuple[Refusal, ...]
    issuers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a credential is worth now, and where it lies. `status` is None before it is on chain."""

    place: Place
    status: Status | None
    withdrawn_at: int | None


class StatusDesk:
    """See the module.

    Args:
        status: what may become what.
        review: finds credentials by number.
        batches: where they lie.
        view: their status now, and which types an issuer was granted.
        types: what is known of types, by 证照类型代码 and version.
    """

    def __init__(
        self,
        status: StatusService,
        review: ReviewService,
        batches: BatchStore,
        view: RegistryView,
        types: Mapping[tuple[str, int], CredentialType],
    ) -> None:
        self._status = status
        self._review = review
        self._batches = batches
        self._view = view
        self._types = types

    def acted_for(self, agency: str) -> tuple[str, ...]:
        """Issuers whose credentials the people of an agency change: its own, then its predecessors'."""
        return acted_for(self._view.issuers(), agency)

    def heir_of(self, issuer: str) -> str:
        """Whose people change the credentials of an issuer now."""
        return heir_of(self._view.issuers(), issuer)

    def survey(self, issuers: Sequence[str], numbers: Sequence[str], wanted: Status) -> Survey:
        """Each number looked up among these issuers' and judged; the same credential twice counts once.

        Raises: InputError(TOO_MANY_NUMBERS).
        """
        if len(numbers) > MOST_NUMBERS:
            raise InputError(
                "TOO_MANY_NUMBERS", f"At most {MOST_NUMBERS} numbers at a time.", most=MOST_NUMBERS
            )
        names: dict[bytes, str] = {}
        refusals = []
        for text in numbers:
            try:
                name = self.name_of(issuers, text)
                if name not in names:
                    (target,) = self._status.targets([name], wanted)
                    names[name] = target.place.issuer
            except LedgerError as error:
                detail = error.detail if isinstance(error, ConflictError) else {}
                instead = tuple(str(name) for name in detail.get("instead", ()))
                refusals.append(Refusal(text[:SHOWN], error.code, str(detail.get("now", "")), instead))
        return Survey(tuple(names), tuple(refusals), Counter(names.values()))

    def possible(self, issuers: Sequence[str]) -> frozenset[Status]:
        """Statuses that a credential of these issuers can be given: those of every type they were ever granted.

        All of them where the chain names a type that this program does not know.
        """
        found: set[Status] = set()
        for record in self._view.types():
            if not any(self._view.grants(issuer, record.type_id) for issuer in issuers):
                continue
            kind = self._types.get((record.code, record.version))
            if kind is None:
                return frozenset(Status)
            found.update(*kind.transitions.values())
        return frozenset(found)

    def name_of(self, issuers: Sequence[str], text: str) -> bytes:
        """The credential of one of these issuers with this proof number, serial or licence identifier.

        Raises:
            InputError: NUMBER_SHAPE, NUMBER_AMBIGUOUS.
            NotFoundError: CREDENTIAL_UNKNOWN, also for other issuers'.
        """
        word = text.strip().upper()
        if not NUMBER.fullmatch(word):
            raise InputError("NUMBER_SHAPE", "This is neither a proof number nor a serial.")
        if "." in word:
            word = parse_licence_identifier(word).serial
        found = [name for issuer in issuers for name in self._review.find(issuer, word)]
        if not found:
            raise NotFoundError("CREDENTIAL_UNKNOWN", "No credential with this number was issued here.")
        if len(found) > 1:
            raise InputError("NUMBER_AMBIGUOUS", "Several credentials begin so: give the full serial.")
        return found[0]

    def standing(self, issuer: str, name: bytes) -> Standing:
        """Status and place of one credential now. Raises: NotFoundError(CREDENTIAL_UNKNOWN)."""
        place = self._batches.place(name)
        if place is None or place.issuer != issuer:
            raise NotFoundError("CREDENTIAL_UNKNOWN", "No credential with this number was issued here.")
        evidence: ChainEvidence | None = None
        if place.root is not None and place.leaf_index is not None:
            evidence = self._view.evidence(issuer, place.root, place.leaf_index)
        if evidence is None or evidence.anchor is None or evidence.status is None:
            return Standing(place, None, None)
        return Standing(place, Status(evidence.status), evidence.anchor.withdrawn_at)

    def history(self, issuer: str, name: bytes) -> tuple[Case, ...]:
        """Every case that names this credential or its batch, oldest first."""
        place = self._batches.place(name)
        batches: set[tuple[str, ...]] = set()
        if place is not None:  # an agency above names it by its root
            batches = {(str(place.batch_id),), ("0x" + (place.root or b"").hex(),)}
        return tuple(
            case
            for case in self._status.cases().cases
            if case.issuer == issuer
            and (name.hex() in case.names if case.status is not None else case.names in batches)
        )


def split_numbers(text: str) -> list[str]:
    """Words of a text field, in order."""
    return [word for word in _SEPARATORS.split(text) if word]


def numbers_in(rows: Iterable[Iterable[Any]]) -> list[str]:
    """The first number of each row that has one; a later row without any is given as it stands, to be answered."""
    found: list[str] = []
    for at, row in enumerate(rows):
        cells = [str(cell).strip() for cell in row if cell is not None and str(cell).strip()]
        hits = [cell for cell in cells if NUMBER.fullmatch(cell.upper())]
        if hits:
            found.append(hits[0])
        elif cells and at:  # the first row may be a heading
            found.append(cells[0][:SHOWN])
    return found
