"""Carries governance calls through the outbox, while another process holds the chain.

An admin's key then sends no transaction: it signs an `Authorisation` over the call, and the operator
carries it (IIssuerRegistry.Auth). The contract checks the same things either way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ledger.core.eip712 import (
    Authorisation,
    Domain,
    accept_hash,
    authorisation_digest,
    cancel_hash,
    ecdsa_signature,
    propose_hash,
)
from ledger.core.flow import Job
from ledger.ports import Clock, ContractCall, Entropy, Step, Store, TransactionOutcome
from ledger.services.calls import enqueue_call

PATIENCE_S = 86_400
NONCE_BYTES = 32


class OutboxCarrier:
    """Puts each call into the outbox and waits for all (port Carrier).

    Args:
        store: whose outbox.
        issuer: whose operator carries the calls.
        domain: of the registry, for the admins' signatures.
        clock: dates the authorisations.
        entropy: their nonces.
        settle: returns when the question it is given answers yes.
    """

    def __init__(
        self,
        store: Store,
        issuer: str,
        domain: Domain,
        clock: Clock,
        entropy: Entropy,
        settle: Callable[[Callable[[], bool]], None],
    ) -> None:
        self._store = store
        self._issuer = issuer
        self._domain = domain
        self._clock = clock
        self._entropy = entropy
        self._settle = settle

    def carry(self, steps: Sequence[Step]) -> Sequence[TransactionOutcome]:
        """Outcomes in the order of the steps; a dead letter is a reverted call."""
        deadline = self._clock.now() + PATIENCE_S
        run = self._entropy.token(8).hex()
        jobs = [
            enqueue_call(
                self._store,
                self._issuer,
                self._authorised(step, deadline),
                subject=f"govern:{run}:{position}",
                not_after=deadline,
            )
            for position, step in enumerate(steps)
        ]
        wanted = set(jobs)
        self._settle(lambda: not any(job.id in wanted for job in self._store.outbox.jobs()))
        dead = {job.id: job for job in self._store.outbox.jobs(dead=True)}
        return [_outcome(dead.get(job_id)) for job_id in jobs]

    def _authorised(self, step: Step, deadline: int) -> ContractCall:
        """The call with the admin's signature in place of the admin's own transaction."""
        call = step.call
        if call.function == "executeReset":
            return call  # anybody may, no signature is asked for
        if call.function == "propose":
            by = call.args[0].decode("ascii")
            hashed = propose_hash(by, call.args[1])
        elif call.function == "accept":
            by = _issuer_of_act(call.args[1])
            hashed = accept_hash(call.args[0], call.args[1])
        elif call.function == "cancel":
            by = self._issuer
            hashed = cancel_hash(call.args[0])
        else:
            raise RuntimeError(f"{call.function} is governance's own call: it needs the chain's lock")
        nonce = int.from_bytes(self._entropy.token(NONCE_BYTES), "big")
        consent = Authorisation(by, hashed, step.sender.signer_id, nonce, deadline)
        signature = step.sender.sign_digest(authorisation_digest(self._domain, consent))
        auth = (step.sender.signer_id, nonce, deadline, ecdsa_signature(signature))
        return ContractCall(call.contract, call.function, (*call.args[:-1], auth))


def _issuer_of_act(act: bytes) -> str:
    """The first argument of every act is the acting issuer: 18 bytes after the 4 of the selector."""
    return act[4:22].decode("ascii")


def _outcome(dead: Job | None) -> TransactionOutcome:
    if dead is None:
        return TransactionOutcome("final")
    error = dead.detail.get("error")
    values = dead.detail.get("values")
    return TransactionOutcome(
        "reverted",
        None,
        (str(error) if error else dead.code, tuple(values) if isinstance(values, list) else ()),
    )
