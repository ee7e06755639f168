"""One admin proposes, another one accepts within seven days, from another place and with another key.

What both do at once is services.registry.Registry.carry_out. Here each step stands alone; between them
the proposal waits on chain, and the accepting admin reads there what was proposed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.core.eip712 import keccak, signer_text
from ledger.core.errors import ConflictError, NotFoundError, RefusedError
from ledger.core.governed import Proposal
from ledger.core.model import Role
from ledger.ports import Carrier, ChainSigner, Clock, ContractCall, Step
from ledger.services.governed import GovernedBook
from ledger.services.registry import Act, RegistrySource, own_auth, require_done

ABOUT_NOW_S = 600
_DATES = frozenset({"validFrom", "validUntil", "since"})


@dataclass(frozen=True, slots=True)
class Acceptable:
    """A proposal that may be accepted: what it would do, decoded and as bytes."""

    proposal: Proposal
    act: Act
    data: bytes


@dataclass(frozen=True, slots=True)
class Decided:
    """A proposal after its acceptance, and what it did."""

    proposal: Proposal
    act: Act


def _wish(act: Act, at: int) -> tuple[str, tuple[object, ...]]:
    """What is wanted, apart from the moment: a time about the one at which it was asked says "from now on"."""
    return act.function, tuple(
        "now" if name in _DATES and abs(value - at) <= ABOUT_NOW_S else value
        for name, value in act.named.items()
    )


class Governance:
    """Proposes, accepts, cancels, carries announced resets out.

    Args:
        chain: encodes acts.
        book: what waits.
        carrier: how calls get to the chain.
        clock: judges what has ended.
    """

    def __init__(self, chain: RegistrySource, book: GovernedBook, carrier: Carrier, clock: Clock) -> None:
        self._chain = chain
        self._book = book
        self._carrier = carrier
        self._clock = clock

    def propose(self, act: Act, proposer: ChainSigner) -> Proposal:
        """Propose one act; proposed by this admin already and still waiting: that proposal.

        The same wish a moment later, dated from then on, is no other one: a command may be run twice.

        Raises:
            RefusedError: NOT_AN_ADMIN, or the contract's error.
        """
        by = act.args[0].decode("ascii")
        self._require_admin(by, proposer.signer_id)
        data = self._chain.encode(act.call)
        found = self._waiting(by, proposer.signer_id, act, data)
        if found is not None:
            return found
        call = ContractCall("registry", "propose", (act.args[0], data, own_auth(proposer)))
        require_done(self._carrier.carry([Step(call, proposer)])[0], act)
        made = self._waiting(by, proposer.signer_id, act, data)
        if made is None:
            raise RuntimeError("a proposal whose transaction is final is on the chain")
        return made

    def acceptable(self, number: int, accepter: ChainSigner) -> Acceptable:
        """What this admin would accept; what speaks against the acceptance itself is said here, before it is sent.

        Raises:
            NotFoundError: PROPOSAL_UNKNOWN, PROPOSAL_ACT_UNKNOWN.
            ConflictError: PROPOSAL_ENDED.
            RefusedError: SAME_ADMIN, NOT_AN_ADMIN, PROPOSAL_ORPHANED.
        """
        proposal = self._open(number)
        if accepter.signer_id == proposal.proposer:
            raise RefusedError(
                "SAME_ADMIN",
                "One admin proposes and another accepts: name two different admin keys.",
                proposal=number,
            )
        self._require_admin(proposal.by, accepter.signer_id)
        if not self._book.roles.holds(proposal.by, proposal.proposer, Role.ADMIN, self._clock.now()):
            raise RefusedError(
                "PROPOSAL_ORPHANED",
                f"{signer_text(proposal.proposer)} is no admin of {proposal.by} any more, so proposal {number} "
                "cannot be accepted: let somebody else propose it.",
                proposal=number,
                issuer=proposal.by,
                signer=signer_text(proposal.proposer),
            )
        found = self._book.act_of(proposal)
        if found is None or keccak(found[1]) != proposal.act_hash:
            raise NotFoundError(
                "PROPOSAL_ACT_UNKNOWN",
                f"What proposal {number} says cannot be read from its transaction: accept it where it was made.",
                proposal=number,
            )
        return Acceptable(proposal, *found)

    def accept(self, number: int, accepter: ChainSigner) -> Decided:
        """Accept what another admin proposed; the contract then carries it out in the same transaction.

        Raises: as acceptable, and RefusedError with the contract's error.
        """
        found = self.acceptable(number, accepter)
        call = ContractCall("registry", "accept", (number, found.data, own_auth(accepter)))
        require_done(self._carrier.carry([Step(call, accepter)])[0], found.act)
        return Decided(self._book.proposal(number), found.act)

    def cancel(self, number: int, admin: ChainSigner) -> Proposal:
        """Take a proposal back; any admin of its agency may.

        Raises: PROPOSAL_UNKNOWN, PROPOSAL_ENDED, NOT_AN_ADMIN, or the contract's error.
        """
        proposal = self._open(number)
        self._require_admin(proposal.by, admin.signer_id)
        call = ContractCall("registry", "cancel", (number, own_auth(admin)))
        require_done(self._carrier.carry([Step(call, admin)])[0], call)
        return self._book.proposal(number)

    def carry_reset_out(self, issuer: str, carried_by: ChainSigner) -> None:
        """Carry an announced reset of roles out; anybody may, 24 hours after the announcement.

        Raises:
            NotFoundError: RESET_NONE.
            ConflictError: RESET_TOO_EARLY.
        """
        found = next((one for one in self._book.resets() if one.issuer == issuer), None)
        if found is None:
            raise NotFoundError(
                "RESET_NONE",
                f"No reset of {issuer} is announced: two admins of an agency above it announce one with "
                "`ecert role reset`.",
                issuer=issuer,
            )
        wait_s = found.ready_at - self._clock.now()
        if wait_s > 0:
            raise ConflictError(
                "RESET_TOO_EARLY",
                f"The reset of {issuer} can be carried out in {-(-wait_s // 60)} minutes: it is announced 24 hours "
                "ahead, so that nobody is replaced in silence.",
                issuer=issuer,
                ready_at=found.ready_at,
                minutes=-(-wait_s // 60),
            )
        call = ContractCall("registry", "executeReset", (issuer.encode("ascii"),))
        require_done(self._carrier.carry([Step(call, carried_by)])[0], call)

    def _waiting(self, by: str, proposer: bytes, act: Act, data: bytes) -> Proposal | None:
        act_hash, now = keccak(data), self._clock.now()
        for one in reversed(self._book.proposals(by)):
            if not one.is_open(now) or one.proposer != proposer:
                continue
            if one.act_hash == act_hash:
                return one
            told = self._book.act_of(one)
            if told is not None and _wish(told[0], one.made_at) == _wish(act, now):
                return one
        return None

    def _open(self, number: int) -> Proposal:
        proposal = self._book.proposal(number)
        if proposal.is_open(self._clock.now()):
            return proposal
        state = "expired" if proposal.state == "open" else proposal.state
        raise ConflictError(
            "PROPOSAL_ENDED",
            f"Proposal {number} waits no more ({state}): let it be proposed again if it is still wanted.",
            proposal=number,
            state=state,
        )

    def _require_admin(self, issuer: str, signer_id: bytes) -> None:
        if not self._book.roles.holds(issuer, signer_id, Role.ADMIN, self._clock.now()):
            raise RefusedError(
                "NOT_AN_ADMIN",
                f"{signer_text(signer_id)} is no admin of {issuer} now: `ecert role list --issuer {issuer}` shows "
                "who is.",
                issuer=issuer,
                signer=signer_text(signer_id),
            )
