"""What a node of the ledger hands to strangers: blocks, checkpoints, tiles; and takes from witnesses.

Nothing here is about a person, and nobody has to say what he looks for: blocks come in pieces, leaf hashes
and status words in tiles of 256. The issuer's node and every mirror serve the same addresses by this
service, so that a mirror can follow a mirror. Source: docs/formats.md, Node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.core.checkpoint import SignedCheckpoint, parse_checkpoint, require_ledger, require_signed
from ledger.core.errors import ConflictError, InputError, NotFoundError, RefusedError
from ledger.core.jose import kid_of
from ledger.core.merkle import HASH_BYTES
from ledger.core.model import CREDENTIALS_PER_WORD, BlockRef, ChainInfo
from ledger.core.trust import Trust
from ledger.ports import ChainView, Clock
from ledger.ports.witness import BlockFile, CheckpointBook, KeptStatement, LeafTiles, TrustFiles

FORMAT: Final = 1
PIECE_BLOCKS: Final = 512
PIECE_BYTES: Final = 4 * 1_048_576
TILE: Final = 256
"""Leaf hashes, or status words, in one tile."""
LEEWAY_S: Final = 300  # a witness's clock may be ahead of ours
_WORD_BYTES: Final = 32
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class NodeCard:
    """What a node says about itself: nothing of it is to be believed without the trust file."""

    info: ChainInfo
    head: BlockRef
    is_sealing: bool
    trust_version: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive blocks, each as 4 bytes of length (big-endian) and RLP. `is_full`: it will never change."""

    data: bytes
    is_full: bool


