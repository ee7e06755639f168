"""What a ledger takes along to other contracts, and in which form (review F23).

A move must give every old batch the verdict that it had. Keys, statuses, withdrawals of batches and the
times of anchors are carried as they are. The history of a grant is carried as what it amounted to: the
intervals in which it was good, which is all that a verdict asks. What no contract takes from outside
(when an agency was admitted, dissolved or described, who signed a batch) stays in the old chain, which is
kept; docs/adr/0034.

Pure: a state of the old ledger, a state of the new one, and the difference between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ledger.core.grants import BREAKING_BIT, GrantState, grant_state
from ledger.core.model import (
    AnchorRecord,
    GrantRecord,
    IssuerRecord,
    KeyRecord,
    LedgerEvent,
    Role,
    StandingRecord,
    TypeRecord,
    WithdrawalCause,
)

FOREVER: Final = 2**40 - 1  # largest uint40
_LONGEST_S: Final = 86_400  # a move may take that long from its plan to its last grant
_WORDS_GAS: Final = 6_000_000  # of one import transaction: chains of newer rules take at most 16.7 million
_ANCHOR_GAS: Final = 45_000  # one imported batch without statuses
_WORD_GAS: Final = 24_000  # one imported status word
_EMPTY_GAS: Final = 1_600  # one that is 0, before one that is not
GAS: Final[Mapping[str, int]] = {
    "contracts": 9_000_000,
    "type": 110_000,
    "act": 260_000,
    "standing": 190_000,
    "transaction": 30_000,
}
"""What each thing costs on the new chain at most, as measured on anvil with some room (a test compares)."""


@dataclass(frozen=True, slots=True)
class Held:
    """A role that a signer (32 bytes) holds, or will. `valid_until` is exclusive."""

    issuer: str
    role: int
    type_id: int
    signer: bytes
    valid_from: int
    valid_until: int


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Everything that registry and ledger hold, as a chain view and the events tell it.

    `issuers` has parents before their children; `words` are statuses by (issuer, root) and word number.
    """

    issuers: tuple[IssuerRecord, ...]
    types: tuple[TypeRecord, ...]
    grants: Mapping[tuple[str, int], tuple[GrantRecord, ...]]
    keys: Mapping[str, tuple[KeyRecord, ...]]
    roles: tuple[Held, ...]
    standings: tuple[StandingRecord, ...]
    anchors: tuple[AnchorRecord, ...]
    words: Mapping[tuple[str, bytes], Mapping[int, int]]

    def issuer(self, name: str) -> IssuerRecord | None:
        """None where it was never admitted."""
        return next((record for record in self.issuers if record.issuer == name), None)


@dataclass(frozen=True, slots=True)
class CarriedGrant:
    """A grant's history as the new registry gets it: intervals in order, perhaps a withdrawal, perhaps one more.

    `withdrawal`: (since, cause); the registry adds the time of writing, which is later than the original
    one. That changes no verdict: the old ledger took no batch in between. `later`: an interval that is granted
    after the withdrawal, from then on: one of the future, or what is left of one that ends soon.
    """

    issuer: str
    type_id: int
    intervals: tuple[tuple[int, int], ...]
    withdrawal: tuple[int, int] | None
    later: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class ImportedBatch:
    """A batch as `importAnchors` takes it. `words`: from word 0 to the last one that is not 0."""

    anchor: AnchorRecord
    words: tuple[int, ...]

    @property
    def gas(self) -> int:
        """What its import costs at most."""
        return _ANCHOR_GAS + _EMPTY_GAS * len(self.words) + _WORD_GAS * sum(1 for word in self.words if word)


ROLE_EVENTS: Final = frozenset({"RoleSet", "RolesReset"})


def acting(state: LedgerState) -> frozenset[str]:
    """Agencies whose own people may still do something: the living, and those dissolved without a successor."""
    return frozenset(
        record.issuer for record in state.issuers if record.dissolved_at is None or record.successor is None
    )


def carried_roles(state: LedgerState) -> list[Held]:
    """Roles that are appointed again: of a dissolved agency those with which its people keep its statuses."""
    able = acting(state)
    living = {record.issuer for record in state.issuers if record.dissolved_at is None}
    return [
        held
        for held in state.roles
        if held.issuer in living or (held.issuer in able and held.role != Role.ADMIN)
    ]


