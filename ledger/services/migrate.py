"""Moves a ledger to other contracts, step by step; each step asks first what is there and adds the rest.

Order: types, agencies, directory entries, keys, grants, withdrawals, compromises, roles, standing
approvals, dissolutions, batches; what an interrupted run proposed and nobody accepted is taken back; then a
comparison of both ledgers; then the old one is handed over for good, and only then the new one is opened:
at no moment do both take writes.

What this leaves to others: where the contracts come from, the trust file, and the data directory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.core.eip712 import (
    StandingApproval,
    ecdsa_signature,
    keccak,
    ledger_domain,
    standing_digest,
)
from ledger.core.errors import ConflictError, RefusedError, UnavailableError
from ledger.core.migration import (
    FOREVER,
    ROLE_EVENTS,
    CarriedGrant,
    Held,
    ImportedBatch,
    LedgerState,
    carried_end,
    carried_grants,
    carried_roles,
    carried_standings,
    differences,
    imported_batches,
    in_portions,
    roles_at,
)
from ledger.core.model import ChainInfo, IssuerRecord, Role, StandingRecord
from ledger.ports import Carrier, Chain, ChainSigner, ContractCall, Step
from ledger.services.granting import RegistryView
from ledger.services.registry import Act, EventSource, Registry, SignedAct, TypeToRegister, own_auth

ACTS_AT_ONCE = 40
_SHOWN = 5
_NO_ISSUER = bytes(18)
_PROPOSAL_EVENTS = frozenset({"ActProposed", "ActAccepted", "ActCancelled"})

Admins = tuple[ChainSigner, ChainSigner]


class People(Protocol):
    """Whose keys are at hand."""

    def admins(self, issuer: str, roles: Sequence[Held]) -> Admins | None:
        """Two admins of this agency that hold their role without an end; None where no two keys are here."""

    def signer(self, signer_id: bytes) -> ChainSigner | None:
        """The key of a signer id; None where it is not here."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two ledgers.

    Args:
        chain: read and encoded with.
        carrier: brings calls there.
        view: its projection.
        advance: takes new blocks into the view.
        now: the time of the machine.
    """

    chain: Chain
    carrier: Carrier
    view: RegistryView
    advance: Callable[[], object]
    now: Callable[[], int]

    def state(self, *, with_batches: bool = False) -> LedgerState:
        """What it holds at its head; batches and statuses are many, and read where they matter."""
        self.advance()
        return read_state(self.view, self.chain, self.now(), with_batches=with_batches)

    def ask(self, function: str, *args: object) -> object:
        """A view of its ledger contract."""
        return self.chain.read(ContractCall("ledger", function, args))

    def govern(self, calls: Sequence[ContractCall], governance: ChainSigner) -> None:
        """Calls that only governance may make. Raises: as `carry`."""
        self.carry([Step(call, governance) for call in calls])

    def carry(self, steps: Sequence[Step]) -> None:
        """All final when it returns.

        Raises:
            RefusedError: the contract's error as code.
            UnavailableError: TRANSACTION_LOST, CHAIN_SLOW.
        """
        outcomes = self.carrier.carry(steps)
        for step, outcome in zip(steps, outcomes, strict=True):
            if outcome.state == "final":
                continue
            name = step.call.function
            if outcome.error is None:
                raise UnavailableError("TRANSACTION_LOST", f"The chain did not take {name}: try again.")
            raise RefusedError(
                outcome.error[0], f"The contract refused {name}: {outcome.error[0]}.", call=name
            )


def read_state(view: RegistryView, chain: EventSource, now: int, *, with_batches: bool) -> LedgerState:
    """What a ledger holds; roles, which no view tells, from its events."""
    issuers = tuple(sorted(view.issuers(), key=lambda one: (one.level, one.admitted_at, one.issuer)))
    types = view.types()
    anchors = tuple(view.anchors()) if with_batches else ()
    grants = {
        (record.issuer, one.type_id): history
        for record in issuers
        for one in types
        if (history := view.grants(record.issuer, one.type_id))
    }
    return LedgerState(
        issuers=issuers,
        types=types,
        grants=grants,
        keys={record.issuer: view.keys(record.issuer) for record in issuers},
        roles=roles_at(chain.events(0, chain.head().number, ROLE_EVENTS), now),
        standings=view.standings(),
        anchors=anchors,
        words={(one.issuer, one.root): view.status_words(one.issuer, one.root) for one in anchors},
    )


def founding_admins(state: LedgerState, people: People) -> Admins:
    """The two who found the new registry. Raises: RefusedError(MIGRATE_KEYS_MISSING)."""
    require_people(state, people)
    found = people.admins(state.issuers[0].issuer, state.roles)
    if found is None:
        raise RuntimeError("the root's admins were just found")
    return found


def missing_people(state: LedgerState, people: People) -> list[str]:
    """Living agencies without two lasting admins whose keys are at hand."""
    return [
        record.issuer
        for record in state.issuers
        if record.dissolved_at is None and people.admins(record.issuer, state.roles) is None
    ]


def require_people(state: LedgerState, people: People) -> None:
    """Raises: RefusedError(MIGRATE_KEYS_MISSING)."""
    missing = missing_people(state, people)
    if missing:
        raise RefusedError(
            "MIGRATE_KEYS_MISSING",
            "Two admins of each agency must sign on the new chain; name the keys with --key. Missing: "
            + ", ".join(missing),
            issuers=missing,
        )


def left_standings(state: LedgerState, people: People, now: int) -> list[StandingRecord]:
    """Standing approvals whose approver must sign anew himself: his key is not at hand."""
    return [one for one in carried_standings(state, now) if people.signer(one.approver) is None]


class Migration:
    """Carries one ledger's state over and closes it.

    Args:
        old: no longer written to by anybody else.
        new: contracts of the same root agency and governance, not opened yet.
        people: keys at hand.
        governance: of both ledgers.
        decided_at: the moment that grants are judged at; the same in every run.
        say: told the name of each step as it begins, and how much there is to do.
    """

    def __init__(
        self,
        old: Side,
        new: Side,
        people: People,
        governance: ChainSigner,
        decided_at: int,
        say: Callable[[str, int], None],
    ) -> None:
        self._old = old
        self._new = new
        self._people = people
        self._governance = governance
        self._now = decided_at
        self._say = say
        self._wanted = old.state(with_batches=True)
        self._registry = Registry(new.chain, new.carrier)

    def carry(self) -> None:
        """Everything up to the batches; may run any number of times.

        Raises:
            RefusedError: MIGRATE_KEYS_MISSING, MIGRATE_DIFFERS, the contract's errors.
            UnavailableError: CHAIN_*.
        """
        require_people(self._wanted, self._people)
        self._types()
        self._say("issuers", len(self._wanted.issuers))
        for level in sorted({record.level for record in self._wanted.issuers}):
            self._act(self._admissions(level))
        self._step("directory", self._directory)
        self._step("keys", self._keys)
        self._say("grants", len(self._wanted.grants))
        for level in sorted({record.level for record in self._wanted.issuers}):
            self._act(self._grants(level))
        self._endings()
        self._step("compromises", self._compromises)
        self._step("roles", self._roles)
        self._standings()
        self._dissolutions()
        self._batches()
        self._take_back()
        self.compare()

    def compare(self) -> None:
        """Raises: ConflictError(MIGRATE_DIFFERS) where a verdict would change."""
        self._say("compare", 0)
        found = differences(self._wanted, self._new.state(with_batches=True), self._new.now())
        if found:
            shown = ", ".join(f"{one.what} {one.issuer} {one.name}".strip() for one in found[:_SHOWN])
            raise ConflictError(
                "MIGRATE_DIFFERS",
                f"The new ledger does not hold what the old one holds ({len(found)}): {shown}. "
                "Nothing was closed: `ecert migrate --abandon`, then begin again.",
                count=len(found),
                first=shown,
            )

    def hand_over(self) -> None:
        """Closes the old ledger for every agency, for good."""
        successor = self._new.chain.info().ledger
        names = [record.issuer.encode("ascii") for record in self._wanted.issuers]
        self._say("handover", len(names))
        missing = [name for name in names if not any(_bytes(self._old.ask("handedOverTo", name)))]
        self._old.govern(
            [ContractCall("ledger", "handover", (name, successor)) for name in missing], self._governance
        )

    def open(self) -> None:
        """Opens the new ledger; nothing is imported afterwards."""
        self._say("open", 0)
        if not self._new.ask("isOpen"):
            self._new.govern([ContractCall("ledger", "open", ())], self._governance)

    # who acts

    def _admins(self, issuer: str) -> Admins:
        """Who signs for an agency: its own admins; for a dissolved one those of who stands above it."""
        record = self._need(issuer)
        while record.dissolved_at is not None and record.parent is not None:
            record = self._need(record.parent)
        found = self._people.admins(record.issuer, self._wanted.roles)
        if found is None:
            raise RuntimeError("admins were looked for first")
        return found

    def _need(self, issuer: str) -> IssuerRecord:
        record = self._wanted.issuer(issuer)
        if record is None:
            raise RuntimeError("a parent is in the tree")
        return record

    def _signed(self, by: str, function: str, *args: object) -> SignedAct:
        return SignedAct(Act(function, (by.encode("ascii"), *args)), *self._admins(by))

    def _step(self, name: str, missing: Callable[[LedgerState], Iterator[SignedAct]]) -> None:
        acts = list(missing(self._new.state()))
        self._say(name, len(acts))
        self._act(acts)

    def _act(self, acts: Sequence[SignedAct]) -> None:
        for first in range(0, len(acts), ACTS_AT_ONCE):
            self._registry.carry_out_all(acts[first : first + ACTS_AT_ONCE])

    # steps

    def _types(self) -> None:
        self._say("types", len(self._wanted.types))
        wanted = [
            TypeToRegister(one.code, one.version, one.file_hash, one.single_use) for one in self._wanted.types
        ]
        self._registry.register_types(wanted, self._governance)

    def _admissions(self, level: int) -> list[SignedAct]:
        have = self._new.state()
        return [
            self._signed(
                record.parent,
                "admitIssuer",
                record.issuer.encode("ascii"),
                *(admin.signer_id for admin in self._admins(record.issuer)),
                record.directory[0][0],
            )
            for record in self._wanted.issuers
            if record.level == level and record.parent is not None and have.issuer(record.issuer) is None
        ]

    def _directory(self, have: LedgerState) -> Iterator[SignedAct]:
        for record in self._wanted.issuers:
            done = len(_known(have, record.issuer).directory)
            by = record.parent or record.issuer
            for entry_hash, _ in record.directory[done:]:
                yield self._signed(by, "setDirectory", record.issuer.encode("ascii"), entry_hash)

    def _keys(self, have: LedgerState) -> Iterator[SignedAct]:
        for record in self._wanted.issuers:
            done = len(have.keys.get(record.issuer, ()))
            name = record.issuer.encode("ascii")
            for key in self._wanted.keys[record.issuer][done:]:
                interval = (key.valid_from, carried_end(key))
                yield self._signed(record.issuer, "registerKey", name, key.thumbprint, key.purpose, *interval)

    def _carried(self) -> list[CarriedGrant]:
        return list(carried_grants(self._wanted, self._now).values())

    def _grants(self, level: int) -> list[SignedAct]:
        have = self._new.state()
        acts = []
        for grant in self._carried():
            record = self._need(grant.issuer)
            done = len(have.grants.get((grant.issuer, grant.type_id), ()))
            if record.level == level:
                acts += [self._about(grant, "grantType", *interval) for interval in grant.intervals[done:]]
        return acts

    def _endings(self) -> None:
        """Withdrawals, and what was granted after one; who hangs on a grant comes before whose grant it is."""
        ended = [grant for grant in self._carried() if grant.withdrawal is not None]
        self._say("withdrawals", len(ended))
        for level in sorted({self._need(grant.issuer).level for grant in ended}, reverse=True):
            here = [grant for grant in ended if self._need(grant.issuer).level == level]
            self._act(list(self._withdrawals(here, self._new.state())))
            self._act(list(self._later_grants(here, self._new.state())))

    def _withdrawals(self, grants: Sequence[CarriedGrant], have: LedgerState) -> Iterator[SignedAct]:
        for grant in grants:
            history = have.grants[grant.issuer, grant.type_id]
            if len(history) == len(grant.intervals) and history[-1].withdrawn_at is None:
                yield self._about(grant, "withdrawGrant", *(grant.withdrawal or ()))

    def _later_grants(self, grants: Sequence[CarriedGrant], have: LedgerState) -> Iterator[SignedAct]:
        for grant in grants:
            history = have.grants[grant.issuer, grant.type_id]
            if grant.later is not None and len(history) == len(grant.intervals):
                # A run that was interrupted for long withdraws after the day on which the next one begins.
                start, end = max(grant.later[0], history[-1].withdrawn_at or 0), grant.later[1]
                if max(start, self._new.now()) < end:  # else it has ended meanwhile
                    yield self._about(grant, "grantType", start, end)

    def _about(self, grant: CarriedGrant, function: str, *args: object) -> SignedAct:
        """An act of who stands above, the root's own of the root."""
        by = self._need(grant.issuer).parent or grant.issuer
        return self._signed(by, function, grant.issuer.encode("ascii"), grant.type_id, *args)

    def _compromises(self, have: LedgerState) -> Iterator[SignedAct]:
        for record in self._wanted.issuers:
            name = record.issuer.encode("ascii")
            for mine, theirs in zip(self._wanted.keys[record.issuer], have.keys[record.issuer], strict=True):
                if mine.compromised_since is not None and theirs.compromised_since is None:
                    yield self._signed(
                        record.issuer, "compromiseKey", name, mine.number, mine.compromised_since
                    )

    def _roles(self, have: LedgerState) -> Iterator[SignedAct]:
        known = set(have.roles)
        for held in carried_roles(self._wanted):
            if held in known:
                continue
            is_founder = held.role == Role.ADMIN and held.valid_until == FOREVER
            if is_founder and held.signer in {admin.signer_id for admin in self._admins(held.issuer)}:
                continue  # appointed with the agency itself
            name = held.issuer.encode("ascii")
            yield self._signed(
                held.issuer, "setRole", name, held.signer, held.role, held.type_id,
                held.valid_from, held.valid_until,
            )  # fmt: skip

    def _standings(self) -> None:
        """Standing approvals that run, signed anew by their approver: a signature is for one ledger."""
        self._new.advance()
        have = {_terms(one) for one in self._new.view.standings()}
        now, info = self._new.now(), self._new.chain.info()
        calls = []
        for one in carried_standings(self._wanted, now):
            approver = self._people.signer(one.approver)
            if approver is not None and _terms(one) not in have:
                calls.append(_registration(one, approver, info))
        self._say("standings", len(calls))
        self._new.govern(calls, self._governance)

    def _dissolutions(self) -> None:
        """In their order, since who took over may have been dissolved later, or in the same second."""
        gone = [record for record in self._wanted.issuers if record.dissolved_at is not None]
        self._say("dissolutions", len(gone))
        for record in sorted(gone, key=lambda one: (one.dissolved_at or 0, -self._heirs(one), -one.level)):
            if _known(self._new.state(), record.issuer).dissolved_at is None:
                successor = _NO_ISSUER if record.successor is None else record.successor.encode("ascii")
                by = record.parent or record.issuer
                while (above := self._need(by)).dissolved_at is not None and above.parent is not None:
                    by = above.parent
                self._act([self._signed(by, "dissolveIssuer", record.issuer.encode("ascii"), successor)])

    def _heirs(self, record: IssuerRecord) -> int:
        """How many took over one after the other."""
        count = 0
        while record.successor is not None:
            record, count = self._need(record.successor), count + 1
        return count

    def _batches(self) -> None:
        self._new.advance()
        have = {(one.issuer, one.root) for one in self._new.view.anchors()}
        missing = [
            batch
            for batch in imported_batches(self._wanted)
            if (batch.anchor.issuer, batch.anchor.root) not in have
        ]
        self._say("batches", len(missing))
        for portion in in_portions(missing):
            call = ContractCall("ledger", "importAnchors", ([_record(batch) for batch in portion],))
            self._new.govern([call], self._governance)

    def _take_back(self) -> None:
        """Cancel what a run that died had proposed: nobody else knows these contracts yet."""
        steps = []
        for number, by in _open_proposals(self._new.chain).items():
            if self._need(by).dissolved_at is None:  # of who is dissolved nobody can accept anything
                admin = self._admins(by)[0]
                steps.append(Step(ContractCall("registry", "cancel", (number, own_auth(admin))), admin))
        self._new.carry(steps)


