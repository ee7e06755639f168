"""Wires fresh receipts: a chain view that lies here, and a node for leaf hashes."""

from __future__ import annotations

from pathlib import Path

from ledger.bootstrap import LARGEST_BUNDLE, open_view, read_bundle
from ledger.core.receipt import Bundle, encode_bundle, parse_bundle
from ledger.services.refreshing import Refresher


def refresh_file(file: Path, ledger: Path, node: str | None) -> tuple[Bundle, bytes, bool]:
    """The refreshed bundle, its bytes, and whether its receipt differs from the old one.

    Args:
        file: a bundle, or a bare SD-JWT.
        ledger: data directory (of the issuer or of a mirror) or chain file.
        node: address of a node that hands out leaf hashes, or None.

    Raises:
        InputError: FILE_UNREADABLE, BUNDLE_*, RECEIPT_*, NODE_URL, REFRESH_LIST.
        NotFoundError: REFRESH_NO_ANCHOR, REFRESH_TILES, REFRESH_NOT_INCLUDED.
    """
    from ledger.adapters.format_sd_jwt import SdJwtFormat
    from ledger.adapters.node_client import NodeClient

    old = parse_bundle(read_bundle(file, LARGEST_BUNDLE))
    tiles = None if node is None else NodeClient(node)
    fresh = Refresher(open_view(ledger), SdJwtFormat(), tiles).refresh(old)
    return fresh, encode_bundle(fresh), fresh.receipt != old.receipt