def carried_standings(state: LedgerState, now: int) -> list[StandingRecord]:
    """Standing approvals with which something can still be done at `now`: their approver is one yet."""
    approvers = {
        (held.issuer, held.signer)
        for held in carried_roles(state)
        if held.role == Role.APPROVER and held.valid_from <= now < held.valid_until
    }
    return [one for one in state.standings if one.is_good(now) and (one.issuer, one.approver) in approvers]


def roles_at(events: Iterable[LedgerEvent], now: int) -> tuple[Held, ...]:
    """Roles held at `now` or later, from all ROLE_EVENTS of a registry; those of earlier epochs are over."""
    epochs: dict[str, int] = {}
    found: dict[tuple[str, int, int, bytes], tuple[int, Held]] = {}
    for event in events:
        args: Mapping[str, Any] = event.args
        if event.name == "RolesReset":
            epochs[_uscc(args["issuer"])] = args["epoch"]
        elif event.name == "RoleSet":
            issuer = _uscc(args["issuer"])
            held = Held(
                issuer, args["role"], args["typeId"], args["signer"], args["validFrom"], args["validUntil"]
            )
            found[issuer, held.role, held.type_id, held.signer] = (args["epoch"], held)
    return tuple(
        held
        for epoch, held in found.values()
        if held.valid_until > now and (held.role == Role.OPERATOR or epoch >= epochs.get(held.issuer, 0))
    )


def _uscc(value: bytes) -> str:
    return value.decode("ascii")


# grants


def carried_grants(state: LedgerState, now: int) -> dict[tuple[str, int], CarriedGrant]:
    """Every grant in the form that the new registry takes, by (issuer, type).

    The registry gives a child no more than its parent has at that moment. Where a parent has nothing right
    now, because its grant has ended or has not begun, or may have nothing soon, it is granted without an end
    first and withdrawn when its children have theirs.
    """
    found: dict[tuple[str, int], CarriedGrant] = {}
    for record in state.issuers:
        for type_id in sorted({number for name, number in state.grants if name == record.issuer}):
            history = state.grants[record.issuer, type_id]
            has_children = any(
                (child.issuer, type_id) in state.grants
                for child in state.issuers
                if child.parent == record.issuer
            )
            carried = _carried(record.issuer, type_id, history, now, needs_more=has_children)
            parent = None if record.parent is None else found.get((record.parent, type_id))
            found[record.issuer, type_id] = carried if parent is None else _within(carried, parent)
    return found


def _carried(
    issuer: str, type_id: int, history: Sequence[GrantRecord], now: int, *, needs_more: bool
) -> CarriedGrant:
    newest, withdrawal = history[-1], _withdrawal(history[-1])
    if newest.valid_from > now:
        withdrawal = None  # of what never began: the intervals below say all of it
    elif withdrawal is not None:
        history = (*history[:-1], replace(newest, withdrawn_since=None, withdrawn_at=None, cause=None))
    intervals, later = _good_intervals(history, now), None
    is_ahead = bool(intervals) and intervals[-1][0] > now
    if needs_more and is_ahead:
        later = intervals.pop()
    if not intervals:  # nothing under it was ever good: a registry keeps that as one broken interval
        start = min(grant.valid_from for grant in history)
        broken = (min(start, now), WithdrawalCause.MISCONDUCT)
        return CarriedGrant(issuer, type_id, ((start, FOREVER),), broken, later)
    first, (start, end) = intervals[0][0], intervals[-1]
    if needs_more and end <= now + _LONGEST_S:
        intervals[-1] = (start, FOREVER)
        if withdrawal is None and end > now:  # what is left of it then
            later, withdrawal = (start, end), (now, WithdrawalCause.ADMINISTRATIVE)
        elif withdrawal is None:
            withdrawal = (end, _cause(history, end))
    if withdrawal is not None:
        withdrawal = (min(max(withdrawal[0], first), now), withdrawal[1])
    return CarriedGrant(issuer, type_id, tuple(intervals), withdrawal, later)


def _withdrawal(grant: GrantRecord) -> tuple[int, int] | None:
    """(since, cause); None where it was not withdrawn."""
    if grant.withdrawn_at is None or grant.cause is None:
        return None
    return (grant.withdrawn_at if grant.withdrawn_since is None else grant.withdrawn_since, grant.cause)


