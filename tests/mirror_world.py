"""A ledger's operator, honest or not, and mirrors that follow it, in one process.

The chain, the checkpoints and the mirrors are the product's; only the way between them is a Python call, so
that a cheating operator costs milliseconds. What goes over HTTP is tested with processes elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ledger.adapters.abi import issuer_id
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.store import MEMORY, ChainStore
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.adapters.checkpoint_memory import CheckpointMemory
from ledger.adapters.mirror_chain import MirrorCopy, MirrorViewFile
from ledger.adapters.mirror_files import EvidenceFiles, load_state, save_state
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import ManualClock
from ledger.core.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from ledger.core.errors import UnavailableError
from ledger.core.mirroring import MirrorState
from ledger.core.model import Batch, BlockRef, Purpose
from ledger.core.trust import (
    DEFAULT_MAX_AGE_S,
    ContractPin,
    RestoreNotice,
    Trust,
    load_trust_bytes,
    make_trust,
    sign_trust,
)
from ledger.ports.mirror import LedgerNode
from ledger.services.mirror import Mirror, MirrorParts
from tests.ports.chain_world import FAR, GOVERNANCE, ROOT, START, World, embedded

TRUST_KEY = MemoryCredentialSigner.from_private_number(4711)
OPERATOR_KEY = MemoryCredentialSigner.from_private_number(4712)
WITNESSES = tuple(MemoryCredentialSigner.from_private_number(4713 + number) for number in range(3))


@cache
def _founded() -> tuple[bytes, int]:
    """A chain whose root issuer can anchor and has a checkpoint key, and the time; made once."""
    chain, clock = embedded()
    world = World(chain, clock).found(ROOT)
    world.must(
        "registerKey", ROOT, issuer_id(ROOT), OPERATOR_KEY.thumbprint, int(Purpose.CHECKPOINT), START, FAR
    )
    content = chain.store._db.serialize()
    chain.close()
    return content, clock.now()


@dataclass
class Operator:
    """Seals blocks and signs checkpoints.

    Args:
        chain: its own.
        clock: everybody's, unless a test says otherwise.
        key: signs checkpoints.
    """

    chain: EmbeddedChain
    clock: ManualClock
    key: MemoryCredentialSigner = OPERATOR_KEY
    book: CheckpointMemory = field(default_factory=CheckpointMemory)
    number: int = 0

    @classmethod
    def fresh(cls) -> Operator:
        content, now = _founded()
        store = ChainStore(MEMORY)
        store._db.deserialize(content)
        clock = ManualClock(now)
        operator = cls(EmbeddedChain(store, clock, None, accept_clock=True, artifacts=None), clock)
        operator.state()
        return operator

    def rewound(self, to: int, clock: ManualClock | None = None) -> Operator:
        """The same operator with a chain that ends at an earlier block: a backup, or the beginning of a lie."""
        told = clock or self.clock
        chain = EmbeddedChain.join(
            MEMORY, told, chain_id=self.chain.info().chain_id, genesis_rlp=self.chain.block_rlp(0) or b""
        )
        info = self.chain.info()
        chain.save_contracts({"registry": info.registry, "ledger": info.ledger})
        chain.import_blocks(self.chain.block_rlp(number) or b"" for number in range(1, to + 1))
        return Operator(chain, told, self.key, CheckpointMemory(), self.number + 1_000)

    def state(self, clock: ManualClock | None = None) -> SignedCheckpoint:
        """Sign the newest block, as of now."""
        head, info = self.chain.head(), self.chain.info()
        stated = Checkpoint(
            info.ledger_id,
            info.chain_id,
            head,
            self.chain.state_root(head.number),
            (clock or self.clock).now(),
        )
        signed = sign_checkpoint(stated, self.key)
        self.book.keep(signed, "operator")
        return signed

    def anchor(self, count: int = 1) -> Batch:
        """So many blocks with a batch each, every one signed; the last batch."""
        world = World(self.chain, self.clock)
        batch = None
        for _ in range(count):
            self.number += 1
            batch = world.anchor(world.batch(ROOT, self.number))
            self.state()
        assert batch is not None
        return batch

    def idle(self, seconds: int = 20) -> SignedCheckpoint:
        """Time passes and nothing else."""
        self.clock.advance(seconds)
        return self.state()


@dataclass
class OperatorNode:
    """Port LedgerNode over an operator, without a network; what it knows of witnesses is its own book's."""

    operator: Operator
    name: str = "node.example"
    piece: int = 512
    is_silent: bool = False
    answer: SignedCheckpoint | None = None
    trusts: dict[int, bytes] = field(default_factory=dict)
    blocks: dict[int, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def _ask(self, what: str) -> Operator:
        self.asked.append(what)
        if self.is_silent:
            raise UnavailableError("NODE_SILENT", "switched off")
        return self.operator

    def checkpoint(self) -> SignedCheckpoint | None:
        return self.answer or self._ask("checkpoint").book.newest("operator")

    def blocks_from(self, number: int) -> tuple[bytes, ...]:
        chain = self._ask(f"blocks from {number}").chain
        last = min(chain.head().number, number + self.piece - 1)
        return tuple(self.blocks.get(at) or chain.block_rlp(at) or b"" for at in range(number, last + 1))

    def block(self, number: int) -> bytes | None:
        return self._ask(f"block {number}").chain.block_rlp(number)

    def statements(self, number: int) -> tuple[tuple[SignedCheckpoint, ...], tuple[SignedCheckpoint, ...]]:
        kept = self._ask(f"statements {number}").book.at(number)
        return (
            tuple(item.signed for item in kept if item.signatory == "operator"),
            tuple(item.signed for item in kept if item.signatory == "witness"),
        )

    def cosignatures(self) -> tuple[SignedCheckpoint, ...]:
        return tuple(self._ask("cosignatures").book.newest_of_each())

    def post_cosignature(self, signed: SignedCheckpoint) -> str:
        self._ask("post").book.keep(signed, "witness")
        return "COSIGNED"

    def trust(self, version: int | None = None) -> bytes | None:
        self._ask("trust")
        return self.trusts.get(version or max(self.trusts, default=0))


def make_world_trust(
    operator: Operator,
    threshold: int = 0,
    *,
    previous: Trust | None = None,
    notices: Sequence[RestoreNotice] = (),
    mirror_age_s: int = DEFAULT_MAX_AGE_S["mirror"],
) -> bytes:
    """A trust file about this operator's ledger; all witnesses are named."""
    from datetime import date

    info = operator.chain.info()
    document = make_trust(
        mode="demo",
        ledger_id=info.ledger_id,
        chain_id=info.chain_id,
        registry=ContractPin(info.registry, info.registry_code_hash),
        ledger=ContractPin(info.ledger, info.ledger_code_hash),
        root_issuer=ROOT,
        governance=GOVERNANCE.address,
        x509_anchors=(),
        types={},
        not_after=date(2036, 1, 1),
        keys=[TRUST_KEY.public_jwk],
        witnesses=(threshold, [witness.public_jwk for witness in WITNESSES]),
        restore_notices=notices,
        max_age_s={**DEFAULT_MAX_AGE_S, "mirror": mirror_age_s},
        previous=previous,
    )
    return sign_trust(document, [TRUST_KEY])


@dataclass
class Copy:
    """One mirror in a folder; `close` and a new one on the same folder is a restart."""

    folder: Path
    clock: ManualClock
    trust: Trust
    nodes: Sequence[LedgerNode]
    signer: MemoryCredentialSigner | None = None
    in_file: Trust | None = None
    """What a person put into the trust file meanwhile."""

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        node = self.nodes[0]

        def genesis() -> bytes:
            return node.block(0) or b""

        self.copy = MirrorCopy.open(self.folder / "chain.db", self.clock, self.trust, genesis)
        self.book = CheckpointFile(self.folder / "checkpoints.db")
        self.rows = SqlView(self.folder / "view.db", "mirror", book=self.book)
        self.evidence = EvidenceFiles(self.folder / "evidence", self.signer)
        parts = MirrorParts(
            chain=self.copy,
            view=MirrorViewFile(self.copy, self.rows, self.clock),
            book=self.book,
            evidence=self.evidence,
            clock=self.clock,
            trust=lambda: self.in_file or self.trust,
            take_trust=self._take_trust,
            on_state=lambda state: save_state(self.folder, state),
        )
        self.mirror = Mirror(parts, node, self.nodes[1:], self.trust, self.signer, load_state(self.folder))

    def _take_trust(self, data: bytes) -> Trust:
        self.trust = load_trust_bytes(data, self.trust)
        return self.trust

    def step(self) -> MirrorState:
        return self.mirror.step()

    def head(self) -> BlockRef:
        return self.copy.head()

    def close(self) -> None:
        self.rows.close()
        self.book.close()
        self.copy.close()


@dataclass
class MirrorNode:
    """Port LedgerNode over a mirror: what it serves to other mirrors."""

    copy: Copy
    name: str = "mirror.example"

    def checkpoint(self) -> SignedCheckpoint | None:
        return self.copy.book.newest("operator")

    def blocks_from(self, number: int) -> tuple[bytes, ...]:
        last = self.copy.head().number
        return tuple(self.copy.copy.block_rlp(at) or b"" for at in range(number, last + 1))

    def block(self, number: int) -> bytes | None:
        return self.copy.copy.block_rlp(number)

    def statements(self, number: int) -> tuple[tuple[SignedCheckpoint, ...], tuple[SignedCheckpoint, ...]]:
        kept = self.copy.book.at(number)
        return (
            tuple(item.signed for item in kept if item.signatory == "operator"),
            tuple(item.signed for item in kept if item.signatory == "witness"),
        )

    def cosignatures(self) -> tuple[SignedCheckpoint, ...]:
        return tuple(self.copy.book.newest_of_each())

    def post_cosignature(self, signed: SignedCheckpoint) -> str:
        del signed
        return "COSIGNED"

    def trust(self, version: int | None = None) -> bytes | None:
        del version
        return None
