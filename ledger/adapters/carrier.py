"""Brings signed calls to the embedded chain from the process that holds its lock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from ledger.core.errors import UnavailableError
from ledger.core.model import BlockRef
from ledger.ports import Chain, PreparedTransaction, Step, TransactionOutcome

PATIENCE_S = 120.0
LOOK_EVERY_S = 0.05


class SealingChain(Chain, Protocol):
    """A chain that this process itself moves on."""

    def step(self) -> BlockRef | None:
        """Seal a block when there is something to seal and a second has passed."""


class DirectCarrier:
    """Sends each step from its own account, seals, and waits (port Carrier).

    Args:
        chain: open for sending.
        pause: waits that many seconds; tests move their clock instead.
    """

    def __init__(self, chain: SealingChain, pause: Callable[[float], None] = time.sleep) -> None:
        self._chain = chain
        self._pause = pause

    def carry(self, steps: Sequence[Step]) -> Sequence[TransactionOutcome]:
        """Outcomes in the order of the steps.

        Raises:
            UnavailableError: CHAIN_SLOW when a transaction is not decided within two minutes.
        """
        nonces: dict[bytes, int] = {}
        prepared: list[PreparedTransaction] = []
        for step in steps:
            address = step.sender.address
            nonce = nonces.get(address)
            if nonce is None:
                nonce = self._chain.next_nonce(address)
            prepared.append(self._chain.prepare(step.call, step.sender, nonce))
            nonces[address] = nonce + 1
        for transaction in prepared:
            self._chain.send(transaction.raw)
        return [self._wait(transaction) for transaction in prepared]

    def _wait(self, transaction: PreparedTransaction) -> TransactionOutcome:
        waited = 0.0
        while waited < PATIENCE_S:
            outcome = self._chain.outcome(transaction.hash)
            if outcome.state not in ("pending", "unknown"):
                return outcome
            self._chain.step()
            if self._chain.outcome(transaction.hash).state in ("pending", "unknown"):
                self._pause(LOOK_EVERY_S)
                waited += LOOK_EVERY_S
        raise UnavailableError(
            "CHAIN_SLOW",
            "The chain did not decide about a transaction within two minutes: run `ecert doctor`.",
            transaction="0x" + transaction.hash.hex(),
        )