def _open_proposals(chain: EventSource) -> dict[int, str]:
    """Proposals that were neither accepted nor cancelled, and whose they are."""
    found: dict[int, str] = {}
    for event in chain.events(0, chain.head().number, _PROPOSAL_EVENTS):
        args: Mapping[str, Any] = event.args
        if event.name == "ActProposed":
            found[args["proposalId"]] = args["by"].decode("ascii")
        else:
            found.pop(args["proposalId"], None)
    return found


def _known(state: LedgerState, issuer: str) -> IssuerRecord:
    record = state.issuer(issuer)
    if record is None:
        raise RuntimeError("agencies are admitted first")
    return record


def _record(batch: ImportedBatch) -> tuple[object, ...]:
    one = batch.anchor
    facts = (
        one.type_id, one.key, one.size, one.anchored_at, one.list, one.first_word, one.withdrawn_reason or 0,
    )  # fmt: skip
    return (one.issuer.encode("ascii"), one.root, facts, list(batch.words))


def _terms(one: StandingRecord) -> tuple[object, ...]:
    """What was approved, whichever ledger it was approved for."""
    return (
        one.issuer, one.type_id, one.acts, one.anchor_limit, one.supersede_limit, one.use_limit,
        one.valid_from, one.valid_until, one.approver,
    )  # fmt: skip


def _registration(one: StandingRecord, approver: ChainSigner, info: ChainInfo) -> ContractCall:
    """Signed for the new ledger. Its nonce follows from the old approval, so that it is one in every run."""
    nonce = int.from_bytes(keccak(one.id, info.ledger_id))
    approval = StandingApproval(
        one.issuer, one.type_id, one.acts, one.anchor_limit, one.supersede_limit, one.use_limit,
        one.valid_from, one.valid_until, one.approver, nonce,
    )  # fmt: skip
    digest = standing_digest(ledger_domain(info.chain_id, info.ledger, info.ledger_id), approval)
    struct = (
        one.issuer.encode("ascii"), one.type_id, one.acts, one.anchor_limit, one.supersede_limit,
        one.use_limit, one.valid_from, one.valid_until, one.approver, nonce,
    )  # fmt: skip
    signature = ecdsa_signature(approver.sign_digest(digest))
    return ContractCall("ledger", "registerStanding", (struct, signature))


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    raise RuntimeError("an address is bytes")
