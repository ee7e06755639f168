"""Makes a database and its chain agree again after one of them was set back to an older copy.

Asked while nobody seals. First comes what others still have: missing blocks (services.block_pull).
What is missing then is missing for good: batches and calls that the database saw final and the chain
does not know go out again, each as its old job, in the old order; where signatures have run out, people
are asked again, and what their decision kept out of use is suspended meanwhile. The other way round, a
database that lost rows learns which words of its lists and which nonces are spent.

`plan` changes nothing; the store applies a plan in one transaction. A second plan after that is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.core.flow import (
    WORDS_PER_LIST,
    BatchRecord,
    BatchState,
    JobKind,
    NewJob,
    TransactionState,
    words_of,
)
from ledger.core.model import CREDENTIALS_PER_WORD, DOCUMENT_TYPE, AnchorRecord, BlockRef, ReasonClass
from ledger.core.restoring import CallAgain, Hold, LostRows, Mending, Moved, Settled
from ledger.core.status import Status, word_changes
from ledger.ports import BatchStore, Clock, ContractCall, TransactionOutcome
from ledger.services.calls import call_job, parse_call

FINAL = (BatchState.ANCHORED, BatchState.RELEASED)
WORKED_ON = (BatchState.SIGNED, BatchState.MADE, BatchState.DEAD)
"""States in which people still decide; an approved batch finds its anchor by itself."""
SHADOWED = (BatchState.CLOSED, *WORKED_ON)
_FILL = "fill:"
_BITS = 4  # of a status in its word
_MASK = 0xF
_DECIDED = ("changeStatus", "withdrawBatch")
"""Calls that keep something out of use once they are decided."""


class RestoreBook(Protocol):
    """What the store knows of the past, and how it takes a plan."""

    def settled(self) -> Iterator[Settled]:
        """Transactions that were final or reverted, oldest first."""

    def lost_rows(self) -> tuple[LostRows, ...]:
        """Anchors without rows that were noted before."""

    def apply(self, mending: Mending, now: int) -> None:
        """All of it in one transaction; a second time has no effect."""


class KnownChain(Protocol):
    """What the chain says about the past."""

    def block(self, number: int) -> BlockRef | None:
        """The block of that height."""

    def outcome(self, transaction_hash: bytes) -> TransactionOutcome:
        """What became of a transaction."""


class AnchorBook(Protocol):
    """The chain view's anchors and statuses."""

    def anchors(self, issuer: str | None = None) -> Iterator[AnchorRecord]:
        """Anchors in the order of the chain."""

    def status_words(self, issuer: str, root: bytes) -> Mapping[int, int]:
        """Words that were ever written."""


@dataclass(frozen=True, slots=True)
class _Lost:
    """Batches that the chain lost, by (issuer, root)."""

    batches: Mapping[tuple[str, bytes], BatchRecord]
    withdrawn: frozenset[tuple[str, bytes]]

    def after(self, place: tuple[str, bytes] | None) -> int | None:
        """The lost batch that this is about."""
        found = None if place is None else self.batches.get(place)
        return None if found is None else found.id


class Healing:
    """Compares and plans.

    Args:
        book: of the store.
        batches: of the store.
        chain: the chain as it is now; None: others run it, it was never set back.
        view: at the chain's head.
        issuers: agencies of this installation.
        clock: whether approvals still hold.
    """

    def __init__(
        self,
        book: RestoreBook,
        batches: BatchStore,
        chain: KnownChain | None,
        view: AnchorBook,
        issuers: Sequence[str],
        clock: Clock,
    ) -> None:
        self._book = book
        self._batches = batches
        self._chain = chain
        self._view = view
        self._issuers = issuers
        self._clock = clock

    def plan(self) -> Mending:
        """What does not agree. Changes nothing."""
        now = self._clock.now()
        anchors = {(one.issuer, one.root): one for name in self._issuers for one in self._view.anchors(name)}
        batches = self._batches.batches()
        gone = self._gone()
        done = [one for one in batches if one.state in FINAL and self._chain is not None]
        lost_batches = [one for one in done if one.root is not None and _place(one) not in anchors]
        calls = [one for one in gone if _is_call(one)]
        lost = _Lost({_place(one): one for one in lost_batches}, _late_withdrawals(calls, now))
        again, asked = _by_approval(lost_batches, lost, now)
        known = {_place(one) for one in batches if one.root is not None}
        known |= {(one.issuer, one.root) for one in self._book.lost_rows()}
        unknown = [one for place, one in anchors.items() if place not in known]
        return Mending(
            dropped=tuple(one.id for one in gone),
            again=again,
            asked=asked,
            calls=tuple(CallAgain(one.job_id, lost.after(_about(one)), _is_late(one, now)) for one in calls),
            holds=tuple(self._holds(calls, lost, now)),
            moved=tuple(_moved(done, anchors)),
            arrived=tuple(one.id for one in batches if one.state in WORKED_ON and _place(one) in anchors),
            shadowed=tuple(_shadowed(batches, unknown)),
            lost_rows=tuple(LostRows(one.issuer, one.root, one.block.number, one.size) for one in unknown),
            heads=_heads(anchors.values()) if unknown else {},
        )

    def heal(self) -> Mending:
        """Plan, and apply."""
        mending = self.plan()
        self._book.apply(mending, self._clock.now())
        return mending

    def _gone(self) -> list[Settled]:
        """Transactions that the chain took and does not know any more, oldest first."""
        chain = self._chain
        if chain is None:
            return []
        return [
            one for one in self._book.settled() if chain.outcome(one.hash).state not in ("final", "reverted")
        ]

    def _holds(self, calls: Sequence[Settled], lost: _Lost, now: int) -> Iterator[Hold]:
        """Suspensions in place of late decisions: the operator may suspend alone, and at once."""
        for one in calls:
            place = _about(one)
            if place is None or not _is_late(one, now) or place in lost.withdrawn & lost.batches.keys():
                continue
            leaves = self._valid_leaves(one, place, lost)
            if leaves:
                yield Hold(self._suspension(one, place, leaves, now), lost.after(place))

    def _suspension(self, one: Settled, place: tuple[str, bytes], leaves: Sequence[int], now: int) -> NewJob:
        issuer, root = place
        words = tuple(
            (change.word, change.mask, change.value) for change in word_changes(leaves, Status.SUSPENDED)
        )
        lists = sorted({known.list for known in self._batches.batches(issuer) if known.root == root})
        name = issuer.encode("ascii")
        call = ContractCall("ledger", "suspend", (name, root, name, int(ReasonClass.ADMINISTRATIVE), words))
        return call_job(issuer, call, subject=f"restored:{one.job_id}:{root.hex()[:16]}:{now}", publish=lists)

    def _valid_leaves(self, one: Settled, place: tuple[str, bytes], lost: _Lost) -> list[int]:
        """Leaves that the late decision took out of use, and that would be good without it."""
        call = parse_call(one.payload["call"])
        issuer, root = place
        batch = lost.batches.get(place) or next(
            (known for known in self._batches.batches(issuer) if known.root == root), None
        )
        if batch is None or batch.pending:
            return []
        if call.function == "withdrawBatch":
            leaves: Iterable[int] = range(batch.size)
        else:
            leaves = [
                word * CREDENTIALS_PER_WORD + at
                for word, mask, value in call.args[1]
                for at in range(CREDENTIALS_PER_WORD)
                if (mask >> _BITS * at) & _MASK and (value >> _BITS * at) & _MASK != Status.VALID
            ]
        words = {} if place in lost.batches else self._view.status_words(issuer, root)
        return [leaf for leaf in leaves if leaf < batch.size and _status(words, leaf) == Status.VALID]


