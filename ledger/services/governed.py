"""What governance did and what waits, from events alone: timelines, proposals, resets.

Read once and then only what came since, so that a page may ask at every look. Derived from the chain:
each process may keep its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from ledger.core.errors import NotFoundError
from ledger.core.governed import BATCH_DEEDS, DEEDS, Deed, Proposal, Reset
from ledger.core.model import BlockRef, IssuerRecord, LedgerEvent, Role
from ledger.ports import ContractCall
from ledger.services.registry import Act
from ledger.services.roles import RoleBook


class GovernedSource(Protocol):
    """Events of final blocks, and what a transaction proposed; needs no lock of the chain."""

    def head(self) -> BlockRef:
        """The newest final block."""

    def events(self, first: int, last: int, names: frozenset[str] | None = None) -> Iterator[LedgerEvent]:
        """Decoded events of blocks first..last, in order; of these names only."""

    def proposed(self, transaction_hash: bytes) -> tuple[ContractCall, bytes] | None:
        """The act that this transaction proposed, as a call and as bytes; None when it cannot be told."""


class GovernedBook:
    """Timelines, proposals and resets, kept up to the chain's head.

    Args:
        source: final blocks and their events.
    """

    def __init__(self, source: GovernedSource) -> None:
        self._source = source
        self.roles = RoleBook(source)
        self._lock = threading.Lock()
        self._next = 0
        self._deeds: dict[str, list[Deed]] = {}
        self._proposals: dict[int, Proposal] = {}
        self._resets: dict[str, Reset] = {}
        self._standings: dict[bytes, str] = {}
        self._root: str | None = None
        self._accepted: tuple[bytes, Proposal, bytes] | None = None

    # What happened.

    def timeline(self, issuer: str) -> tuple[Deed, ...]:
        """All that governance did to an issuer, and what its admins proposed, oldest first."""
        with self._lock:
            self._catch_up()
            return tuple(self._deeds.get(issuer, ()))

    def everything(self) -> tuple[Deed, ...]:
        """The timelines of all issuers, one after the other."""
        with self._lock:
            self._catch_up()
            return tuple(deed for deeds in self._deeds.values() for deed in deeds)

    def key(self, issuer: str, number: int) -> tuple[Deed, ...]:
        """Registration, retirement and compromise of one key."""
        return tuple(deed for deed in self.timeline(issuer) if deed.args.get("key") == number)

    def standing(self, standing_id: bytes) -> tuple[Deed, ...]:
        """Registration and revocation of a standing approval."""
        with self._lock:
            self._catch_up()
            deeds = self._deeds.get(self._standings.get(standing_id, ""), ())
            return tuple(deed for deed in deeds if deed.args.get("standingId") == standing_id)

    def batch(self, issuer: str, root: bytes, since: int = 0) -> tuple[Deed, ...]:
        """Anchoring, status changes and withdrawal of one batch; reads the chain from block `since` on for it."""
        named = issuer.encode("ascii")
        return tuple(
            _deed(event, issuer)
            for event in self._source.events(since, self._source.head().number, names=BATCH_DEEDS)
            if event.args["root"] == root and event.args["issuer"] == named
        )

    # What waits.

    def proposals(self, by: str | None = None) -> tuple[Proposal, ...]:
        """All proposals, decided and expired ones too, in the order of their numbers."""
        with self._lock:
            self._catch_up()
            return tuple(one for one in self._proposals.values() if by in (None, one.by))

    def proposal(self, number: int) -> Proposal:
        """One proposal.

        Raises:
            NotFoundError: PROPOSAL_UNKNOWN.
        """
        for one in self.proposals():
            if one.number == number:
                return one
        raise NotFoundError(
            "PROPOSAL_UNKNOWN",
            f"There is no proposal {number} on this ledger: `ecert role waiting` lists those that wait.",
            proposal=number,
        )

    def waiting(self, now: int, by: str | None = None) -> tuple[Proposal, ...]:
        """Proposals that another admin may still accept: open, and their proposer is an admin yet."""
        return tuple(
            one
            for one in self.proposals(by)
            if one.is_open(now) and self.roles.holds(one.by, one.proposer, Role.ADMIN, now)
        )

    def waiting_for(self, signer_id: bytes, now: int) -> tuple[Proposal, ...]:
        """Of `waiting`, those that this admin did not propose and may accept."""
        return tuple(
            one
            for one in self.waiting(now)
            if one.proposer != signer_id and self.roles.holds(one.by, signer_id, Role.ADMIN, now)
        )

    def resets(self) -> tuple[Reset, ...]:
        """Resets that are announced and neither cancelled nor carried out."""
        with self._lock:
            self._catch_up()
            return tuple(self._resets.values())

    def act_of(self, proposal: Proposal) -> tuple[Act, bytes] | None:
        """What was proposed, decoded and as bytes; None when a wallet's own contract wraps it."""
        found = self._source.proposed(proposal.tx_hash)
        if found is None:
            return None
        call, data = found
        return Act(call.function, call.args), data

    # Catching up.

    def _catch_up(self) -> None:
        head = self._source.head().number
        if head < self._next:
            return
        for event in list(self._source.events(self._next, head, names=DEEDS)):  # all of them, or none
            self._take(event)
        self._next = head + 1

    def _take(self, event: LedgerEvent) -> None:
        args = event.args
        if event.name == "ActProposed":
            self._proposed(event)
        elif event.name in ("ActAccepted", "ActCancelled"):
            self._decided(event)
        elif event.name == "IssuerAdmitted" and self._root is None:
            self._root = _uscc(args["issuer"])
        elif event.name == "StandingRegistered":
            self._standings[_bytes(args["standingId"])] = _uscc(args["issuer"])
        elif event.name in ("ResetScheduled", "ResetCancelled", "RolesReset"):
            self._reset(event)
        issuer = self._about(event)
        if issuer is not None:
            self._deeds.setdefault(issuer, []).append(self._attributed(event, issuer))

    def _about(self, event: LedgerEvent) -> str | None:
        """Whose life the event belongs to."""
        if "issuer" in event.args:
            return _uscc(event.args["issuer"])
        if event.name == "ActCancelled":
            number = int(str(event.args["proposalId"]))
            return self._proposals[number].by
        return _uscc(event.args["by"]) if "by" in event.args else None

    def _attributed(self, event: LedgerEvent, issuer: str) -> Deed:
        """The deed with both admins, when an act of two admins caused it: its events follow the acceptance."""
        accepted = self._accepted
        deed = _deed(event, issuer)
        if event.name == "ActAccepted" or accepted is None or accepted[0] != event.tx_hash or deed.signers:
            return deed
        _, proposal, accepter = accepted
        return replace(deed, by=proposal.by, signers=(proposal.proposer, accepter))

    def _proposed(self, event: LedgerEvent) -> None:
        args = event.args
        number = int(str(args["proposalId"]))
        self._proposals[number] = Proposal(
            number=number,
            by=_uscc(args["by"]),
            proposer=_bytes(args["proposer"]),
            act_hash=_bytes(args["actHash"]),
            made_at=event.block.time,
            expires_at=int(str(args["expiresAt"])),
            tx_hash=event.tx_hash,
        )

    def _decided(self, event: LedgerEvent) -> None:
        number = int(str(event.args["proposalId"]))
        is_accepted = event.name == "ActAccepted"
        who = _bytes(event.args["accepter" if is_accepted else "canceller"])
        self._proposals[number] = replace(
            self._proposals[number],
            state="accepted" if is_accepted else "cancelled",
            decided_by=who,
            decided_at=event.block.time,
            decided_tx=event.tx_hash,
        )
        if is_accepted:
            self._accepted = (event.tx_hash, self._proposals[number], who)

    def _reset(self, event: LedgerEvent) -> None:
        issuer = _uscc(event.args["issuer"])
        if event.name != "ResetScheduled":
            self._resets.pop(issuer, None)
            return
        by = _bytes(event.args["by"])
        self._resets[issuer] = Reset(
            issuer=issuer,
            by=_uscc(by) if any(by) else None,
            admin1=_bytes(event.args["admin1"]),
            admin2=_bytes(event.args["admin2"]),
            announced_at=event.block.time,
            ready_at=int(str(event.args["readyAt"])),
            tx_hash=event.tx_hash,
        )


