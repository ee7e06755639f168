"""What a transaction pays: nothing where the chain allows it, else the nodes' price under a ceiling."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.adapters.chain_rpc.nodes import Nodes
from ledger.core.errors import UnavailableError

_BUMP_PERCENT = 25  # nodes want at least 10 % more for a replacement


@dataclass(frozen=True, slots=True)
class Fees:
    """`ceiling`: wei for one gas that is never exceeded, at most 10^15; 0: the chain is free of charge."""

    ceiling: int = 0

    @property
    def is_free(self) -> bool:
        return self.ceiling == 0

    def price(self, nodes: Nodes) -> int:
        """For a new transaction.

        Raises: UnavailableError(CHAIN_TOO_DEAR, CHAIN_UNAVAILABLE).
        """
        if self.is_free:
            return 0
        asked = sorted(nodes.gather(lambda node: node.gas_price()))
        wanted = asked[len(asked) // 2]
        if wanted > self.ceiling:
            raise UnavailableError(
                "CHAIN_TOO_DEAR",
                "The chain's gas price is above the ceiling of this installation; it is tried again later.",
                price=wanted,
                ceiling=self.ceiling,
            )
        return min(self.ceiling, wanted + wanted * _BUMP_PERCENT // 100)

    def higher(self, price: int) -> int | None:
        """For a replacement; None when the ceiling is reached, or the chain is free."""
        wanted = price + max(1, price * _BUMP_PERCENT // 100)
        return wanted if wanted <= self.ceiling else None
