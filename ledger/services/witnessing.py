"""How things stand with the witnesses: who signed up to where, how long ago, and what contradicts us.

Reads the trust file, the view's head and the kept statements; decides nothing. Which blocks count is the
rule of ledger.core.finality, the same that every verification follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ledger.core.checkpoint import SignedCheckpoint
from ledger.core.contradictions import Evidence
from ledger.core.finality import final_height
from ledger.core.mirroring import MirrorState
from ledger.core.model import BlockRef, ViewHead
from ledger.core.trust import Trust
from ledger.ports import ChainView, Clock
from ledger.ports.witness import CheckpointBook

LATE_S = 300
"""A witness repeats its word at least every 20 s: minutes of silence are worth a telephone call."""
LAGGING_BLOCKS = 20
"""Blocks above the highest final one that are usual while witnesses sign: more is worth a look."""
Coverage = Literal["consortium", "single", "not_covered", "lagging", "covered"]
WitnessState = Literal["good", "late", "missing"]


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """One witness of the trust file. `block`: up to where its word agrees with this ledger; None: no word yet."""

    thumbprint: bytes
    name: str
    state: WitnessState
    block: int | None = None
    signed_at: int | None = None
    behind: int = 0


@dataclass(frozen=True, slots=True)
class WitnessBoard:
    """Everything that the page tells.

    Attributes:
        trust: the trust file in use.
        head: the newest block that this installation knows.
        covered: the highest final block; below 0: none.
        operator: the operator's newest checkpoint; None before the first, and on a chain that others run.
        lines: in the trust file's order.
        strays: witnesses' words that contradict this ledger or are about blocks that it does not have.
        mirror: how this installation follows another one; None when it is no mirror.
        evidence: contradictions that were kept, by file name.
    """

    trust: Trust
    head: ViewHead
    covered: int
    operator: SignedCheckpoint | None
    lines: tuple[WitnessLine, ...]
    strays: tuple[SignedCheckpoint, ...]
    mirror: MirrorState | None
    evidence: tuple[tuple[str, Evidence], ...]

    @property
    def coverage(self) -> Coverage:
        """How far enough witnesses signed; nobody is asked on a chain that many run, nor by a threshold of 0."""
        if self.head.kind == "consortium":
            return "consortium"
        if not self.trust.witnesses.threshold:
            return "single"
        if self.covered < 0:
            return "not_covered"
        return "lagging" if self.head.block.number - self.covered > LAGGING_BLOCKS else "covered"

    def is_mirror_silent(self, now: int) -> bool:
        """What follows the ledger for this mirror has not confirmed anything for long: it may have ended."""
        state = self.mirror
        if state is None or state.condition != "following":
            return False
        return now - (state.confirmed_at or state.since) > LATE_S

    @property
    def is_quiet(self) -> bool:
        """Nobody contradicts."""
        return not (self.strays or self.evidence or self.head.forked)


class Blocks(Protocol):
    """Final blocks by height."""

    def block(self, number: int) -> BlockRef | None:
        """None above the head."""


class WitnessService:
    """See the module.

    Args:
        trust_of: the trust file in use, read anew when it changed.
        view: whose head is told about.
        book: kept statements.
        blocks: to compare them with.
        clock: says how old they are.
        mirror: state and evidence, where this installation is a mirror.
        evidence_file: the file of a kept contradiction, as it was written.
    """

    def __init__(
        self,
        trust_of: Callable[[], Trust],
        view: ChainView,
        book: CheckpointBook,
        blocks: Blocks,
        clock: Clock,
        mirror: Callable[[], tuple[MirrorState | None, Sequence[tuple[str, Evidence]]]],
        evidence_file: Callable[[str], bytes],
    ) -> None:
        self.evidence_file = evidence_file
        self.trust_of = trust_of
        self._view = view
        self._book = book
        self._blocks = blocks
        self._clock = clock
        self._mirror = mirror

    def board(self) -> WitnessBoard | None:
        """How things stand now; None before the ledger has a block."""
        head = self._view.head()
        if head is None:
            return None
        trust = self.trust_of()
        state, evidence = self._mirror()
        return WitnessBoard(
            trust=trust,
            head=head,
            covered=final_height(trust, head),
            operator=self._book.newest("operator"),
            lines=tuple(self._line(trust, head, thumbprint) for thumbprint in trust.witnesses.keys),
            strays=tuple(self._book.stray(self._hash_of, head.block.number)),
            mirror=state,
            evidence=tuple(evidence),
        )

    def statements(self, block: int) -> tuple[SignedCheckpoint | None, tuple[SignedCheckpoint, ...]]:
        """For a proof: the operator's newest checkpoint and each witness's newest word at or above a block.

        Only those that agree with this ledger's blocks.
        """
        operator = self._book.newest("operator")
        words = [one for one in self._book.newest_of_each() if self._agrees(one, block)]
        is_good = operator is not None and self._agrees(operator, block)
        return (operator if is_good else None), tuple(words)

    def _agrees(self, signed: SignedCheckpoint, least: int) -> bool:
        told = signed.checkpoint.block
        return told.number >= least and self._hash_of(told.number) == told.hash

    def _hash_of(self, number: int) -> bytes | None:
        found = self._blocks.block(number)
        return None if found is None else found.hash

    def _line(self, trust: Trust, head: ViewHead, thumbprint: bytes) -> WitnessLine:
        name = trust.witnesses.names.get(thumbprint, "")
        word = next((one for one in head.witnessed if one.thumbprint == thumbprint), None)
        if word is None:
            return WitnessLine(thumbprint, name, "missing")
        is_late = self._clock.now() - word.signed_at > LATE_S
        behind = max(0, head.block.number - word.block)
        return WitnessLine(
            thumbprint, name, "late" if is_late else "good", word.block, word.signed_at, behind
        )
