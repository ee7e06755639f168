"""The installation of tests.flow_world with a checkpoint key, a node, and witnesses that sign by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask

from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.adapters.limits_memory import MemoryLimits
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import ManualClock
from ledger.bootstrap_node import StoreLeaves
from ledger.core.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from ledger.core.finality import final_height
from ledger.core.model import BlockRef, Purpose, ViewHead
from ledger.core.trust import Trust
from ledger.ports import Limits
from ledger.services.checkpointing import Checkpointer
from ledger.services.node import NodeService
from ledger.services.registry import Registry
from tests.flow_world import ISSUER, YEAR_S, World, chain_signer, found
from web.node import create_node_app

OPERATOR, *WITNESSES = (MemoryCredentialSigner.from_private_number(number) for number in (400, 401, 402, 403))


def found_with_checkpoints(folder: Path, clock: ManualClock) -> None:
    """As tests.flow_world.found, and the operator's checkpoint key is registered."""
    found(folder, clock)
    chain = EmbeddedChain.open(folder / "chain.db", clock)
    try:
        registry = Registry(chain, DirectCarrier(chain, pause=lambda _=1: clock.advance(1)))
        now = clock.now()
        interval = (now, now + 3 * YEAR_S)
        acts = registry.missing_key(ISSUER, ISSUER, OPERATOR.thumbprint, Purpose.CHECKPOINT, interval)
        registry.carry_out(acts, chain_signer("admin1"), chain_signer("admin2"))
    finally:
        chain.close()


@dataclass
class Rule:
    """Finality by a trust file that a test may replace."""

    trust: Trust | None = None

    def height(self, head: ViewHead) -> int:
        assert self.trust is not None
        return final_height(self.trust, head)


class OneTrust:
    """The trust file as the node hands it out."""

    def newest(self) -> bytes:
        return b"{}"

    def version(self, number: int) -> bytes | None:
        return b"{}" if number == 1 else None


@dataclass
class Parts:
    """What the node's application calls."""

    node: NodeService
    limits: Limits


@dataclass
class WitnessedWorld(World):
    """An opened installation that asks for witnesses."""

    threshold: int = 1
    rule: Rule = field(default_factory=Rule)

    def __post_init__(self) -> None:
        self.finality = self.rule
        self.signed = CheckpointFile(self.folder / "checkpoints.db")
        self.book = self.signed
        super().__post_init__()
        self.demand(self.threshold)
        self.checkpointer = Checkpointer(self.chain, self.signed, lambda: OPERATOR, self.clock)
        self.node = NodeService(
            chain=self.chain,
            view=self.view,
            book=self.signed,
            leaves=StoreLeaves(self.store),
            trusts=OneTrust(),
            trust=self._trust,
            clock=self.clock,
            is_sealing=True,
        )

    def _trust(self) -> Trust:
        assert self.rule.trust is not None
        return self.rule.trust

    def demand(self, threshold: int) -> None:
        """From now on the trust file asks for so many of the three witnesses."""
        keys = [{**one.public_jwk, "name": f"Witness {at}"} for at, one in enumerate(WITNESSES)]
        self.rule.trust = self.trust(witnesses=(threshold, keys))

    def app(self, limits: Limits | None = None) -> Flask:
        """The node over HTTP."""
        return create_node_app(Parts(self.node, limits or MemoryLimits(self.clock)))

    def statement(
        self, signer: MemoryCredentialSigner, number: int | None = None, *, block: BlockRef | None = None
    ) -> SignedCheckpoint:
        """What this key says about a block: the head, that of this number, or an invented one."""
        info = self.chain.info()
        seen = block or (self.chain.head() if number is None else self.chain.block(number))
        assert seen is not None
        root = b"\x55" * 32 if block else self.chain.state_root(seen.number)
        checkpoint = Checkpoint(info.ledger_id, info.chain_id, seen, root, self.clock.now())
        return sign_checkpoint(checkpoint, signer)

    def close(self) -> None:
        self.signed.close()
        super().close()
