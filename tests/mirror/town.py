"""An operator, its node and mirrors that a test opens; what they hold in the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ledger.adapters.home_files import Home
from ledger.bootstrap_mirror import set_copy_aside, take_over, void_from
from ledger.core.contradictions import parse_evidence, require_proof
from ledger.core.finality import final_height
from ledger.core.trust import load_trust_bytes
from ledger.ports.mirror import LedgerNode
from tests.mirror_world import WITNESSES, Copy, Operator, OperatorNode, make_world_trust

DAY_S = 86_400


@dataclass
class Town:
    """An operator with some history, its node, and mirrors that a test opens."""

    folder: Path
    operator: Operator
    node: OperatorNode
    copies: list[Copy] = field(default_factory=list)

    def mirror(self, *nodes: LedgerNode, threshold: int = 2) -> Copy:
        number = len(self.copies)
        trust = load_trust_bytes(make_world_trust(self.operator, threshold))
        copy = Copy(
            self.folder / f"mirror{number}",
            self.operator.clock,
            trust,
            nodes or [self.node],
            WITNESSES[number],
        )
        self.copies.append(copy)
        return copy

    def restarted(self, copy: Copy) -> Copy:
        copy.close()
        again = Copy(copy.folder, copy.clock, copy.trust, copy.nodes, copy.signer)
        self.copies[self.copies.index(copy)] = again
        return again

    def anew(self, copy: Copy) -> Copy:
        """As `ecert mirror follow` begins anew after a restore notice; whatever was done can be done again."""
        state = copy.mirror.state
        aside = set_copy_aside(Home(copy.folder), state)
        assert set_copy_aside(Home(copy.folder), state) == aside
        (copy.folder / "mirror.json").unlink()
        again = self.restarted(copy)
        for _ in range(2):
            take_over(again.copy, again.book, aside, void_from(copy.trust, state.refused_signed_at or 0))
        return again


@contextmanager
def open_town(folder: Path) -> Iterator[Town]:
    """Closed with everything in it."""
    operator = Operator.fresh()
    operator.anchor(6)
    town = Town(folder, operator, OperatorNode(operator, piece=5))
    yield town
    for copy in town.copies:
        copy.close()


def proof_in(copy: Copy) -> str:
    """The kind of the one piece of evidence, which must prove itself to a stranger."""
    (name,) = copy.evidence.names()
    evidence, seen_by = parse_evidence((copy.folder / "evidence" / name).read_bytes())
    require_proof(evidence)
    assert copy.signer is not None
    assert seen_by == copy.signer.thumbprint
    assert (copy.folder / "evidence" / name).stat().st_mode & 0o222 == 0
    return evidence.kind


def forked(copy: Copy) -> bool:
    head = copy.rows.head()
    assert head is not None
    return head.forked


def final(copy: Copy) -> int:
    head = copy.rows.head()
    assert head is not None
    return final_height(copy.trust, head)
