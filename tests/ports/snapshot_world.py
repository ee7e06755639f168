"""A small ledger, what its snapshots look like, and who may sign them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

from ledger.adapters.chain_memory import MemoryChain
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.chain_view_snapshot import State, delta, state_of
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import ManualClock
from ledger.core.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from ledger.core.model import ChainInfo
from ledger.core.snapshot import Follows, Snapshot, make_snapshot, sign_snapshot
from ledger.core.trust import ContractPin, Finality, KeySet, Trust
from tests.ports.chain_world import CHILD, ROOT, START, World, founding

STATE_ROOT = b"\x05" * 32


@cache
def signer(number: int) -> MemoryCredentialSigner:
    return MemoryCredentialSigner.from_private_number(500 + number)


def trust_of(info: ChainInfo, signers: int = 3, threshold: int = 2) -> Trust:
    """A trust file that names so many signers."""
    keys = {signer(number).thumbprint: signer(number).public_jwk for number in range(signers)}
    return Trust(
        version=1,
        mode="demo",
        ledger_id=info.ledger_id,
        chain_id=info.chain_id,
        registry=ContractPin(info.registry, info.registry_code_hash),
        ledger=ContractPin(info.ledger, info.ledger_code_hash),
        root_issuer=ROOT,
        governance=bytes(20),
        finality=Finality("immediate"),
        witnesses=KeySet(0, {}),
        snapshots=KeySet(threshold, keys),
        x509_anchors=(),
        max_age_s={"embedded": 60, "mirror": 60, "consortium": 600, "snapshot": 86_400},
        types={},
        not_after=2**40,
        previous=None,
        links=(),
        restore_notices=(),
        keys=KeySet(1, {}),
        signatures=(),
        raw={},
    )


@dataclass
class SnapshotWorld:
    """Two issuers on a memory chain, and a live view of it."""

    world: World
    view: MemoryView = field(default_factory=MemoryView)

    @property
    def info(self) -> ChainInfo:
        return self.world.chain.info()

    @property
    def trust(self) -> Trust:
        return trust_of(self.info)

    def state(self) -> State:
        """As of now."""
        Follower(self.world.chain, self.view, self.world.clock, "test").advance()
        return state_of(self.view.dump())

    def make(
        self, of: State, base: State | None = None, by: tuple[int, ...] = (0, 1), **changes: object
    ) -> Snapshot:
        """A snapshot of a state, or a delta upon `base`."""
        made = make_snapshot(
            of.columns if base is None else delta(base, of),
            info=self.info,
            block=of.block,
            confirmed_at=self.world.now,
            state=of.digest,
            follows=None if base is None else Follows(base.block.number, base.digest),
        )
        made = replace(made, header=replace(made.header, **changes))  # type: ignore[arg-type]  # named members
        for number in by:
            made = sign_snapshot(made, signer(number))
        return made

    def statement(self, state: State, by: int, **changes: object) -> SignedCheckpoint:
        """What a witness says about the newest block."""
        said = Checkpoint(self.info.ledger_id, self.info.chain_id, state.block, STATE_ROOT, self.world.now)
        return sign_checkpoint(replace(said, **changes), signer(by))  # type: ignore[arg-type]  # named members


def snapshot_world() -> SnapshotWorld:
    clock = ManualClock(START)
    return SnapshotWorld(World(MemoryChain(clock, founding()), clock).found(ROOT, CHILD))
