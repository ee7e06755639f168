"""Fetches the blocks that an older copy of the chain lacks, from mirrors that still have them.

A mirror is not believed: its newest block must bear the word of the operator's own checkpoint key, or of
a witness that the trust file names, and every block is run again before one of them is kept. All blocks
are kept at once or none. Nothing here seals or signs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.core.checkpoint import SignedCheckpoint, contradict, operator_key, require_ledger, require_signed
from ledger.core.errors import ConflictError, LedgerError, UnavailableError
from ledger.core.model import BlockRef, ChainInfo, KeyRecord
from ledger.core.trust import Trust


class Mirror(Protocol):
    """A node of this ledger somewhere else (port LedgerNode has more)."""

    @property
    def name(self) -> str:
        """Host and port, for people."""

    def checkpoint(self) -> SignedCheckpoint | None:
        """The operator's newest checkpoint that it has. Raises UnavailableError, InputError."""

    def cosignatures(self) -> Sequence[SignedCheckpoint]:
        """The newest word of each witness that it has. Raises UnavailableError, InputError."""

    def blocks_from(self, number: int) -> Sequence[bytes]:
        """Consecutive blocks from there; none above its head. Raises UnavailableError, InputError."""


class OwnChain(Protocol):
    """The chain that may lack blocks."""

    def info(self) -> ChainInfo:
        """Which chain."""

    def head(self) -> BlockRef:
        """The newest block."""

    def block(self, number: int) -> BlockRef | None:
        """None above the head."""


class ImportingChain(OwnChain, Protocol):
    """The same, open for writing."""

    def import_blocks(self, blocks: Iterable[bytes], confirm: Callable[[], None]) -> BlockRef:
        """Run and keep them, all or none; see EmbeddedChain."""


@dataclass(frozen=True, slots=True)
class Word:
    """A statement that counts, and who handed it over."""

    mirror: Mirror
    signed: SignedCheckpoint

    @property
    def block(self) -> BlockRef:
        """What it is about."""
        return self.signed.checkpoint.block


@dataclass(frozen=True, slots=True)
class Heard:
    """What mirrors said. `silent`: names of those that gave no usable answer."""

    words: tuple[Word, ...]
    silent: tuple[str, ...]

    @property
    def newest(self) -> Word | None:
        """The word about the highest block."""
        return max(self.words, key=lambda word: word.block.number, default=None)


@dataclass(frozen=True, slots=True)
class Pulled:
    """How far the chain was brought. `mirror`: None when nobody had more."""

    first: int
    head: BlockRef
    mirror: str | None
    silent: tuple[str, ...]

    @property
    def count(self) -> int:
        """Blocks that were missing."""
        return max(0, self.head.number - self.first + 1)


def listen(mirrors: Sequence[Mirror], info: ChainInfo, trust: Trust, keys: Iterable[KeyRecord]) -> Heard:
    """Every statement that counts.

    Args:
        mirrors: asked one after the other.
        info: our ledger.
        trust: names witnesses.
        keys: of the root issuer, among them the operator's checkpoint keys.
    """
    known = tuple(keys)
    words: list[Word] = []
    silent: list[str] = []
    for mirror in mirrors:
        try:
            offered = [mirror.checkpoint(), *mirror.cosignatures()]
        except LedgerError as error:
            silent.append(f"{mirror.name} ({error.code})")
            continue
        words += [
            Word(mirror, one) for one in offered if one is not None and _counts(one, info, trust, known)
        ]
    return Heard(tuple(words), tuple(silent))


def _counts(signed: SignedCheckpoint, info: ChainInfo, trust: Trust, keys: Sequence[KeyRecord]) -> bool:
    try:
        require_ledger(signed, info.ledger_id, info.chain_id)
        require_signed(signed)
    except LedgerError:
        return False
    if is_void(signed, trust):
        return False
    return signed.thumbprint in trust.witnesses.keys or operator_key(signed, keys) is not None


def is_void(signed: SignedCheckpoint, trust: Trust) -> bool:
    """Whether a restore notice says that this block was lost after it was signed."""
    return trust.voids(signed.checkpoint.block.number, signed.checkpoint.signed_at)


