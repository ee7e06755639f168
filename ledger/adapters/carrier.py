"""Brings signed calls to the chain from the process that holds its lock."""

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
        patience_s: how long a transaction may take.
        look_every_s: how long to wait between two looks.
    """

    def __init__(
        self,
        chain: SealingChain,
        pause: Callable[[float], None] = time.sleep,
        patience_s: float = PATIENCE_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._chain = chain
        self._pause = pause
        self._patience_s = patience_s
        self._look_every_s = look_every_s

    def carry(self, steps: Sequence[Step]) -> Sequence[TransactionOutcome]:
        """Outcomes in the order of the steps.

        Raises:
            UnavailableError: CHAIN_SLOW when a transaction is not decided in time.
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
        while waited < self._patience_s:
            outcome = self._chain.outcome(transaction.hash)
            if outcome.state not in ("pending", "unknown"):
                return outcome
            self._chain.step()
            if self._chain.outcome(transaction.hash).state in ("pending", "unknown"):
                self._pause(self._look_every_s)
                waited += self._look_every_s
        raise UnavailableError(
            "CHAIN_SLOW",
            f"The chain did not decide about a transaction within {self._patience_s:.0f} seconds: "
            "run `ecert doctor`.",
            transaction="0x" + transaction.hash.hex(),
        )
