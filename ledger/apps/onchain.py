"""Batches that a person names: by their number here, or by their root on chain."""

from __future__ import annotations

import re
from typing import Final

from ledger.bootstrap import Installation
from ledger.core.errors import ConflictError, InputError, NotFoundError
from ledger.core.model import AnchorRecord
from ledger.ports import ChainView

ROOT: Final = re.compile(r"0x[0-9a-fA-F]{64}")
NUMBER: Final = re.compile(r"[0-9]{1,12}")


def parse_batch(here: Installation, text: str, issuer: str | None = None) -> tuple[str, bytes | None]:
    """The issuer of a batch that a person named: by its number (root None), or by 0x and its Merkle root.

    Args:
        here: the installation.
        text: what was typed.
        issuer: who anchored it, where the person said so.

    Raises:
        InputError: BATCH_SHAPE.
        NotFoundError: BATCH_UNKNOWN, BATCH_NOT_ON_CHAIN.
        ConflictError: BATCH_AMBIGUOUS, BATCH_OTHER_ISSUER.
    """
    if NUMBER.fullmatch(text):
        found = here.store.batches.batch(int(text)).issuer
        if issuer not in (None, found):
            raise ConflictError(
                "BATCH_OTHER_ISSUER",
                f"Batch {text} is one of {found}, not of {issuer}.",
                batch=text,
                issuer=found,
                named=issuer,
            )
        return found, None
    if not ROOT.fullmatch(text):
        raise InputError(
            "BATCH_SHAPE", f"{text!r} is no batch: its number, or 0x and 64 hex digits of its root."
        )
    root = bytes.fromhex(text[2:])
    return anchored_as(here.view, root, issuer).issuer, root


def anchored_as(view: ChainView, root: bytes, issuer: str | None) -> AnchorRecord:
    """The batch with this root, of this issuer if one is named.

    Anybody entitled to issue may anchor somebody else's root as well, so that a root alone may name two batches.

    Raises:
        NotFoundError: BATCH_NOT_ON_CHAIN.
        ConflictError: BATCH_AMBIGUOUS.
    """
    found = [anchor for anchor in view.anchors(issuer) if anchor.root == root]
    if not found:
        text = "0x" + root.hex()
        raise NotFoundError("BATCH_NOT_ON_CHAIN", f"There is no batch {text} on chain.", root=text)
    if len(found) > 1:
        issuers = [anchor.issuer for anchor in found]
        raise ConflictError(
            "BATCH_AMBIGUOUS",
            f"Several agencies anchored 0x{root.hex()}: {', '.join(issuers)}. Say whose batch is meant.",
            root="0x" + root.hex(),
            issuers=issuers,
        )
    return found[0]
