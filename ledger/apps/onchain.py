"""Batches that a person names: by their number here, or by their root on chain."""

from __future__ import annotations

import re
from typing import Final

from ledger.bootstrap import Installation
from ledger.core.errors import InputError, NotFoundError

ROOT: Final = re.compile(r"0x[0-9a-fA-F]{64}")
NUMBER: Final = re.compile(r"[0-9]{1,12}")


def parse_batch(here: Installation, text: str) -> tuple[str, bytes | None]:
    """The issuer of a batch that a person named: by its number (root None), or by 0x and its Merkle root.

    Raises:
        InputError: BATCH_SHAPE.
        NotFoundError: BATCH_UNKNOWN, BATCH_NOT_ON_CHAIN.
    """
    if NUMBER.fullmatch(text):
        return here.store.batches.batch(int(text)).issuer, None
    if not ROOT.fullmatch(text):
        raise InputError(
            "BATCH_SHAPE", f"{text!r} is no batch: its number, or 0x and 64 hex digits of its root."
        )
    root = bytes.fromhex(text[2:])
    for anchor in here.view.anchors():
        if anchor.root == root:
            return anchor.issuer, root
    raise NotFoundError("BATCH_NOT_ON_CHAIN", f"There is no batch {text} on chain.", root=text)
