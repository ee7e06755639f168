"""Acts of two admins as something that people sign in the browser (services.signing_desk.OtherAct).

A proposal waits on chain until another admin accepts it. Here the admin's own key signs an `Authorisation`
over the acceptance; any operator carries it. The contract decides; what it would refuse is refused before
anybody signs, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ledger.core.eip712 import (
    Authorisation,
    Domain,
    accept_hash,
    authorisation_digest,
    cancel_hash,
    keccak,
    signer_text,
)
from ledger.core.errors import ConflictError, NotFoundError, RefusedError
from ledger.core.governed import Proposal
from ledger.core.model import Role
from ledger.ports import Clock, ContractCall, Entropy
from ledger.services.governed import GovernedBook

WITHIN_S = 3_600
NONCE_BYTES = 32
Owner = Callable[[str, bytes], int | None]
"""The person whose enrolled key this is, None for a key that nobody enrolled here."""
Enqueue = Callable[[str, ContractCall, str, int], object]
"""Agency whose operator carries the call, the call, its subject, until when."""


class DecideProposal:
    """Another admin accepts a proposal; or any admin of the agency, the proposer too, cancels it.

    Args:
        book: what waits.
        domain: the registry's.
        clock, entropy: ends and nonces.
        owner: whose key a signer is.
        enqueue: brings calls to the chain.
        accepts: False cancels.
    """

    def __init__(
        self,
        book: GovernedBook,
        domain: Domain,
        clock: Clock,
        entropy: Entropy,
        owner: Owner,
        enqueue: Enqueue,
        *,
        accepts: bool,
    ) -> None:
        self._book = book
        self._domain = domain
        self._clock = clock
        self._entropy = entropy
        self._owner = owner
        self._enqueue = enqueue
        self._accepts = accepts

    @property
    def domain(self) -> Domain:
        """The issuer registry's."""
        return self._domain

    def plan(self, uscc: str, subject: str, signer_id: bytes) -> dict[str, Any]:
        """The proposal with what is to be signed about it.

        Raises:
            NotFoundError: PROPOSAL_UNKNOWN, also for another agency's.
            ConflictError: PROPOSAL_ENDED.
            RefusedError: SAME_ADMIN, SAME_PERSON, PROPOSAL_ORPHANED, PROPOSAL_ACT_UNKNOWN.
        """
        found = self._open(uscc, subject)
        planned: dict[str, Any] = {
            "number": found.number,
            "by": found.by,
            "signer": signer_id.hex(),
            "nonce": hex(int.from_bytes(self._entropy.token(NONCE_BYTES))),
            "deadline": min(self._clock.now() + WITHIN_S, found.expires_at),
        }
        if self._accepts:
            planned["act"] = self._act(found, signer_id).hex()
        return planned

    def structs(self, payload: Mapping[str, Any]) -> Sequence[Authorisation]:
        """One authorisation."""
        if self._accepts:
            call_hash = accept_hash(payload["number"], bytes.fromhex(payload["act"]))
        else:
            call_hash = cancel_hash(payload["number"])
        signer, nonce = bytes.fromhex(payload["signer"]), int(payload["nonce"], 16)
        return (Authorisation(payload["by"], call_hash, signer, nonce, payload["deadline"]),)

    def digests(self, payload: Mapping[str, Any]) -> tuple[bytes, ...]:
        """Its digest, 32 bytes."""
        return tuple(authorisation_digest(self._domain, struct) for struct in self.structs(payload))

    def keep(self, payload: Mapping[str, Any], signatures: Sequence[bytes]) -> None:
        """Queue the call, under the nonce that was signed."""
        nonce, deadline = int(payload["nonce"], 16), payload["deadline"]
        authority = (bytes.fromhex(payload["signer"]), nonce, deadline, signatures[0])
        if self._accepts:
            args = (payload["number"], bytes.fromhex(payload["act"]), authority)
            call = ContractCall("registry", "accept", args)
        else:
            call = ContractCall("registry", "cancel", (payload["number"], authority))
        self._enqueue(payload["by"], call, f"govern:{payload['number']}:{nonce:064x}", deadline)

    def _open(self, uscc: str, subject: str) -> Proposal:
        found = self._book.proposal(int(subject)) if subject.isdigit() else None
        if found is None or found.by != uscc:
            raise NotFoundError("PROPOSAL_UNKNOWN", "There is no such proposal of your agency.")
        if not found.is_open(self._clock.now()):
            raise ConflictError(
                "PROPOSAL_ENDED",
                f"Proposal {found.number} was decided or has run out: look at it again.",
                proposal=found.number,
            )
        return found

    def _act(self, found: Proposal, signer_id: bytes) -> bytes:
        """The act's calldata, when this key may accept it."""
        if found.proposer == signer_id:
            raise RefusedError(
                "SAME_ADMIN",
                "One admin proposes and another accepts: this key proposed it.",
                proposal=found.number,
            )
        if not self._book.roles.holds(found.by, found.proposer, Role.ADMIN, self._clock.now()):
            raise RefusedError(
                "PROPOSAL_ORPHANED",
                f"{signer_text(found.proposer)} is no admin of {found.by} any more, so proposal {found.number} "
                "cannot be accepted: let somebody else propose it.",
                proposal=found.number,
                issuer=found.by,
                signer=signer_text(found.proposer),
            )
        proposer = self._owner(found.by, found.proposer)
        if proposer is not None and proposer == self._owner(found.by, signer_id):
            raise RefusedError(
                "SAME_PERSON", "Proposing and accepting takes two people, not two keys of one."
            )
        act = self._book.act_of(found)
        if act is None or keccak(act[1]) != found.act_hash:
            raise RefusedError(
                "PROPOSAL_ACT_UNKNOWN",
                f"What proposal {found.number} would do cannot be told here: nobody can accept it here.",
                proposal=found.number,
            )
        return act[1]
