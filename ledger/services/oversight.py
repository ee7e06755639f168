"""What those who govern look at: the tree of agencies, one agency in whole, what happened and what waits.

Joins the chain view (grants, keys, standing approvals as they are) with the book of governance (who did
what when). Everything here is public by design; names of people are added by the pages that may show them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ledger.core.errors import NotFoundError
from ledger.core.governed import Deed, Proposal, Reset
from ledger.core.grants import GrantState, covering_grant, grant_state
from ledger.core.model import GrantRecord, IssuerRecord, KeyRecord, StandingRecord
from ledger.core.signing import RoleHeld
from ledger.ports import ChainView, Clock
from ledger.services.governed import GovernedBook
from ledger.services.granting import types_by_agency

Told = TypeVar("Told")
STEPS = frozenset({"ActProposed", "ActAccepted"})
"""Events of asking and agreeing: where the act itself is shown with both names, they say nothing more."""


@dataclass(frozen=True, slots=True)
class Node:
    """An agency in the tree. `rights`: types it may issue now; `lost`: types that it was granted and may not issue."""

    record: IssuerRecord
    rights: tuple[int, ...]
    lost: tuple[int, ...]
    has_reset: bool
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class RightLine:
    """One type of one agency.

    Attributes:
        history: its own grants, oldest first.
        state: of its own grants now.
        holder: the first agency upward, itself included, whose grant is not good; None: it may issue.
        holder_state: how that one's grant is.
        until: when the first grant on the path to the root ends (exclusive); None unless it may issue.
    """

    type_id: int
    history: tuple[GrantRecord, ...]
    state: GrantState
    holder: str | None
    holder_state: GrantState
    until: int | None


@dataclass(frozen=True, slots=True)
class AgencySheet:
    """One agency in whole. `above`: nearest first."""

    record: IssuerRecord
    above: tuple[str, ...]
    children: tuple[str, ...]
    rights: tuple[RightLine, ...]
    keys: tuple[KeyRecord, ...]
    roles: tuple[RoleHeld, ...]
    standings: tuple[StandingRecord, ...]
    proposals: tuple[Proposal, ...]
    reset: Reset | None


class OversightService:
    """See the module.

    Args:
        view: the registry as this installation knows it.
        book: who did what when.
        clock: rights are judged now.
    """

    def __init__(self, view: ChainView, book: GovernedBook, clock: Clock) -> None:
        self._view = view
        self.book = book
        self._clock = clock

    def tree(self, seen: Collection[str] | None = None) -> tuple[Node, ...]:
        """The agencies as a tree in order of their codes; of `seen` only, whose tops become roots."""
        records = [one for one in self._view.issuers() if seen is None or one.issuer in seen]
        known = {one.issuer for one in records}
        children: dict[str | None, list[IssuerRecord]] = {}
        for record in records:
            children.setdefault(record.parent if record.parent in known else None, []).append(record)
        good = self._rights_of_all()
        announced = frozenset(reset.issuer for reset in self._from_history(self.book.resets))
        return self._nodes(children.get(None, []), children, good, announced)

    @staticmethod
    def _from_history(ask: Callable[[], tuple[Told, ...]]) -> tuple[Told, ...]:
        """What the book says; nothing where the ledger is known from snapshots, which have no history."""
        try:
            return ask()
        except NotFoundError as error:
            if error.code != "SNAPSHOT_ONLY":
                raise
            return ()

    def _nodes(
        self,
        records: Sequence[IssuerRecord],
        children: Mapping[str | None, Sequence[IssuerRecord]],
        good: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]],
        resets: Collection[str],
    ) -> tuple[Node, ...]:
        return tuple(
            Node(
                record,
                *good[record.issuer],
                record.issuer in resets,
                self._nodes(children.get(record.issuer, ()), children, good, resets),
            )
            for record in records
        )

    def _rights_of_all(self) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
        """For each agency the types it may issue now, and those that it was granted and may not."""
        types = [kind.type_id for kind in self._view.types()]
        found = {}
        for issuer, may in types_by_agency(self._view, self._clock.now()).items():
            granted = [type_id for type_id in types if self._view.grants(issuer, type_id)]
            found[issuer] = (
                tuple(type_id for type_id in granted if type_id in may),
                tuple(type_id for type_id in granted if type_id not in may),
            )
        return found

    @staticmethod
    def _path(records: Mapping[str, IssuerRecord], issuer: str) -> tuple[str, ...]:
        """The agency and all above it."""
        path: list[str] = []
        above: str | None = issuer
        while above is not None and above in records and above not in path:
            path.append(above)
            above = records[above].parent
        return tuple(path)

    def sheet(self, issuer: str) -> AgencySheet:
        """One agency.

        Raises:
            NotFoundError: ISSUER_UNKNOWN.
        """
        records = {record.issuer: record for record in self._view.issuers()}
        if issuer not in records:
            raise NotFoundError("ISSUER_UNKNOWN", f"The ledger knows no agency {issuer}.", issuer=issuer)
        path = self._path(records, issuer)
        lines = (self._right(path, kind.type_id) for kind in self._view.types())
        now = self._clock.now()
        return AgencySheet(
            record=records[issuer],
            above=path[1:],
            children=tuple(one.issuer for one in records.values() if one.parent == issuer),
            rights=tuple(line for line in lines if line is not None),
            keys=self._view.keys(issuer),
            roles=self._from_history(lambda: self.book.roles.roles(issuer)),
            standings=self._view.standings(issuer),
            proposals=self._from_history(lambda: self.book.waiting(now, issuer)),
            reset=next(
                (reset for reset in self._from_history(self.book.resets) if reset.issuer == issuer), None
            ),
        )

    def _right(self, path: Sequence[str], type_id: int) -> RightLine | None:
        now = self._clock.now()
        histories = [self._view.grants(one, type_id) for one in path]
        if not histories[0]:
            return None
        states = [grant_state(history, now) for history in histories]
        bad = next((place for place, state in enumerate(states) if state is not GrantState.GOOD), None)
        ends = [
            grant.valid_until for history in histories if (grant := covering_grant(history, now)) is not None
        ]
        return RightLine(
            type_id=type_id,
            history=histories[0],
            state=states[0],
            holder=None if bad is None else path[bad],
            holder_state=GrantState.GOOD if bad is None else states[bad],
            until=min(ends) if bad is None and ends else None,
        )

    def timeline(self, issuer: str) -> tuple[Deed, ...]:
        """What happened to an agency and what its admins did to others, newest first.

        Proposing and accepting are left out where the act that came of them is shown. Empty where the ledger
        is known from snapshots.
        """
        own = self._from_history(lambda: self.book.timeline(issuer))
        if not own:
            return ()
        others = (deed for deed in self.book.everything() if deed.by == issuer and deed.name not in STEPS)
        deeds = {(deed.block.number, deed.log_index): deed for deed in (*own, *others)}
        done = {deed.tx_hash for deed in deeds.values() if deed.name not in STEPS}
        over = {proposal.number for proposal in self.book.proposals(issuer) if proposal.decided_tx in done}
        shown = [deed for deed in deeds.values() if not _is_told(deed, done, over)]
        return tuple(sorted(shown, key=lambda deed: (deed.block.number, deed.log_index), reverse=True))


def _is_told(deed: Deed, done: Collection[bytes], over: Collection[int]) -> bool:
    """Whether this step of asking is told by the act that came of it."""
    if deed.name == "ActAccepted":
        return deed.tx_hash in done
    return deed.name == "ActProposed" and deed.args["proposalId"] in over
