"""A million credentials in one file: how large it is, and how soon a verifier answers from it.

Roots, transactions and blocks are random, as hashes are; one credential in a hundred has another status
than VALID, spread evenly, which is the worst that a size can meet.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial

from ledger.adapters.chain_view_snapshot import STATE_TABLES, SnapshotView, read_state, state_of
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.columns import Key, Row
from ledger.core.model import CREDENTIALS_PER_WORD, ChainInfo
from ledger.core.snapshot import (
    encode_snapshot,
    make_snapshot,
    parse_snapshot,
    require_trusted,
    sign_snapshot,
)
from ledger.core.status import STATUS_BITS, Status
from ledger.core.trust import ContractPin, Finality, KeySet, Trust
from scripts.benchmarks.measure import Figure, plain_figure, wall_seconds

CREDENTIALS = 1_000_000
SHAPES = ((1_000, 1_000, False), (200, 5_000, False), (1_000, 1_000, True))
"""Batches, credentials in each, and whether all were activated one by one (every word was written)."""
CHANGED = 100  # one credential in so many
SMALLEST_MB, SOONEST_S = 3, 1
START, DAY = 1_795_000_000, 86_400
ROOT, ISSUERS = "99100000MB0000001A", tuple(f"9911{number:02d}00MB0000002B" for number in range(20))
SIGNERS = tuple(MemoryCredentialSigner.from_private_number(number) for number in (901, 902))
INFO = ChainInfo(1_500_000_001, b"\x01" * 32, b"\x02" * 20, b"\x03" * 20, b"\x04" * 32, b"\x05" * 32)


@dataclass(frozen=True, slots=True)
class Made:
    """A snapshot file, and one credential to ask it about."""

    data: bytes
    issuer: str
    root: bytes


def run(rounds: int) -> list[Figure]:
    figures = []
    for batches, size, activated in SHAPES:
        made = make(batches, size, activated=activated)
        kind = f"{batches:,} × {size:,}" + (", all activated singly" if activated else "")
        megabytes = len(made.data) / 1e6
        figures.append(
            plain_figure(f"snapshot of 1 M credentials, {kind}: size", [megabytes], "MB", "<=", SMALLEST_MB)
        )
        times = [wall_seconds(partial(load, made)) for _ in range(rounds)]
        figures.append(plain_figure(f"the same: file to first answer, {kind}", times, "s", "<=", SOONEST_S))
    return figures


def load(made: Made) -> None:
    """What `ecert verify --snapshot` does before it looks at a credential."""
    snapshot = parse_snapshot(made.data)
    require_trusted(snapshot, TRUST)
    view = SnapshotView(snapshot.header, read_state(snapshot))
    found = view.evidence(made.issuer, made.root, 7)
    if found is None or found.anchor is None or found.status is None:
        raise RuntimeError("the snapshot lost a batch")


def make(batches: int, size: int, *, activated: bool = False) -> Made:
    """A signed file of that many batches, anchored one a block by twenty issuers in turn."""
    dice = random.Random(batches)  # noqa: S311 (no secret: it stands for hashes)
    rows: dict[str, dict[Key, Row]] = {name: {} for name in STATE_TABLES}
    put_registry(rows, dice)
    first = dict.fromkeys(ISSUERS, 0)
    root = b""
    for number in range(batches):
        issuer, root = ISSUERS[number % len(ISSUERS)], dice.randbytes(32)
        words = -(-size // CREDENTIALS_PER_WORD)
        block, at = number + 1, START + 60 * number
        rows["block"][block,] = (dice.randbytes(32), at)
        signers = (b"o" * 32, issuer.encode().ljust(32, b"m"), issuer.encode().ljust(32, b"a"), bytes(32))
        facts = (1, 1, size, at, 0, first[issuer], int(activated), *signers, block, dice.randbytes(32))
        rows["anchor"][issuer, root] = (*facts, None, None)
        rows["anchor_order"][number,] = (issuer, root)
        rows["list_range"][issuer, 0, first[issuer], root] = (words,)
        first[issuer] += words
        put_statuses(rows, dice, (issuer, root), size, activated=activated)
    rows["fact"] |= {
        ("head",): (batches.to_bytes(8),),
        ("changes",): (batches.to_bytes(8),),
        ("altered",): (b"\0" * 8,),
    }
    state = state_of(rows)
    snapshot = make_snapshot(state.columns, info=INFO, block=state.block, confirmed_at=state.block.time)
    for signer in SIGNERS:
        snapshot = sign_snapshot(snapshot, signer)
    return Made(encode_snapshot(snapshot), ISSUERS[(batches - 1) % len(ISSUERS)], root)


def put_registry(rows: dict[str, dict[Key, Row]], dice: random.Random) -> None:
    """A root and twenty issuers below it, each with a key, a grant and a directory entry."""
    rows["type"][1,] = ("111000000000000000001", 1, dice.randbytes(32), 0)
    for issuer in (ROOT, *ISSUERS):
        parent, level = (None, 1) if issuer == ROOT else (ROOT, 2)
        rows["issuer"][issuer,] = (parent, level, START, None, None)
        rows["directory"][issuer, 0] = (dice.randbytes(32), START)
        rows["type_grant"][issuer, 1, 0] = (START, START + 3_650 * DAY, None, None, None)
        thumbprint = dice.randbytes(32)
        rows["signing_key"][issuer, 1] = (thumbprint, 1, START, START + 3_650 * DAY, None)
        rows["thumbprint"][thumbprint,] = (issuer, 1)


def put_statuses(
    rows: dict[str, dict[Key, Row]], dice: random.Random, place: Key, size: int, *, activated: bool
) -> None:
    """One in a hundred is suspended, revoked, superseded or used."""
    words: dict[int, int] = dict.fromkeys(range(-(-size // CREDENTIALS_PER_WORD)), 0) if activated else {}
    for leaf in dice.sample(range(size), size // CHANGED):
        word, lane = divmod(leaf, CREDENTIALS_PER_WORD)
        status = dice.choice((Status.SUSPENDED, Status.REVOKED, Status.SUPERSEDED, Status.USED))
        words[word] = words.get(word, 0) | int(status) << STATUS_BITS * lane
    rows["status_word"] |= {(*place, word): (value.to_bytes(32),) for word, value in words.items()}


TRUST = Trust(
    version=1,
    mode="demo",
    ledger_id=INFO.ledger_id,
    chain_id=INFO.chain_id,
    registry=ContractPin(INFO.registry, INFO.registry_code_hash),
    ledger=ContractPin(INFO.ledger, INFO.ledger_code_hash),
    root_issuer=ROOT,
    governance=bytes(20),
    finality=Finality("immediate"),
    witnesses=KeySet(0, {}),
    snapshots=KeySet(2, {signer.thumbprint: signer.public_jwk for signer in SIGNERS}),
    x509_anchors=(),
    max_age_s={"snapshot": DAY},
    types={},
    not_after=2**40,
    previous=None,
    links=(),
    restore_notices=(),
    keys=KeySet(1, {}),
    signatures=(),
    raw={},
)