def _place(batch: BatchRecord) -> tuple[str, bytes]:
    return batch.issuer, batch.root or b""


def _status(words: Mapping[int, int], leaf: int) -> int:
    word, place = divmod(leaf, CREDENTIALS_PER_WORD)
    return (words.get(word, 0) >> _BITS * place) & _MASK


def _is_call(one: Settled) -> bool:
    """A call that was final, and whose job is done: others take care of themselves."""
    return (
        one.kind is JobKind.CALL
        and one.state is TransactionState.FINAL
        and one.is_done
        and not one.subject.startswith(_FILL)
    )


def _is_late(one: Settled, now: int) -> bool:
    end = int(one.payload["not_after"])
    return bool(end) and now > end


def _about(one: Settled) -> tuple[str, bytes] | None:
    """Issuer and root of the batch that a call is about, None for acts of governance."""
    call = parse_call(one.payload["call"])
    if call.contract != "ledger":
        return None
    if call.function in _DECIDED:
        struct = call.args[0]
        return bytes(struct[0]).decode("ascii"), bytes(struct[1])
    if call.function == "suspend":
        return bytes(call.args[0]).decode("ascii"), bytes(call.args[1])
    return None


def _late_withdrawals(calls: Sequence[Settled], now: int) -> frozenset[tuple[str, bytes]]:
    """Batches that were withdrawn by a decision that has run out: not to be anchored as if it never was."""
    found = set()
    for one in calls:
        place = _about(one)
        if place is not None and one.payload["call"]["function"] == "withdrawBatch" and _is_late(one, now):
            found.add(place)
    return frozenset(found)


def _holds(batch: BatchRecord, now: int) -> bool:
    """Whether its signatures can still be used."""
    return batch.maker is not None and batch.maker_signature is not None and now <= batch.deadline


def _by_approval(
    lost_batches: Iterable[BatchRecord], lost: _Lost, now: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Batches that can be anchored again as they are, and those about which people must be asked."""
    again: list[int] = []
    asked: list[int] = []
    for one in lost_batches:
        is_good = _holds(one, now) and _place(one) not in lost.withdrawn
        (again if is_good else asked).append(one.id)
    return tuple(again), tuple(asked)


def _moved(
    batches: Iterable[BatchRecord], anchors: Mapping[tuple[str, bytes], AnchorRecord]
) -> Iterator[Moved]:
    for one in batches:
        found = anchors.get(_place(one))
        if found is not None and (one.block != found.block or one.tx_hash != found.tx_hash):
            yield Moved(one.id, found.block, found.tx_hash)


def _shadowed(batches: Iterable[BatchRecord], unknown: Iterable[AnchorRecord]) -> Iterator[int]:
    """Batches that reserved words which the chain gave to a root that nobody here knows."""
    taken = {
        (one.issuer, one.list, word)
        for one in unknown
        if one.type_id != DOCUMENT_TYPE
        for word in range(one.first_word, one.first_word + words_of(one.size))
    }
    for one in batches:
        if one.state in SHADOWED and any(
            (one.issuer, one.list, word) in taken
            for word in range(one.first_word, one.first_word + one.words)
        ):
            yield one.id


def _heads(anchors: Iterable[AnchorRecord]) -> dict[str, tuple[int, int]]:
    """The newest list of each issuer and the first word of it that no anchor has."""
    heads: dict[str, tuple[int, int]] = {}
    for one in anchors:
        end = (one.list, min(one.first_word + words_of(one.size), WORDS_PER_LIST))
        heads[one.issuer] = max(heads.get(one.issuer, (0, 0)), end)
    return heads
