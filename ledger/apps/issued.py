"""Issued credentials as store and chain know them, for `list` and `show`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ledger.apps.cli_open import SERIAL_DIGITS, parse_serial
from ledger.bootstrap_work import Desk
from ledger.core.errors import InputError, NotFoundError
from ledger.core.flow import BatchRecord, BatchState, Leaf, RowOutcome
from ledger.core.identifiers import make_licence_identifier
from ledger.core.status import Status
from ledger.services.export import bundle_name

PIECE = 1_000
ENTERED = (RowOutcome.ISSUED, RowOutcome.SUPERSEDES)


@dataclass(frozen=True, slots=True)
class IssuedEntry:
    """One credential: where it lies and what it is worth. `status` is None before it is on chain."""

    name: bytes
    identifier: str
    issuer: str
    type_code: str
    batch_id: int
    batch_state: BatchState
    leaf_index: int | None
    position: int
    status: Status | None
    bundle: Path | None


def issued_entries(
    desk: Desk, *, issuer: str | None, type_code: str | None, batch_id: int | None, limit: int
) -> list[IssuedEntry]:
    """At most `limit` credentials, newest batch first, in leaf order."""
    if batch_id is not None:
        batches: tuple[BatchRecord, ...] = (desk.approve.batch(batch_id),)
    else:
        batches = desk.approve.batches(issuer)[::-1]
    chosen = (
        entry
        for batch in batches
        if batch.type_id  # sealed files are no credentials
        and type_code in (None, batch.type_code)
        and batch.state is not BatchState.REFUSED
        for entry in _entries(desk, batch)
    )
    return list(islice(chosen, limit))


def find_entry(desk: Desk, name: bytes) -> IssuedEntry:
    """The credential of that name.

    Raises:
        NotFoundError: CREDENTIAL_UNKNOWN.
    """
    place = desk.here.store.batches.place(name)
    if place is not None:
        for entry in _entries(desk, desk.approve.batch(place.batch_id)):
            if entry.name == name:
                return entry
    raise NotFoundError(
        "CREDENTIAL_UNKNOWN",
        f"No credential with the serial {name.hex().upper()} was issued here.",
        serial=name.hex().upper(),
    )


def records_of(desk: Desk, batch: BatchRecord, wanted: Sequence[str]) -> tuple[int, ...]:
    """Records of a batch by row number of its data file, serial or licence identifier.

    Raises:
        InputError: ROW_NOT_IN_BATCH; SERIAL_SHAPE or the identifier's own codes.
    """
    rows: dict[int, int] = {}
    if batch.job_id is not None and any(_is_row_number(word) for word in wanted):
        rows = {
            row.row_number: row.record_id
            for row in desk.issue.results(batch.job_id)
            if row.batch_id == batch.id and row.record_id is not None and row.outcome in ENTERED
        }
    found = []
    for word in wanted:
        if _is_row_number(word):
            record = rows.get(int(word))
        else:
            place = desk.here.store.batches.place(parse_serial(word))
            record = place.record_id if place is not None and place.batch_id == batch.id else None
        if record is None:
            raise InputError(
                "ROW_NOT_IN_BATCH", f"{word} is not in batch {batch.id}.", row=word, batch=batch.id
            )
        found.append(record)
    return tuple(dict.fromkeys(found))


def _is_row_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < SERIAL_DIGITS


def row_of(desk: Desk, entry: IssuedEntry) -> dict[str, Any]:
    """The row it was made of, in clear; empty when its key was destroyed."""
    rows = desk.rows(entry.batch_id, entry.position, 1)
    return rows[0] if rows else {}


def _entries(desk: Desk, batch: BatchRecord) -> Iterator[IssuedEntry]:
    words = desk.view.status_words(batch.issuer, batch.root) if batch.root is not None else {}
    folder = desk.released.path(batch.issuer, batch.id)
    is_on_chain = batch.state in (BatchState.ANCHORED, BatchState.RELEASED)
    kind = desk.here.credential_type(batch.type_code)
    for first in range(0, batch.size, PIECE):
        leaves = desk.here.store.signing.sealed_rows(batch.id, first, PIECE)
        for offset, leaf in enumerate(leaves):
            bundle = folder / bundle_name(leaf.name)
            yield IssuedEntry(
                name=leaf.name,
                identifier=make_licence_identifier(kind.type_code, batch.issuer, leaf.name.hex().upper()),
                issuer=batch.issuer,
                type_code=batch.type_code,
                batch_id=batch.id,
                batch_state=batch.state,
                leaf_index=None if leaf.leaf_index < 0 else leaf.leaf_index,
                position=first + offset,
                status=_status(words, leaf) if is_on_chain else None,
                bundle=bundle if batch.state is BatchState.RELEASED and bundle.exists() else None,
            )


def _status(words: Any, leaf: Leaf) -> Status:
    word = words.get(leaf.leaf_index // 64, 0)
    return Status(word >> 4 * (leaf.leaf_index % 64) & 0xF)
