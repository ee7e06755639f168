"""Looks the ledger up for anybody: number, file, hash, transaction or block → what was recorded.

Answers only what is public by design: who anchored a batch when, with which key, and where an entry
lies in its tree. Never a value of a credential, never its status (that takes the check code), never
which person asked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from ledger.core.errors import InputError, NotFoundError
from ledger.core.explored import BlockFacts, EntryFacts, EventFacts, Hit, TransactionFacts
from ledger.core.flow import BatchRecord, BatchState
from ledger.core.merkle import entry_of
from ledger.core.model import AnchorRecord, BlockRef, ChainInfo
from ledger.core.proof import Proof
from ledger.core.receipt import MAX_BUNDLE_BYTES, Receipt, parse_bundle
from ledger.ports import ChainView, Store
from ledger.services.signing import tree_of

HASH_TEXT: Final = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")
BLOCK_TEXT: Final = re.compile(r"#?([0-9]{1,12})")
PROOF_NUMBER: Final = re.compile(r"(?:[0-9A-F]{4}-){3}[0-9A-F]{4}")
SERIAL_TEXT: Final = re.compile(r"[0-9A-Fa-f]{32}")
LONGEST_QUESTION: Final = 300
BLOCKS_A_PAGE: Final = 20
HASH_BYTES: Final = 32
ANCHORED: Final = (BatchState.ANCHORED, BatchState.RELEASED)


class LedgerLog(Protocol):
    """Blocks, transactions and events of the chain as they are kept; needs no lock."""

    def info(self) -> ChainInfo:
        """Which chain, which contracts."""

    def head(self) -> BlockRef:
        """The newest block."""

    def block(self, number: int) -> BlockFacts | None:
        """The block of that height with its transactions; None above the head."""

    def block_number(self, block_hash: bytes) -> int | None:
        """Height of the block with this hash."""

    def blocks(self, before: int, count: int) -> Sequence[BlockRef]:
        """`count` blocks below `before` that hold transactions, newest first."""

    def transaction(self, transaction_hash: bytes) -> TransactionFacts | None:
        """A transaction in a block; None while it waits or when there is none."""


class EntryBook(Protocol):
    """Where entries lie in the batches of this installation."""

    def find_entry(self, entry: bytes) -> tuple[int, int] | None:
        """Batch and leaf index."""

    def find_name(self, first: bytes) -> tuple[int, int] | None:
        """Batch and leaf index of the row whose name begins with these 8 or 16 bytes."""


class ExplorerService:
    """Finds and shows.

    Args:
        view: anchors, checked and confirmed.
        log: the chain's own tables.
        store: entries of this installation's batches, for their proofs.
        book: finds entries by hash and by number.
    """

    def __init__(self, view: ChainView, log: LedgerLog, store: Store, book: EntryBook) -> None:
        self._view = view
        self._log = log
        self._store = store
        self._book = book

    def search(self, question: str) -> Hit:
        """What somebody typed or scanned.

        Raises:
            InputError: SEARCH_EMPTY, SEARCH_SHAPE.
            NotFoundError: SEARCH_NOTHING.
        """
        asked = question.strip()
        if not asked:
            raise InputError("SEARCH_EMPTY", "Type a number, a hash, a transaction or a block.")
        if len(asked) > LONGEST_QUESTION:
            raise InputError("SEARCH_SHAPE", "That is too long for a number or a hash.")
        upper = asked.upper().replace(" ", "")
        if PROOF_NUMBER.fullmatch(upper):
            return self._named(bytes.fromhex(upper.replace("-", "")))
        if SERIAL_TEXT.fullmatch(upper):
            return self._named(bytes.fromhex(upper))
        if found := HASH_TEXT.fullmatch(asked):
            return self._hashed(bytes.fromhex(found[1]))
        if found := BLOCK_TEXT.fullmatch(asked):
            number = int(found[1])
            if self._log.block(number) is None:
                raise _nothing()
            return Hit("block", block=number)
        serial = upper.split(".")
        if len(serial) > 1 and (named := [part for part in serial if SERIAL_TEXT.fullmatch(part)]):
            return self._named(bytes.fromhex(named[0]))
        raise InputError(
            "SEARCH_SHAPE",
            "This is no proof number, no licence identifier, no hash, no transaction and no block number.",
        )

    def search_file(self, data: bytes) -> Hit:
        """A bundle or any other file in hand: looked up by its entry or its SHA-256, then forgotten.

        Raises:
            NotFoundError: SEARCH_NOTHING.
        """
        entry = hashlib.sha256(data).digest()
        if len(data) <= MAX_BUNDLE_BYTES:
            try:
                bundle = parse_bundle(data)
            except InputError:
                bundle = None  # any file may be asked for; only bundles have an entry of their own
            if bundle is not None:
                entry = entry_of(bundle.credential.partition("~")[0].encode())
        found = self._book.find_entry(entry)
        if found is None:
            raise _nothing()
        return self._place(*found)

    def block(self, number: int) -> BlockFacts:
        """Raises NotFoundError(SEARCH_NOTHING)."""
        found = self._log.block(number)
        if found is None:
            raise _nothing()
        return found

    def transaction(self, transaction_hash: bytes) -> TransactionFacts:
        """Raises NotFoundError(SEARCH_NOTHING)."""
        found = self._log.transaction(transaction_hash)
        if found is None:
            raise _nothing()
        return found

    def anchor(self, issuer: str, root: bytes) -> AnchorRecord:
        """Raises NotFoundError(SEARCH_NOTHING)."""
        found = self._view.evidence(issuer, root, None)
        if found is None or found.anchor is None:
            raise _nothing()
        return found.anchor

    def event(self, anchor: AnchorRecord) -> EventFacts | None:
        """The event that anchored a batch; None while this process has not read its block yet."""
        facts = self._log.transaction(anchor.tx_hash)
        for event in () if facts is None else facts.events:
            if event.args.get("root") == anchor.root:
                return event
        return None

    def anchors(self, issuer: str | None = None) -> Iterator[AnchorRecord]:
        """Every anchored batch, oldest first."""
        return self._view.anchors(issuer)

    def newest(self, count: int) -> tuple[AnchorRecord, ...]:
        """The last batches, newest first."""
        return self._view.newest_anchors(count)

    def blocks(self, before: int | None = None) -> Sequence[BlockRef]:
        """A page of blocks that hold something, newest first."""
        first = self._log.head().number + 1 if before is None else before
        return self._log.blocks(first, BLOCKS_A_PAGE)

    def entry(self, issuer: str, root: bytes, leaf_index: int) -> EntryFacts:
        """An entry with its proof.

        Raises:
            NotFoundError: SEARCH_NOTHING (no such batch or leaf), PROOF_ELSEWHERE (another
                installation keeps the entries of this batch).
        """
        anchor = self.anchor(issuer, root)
        if not 0 <= leaf_index < anchor.size:
            raise _nothing()
        batch = self._batch_of(anchor)
        tree = tree_of(self._store, batch)
        entries = self._store.signing.entries(batch.id)
        info = self._log.info()
        receipt = Receipt(
            ledger_id=info.ledger_id,
            chain_id=info.chain_id,
            contract=info.ledger,
            issuer=issuer,
            root=root,
            leaf_index=leaf_index,
            tree_size=anchor.size,
            path=tree.inclusion_path(leaf_index),
            block=anchor.block,
        )
        entry = entries[HASH_BYTES * leaf_index : HASH_BYTES * (leaf_index + 1)]
        return EntryFacts(anchor, Proof(entry, receipt), anchor.type_id == 0)

    def entries(self, issuer: str, root: bytes) -> list[bytes]:
        """Every entry of an anchored batch, in leaf order.

        Raises:
            NotFoundError: SEARCH_NOTHING, PROOF_ELSEWHERE.
        """
        batch = self._batch_of(self.anchor(issuer, root))
        joined = self._store.signing.entries(batch.id)
        return [joined[start : start + HASH_BYTES] for start in range(0, len(joined), HASH_BYTES)]

    def _batch_of(self, anchor: AnchorRecord) -> BatchRecord:
        for batch in self._store.batches.batches(anchor.issuer, ANCHORED):
            if batch.root == anchor.root:
                return batch
        raise NotFoundError(
            "PROOF_ELSEWHERE",
            "The entries of this batch are kept by another installation.",
            root=anchor.root.hex(),
        )

    def _named(self, first: bytes) -> Hit:
        found = self._book.find_name(first)
        if found is None:
            raise _nothing()
        return self._place(*found)

    def _hashed(self, value: bytes) -> Hit:
        if self._log.transaction(value) is not None:
            return Hit("transaction", hash=value)
        number = self._log.block_number(value)
        if number is not None:
            return Hit("block", block=number)
        for record in self._view.issuers():
            evidence = self._view.evidence(record.issuer, value, None)
            if evidence is not None and evidence.anchor is not None:
                return Hit("batch", issuer=record.issuer, hash=value)
        found = self._book.find_entry(value)
        if found is None:
            raise _nothing()
        return self._place(*found)

    def _place(self, batch_id: int, leaf_index: int) -> Hit:
        """Only what is final on the ledger exists for the public."""
        batch = self._store.batches.batch(batch_id)
        if batch.state not in ANCHORED or batch.root is None:
            raise _nothing()
        return Hit("entry", issuer=batch.issuer, hash=batch.root, leaf_index=leaf_index)


def _nothing() -> NotFoundError:
    return NotFoundError("SEARCH_NOTHING", "The ledger has no such thing.")