class NodeService:
    """See the module.

    Args:
        chain: final blocks.
        view: batches and statuses of the same chain.
        book: statements of operator and witnesses.
        leaves: leaf hashes of batches, as far as they are kept here.
        trusts: the trust file and its earlier versions.
        trust: the trust file in use, parsed; asked for each time, since it may be replaced.
        clock: judges the dates of co-signatures.
        is_sealing: this is the installation that seals blocks, not a mirror.
    """

    def __init__(
        self,
        *,
        chain: BlockFile,
        view: ChainView,
        book: CheckpointBook,
        leaves: LeafTiles,
        trusts: TrustFiles,
        trust: Callable[[], Trust],
        clock: Clock,
        is_sealing: bool,
    ) -> None:
        self._chain = chain
        self._view = view
        self._book = book
        self._leaves = leaves
        self._trusts = trusts
        self._trust = trust
        self._clock = clock
        self._is_sealing = is_sealing

    def card(self) -> NodeCard:
        """Which ledger, how far."""
        return NodeCard(self._chain.info(), self._chain.head(), self._is_sealing, self._trust().version)

    # blocks

    def block(self, number: int) -> bytes:
        """RLP of one block. Raises: NotFoundError(BLOCK_ABOVE_HEAD)."""
        found = self._chain.block_rlp(number)
        if found is None:
            raise _above(number)
        return found

    def piece(self, first: int) -> Piece:
        """Blocks from `first` on, as many as a piece holds. Raises: NotFoundError(BLOCK_ABOVE_HEAD)."""
        parts: list[bytes] = []
        size = 0
        for number in range(first, first + PIECE_BLOCKS):
            found = self._chain.block_rlp(number)
            if found is None:
                if not parts:
                    raise _above(first)
                return Piece(b"".join(parts), is_full=False)
            if parts and size + _LENGTH_BYTES + len(found) > PIECE_BYTES:
                break
            parts += [len(found).to_bytes(_LENGTH_BYTES), found]
            size += _LENGTH_BYTES + len(found)
        return Piece(b"".join(parts), is_full=True)

    # checkpoints

    def checkpoint(self) -> SignedCheckpoint:
        """The operator's newest. Raises: NotFoundError(CHECKPOINT_NONE)."""
        found = self._book.newest("operator")
        if found is None:
            raise NotFoundError("CHECKPOINT_NONE", "No checkpoint has been signed yet.")
        return found

    def statements(self, number: int) -> Sequence[KeptStatement]:
        """Everything that was signed about one height."""
        return self._book.at(number)

    def cosignatures(self) -> Sequence[SignedCheckpoint]:
        """The highest of each witness of the trust file."""
        keys = self._trust().witnesses.keys
        return [signed for signed in self._book.newest_of_each() if signed.thumbprint in keys]

    def take(self, data: bytes) -> int:
        """Keep a witness's statement; the height it is about. A second time has no effect.

        Raises:
            InputError: CHECKPOINT_SHAPE, CHECKPOINT_LEDGER, CHECKPOINT_SIGNATURE, CHECKPOINT_FROM_FUTURE.
            RefusedError: WITNESS_UNKNOWN.
            ConflictError: CHECKPOINT_AHEAD, CHECKPOINT_FORKED: kept as evidence, counted for nothing.
        """
        signed = parse_checkpoint(data)
        info, checkpoint = self._chain.info(), signed.checkpoint
        require_ledger(signed, info.ledger_id, info.chain_id)
        if signed.thumbprint not in self._trust().witnesses.keys:
            raise RefusedError(
                "WITNESS_UNKNOWN",
                "The trust file names no witness with this key: ask the ledger's operator to add it.",
                kid=kid_of(signed.thumbprint),
            )
        require_signed(signed)
        if checkpoint.signed_at > self._clock.now() + LEEWAY_S:
            raise InputError(
                "CHECKPOINT_FROM_FUTURE", "This checkpoint is dated later than now: set the witness's clock."
            )
        number = checkpoint.block.number
        ours = self._chain.block(number)
        agrees = ours == checkpoint.block and self._chain.state_root(number) == checkpoint.state_root
        self._book.keep(signed, "witness", is_stray=not agrees)
        if ours is None:
            head = self._chain.head().number
            raise ConflictError(
                "CHECKPOINT_AHEAD",
                f"This node knows blocks up to {head} only: it was set back, or it lags.",
                block=number,
                head=head,
            )
        if not agrees:
            raise ConflictError(
                "CHECKPOINT_FORKED",
                f"Block {number} of this node is another one: the two ledgers have parted.",
                block=number,
                ours=ours.hash.hex(),
                theirs=checkpoint.block.hash.hex(),
            )
        return number

    # tiles

    def leaf_tile(self, issuer: str, root: bytes, tile: int) -> bytes:
        """Joined leaf hashes tile·256 … of an anchored batch, at most 256.

        Raises: NotFoundError(TILE_MISSING).
        """
        evidence = self._view.evidence(issuer, root, None)
        first = tile * TILE
        if evidence is None or evidence.anchor is None or first >= evidence.anchor.size:
            raise _no_tile()
        last = min(first + TILE, evidence.anchor.size)
        found = self._leaves.leaf_hashes(issuer, root, first, last)
        if found is None or len(found) != (last - first) * HASH_BYTES:
            raise _no_tile()
        return found

    def status_tile(self, issuer: str, root: bytes, tile: int) -> bytes:
        """Number (8 bytes) and hash of the block it is as of, then status words tile·256 … (32 bytes each).

        Raises: NotFoundError(TILE_MISSING).
        """
        while True:
            head = self._view.head()
            evidence = self._view.evidence(issuer, root, None)
            words = self._view.status_words(issuer, root)
            after = self._view.head()
            if head is None or after is None or evidence is None or evidence.anchor is None:
                raise _no_tile()
            if head.block == after.block:  # nothing moved in between
                break
        count = -(-evidence.anchor.size // CREDENTIALS_PER_WORD)
        first = tile * TILE
        if first >= count:
            raise _no_tile()
        body = [words.get(word, 0).to_bytes(_WORD_BYTES) for word in range(first, min(first + TILE, count))]
        return b"".join([head.block.number.to_bytes(8), head.block.hash, *body])

    # trust files

    def trust_file(self, version: int | None = None) -> bytes:
        """The trust file, or one version of it. Raises: NotFoundError(TRUST_VERSION_MISSING)."""
        found = self._trusts.newest() if version is None else self._trusts.version(version)
        if found is None:
            raise NotFoundError(
                "TRUST_VERSION_MISSING", f"Version {version} of the trust file is not here.", version=version
            )
        return found


def _above(number: int) -> NotFoundError:
    return NotFoundError("BLOCK_ABOVE_HEAD", f"There is no block {number} yet.", block=number)


def _no_tile() -> NotFoundError:
    return NotFoundError("TILE_MISSING", "There is no such tile here: no such batch, or it ends before.")
