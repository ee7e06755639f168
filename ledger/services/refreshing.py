"""A fresh receipt for a credential whose old one names a block that a restored chain has lost.

The batch is found by the old receipt's root, or by the words of the status list that the credential names.
The path is the old one while it still leads to the root; else it is computed from all leaf hashes of the
batch, which are fetched whole: nobody learns which leaf is meant. Nothing is believed that the chain view
and the tree do not confirm; a fresh receipt is checked like any other by whoever gets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ledger.core.checks.evidence import list_reference
from ledger.core.errors import InputError, NotFoundError
from ledger.core.merkle import MerkleTree, entry_of, hash_leaf, root_from_inclusion_proof
from ledger.core.model import CREDENTIALS_PER_WORD, AnchorRecord, ChainEvidence, ListedBatch
from ledger.core.receipt import Bundle, Receipt
from ledger.core.status_list import parse_status_uri
from ledger.ports import CredentialFormat

TILE = 256
"""Leaf hashes in one answer of a node."""


class BatchFinder(Protocol):
    """What a chain view knows of batches."""

    def evidence(self, issuer: str, root: bytes, leaf_index: int | None) -> ChainEvidence | None:
        """The batch with that root."""

    def listed(self, issuer: str, list_number: int) -> Sequence[ListedBatch]:
        """Batches of one status list."""


class Tiles(Protocol):
    """Leaf hashes of a batch, in pieces of TILE; a node or the issuer's own store."""

    def leaf_tile(self, issuer: str, root: bytes, tile: int) -> Sequence[bytes] | None:
        """None: not there."""


class Refresher:
    """Makes fresh receipts.

    Args:
        view: at the chain's head.
        credentials: reads credentials.
        tiles: where leaf hashes come from when the old path does not help; None: nowhere.
    """

    def __init__(self, view: BatchFinder, credentials: CredentialFormat, tiles: Tiles | None) -> None:
        self._view = view
        self._format = credentials
        self._tiles = tiles

    def refresh(self, bundle: Bundle) -> Bundle:
        """The same credential with a receipt of now.

        Raises:
            InputError: the credential's own faults, REFRESH_LIST.
            NotFoundError: REFRESH_NO_ANCHOR, REFRESH_TILES, REFRESH_NOT_INCLUDED.
        """
        credential = self._format.parse(bundle.credential)
        reference = list_reference(credential.payload)
        issuer = credential.payload.get("issuer_code")
        if reference is None or not isinstance(issuer, str):
            raise InputError(
                "REFRESH_LIST", "This credential names no issuer or no status list of this ledger."
            )
        number = parse_status_uri(reference[0]).number
        found = self._anchor(issuer, bundle.receipt, number, reference[1])
        if found is None:
            raise NotFoundError(
                "REFRESH_NO_ANCHOR",
                "The batch of this credential is not on the ledger: it waits to be anchored again, or the agency "
                "must issue anew. Ask the agency.",
                issuer=issuer,
            )
        anchor, chain = found
        leaf_index = reference[1] - anchor.first_word * CREDENTIALS_PER_WORD
        if not 0 <= leaf_index < anchor.size:
            raise _not_included()
        leaf = hash_leaf(entry_of(credential.issuer_jwt))
        path = _old_path(bundle.receipt, anchor, leaf, leaf_index)
        if path is None:
            path = self._path(anchor, leaf, leaf_index)
        receipt = Receipt(
            ledger_id=chain.info.ledger_id,
            chain_id=chain.info.chain_id,
            contract=chain.info.ledger,
            issuer=issuer,
            root=anchor.root,
            leaf_index=leaf_index,
            tree_size=anchor.size,
            path=path,
            block=anchor.block,
        )
        return bundle._replace(receipt=receipt)

    def _anchor(
        self, issuer: str, receipt: Receipt | None, number: int, idx: int
    ) -> tuple[AnchorRecord, ChainEvidence] | None:
        roots = [] if receipt is None else [receipt.root]
        roots += [
            listed.anchor.root
            for listed in self._view.listed(issuer, number)
            if 0 <= idx - listed.anchor.first_word * CREDENTIALS_PER_WORD < listed.anchor.size
        ]
        for root in roots:
            evidence = self._view.evidence(issuer, root, None)
            if evidence is not None and evidence.anchor is not None:
                return evidence.anchor, evidence
        return None

    def _path(self, anchor: AnchorRecord, leaf: bytes, leaf_index: int) -> tuple[bytes, ...]:
        if self._tiles is None:
            raise NotFoundError(
                "REFRESH_TILES",
                "The old receipt's path is of no use: name a node of this ledger with --node URL.",
            )
        leaves: list[bytes] = []
        for tile in range(-(-anchor.size // TILE)):
            piece = self._tiles.leaf_tile(anchor.issuer, anchor.root, tile)
            if piece is None:
                raise NotFoundError(
                    "REFRESH_TILES",
                    "The node does not hand out the leaf hashes of this batch; ask another one.",
                )
            leaves += piece
        if len(leaves) != anchor.size or leaves[leaf_index] != leaf:
            raise _not_included()
        tree = MerkleTree(leaves)
        if tree.root != anchor.root:
            raise NotFoundError(
                "REFRESH_TILES", "The node's leaf hashes do not give the root of this batch; ask another one."
            )
        return tree.inclusion_path(leaf_index)


def _old_path(
    receipt: Receipt | None, anchor: AnchorRecord, leaf: bytes, leaf_index: int
) -> tuple[bytes, ...] | None:
    """The path of the old receipt, if it leads from this leaf to the root on chain."""
    if receipt is None or (receipt.leaf_index, receipt.tree_size) != (leaf_index, anchor.size):
        return None
    try:
        root = root_from_inclusion_proof(leaf, leaf_index, anchor.size, receipt.path)
    except InputError:
        return None
    return receipt.path if root == anchor.root else None


def _not_included() -> NotFoundError:
    return NotFoundError(
        "REFRESH_NOT_INCLUDED",
        "This credential is not in the batch on the ledger: it was issued anew. Ask the agency for the new one.",
    )
