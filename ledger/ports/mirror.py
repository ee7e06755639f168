"""Ports of a mirror: where a ledger's blocks come from, where they are run, where evidence is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from ledger.core.checkpoint import SignedCheckpoint
from ledger.core.contradictions import Evidence
from ledger.core.model import BlockRef, ChainInfo


class LedgerNode(Protocol):
    """A ledger's node or another mirror. Nothing it says is believed without a signature.

    Every call raises UnavailableError(NODE_SILENT) without a usable answer, InputError(NODE_ANSWER) for one
    of the wrong shape.
    """

    @property
    def name(self) -> str:
        """For people, without passwords."""

    def checkpoint(self) -> SignedCheckpoint | None:
        """The operator's newest checkpoint that it has; cheap to ask every second."""

    def blocks_from(self, number: int) -> tuple[bytes, ...]:
        """Some consecutive blocks from this height; empty above its head."""

    def block(self, number: int) -> bytes | None:
        """One block, None above its head."""

    def statements(self, number: int) -> tuple[tuple[SignedCheckpoint, ...], tuple[SignedCheckpoint, ...]]:
        """(the operator's, witnesses') statements about a height."""

    def cosignatures(self) -> tuple[SignedCheckpoint, ...]:
        """Newest statement of each witness."""

    def post_cosignature(self, signed: SignedCheckpoint) -> str:
        """Hand a statement over; COSIGNED when it was taken, another code when not."""

    def trust(self, version: int | None = None) -> bytes | None:
        """A version of the trust file, the newest without a number."""


class MirrorChain(Protocol):
    """A copy of the ledger's chain that grows by running blocks."""

    def info(self) -> ChainInfo:
        """Which chain; addresses as the trust file names them, code as it is there."""

    def head(self) -> BlockRef: ...

    def block(self, number: int) -> BlockRef | None: ...

    def block_rlp(self, number: int) -> bytes | None: ...

    def state_root(self, number: int) -> bytes: ...

    def import_blocks(self, blocks: Iterable[bytes], confirm: Callable[[], None]) -> BlockRef:
        """Run and keep all of them or none; `confirm` is asked in between and may raise."""

    def may_sign(self, thumbprint: bytes, at: int, issuer: str) -> bool:
        """Whether the registry, after the newest block, has this as a good checkpoint key of the issuer."""


class MirrorView(Protocol):
    """What verifiers read."""

    def advance(self, confirmed_at: int) -> None:
        """Take what is new in the chain; it was known to be current at `confirmed_at`."""

    def stop(self, number: int, ours: bytes, theirs: bytes) -> None:
        """From now on say that the source contradicted itself."""


class EvidenceFolder(Protocol):
    """Evidence, written once."""

    def keep(self, evidence: Evidence) -> str:
        """Durable when it returns; its name. The same story again: the name that it has."""

    def names(self) -> Sequence[str]:
        """Oldest first."""
