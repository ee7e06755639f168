"""How any chain view is read: rows to records, and a cache that makes a warm look a few lookups.

A `Look` is everything remembered about one state of the view. It is dropped as a whole when the view
moves, so that nothing in it can be older than the head beside it. Looking up adds to it under the
view's lock; a warm `evidence` takes no lock and touches no file.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ledger.adapters.chain_view_rows import Rows
from ledger.core.errors import UnavailableError
from ledger.core.model import (
    CREDENTIALS_PER_WORD,
    DOCUMENT_TYPE,
    AnchorRecord,
    BlockRef,
    ChainInfo,
    GrantRecord,
    IssuerRecord,
    KeyRecord,
    ListedBatch,
    StandingRecord,
    TypeRecord,
    WitnessHead,
)
from ledger.ports import ChainEvidence, ViewHead
from ledger.ports.witness import CheckpointBook

_LANE_BITS = 4
_LANE = 15
_INFO = ("chain_id", "ledger_id", "registry", "ledger", "registry_code_hash", "ledger_code_hash")
_INTEGER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person must look at. `RANGE_OVERLAP`: two batches share words of a status list."""

    code: str
    issuer: str
    list: int
    roots: tuple[bytes, bytes]
    block: int


@dataclass(frozen=True, slots=True)
class Fork:
    """The source contradicted a block that the view had taken: both hashes are kept as evidence."""

    number: int
    ours: bytes
    theirs: bytes
    seen_at: int


@dataclass(slots=True)
class _Batch:
    anchor: AnchorRecord | None
    key: KeyRecord | None
    issuer: IssuerRecord | None
    ancestors: tuple[IssuerRecord, ...]
    grants: Mapping[str, tuple[GrantRecord, ...]]
    credential_type: TypeRecord | None
    words: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Look:
    """What is remembered of one state of the view. `changes` counts the events behind it."""

    info: ChainInfo
    head: ViewHead
    changes: int
    batches: dict[tuple[str, bytes], _Batch] = field(default_factory=dict)
    thumbprints: dict[bytes, KeyRecord | None] = field(default_factory=dict)
    hashes: dict[int, bytes | None] = field(default_factory=dict)
    witnessed: tuple[bytes, ViewHead] | None = None
    """The book's stamp and the head that was made with it."""