def _cause(history: Sequence[GrantRecord], end: int) -> int:
    """Why nothing is good any more from this moment on: what broke it, else that it ended."""
    for grant in history:
        since = grant.withdrawn_at if grant.withdrawn_since is None else grant.withdrawn_since
        if (
            grant.withdrawn_at is not None
            and since is not None
            and since <= end < grant.withdrawn_at
            and grant.cause is not None
            and grant.cause & BREAKING_BIT
        ):
            return grant.cause
    return WithdrawalCause.ADMINISTRATIVE


def _good_intervals(history: Sequence[GrantRecord], now: int) -> list[tuple[int, int]]:
    """Intervals in which the history is good, ascending, apart from each other.

    From `now` on only the newest grant counts: the registry asks it alone before it takes a batch, so that an
    earlier one, which ended when the newest was made, is over although it had longer to run.
    """
    newest = history[-1]
    edges = {
        edge
        for grant in history
        for edge in (grant.valid_from, grant.valid_until, grant.withdrawn_since, grant.withdrawn_at)
        if edge is not None
    }
    starts = sorted({*edges, now})
    found: list[tuple[int, int]] = []
    for start, end in zip(starts, [*starts[1:], FOREVER], strict=True):
        is_over = start >= now and start < newest.valid_from
        if start >= end or is_over or grant_state(history, start) is not GrantState.GOOD:
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _within(grant: CarriedGrant, parent: CarriedGrant) -> CarriedGrant:
    """No longer than the parent's, which the ledger asks anyway at every anchor."""
    limit = parent.intervals[-1][1]
    cut = tuple((start, min(end, limit)) for start, end in grant.intervals if start < limit)
    later = grant.later
    if later is not None:
        later = (later[0], min(later[1], limit)) if later[0] < limit else None
    return replace(grant, intervals=cut or grant.intervals, later=later)


# batches


def imported_batches(state: LedgerState) -> Iterator[ImportedBatch]:
    """Every batch, in the order of anchoring, with its statuses."""
    for anchor in state.anchors:
        words = {number: word for number, word in state.words[anchor.issuer, anchor.root].items() if word}
        last = max(words, default=-1)
        yield ImportedBatch(anchor, tuple(words.get(number, 0) for number in range(last + 1)))


def in_portions(batches: Iterable[ImportedBatch]) -> Iterator[list[ImportedBatch]]:
    """So many at a time as one transaction takes; a single one may be larger."""
    portion: list[ImportedBatch] = []
    gas = 0
    for batch in batches:
        if portion and gas + batch.gas > _WORDS_GAS:
            yield portion
            portion, gas = [], 0
        portion.append(batch)
        gas += batch.gas
    if portion:
        yield portion


