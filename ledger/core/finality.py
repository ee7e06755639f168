"""Up to which block a ledger stands for good, in the eyes of as many as the trust file demands.

One rule for everybody: the checks of a verification, the issuer that waits before it hands anything out,
the published status list, the pages. A witness that signed a block has run all blocks below it as well.
"""

from __future__ import annotations

from typing import Final

from ledger.core.model import ViewHead
from ledger.core.trust import Trust

NOTHING_FINAL: Final = -1
"""Height before the first block: not even block 0 stands."""


def witnesses_of(trust: Trust, head: ViewHead, block: int) -> int:
    """How many of the trust file's witnesses signed this block or a later one; each counts once."""
    return len(
        {seen.thumbprint for seen in head.witnessed if seen.block >= block} & trust.witnesses.keys.keys()
    )


def witnessed_height(trust: Trust, head: ViewHead) -> int:
    """The highest block that enough witnesses cover; the head's when the trust file demands none."""
    threshold = trust.witnesses.threshold
    if threshold == 0:
        return head.block.number
    highest: dict[bytes, int] = {}
    for seen in head.witnessed:
        if seen.thumbprint in trust.witnesses.keys:
            highest[seen.thumbprint] = max(seen.block, highest.get(seen.thumbprint, NOTHING_FINAL))
    if len(highest) < threshold:
        return NOTHING_FINAL
    return min(sorted(highest.values(), reverse=True)[threshold - 1], head.block.number)


def final_height(trust: Trust, head: ViewHead) -> int:
    """The highest final block, NOTHING_FINAL if there is none: deep enough, and witnessed."""
    if head.forked:
        return NOTHING_FINAL
    return max(NOTHING_FINAL, min(head.block.number - trust.finality.depth, witnessed_height(trust, head)))
