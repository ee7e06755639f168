"""How a mirror stands with the ledger that it follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ledger.core.model import BlockRef

Condition = Literal["starting", "following", "waiting", "refusing", "restored"]


@dataclass(frozen=True, slots=True)
class MirrorState:
    """How things stand.

    `following`: current as of `confirmed_at`, which is so recent that verifiers here can tell; `waiting`: the
    source is silent, behind or not believable just now (`code` says which); `refusing`: it contradicted itself, `evidence` names the files; `restored`: the
    trust file has a notice about what was refused, the copy must begin anew. `warning`: something that a
    person should look at while following goes on. `refused_block`: where the two stories part;
    `refused_signed_at`: when the earlier one was signed (seconds): a restore notice speaks of it only if it was
    restored later.
    """

    condition: Condition
    head: BlockRef
    code: str | None = None
    since: int = 0
    confirmed_at: int | None = None
    target: int | None = None
    warning: str | None = None
    evidence: tuple[str, ...] = ()
    refused_block: int | None = None
    refused_signed_at: int | None = None