# comparing


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that the new ledger does not hold as the old one did."""

    what: str
    issuer: str
    name: str


def differences(old: LedgerState, new: LedgerState, now: int) -> list[Difference]:
    """What would change a verdict, or what anybody may do from `now` on: asked before the old ledger is closed."""
    found: list[Difference] = [*_role_differences(old, new, now), *_grant_differences(old, new, now)]
    if old.types != new.types:
        found.append(Difference("types", "", ""))
    for record in old.issuers:
        twin = new.issuer(record.issuer)
        if twin is None or (twin.parent, twin.level, twin.successor, twin.dissolved_at is None) != (
            record.parent,
            record.level,
            record.successor,
            record.dissolved_at is None,
        ):
            found.append(Difference("agency", record.issuer, ""))
        elif [entry for entry, _ in twin.directory] != [entry for entry, _ in record.directory]:
            found.append(Difference("directory", record.issuer, ""))
        found += [
            Difference("key", record.issuer, str(mine.number))
            for mine in old.keys.get(record.issuer, ())
            if _lasting(mine) not in new.keys.get(record.issuer, ())
        ]
    theirs = {(anchor.issuer, anchor.root): anchor for anchor in new.anchors}
    for anchor in old.anchors:
        place = (anchor.issuer, anchor.root)
        other = theirs.get(place)
        if other is None or _facts(anchor) != _facts(other) or _words(old, place) != _words(new, place):
            found.append(Difference("batch", anchor.issuer, anchor.root.hex()))
        elif _entitled(old, anchor) != _entitled(new, anchor):
            found.append(Difference("grant", anchor.issuer, str(anchor.type_id)))
    return found


def _role_differences(old: LedgerState, new: LedgerState, now: int) -> Iterator[Difference]:
    """Roles that are missing there, and roles of living agencies that nobody had here."""
    living = {record.issuer for record in old.issuers if record.dissolved_at is None}
    mine = {_appointed(held) for held in carried_roles(old) if held.valid_until > now}
    theirs = {_appointed(held) for held in new.roles if held.valid_until > now}
    for held in sorted(mine ^ theirs, key=lambda one: (one.issuer, one.role, one.type_id, one.signer)):
        if held in mine or held.issuer in living:
            yield Difference("role", held.issuer, "0x" + held.signer.hex())


def _appointed(held: Held) -> Held:
    """An admin without an end counts from his appointment, which the new ledger has later."""
    is_founder = held.role == Role.ADMIN and held.valid_until == FOREVER
    return replace(held, valid_from=0) if is_founder else held


def _grant_differences(old: LedgerState, new: LedgerState, now: int) -> Iterator[Difference]:
    """Agencies that may issue a type for another time than here."""
    for issuer, type_id in old.grants:
        if _may_issue(old, issuer, type_id, now) != _may_issue(new, issuer, type_id, now):
            yield Difference("grant", issuer, str(type_id))


def _may_issue(state: LedgerState, issuer: str, type_id: int, now: int) -> tuple[int, int] | None:
    """From when until when, from `now` on, the agency and each above it have a grant; the newest one decides."""
    start, end = now, FOREVER
    name: str | None = issuer
    while name is not None:
        history, record = state.grants.get((name, type_id), ()), state.issuer(name)
        if record is None or not history or history[-1].withdrawn_at is not None:
            return None
        start, end = max(start, history[-1].valid_from), min(end, history[-1].valid_until)
        name = record.parent
    return (start, end) if start < end else None


def _lasting(key: KeyRecord) -> KeyRecord:
    return replace(key, valid_until=carried_end(key))


def carried_end(key: KeyRecord) -> int:
    """When a carried key ends: a registry takes no empty interval."""
    return max(key.valid_until, key.valid_from + 1)


def _facts(anchor: AnchorRecord) -> tuple[int | None, ...]:
    return (
        anchor.type_id,
        anchor.key,
        anchor.size,
        anchor.anchored_at,
        anchor.list,
        anchor.first_word,
        anchor.withdrawn_reason,
    )


def _words(state: LedgerState, place: tuple[str, bytes]) -> dict[int, int]:
    return {number: word for number, word in state.words.get(place, {}).items() if word}


def _entitled(state: LedgerState, anchor: AnchorRecord) -> tuple[bool, ...]:
    """Whether the agency and each one above it held the type at anchor time."""
    found = []
    name: str | None = anchor.issuer
    while name is not None and anchor.type_id:
        history = state.grants.get((name, anchor.type_id), ())
        found.append(grant_state(history, anchor.anchored_at) is GrantState.GOOD)
        record = state.issuer(name)
        name = None if record is None else record.parent
    return tuple(found)


# what it costs


@dataclass(frozen=True, slots=True)
class Load:
    """How much a move carries, and the gas that it needs at most on the new chain."""

    issuers: int
    types: int
    keys: int
    grants: int
    roles: int
    standings: int
    batches: int
    words: int
    gas: int


def load_of(state: LedgerState, now: int) -> Load:
    """Counts for people, before anything is done."""
    grants = carried_grants(state, now)
    batches = list(imported_batches(state))
    roles = carried_roles(state)
    keys = [key for some in state.keys.values() for key in some]
    acts = (
        len(state.issuers)
        - 1
        + sum(len(record.directory) - 1 for record in state.issuers)
        + sum(1 for record in state.issuers if record.dissolved_at is not None)
        + len(keys)
        + sum(1 for key in keys if key.compromised_since is not None)
        + sum(
            len(grant.intervals) + (grant.withdrawal is not None) + (grant.later is not None)
            for grant in grants.values()
        )
        + len(roles)
    )
    standings = carried_standings(state, now)
    gas = (
        GAS["contracts"]
        + GAS["type"] * len(state.types)
        + GAS["act"] * acts
        + GAS["standing"] * len(standings)
        + sum(batch.gas for batch in batches)
        + GAS["transaction"] * (1 + sum(1 for _ in in_portions(batches)))
    )
    return Load(
        issuers=len(state.issuers),
        types=len(state.types),
        keys=len(keys),
        grants=sum(len(grant.intervals) + (grant.later is not None) for grant in grants.values()),
        roles=len(roles),
        standings=len(standings),
        batches=len(batches),
        words=sum(1 for batch in batches for word in batch.words if word),
        gas=gas,
    )
