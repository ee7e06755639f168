"""What `ecert doctor` asks about checkpoints and witnesses; needs no password."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.bootstrap import Installation, load_trust
from ledger.bootstrap_chain import open_book
from ledger.core.finality import witnessed_height
from ledger.core.flow import DAY_S
from ledger.core.jose import kid_of
from ledger.core.model import Purpose
from ledger.services.checkpointing import IDLE_EVERY_S

KEY_ENDS_S = 365 * DAY_S
SILENT_S = 600
LATE_S = 3 * IDLE_EVERY_S


@dataclass(frozen=True, slots=True)
class Fact:
    """One answer, as ledger.bootstrap_doctor.Finding."""

    outcome: Literal["ok", "warning", "problem"]
    code: str
    detail: dict[str, Any] = field(default_factory=dict)


def look_at_checkpoints(here: Installation) -> Iterator[Fact]:
    """Key, newest checkpoint, witnesses: of an installation that seals its own chain."""
    trust = load_trust(here.home.trust_file)
    demanded = trust.witnesses.threshold
    yield from _key(here, is_needed=demanded > 0)
    chain, book = EmbeddedReader(here.home.chain_file), open_book(here.home)
    head, now = chain.head(), here.clock.now()
    newest = book.newest("operator")
    if newest is not None:
        behind = head.number - newest.checkpoint.block.number
        late = behind > 0 and now - head.time > LATE_S
        facts = {"block": newest.checkpoint.block.number, "head": head.number}
        yield (
            Fact("warning", "DOCTOR_CHECKPOINTS_BEHIND", facts)
            if late
            else Fact("ok", "DOCTOR_CHECKPOINTS", facts)
        )
    for signed in book.stray(lambda number: getattr(chain.block(number), "hash", None), head.number):
        seen = {
            "kid": kid_of(signed.thumbprint),
            "block": signed.checkpoint.block.number,
            "head": head.number,
        }
        yield Fact("problem", "DOCTOR_WITNESS_CONTRADICTS", seen)
    if demanded:
        view = here.view.head()
        height = -1 if view is None else witnessed_height(trust, view)
        first_open = chain.block(height + 1)
        waits = 0 if first_open is None else now - first_open.time
        facts = {"height": height, "head": head.number, "threshold": demanded, "minutes": waits // 60}
        code = "DOCTOR_WITNESSES_SILENT" if waits > SILENT_S else "DOCTOR_WITNESSES"
        yield Fact("problem" if waits > SILENT_S else "ok", code, facts)


def _key(here: Installation, *, is_needed: bool) -> Iterator[Fact]:
    """The key that signs checkpoints lies here and is registered for a while."""
    issuer, now = here.record.root.uscc, here.clock.now()
    ends = [
        key.valid_until
        for key in here.view.keys(issuer)
        if key.purpose == Purpose.CHECKPOINT
        and key.valid_from <= now < key.valid_until
        and (key.compromised_since is None or now < key.compromised_since)
    ]
    lies_here = Path(here.agencies.uri(issuer, "checkpoint").removeprefix("file:")).exists()
    if not ends or not lies_here:
        yield Fact("problem" if is_needed else "warning", "DOCTOR_NO_CHECKPOINT_KEY", {"issuer": issuer})
    elif max(ends) - now < KEY_ENDS_S:
        yield Fact("warning", "DOCTOR_CHECKPOINT_KEY_ENDS", {"days": (max(ends) - now) // DAY_S})
