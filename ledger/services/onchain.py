"""Batches as the chain has them, whoever made them: what a stolen key anchored is found here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.core.model import AnchorRecord
from ledger.ports import BatchStore, ChainView


@dataclass(frozen=True, slots=True)
class Anchored:
    """A batch on chain; `batch` is its number here, None when this installation did not make it.

    `signed_as`: in which roles the key that was asked for stands behind it.
    """

    anchor: AnchorRecord
    batch: int | None
    signed_as: tuple[str, ...]


def anchored_batches(
    view: ChainView,
    batches: BatchStore,
    issuers: Iterable[str],
    *,
    signer: bytes | None = None,
    since: int | None = None,
    only_unknown: bool = False,
) -> list[Anchored]:
    """Batches on chain in the order of anchoring.

    Args:
        view: what is on chain.
        batches: what this installation made.
        issuers: whose batches.
        signer: only where this key (32-byte signer id) was operator, maker or approver.
        since: anchored at or after this time, seconds.
        only_unknown: only those that this installation does not have.
    """
    found = []
    for issuer in issuers:
        known = {batch.root: batch.id for batch in batches.batches(issuer) if batch.root}
        for anchor in view.anchors(issuer):
            parts = {"operator": anchor.operator, "maker": anchor.maker, "approver": anchor.approver}
            signed_as = tuple(role for role, who in parts.items() if who == signer)
            number = known.get(anchor.root)
            is_wanted = (
                (signer is None or signed_as)
                and (since is None or anchor.anchored_at >= since)
                and not (only_unknown and number is not None)
            )
            if is_wanted:
                found.append(Anchored(anchor, number, signed_as))
    return sorted(found, key=lambda one: one.anchor.block.number)