def require_one_history(chain: OwnChain, words: Sequence[Word]) -> None:
    """No two words contradict each other, and none contradicts a block of ours.

    Raises:
        ConflictError: MIRRORS_DISAGREE, CHAIN_FORKED_HERE.
    """
    for at, one in enumerate(words):
        for other in words[at + 1 :]:
            if contradict(one.signed, other.signed):
                raise ConflictError(
                    "MIRRORS_DISAGREE",
                    f"{one.mirror.name} and {other.mirror.name} have different blocks {one.block.number}: "
                    "people must find out which history is the true one.",
                    block=one.block.number,
                    one=one.mirror.name,
                    other=other.mirror.name,
                )
    for word in words:
        ours = chain.block(word.block.number)
        if ours is not None and ours.hash != word.block.hash:
            raise forked_here(word.block.number, ours.hash, word.block.hash, word.mirror.name)


def forked_here(number: int, ours: bytes, theirs: bytes, where: str) -> ConflictError:
    """Our block is not the one that others saw."""
    return ConflictError(
        "CHAIN_FORKED_HERE",
        f"Block {number} of this chain is not the one that {where} knows: blocks were sealed on an older "
        "copy. Nothing is sealed any more; see docs/operations/restore.md, A fork.",
        block=number,
        ours="0x" + ours.hex(),
        theirs="0x" + theirs.hex(),
        where=where,
    )


class BlockPull:
    """Brings a chain to where its mirrors are.

    Args:
        chain: open for writing.
        mirrors: at least one.
        trust: see `listen`.
        keys: see `listen`.
    """

    def __init__(
        self, chain: ImportingChain, mirrors: Sequence[Mirror], trust: Trust, keys: Iterable[KeyRecord]
    ) -> None:
        self._chain = chain
        self._mirrors = mirrors
        self._trust = trust
        self._keys = keys

    def pull(self) -> Pulled:
        """Fetch and run what is missing.

        Raises:
            UnavailableError: MIRRORS_SILENT.
            ConflictError: MIRROR_UNSIGNED, MIRRORS_DISAGREE, CHAIN_FORKED_HERE.
            InputError: BLOCK_* when a mirror's blocks do not give what they say.
        """
        heard = listen(self._mirrors, self._chain.info(), self._trust, self._keys)
        newest = heard.newest
        if newest is None:
            raise _nobody(heard)
        require_one_history(self._chain, heard.words)
        first = self._chain.head().number + 1
        if newest.block.number < first:
            return Pulled(first, self._chain.head(), None, heard.silent)
        knowing = {word.mirror.name: word.mirror for word in heard.words if word.block == newest.block}
        head = self._import(newest, self._missing(newest.block.number, first, list(knowing.values())))
        return Pulled(first, head, newest.mirror.name, heard.silent)

    def _import(self, word: Word, blocks: Iterator[bytes]) -> BlockRef:
        try:
            return self._chain.import_blocks(blocks, lambda: self._confirm(word))
        except ConflictError as error:
            if error.code != "CHAIN_FORKED":
                raise
            ours, theirs = (bytes.fromhex(str(error.detail[name])) for name in ("ours", "theirs"))
            raise forked_here(int(error.detail["number"]), ours, theirs, word.mirror.name) from error

    def _missing(self, last: int, first: int, mirrors: list[Mirror]) -> Iterator[bytes]:
        """From whoever has them and answers: every block is run, so it does not matter whose it is."""
        number, names = first, ", ".join(mirror.name for mirror in mirrors)
        while number <= last:
            piece = _piece(mirrors, number)
            if not piece:
                raise UnavailableError(
                    "MIRRORS_SILENT",
                    f"Block {last} is signed, and no mirror that knows it hands out block {number} now. Try again, "
                    "or name another with --mirror.",
                    mirrors=names,
                )
            yield from piece[: last - number + 1]
            number += len(piece)

    def _confirm(self, word: Word) -> None:
        """Before anything is kept: the last block is the one that was signed."""
        last = self._chain.block(word.block.number)
        if last is None or last.hash != word.block.hash:
            ours = bytes(32) if last is None else last.hash
            raise forked_here(word.block.number, ours, word.block.hash, word.mirror.name)


def _piece(mirrors: list[Mirror], number: int) -> Sequence[bytes]:
    """Blocks from there, of the first mirror that has them; who has none is not asked again."""
    while mirrors:
        try:
            piece = mirrors[0].blocks_from(number)
        except UnavailableError:
            piece = ()
        if piece:
            return piece
        del mirrors[0]
    return ()


def _nobody(heard: Heard) -> LedgerError:
    if heard.silent:
        return UnavailableError(
            "MIRRORS_SILENT",
            f"No mirror answers usably: {', '.join(heard.silent)}. Try again, or name another with --mirror.",
            mirrors=", ".join(heard.silent),
        )
    return ConflictError(
        "MIRROR_UNSIGNED",
        "The mirrors have no block that was signed by this ledger's operator or by a witness of the trust file.",
    )
