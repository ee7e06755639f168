"""What changed on the ledger between two moments: for those who look once a day.

Reads no more than the range asked for: acts of governance out of their book, batches by their place in the
order of anchoring, changes of status block by block and at most `MOST_EVENTS` of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.core.governed import Deed
from ledger.core.model import AnchorRecord, BlockRef, LedgerEvent
from ledger.core.trust import RestoreNotice
from ledger.ports import ChainView
from ledger.services.governed import GovernedBook
from ledger.services.oversight import STEPS

MOST_EVENTS = 20_000
MOST_BATCHES = 2_000
BLOCKS_AT_ONCE = 2_000
STATUS = frozenset({"StatusChanged"})


class ChangeSource(Protocol):
    """Final blocks and their events."""

    def head(self) -> BlockRef:
        """The newest one."""

    def block(self, number: int) -> BlockRef | None:
        """None above the head."""

    def events(self, first: int, last: int, names: frozenset[str] | None = None) -> Iterator[LedgerEvent]:
        """Decoded events of these names, in order."""


@dataclass(frozen=True, slots=True)
class TrustStep:
    """A version of the trust file that was taken into use here.

    Attributes:
        added: thumbprints of witnesses that came; `removed`: of those that went.
        threshold_before: how many witnesses had to sign until then; `threshold`: since.
        names: of witnesses, before and after.
    """

    version: int
    taken_at: int
    added: tuple[bytes, ...]
    removed: tuple[bytes, ...]
    threshold_before: int
    threshold: int
    names: Mapping[bytes, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in [since, until).

    Attributes:
        deeds: acts of governance, newest first.
        batches: anchored in that time, newest first; at most MOST_BATCHES are looked at.
        anchored: how many were anchored by all agencies.
        statuses: changes of status by reason class.
        changed_batches: how many batches they touched.
        is_cut: there were more changes of status than are counted.
        restores: announced in that time.
        trusts: trust files taken into use in that time.
    """

    since: int
    until: int
    deeds: tuple[Deed, ...]
    batches: tuple[AnchorRecord, ...]
    anchored: int
    statuses: Mapping[int, int]
    changed_batches: int
    is_cut: bool
    restores: tuple[RestoreNotice, ...]
    trusts: tuple[TrustStep, ...]

    @property
    def has_older_batches(self) -> bool:
        """More batches were anchored by all agencies than were looked at."""
        return self.anchored > MOST_BATCHES


class ChangesService:
    """See the module.

    Args:
        view: batches in the order of anchoring.
        book: acts of governance.
        source: blocks and changes of status.
        notices: restores that the trust file tells of.
        trusts: trust files that were taken into use.
    """

    def __init__(
        self,
        view: ChainView,
        book: GovernedBook,
        source: ChangeSource,
        notices: Callable[[], Sequence[RestoreNotice]],
        trusts: Callable[[], Sequence[TrustStep]],
    ) -> None:
        self._view = view
        self._book = book
        self._source = source
        self._notices = notices
        self._trusts = trusts

    def between(self, since: int, until: int, seen: Collection[str]) -> Changes:
        """What changed for these agencies.

        Args:
            since: seconds; what happened then belongs to it.
            until: seconds; what happened then does not.
            seen: USCCs whose changes are told; restores and trust files concern everybody.
        """
        anchored, newest = self._view.anchors_between(since, until, MOST_BATCHES)
        statuses, touched, is_cut = self._statuses(since, until, seen)
        return Changes(
            since=since,
            until=until,
            deeds=self._deeds(since, until, seen),
            batches=tuple(anchor for anchor in newest if anchor.issuer in seen),
            anchored=anchored,
            statuses=statuses,
            changed_batches=touched,
            is_cut=is_cut,
            restores=tuple(one for one in self._notices() if since <= one.restored_at < until),
            trusts=tuple(one for one in self._trusts() if since <= one.taken_at < until),
        )

    def _deeds(self, since: int, until: int, seen: Collection[str]) -> tuple[Deed, ...]:
        found = {
            (deed.block.number, deed.log_index): deed
            for deed in self._book.everything()
            if since <= deed.block.time < until
            and deed.name not in STEPS
            and (deed.issuer in seen or deed.by in seen)
        }
        return tuple(found[place] for place in sorted(found, reverse=True))

    def _statuses(self, since: int, until: int, seen: Collection[str]) -> tuple[Mapping[int, int], int, bool]:
        """By reason class, how many batches, and whether counting stopped before the end."""
        first, end = self._first_at(since), self._first_at(until)
        classes: Counter[int] = Counter()
        touched: set[object] = set()
        looked = 0
        for start in range(first, end, BLOCKS_AT_ONCE):
            last = min(start + BLOCKS_AT_ONCE, end) - 1
            for event in self._source.events(start, last, STATUS):
                looked += 1
                if looked > MOST_EVENTS:
                    return classes, len(touched), True
                if _uscc(event.args["issuer"]) in seen:
                    classes[int(str(event.args["reasonClass"]))] += 1
                    touched.add((event.args["issuer"], event.args["root"]))
        return classes, len(touched), False

    def _first_at(self, moment: int) -> int:
        """Height of the first block at or after a moment; one above the head when there is none."""
        low, high = 0, self._source.head().number + 1
        while low < high:
            middle = (low + high) // 2
            block = self._source.block(middle)
            if block is not None and block.time < moment:
                low = middle + 1
            else:
                high = middle
        return low


def _uscc(value: object) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else ""
