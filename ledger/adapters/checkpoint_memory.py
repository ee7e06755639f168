"""Signed checkpoints in memory: for tests, and for views that hold all they know (snapshots)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ledger.core.checkpoint import SignedCheckpoint
from ledger.core.model import WitnessHead
from ledger.ports.witness import MOST_STRAY, KeptStatement, Signatory

_Place = tuple[Signatory, int, bytes, bytes]
_HashOf = Callable[[int], bytes | None]


class CheckpointMemory:
    """See ledger.ports.witness.CheckpointBook."""

    def __init__(self) -> None:
        self._kept: dict[_Place, SignedCheckpoint] = {}
        self._stray: set[_Place] = set()
        self._changes = 0

    def keep(self, signed: SignedCheckpoint, signatory: Signatory, *, is_stray: bool = False) -> None:
        """See CheckpointBook."""
        key = signed.thumbprint
        if is_stray and sum(place[2] == key for place in self._stray) >= MOST_STRAY:
            return
        block = signed.checkpoint.block
        place: _Place = (signatory, block.number, signed.thumbprint, block.hash)
        known = self._kept.get(place)
        if known is None or known.checkpoint.signed_at < signed.checkpoint.signed_at:
            self._kept[place] = signed
            (self._stray.add if is_stray else self._stray.discard)(place)
            self._changes += 1

    def newest(self, signatory: Signatory) -> SignedCheckpoint | None:
        """See CheckpointBook."""
        return next(iter(self._downward(signatory)), None)

    def at(self, number: int) -> Sequence[KeptStatement]:
        """See CheckpointBook."""
        places = sorted(place for place in self._kept if place[1] == number)
        return [KeptStatement(place[0], self._kept[place]) for place in places]

    def newest_of_each(self) -> Sequence[SignedCheckpoint]:
        """See CheckpointBook."""
        return [self._downward("witness", key)[0] for key in self._witnesses()]

    def witnessed(self, hash_of: _HashOf, head: int) -> tuple[WitnessHead, ...]:
        """See CheckpointBook."""
        found = []
        for key in self._witnesses():
            for signed in self._downward("witness", key):
                block = signed.checkpoint.block
                if block.number <= head and hash_of(block.number) == block.hash:
                    found.append(WitnessHead(key, block.number, signed.checkpoint.signed_at))
                    break
        return tuple(found)

    def stray(self, hash_of: _HashOf, head: int) -> Sequence[SignedCheckpoint]:
        """See CheckpointBook."""
        found = []
        for key in self._witnesses():
            mine = self._downward("witness", key)
            found += [signed for signed in mine[:1] if signed.checkpoint.block.number > head]
            below = [signed.checkpoint.block for signed in mine if signed.checkpoint.block.number <= head]
            wrong = [block for block in below if hash_of(block.number) != block.hash]
            found += [signed for signed in mine if wrong and signed.checkpoint.block == wrong[0]]
        return found

    def stamp(self) -> bytes:
        """See CheckpointBook."""
        return self._changes.to_bytes(8)

    def _witnesses(self) -> list[bytes]:
        return sorted({place[2] for place in self._kept if place[0] == "witness"})

    def _downward(self, signatory: Signatory, key: bytes | None = None) -> list[SignedCheckpoint]:
        found = [s for p, s in self._kept.items() if p[0] == signatory and key in (None, p[2])]
        return sorted(found, key=lambda s: (-s.checkpoint.block.number, -s.checkpoint.signed_at))
