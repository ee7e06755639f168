"""Every case of the table once more, from a snapshot: what the live view answers, a file answers too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.chain_view_reading import write_info, write_integer
from ledger.adapters.chain_view_rows import Rows
from ledger.adapters.chain_view_snapshot import SnapshotView, read_state, state_of
from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.json_orjson import read_json
from ledger.core.checks.codes import Code
from ledger.core.errors import InputError
from ledger.core.model import CREDENTIALS_PER_WORD, DOCUMENT_TYPE, IssuerRecord, KeyRecord
from ledger.core.report import CheckId
from ledger.core.snapshot import encode_snapshot, make_snapshot, parse_snapshot
from ledger.services.verify import Verifier
from tests.matrix.all_cases import ALL_CASES
from tests.matrix.cases import Case
from tests.matrix.world import ANCHOR_NUMBER, OTHER, ROOT, World, block, issuer_record

CANNOT_BE = {"batch_of_other_issuer"}
"""An issuer in two places of the tree."""
DIFFERENT = {
    name: {CheckId.FINALITY: ("unknown", Code.BLOCK_UNKNOWN)}
    for name in ("not_anchored", "other_block", "source_torn_other_block", "source_torn_other_story")
}
"""A snapshot holds the blocks of anchors and the newest one: of another block it cannot tell."""
NO_MATTER_OF_ROWS = {
    "no_view", "node_gone", "view_empty", "expired_without_view", "page_without_ledger", "forked",
    "forked_but_restored", "source_forked", "source_torn", "source_torn_other_block", "source_torn_other_story",
    "witnessed",
}  # fmt: skip
FAKED = {"anchor_key_differs", "batch_of_other_type", "document_batch", "batch_of_other_issuer"}
"""The table's view is put together by hand: no rows give exactly these answers."""


def rows_of(world: World) -> MemoryView:
    """A view that holds what the world's chain holds; the bundle was made already."""
    view = MemoryView(world.head.kind)
    with view.write() as rows:
        write_info(rows, world.info)
        head = world.head.block
        for number in range(ANCHOR_NUMBER - 10, head.number + 1):
            known = block(number)
            rows.put("block", (number,), (world.block_hashes.get(number, known.hash), known.time))
        rows.put("block", (head.number,), (head.hash, head.time))
        write_integer(rows, "head", head.number)
        write_integer(rows, "confirmed_at", world.head.confirmed_at)
        for record in (issuer_record(OTHER, ROOT, 2), world.issuer, *world.ancestors):
            put_issuer(rows, record)
        for key in (*world.other_keys(), *world.more_keys, world.key):
            put_key(rows, key)
        for issuer, grants in world.grants.items():
            for number, grant in enumerate(grants):
                times = (grant.valid_from, grant.valid_until, grant.withdrawn_since, grant.withdrawn_at)
                rows.put("type_grant", (issuer, grant.type_id, number), (*times, grant.cause))
        if world.registered is not None:
            kind = world.registered
            facts = (kind.code, kind.version, kind.file_hash, int(kind.single_use))
            rows.put("type", (kind.type_id,), facts)
        if world.anchor_exists:
            put_anchor(rows, world)
    return view


def put_issuer(rows: Rows, record: IssuerRecord) -> None:
    facts = (record.parent, record.level, record.admitted_at, record.dissolved_at, record.successor)
    rows.put("issuer", (record.issuer,), facts)
    for number, entry in enumerate(record.directory):
        rows.put("directory", (record.issuer, number), entry)


def put_key(rows: Rows, key: KeyRecord) -> None:
    times = (key.valid_from, key.valid_until, key.compromised_since)
    rows.put("signing_key", (key.issuer, key.number), (key.thumbprint, key.purpose, *times))
    rows.put("thumbprint", (key.thumbprint,), (key.issuer, key.number))


def put_anchor(rows: Rows, world: World) -> None:
    anchor = world.anchor_record()
    place = (anchor.issuer, anchor.root)
    facts = (anchor.type_id, anchor.key, anchor.size, anchor.anchored_at, anchor.list, anchor.first_word)
    signers = (anchor.operator, anchor.maker, anchor.approver, anchor.standing_id)
    withdrawal = (anchor.withdrawn_at, anchor.withdrawn_reason)
    rows.put("block", (anchor.block.number,), (anchor.block.hash, anchor.block.time))
    row = (*facts, int(anchor.pending), *signers, anchor.block.number, anchor.tx_hash, *withdrawal)
    rows.put("anchor", place, row)
    rows.put("anchor_order", (0,), place)
    if anchor.type_id != DOCUMENT_TYPE:
        words = -(-anchor.size // CREDENTIALS_PER_WORD)
        rows.put("list_range", (anchor.issuer, anchor.list, anchor.first_word, anchor.root), (words,))
    word, lane = divmod(world.index, CREDENTIALS_PER_WORD)
    if world.status:
        rows.put("status_word", (*place, word), ((world.status << 4 * lane).to_bytes(32),))


def from_a_file(view: MemoryView, world: World) -> SnapshotView:
    """Packed, read again as if by a stranger, opened."""
    head = view.head()
    assert head is not None
    state = state_of(view.dump())
    made = make_snapshot(state.columns, info=world.info, block=head.block, confirmed_at=head.confirmed_at)
    found = parse_snapshot(encode_snapshot(made))
    return SnapshotView(found.header, read_state(found))


def told(view: Any, world: World, data: bytes) -> dict[Any, tuple[str, str]]:
    ages = {**world.trust.max_age_s, "snapshot": world.trust.max_age_s[world.head.kind]}
    trust = replace(world.trust, max_age_s=ages)
    page = None if world.page is None else world.page(world, data)
    report = Verifier(trust, SdJwtFormat(), world.types, view, read_json).verify(
        data, now=world.now, list_token=world.list_token, page=page
    )
    return {result.id: (result.outcome.value, result.code) for result in report.checks}


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.name)
def test_a_file_says_what_the_live_view_says(case: Case) -> None:
    world = World()
    case.change(world)
    data = world.bundle()
    live = rows_of(world)
    if case.name in CANNOT_BE:
        with pytest.raises(InputError, match="SNAPSHOT_STATE"):
            from_a_file(live, world)
        return
    expected = told(live, world, data) | DIFFERENT.get(case.name, {})
    assert told(from_a_file(live, world), world, data) == expected


def test_only_views_that_no_file_can_hold_are_left_out() -> None:
    """The rows of this file are those of the table, but for what is no matter of rows."""
    beside = set()
    for case in ALL_CASES:
        world = World()
        case.change(world)
        data = world.bundle()
        if told(rows_of(world), world, data) != case.row:
            beside.add(case.name)
    assert beside == {*NO_MATTER_OF_ROWS, *FAKED}