def heir_of(issuers: Iterable[IssuerRecord], issuer: str) -> str:
    """Who acts for an issuer: itself, or the end of its chain of successors (IIssuerRegistry.heirOf)."""
    return _heir({record.issuer: record for record in issuers}, issuer)


def acted_for(issuers: Iterable[IssuerRecord], agency: str) -> tuple[str, ...]:
    """Issuers whose statuses the people of an agency write now: itself, then its predecessors by their codes.

    Nobody's once it was dissolved and another one took over.
    """
    known = {record.issuer: record for record in issuers}
    gone = sorted(one.issuer for one in known.values() if one.successor is not None)
    return tuple(issuer for issuer in dict.fromkeys((agency, *gone)) if _heir(known, issuer) == agency)


def _heir(known: Mapping[str, IssuerRecord], issuer: str) -> str:
    heir = issuer
    while heir in known and known[heir].dissolved_at is not None:
        successor = known[heir].successor
        if successor is None:
            break
        heir = successor
    return heir


def ancestors_of(issuers: Iterable[IssuerRecord], issuer: str) -> tuple[str, ...]:
    """Who stands above an issuer, nearest first; the root's own is the root, which acts on itself."""
    parents = {record.issuer: record.parent for record in issuers}
    found: list[str] = []
    above = parents.get(issuer)
    while above is not None and above not in found:
        found.append(above)
        above = parents.get(above)
    return tuple(found) or ((issuer,) if issuer in parents else ())


def _deed(event: LedgerEvent, issuer: str) -> Deed:
    """A deed with the people whom its own event names."""
    args = event.args
    by = args.get("by")
    named = ("maker", "approver") if event.name in BATCH_DEEDS else (
        "proposer", "accepter", "canceller", "signer" if event.name == "StandingRevoked" else "",
        "approver" if event.name == "StandingRegistered" else "",
    )  # fmt: skip
    signers = tuple(value for name in named if isinstance(value := args.get(name), bytes) and any(value))
    if not signers and event.name == "StatusChanged":
        signers = (_bytes(args["operator"]),)
    acting = _uscc(by) if isinstance(by, bytes) and any(by) else None
    return Deed(event.name, issuer, acting, args, signers, event.block, event.tx_hash, event.log_index)


def _uscc(value: object) -> str:
    return _bytes(value).decode("ascii")


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("an event's issuer, signer or hash is bytes")
    return value