class RowsView:
    """The ChainView port over rows.

    Args:
        rows: where they are.
        kind: embedded, mirror, consortium or snapshot: picks the maximum age of the trust file.
        book: what witnesses signed; None: nobody is counted as a witness.
    """

    def __init__(self, rows: Rows, kind: str, book: CheckpointBook | None = None) -> None:
        self._rows = rows
        self._kind = kind
        self._book = book
        self._lock = threading.RLock()
        self._seen: Look | None = None

    # what subclasses know better

    def _look(self) -> Look | None:
        """The current look, None while the view is empty. Must be cheap when nothing moved."""
        if self._seen is None:
            with self._reading():
                self._seen = self._read_look()
        return self._seen

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Rows of one moment."""
        with self._lock:
            yield

    def _read_look(self) -> Look | None:
        """The look as the rows say now; remembered things are kept when no event came in between."""
        head = read_head(self._rows, self._kind)
        if head is None:
            return None
        info, changes = read_info(self._rows), read_integer(self._rows, "changes") or 0
        seen = self._seen
        if seen is not None and seen.changes == changes and seen.info == info:
            if seen.head.block != head.block:
                seen.hashes = {}
            seen.head = replace(head, witnessed=seen.head.witnessed)  # until the book is asked again
            return seen
        return Look(info, head, changes)

    def _witnessed_look(self) -> Look | None:
        """The current look, its head with what witnesses signed until now."""
        look, book = self._look(), self._book
        if look is None or book is None:
            return look
        known, stamp = look.witnessed, self._stamp_of(book)
        if known is not None and known[0] == stamp and known[1] is look.head:
            return look
        with self._reading():
            look = self._look()
            if look is not None:
                seen = self._seen_by(book, look.head.block.number)
                look.head = replace(look.head, witnessed=seen)
                look.witnessed = (stamp, look.head)
            return look

    def _stamp_of(self, book: CheckpointBook) -> bytes:
        try:
            return book.stamp()
        except UnavailableError:
            return b""

    def _seen_by(self, book: CheckpointBook, head: int) -> tuple[WitnessHead, ...]:
        """A book that cannot be read proves nothing: then nobody counts, and the verdict says so."""
        try:
            return book.witnessed(self._hash_at, head)
        except UnavailableError:
            return ()

    def _hash_at(self, number: int) -> bytes | None:
        found = self._rows.get("block", (number,))
        return None if found is None else bytes(found[0])

    # the port

    def head(self) -> ViewHead | None:
        """None before the first block was taken."""
        look = self._witnessed_look()
        return None if look is None else look.head

    def evidence(
        self,
        issuer: str,
        root: bytes,
        leaf_index: int | None,
        *,
        thumbprint: bytes | None = None,
        block_number: int | None = None,
    ) -> ChainEvidence | None:
        """See ChainView.evidence."""
        look = self._witnessed_look()
        if look is None:
            return None
        while True:
            try:
                return _evidence(look, issuer, root, leaf_index, thumbprint, block_number)
            except KeyError:
                with self._reading():
                    current = self._witnessed_look()
                    if current is None:
                        return None
                    look = current
                    self._remember(look, issuer, root, leaf_index, thumbprint, block_number)

    def _remember(  # the same arguments as evidence
        self,
        look: Look,
        issuer: str,
        root: bytes,
        leaf_index: int | None,
        thumbprint: bytes | None,
        block_number: int | None,
    ) -> None:
        rows = self._rows
        batch = look.batches.get((issuer, root))
        if batch is None:
            batch = look.batches[issuer, root] = _read_batch(rows, issuer, root)
        if leaf_index is not None and batch.anchor is not None:
            word = leaf_index // CREDENTIALS_PER_WORD
            if word not in batch.words:
                found = rows.get("status_word", (issuer, root, word))
                batch.words[word] = 0 if found is None else int.from_bytes(found[0])
        if thumbprint is not None and thumbprint not in look.thumbprints:
            place = rows.get("thumbprint", (thumbprint,))
            look.thumbprints[thumbprint] = None if place is None else read_key(rows, *place)
        if block_number is not None and block_number not in look.hashes:
            block = rows.get("block", (block_number,))
            look.hashes[block_number] = None if block is None else block[0]

    def standings(self, issuer: str | None = None) -> tuple[StandingRecord, ...]:
        """Standing approvals ever registered, ended and revoked ones too."""
        with self._reading():
            self._look()
            found = [StandingRecord(*key, *row) for key, row in self._rows.items("standing")]
        return tuple(one for one in found if issuer is None or one.issuer == issuer)

    def anchors(self, issuer: str | None = None) -> Iterator[AnchorRecord]:
        """In order of anchoring, as of the moment of the call."""
        with self._reading():
            self._look()
            found = [
                read_anchor(self._rows, *place)
                for _, place in self._rows.items("anchor_order")
                if issuer is None or place[0] == issuer
            ]
        yield from (anchor for anchor in found if anchor is not None)

    def newest_anchors(self, count: int) -> tuple[AnchorRecord, ...]:
        """The last `count`, newest first."""
        with self._reading():
            self._look()
            end = self._rows.count("anchor_order")
            return self._anchors(range(end - 1, max(-1, end - 1 - count), -1))

    def anchors_between(self, since: int, until: int, most: int) -> tuple[int, tuple[AnchorRecord, ...]]:
        """How many batches were anchored in [since, until), and the last `most` of them, newest first."""
        with self._reading():
            self._look()
            places = range(self._rows.count("anchor_order"))
            first = bisect_left(places, since, key=self._anchored_at)
            end = bisect_left(places, until, lo=first, key=self._anchored_at)
            return end - first, self._anchors(range(end - 1, max(first, end - most) - 1, -1))

    def _anchored_at(self, place: int) -> int:
        """Block time of the batch in this place of the order: it only grows, imported times may not."""
        key = self._rows.get("anchor_order", (place,))
        anchor = None if key is None else read_anchor(self._rows, *key)
        return 0 if anchor is None else anchor.block.time

    def _anchors(self, places: Iterable[int]) -> tuple[AnchorRecord, ...]:
        keys = (self._rows.get("anchor_order", (place,)) for place in places)
        found = (read_anchor(self._rows, *key) for key in keys if key is not None)
        return tuple(anchor for anchor in found if anchor is not None)

    def status_words(self, issuer: str, root: bytes) -> Mapping[int, int]:
        """Words that were ever written; others are 0."""
        with self._reading():
            self._look()
            return {
                key[2]: int.from_bytes(row[0]) for key, row in self._rows.items("status_word", (issuer, root))
            }

    def listed(self, issuer: str, list_number: int, known: Collection[bytes] = ()) -> tuple[ListedBatch, ...]:
        """Batches of one status list but for the known ones; what many of them share is read once."""
        rows = self._rows
        found: list[ListedBatch] = []
        keys: dict[int, KeyRecord | None] = {}
        grants: dict[int, tuple[GrantRecord, ...]] = {}
        with self._reading():
            self._look()
            holders = [issuer, *(parent.issuer for parent in _ancestors(rows, read_issuer(rows, issuer)))]
            for (_, _, _, root), _ in rows.items("list_range", (issuer, list_number)):
                if root in known:
                    continue
                anchor = read_anchor(rows, issuer, root)
                if anchor is None:
                    raise RuntimeError("the view has a range without its batch: rebuild it")
                if anchor.key not in keys:
                    keys[anchor.key] = read_key(rows, issuer, anchor.key)
                if anchor.type_id not in grants:
                    held = (read_grants(rows, name, anchor.type_id) for name in holders)
                    grants[anchor.type_id] = tuple(grant for some in held for grant in some)
                words = {
                    key[2]: int.from_bytes(row[0]) for key, row in rows.items("status_word", (issuer, root))
                }
                found.append(ListedBatch(anchor, keys[anchor.key], grants[anchor.type_id], words))
        return tuple(found)

    def altered(self) -> int:
        """See ChainView.altered."""
        with self._reading():
            self._look()
            return read_integer(self._rows, "altered") or 0

    def lists(self, issuer: str) -> frozenset[int]:
        """Numbers of the lists that have a range."""
        with self._reading():
            self._look()
            return frozenset(key[1] for key, _ in self._rows.items("list_range", (issuer,)))

    def issuers(self) -> Iterator[IssuerRecord]:
        """In order of their names."""
        with self._reading():
            self._look()
            names = [key[0] for key, _ in self._rows.items("issuer")]
            found = [read_issuer(self._rows, name) for name in names]
        yield from (issuer for issuer in found if issuer is not None)

    def keys(self, issuer: str) -> tuple[KeyRecord, ...]:
        """In order of their numbers."""
        with self._reading():
            self._look()
            return tuple(_key_record(key, row) for key, row in self._rows.items("signing_key", (issuer,)))

    def types(self) -> tuple[TypeRecord, ...]:
        """In order of their numbers."""
        with self._reading():
            self._look()
            return tuple(_type_record(key[0], row) for key, row in self._rows.items("type"))

    # beside the port

    def info(self) -> ChainInfo | None:
        """Which chain the view follows, None before the first block."""
        look = self._look()
        return None if look is None else look.info

    def grants(self, issuer: str, type_id: int) -> tuple[GrantRecord, ...]:
        """Oldest first."""
        with self._reading():
            self._look()
            return read_grants(self._rows, issuer, type_id)

    def alarms(self) -> tuple[Alarm, ...]:
        """Oldest first."""
        with self._reading():
            self._look()
            return tuple(
                Alarm(code, issuer, number, (root, other), block)
                for _, (code, issuer, number, root, other, block) in self._rows.items("alarm")
            )

    def fork(self) -> Fork | None:
        """What contradicted the view, if anything did."""
        with self._reading():
            found = self._rows.get("fact", ("fork",))
        return None if found is None else decode_fork(found[0])


def _evidence(
    look: Look,
    issuer: str,
    root: bytes,
    leaf_index: int | None,
    thumbprint: bytes | None,
    block_number: int | None,
) -> ChainEvidence:
    """Raises: KeyError when something of it is not remembered yet."""
    batch = look.batches[issuer, root]
    anchor, status = batch.anchor, None
    if leaf_index is not None and anchor is not None:
        word = batch.words[leaf_index // CREDENTIALS_PER_WORD]
        if leaf_index < anchor.size and anchor.type_id != DOCUMENT_TYPE:
            status = word >> _LANE_BITS * (leaf_index % CREDENTIALS_PER_WORD) & _LANE
    return ChainEvidence(
        look.info,
        look.head,
        anchor,
        batch.key,
        batch.issuer,
        batch.ancestors,
        batch.grants,
        batch.credential_type,
        status,
        None if block_number is None else look.hashes[block_number],
        None if thumbprint is None else look.thumbprints[thumbprint],
    )


# facts


def encode_fork(fork: Fork) -> bytes:
    """Number, our hash, their hash, time; the inverse of decode_fork."""
    number, seen = fork.number.to_bytes(_INTEGER_BYTES), fork.seen_at.to_bytes(_INTEGER_BYTES)
    return number + fork.ours + fork.theirs + seen


def decode_fork(raw: bytes) -> Fork:
    """The inverse of encode_fork."""
    number, seen = int.from_bytes(raw[:8]), int.from_bytes(raw[72:])
    return Fork(number, raw[8:40], raw[40:72], seen)


def read_integer(rows: Rows, name: str) -> int | None:
    """A fact that is a number."""
    found = rows.get("fact", (name,))
    return None if found is None else int.from_bytes(found[0])


def write_integer(rows: Rows, name: str, value: int) -> None:
    """The inverse of read_integer."""
    rows.put("fact", (name,), (value.to_bytes(_INTEGER_BYTES),))


def read_head(rows: Rows, kind: str) -> ViewHead | None:
    """None before the first block was taken."""
    number = read_integer(rows, "head")
    if number is None:
        return None
    block = read_block(rows, number)
    forked = rows.get("fact", ("fork",)) is not None
    return ViewHead(block, read_integer(rows, "confirmed_at") or 0, kind, forked)


def read_block(rows: Rows, number: int) -> BlockRef:
    """A block at or below the head."""
    found = rows.get("block", (number,))
    if found is None:
        raise RuntimeError(f"the view lost block {number}: rebuild it")
    return BlockRef(number, found[0], found[1])


def read_info(rows: Rows) -> ChainInfo:
    """As write_info wrote it."""
    facts = {name: rows.get("fact", (name,)) for name in _INFO}
    values = {name: (row[0] if row is not None else b"") for name, row in facts.items()}
    return ChainInfo(
        chain_id=int.from_bytes(values["chain_id"]),
        ledger_id=values["ledger_id"],
        registry=values["registry"],
        ledger=values["ledger"],
        registry_code_hash=values["registry_code_hash"],
        ledger_code_hash=values["ledger_code_hash"],
    )


def write_info(rows: Rows, info: ChainInfo) -> None:
    """The inverse of read_info."""
    write_integer(rows, "chain_id", info.chain_id)
    for name in _INFO[1:]:
        rows.put("fact", (name,), (getattr(info, name),))


# records


def _read_batch(rows: Rows, issuer: str, root: bytes) -> _Batch:
    anchor = read_anchor(rows, issuer, root)
    record = read_issuer(rows, issuer)
    ancestors = _ancestors(rows, record)
    grants: dict[str, tuple[GrantRecord, ...]] = {}
    key = credential_type = None
    if anchor is not None:
        key = read_key(rows, issuer, anchor.key)
        found = rows.get("type", (anchor.type_id,))
        credential_type = None if found is None else _type_record(anchor.type_id, found)
        names = [issuer, *(parent.issuer for parent in ancestors)]
        grants = {name: read_grants(rows, name, anchor.type_id) for name in names}
    return _Batch(anchor, key, record, tuple(ancestors), grants, credential_type)


def _ancestors(rows: Rows, record: IssuerRecord | None) -> list[IssuerRecord]:
    """From the parent upward."""
    found: list[IssuerRecord] = []
    above = None if record is None else record.parent
    while above is not None:
        parent = read_issuer(rows, above)
        if parent is None:
            break
        found.append(parent)
        above = parent.parent
    return found


def read_anchor(rows: Rows, issuer: str, root: bytes) -> AnchorRecord | None:
    """None when not anchored."""
    row = rows.get("anchor", (issuer, root))
    if row is None:
        return None
    *facts, pending, operator, maker, approver, standing, number, tx_hash, at, reason = row
    type_id, key, size, anchored_at, list_number, first_word = facts
    return AnchorRecord(
        issuer, root, type_id, key, size, anchored_at, list_number, first_word, bool(pending),
        operator, maker, approver, standing, read_block(rows, number), tx_hash, at, reason,
    )  # fmt: skip


def read_issuer(rows: Rows, issuer: str) -> IssuerRecord | None:
    """None when never admitted."""
    row = rows.get("issuer", (issuer,))
    if row is None:
        return None
    parent, level, admitted_at, dissolved_at, successor = row
    directory = tuple((entry[0], entry[1]) for _, entry in rows.items("directory", (issuer,)))
    return IssuerRecord(issuer, parent, level, admitted_at, dissolved_at, successor, directory)


def read_grants(rows: Rows, issuer: str, type_id: int) -> tuple[GrantRecord, ...]:
    """Oldest first."""
    return tuple(GrantRecord(issuer, type_id, *row) for _, row in rows.items("type_grant", (issuer, type_id)))


def read_key(rows: Rows, issuer: str, number: int) -> KeyRecord | None:
    """None when never registered."""
    row = rows.get("signing_key", (issuer, number))
    return None if row is None else _key_record((issuer, number), row)


def _key_record(key: tuple[str, int], row: tuple[object, ...]) -> KeyRecord:
    return KeyRecord(*key, *row)  # type: ignore[arg-type]  # columns in the record's order


def _type_record(type_id: int, row: tuple[object, ...]) -> TypeRecord:
    code, version, file_hash, single_use = row
    return TypeRecord(type_id, code, version, file_hash, bool(single_use))  # type: ignore[arg-type]  # columns


def at(head: ViewHead, confirmed_at: int) -> ViewHead:
    """The same head, confirmed at another moment."""
    return replace(head, confirmed_at=confirmed_at)
