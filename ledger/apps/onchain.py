"""Batches as the chain has them, whoever made them: what a stolen key anchored is found here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ledger.bootstrap import Installation
from ledger.core.errors import InputError, NotFoundError
from ledger.core.model import AnchorRecord

ROOT: Final = re.compile(r"0x[0-9a-fA-F]{64}")
NUMBER: Final = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Anchored:
    """A batch on chain; `batch` is its number here, None when this installation did not make it.

    `signed_as`: in which roles the key that was asked for stands behind it.
    """

    anchor: AnchorRecord
    batch: int | None
    signed_as: tuple[str, ...]


def anchored_batches(
    here: Installation,
    *,
    issuer: str | None = None,
    signer: bytes | None = None,
    since: int | None = None,
    only_unknown: bool = False,
) -> list[Anchored]:
    """Batches on chain in the order of anchoring.

    Args:
        here: the installation.
        issuer: of one agency; None: of those that this installation works for.
        signer: only where this key was operator, maker or approver.
        since: anchored at or after this time, seconds.
        only_unknown: only those that this installation does not have.
    """
    own = [agency.uscc for agency in here.record.agencies] if issuer is None else [issuer]
    found = []
    for uscc in own:
        known = {batch.root: batch.id for batch in here.store.batches.batches(uscc) if batch.root}
        for anchor in here.view.anchors(uscc):
            parts = {"operator": anchor.operator, "maker": anchor.maker, "approver": anchor.approver}
            signed_as = tuple(role for role, who in parts.items() if who == signer)
            if signer is not None and not signed_as:
                continue
            if since is not None and anchor.anchored_at < since:
                continue
            number = known.get(anchor.root)
            if only_unknown and number is not None:
                continue
            found.append(Anchored(anchor, number, signed_as))
    return sorted(found, key=lambda one: (one.anchor.block.number, one.anchor.anchored_at))


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
