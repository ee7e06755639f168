"""Which block of a chain is final: at once, after N confirmations, or where the chain itself says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ledger.adapters.chain_rpc.node import Node, NodeSilentError, Tag
from ledger.core.errors import InputError
from ledger.core.model import BlockRef

MOST_CONFIRMATIONS = 10_000
FinalityKind = Literal["immediate", "confirmations", "finalized"]


@dataclass(frozen=True, slots=True)
class Finality:
    """A chain's rule.

    `immediate`: every block (QBFT, PBFT: a block is there only when two thirds signed it).
    `confirmations`: a block with so many after it; a longer reorganisation breaks the rule and is
    reported as a fork. `finalized`: what the node gives for that tag.
    """

    kind: FinalityKind
    confirmations: int = 0

    def block(self, node: Node) -> BlockRef:
        """The newest final block by this node's word.

        Raises: NodeSilentError where it has none.
        """
        if self.kind == "confirmations":
            where: Tag = max(0, node.height() - self.confirmations)
        else:
            where = "latest" if self.kind == "immediate" else "finalized"
        found = node.block(where)
        if found is None:
            raise NodeSilentError(f"no block {where}", is_down=False)
        return found

    def __str__(self) -> str:
        return str(self.confirmations) if self.kind == "confirmations" else self.kind


def parse_finality(text: str) -> Finality:
    """`immediate`, `finalized`, or a number of confirmations.

    Raises: InputError(CHAIN_FINALITY).
    """
    if text == "immediate":
        return Finality("immediate")
    if text == "finalized":
        return Finality("finalized")
    if re.fullmatch(r"[1-9][0-9]{0,4}", text) and int(text) <= MOST_CONFIRMATIONS:
        return Finality("confirmations", int(text))
    raise InputError(
        "CHAIN_FINALITY", "Finality is `immediate`, `finalized` or a number of confirmations (1 to 10000)."
    )
