"""What rows of a snapshot must be like before a view is made of them.

Signers vouch for what the rows say, not for our reading it: a program that went wrong, or signers that
did, must meet a refusal and never a verdict. So sizes, presence and references are checked, not truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

from ledger.adapters.chain_view_rows import TABLES
from ledger.core.columns import Tables
from ledger.core.errors import InputError
from ledger.core.model import CREDENTIALS_PER_WORD, DOCUMENT_TYPE, MAX_LEVEL, BlockRef

_ISSUER: Final = 18
_HASH: Final = 32
_SIZES: Final[Mapping[str, int]] = {
    "issuer": _ISSUER, "parent": _ISSUER, "successor": _ISSUER, "hash": _HASH, "file_hash": _HASH,
    "thumbprint": _HASH, "signer": _HASH, "root": _HASH, "other_root": _HASH, "operator": _HASH,
    "maker": _HASH, "approver": _HASH, "standing_id": _HASH, "tx_hash": _HASH,
}  # fmt: skip
_VALUE_SIZES: Final = {"status_word": 32, "fact": 8}
_MAY_BE_NULL: Final = frozenset({
    "parent", "dissolved_at", "successor", "withdrawn_since", "withdrawn_at", "cause", "compromised_since",
    "withdrawn_reason", "revoked_at",
})  # fmt: skip


def require_sound(head: BlockRef, tables: Tables) -> None:
    """Returns when a view can be made of these rows.

    Raises:
        InputError: SNAPSHOT_STATE, naming the table.
    """
    for name, rows in tables.items():
        _require_values(name, rows)
    if tables["block"].get((head.number,)) != (head.hash, head.time):
        _refuse("block", "the newest block is not the one that the header names")
    if any(number > head.number for (number,) in tables["block"]):
        _refuse("block", "there is a block above the newest one")
    _require_tree(tables)
    _require_anchors(tables)
    _require_keys(tables)


def _require_values(name: str, rows: Mapping[tuple[Any, ...], tuple[Any, ...]]) -> None:
    """Nothing missing, every text and byte string as long as it must be."""
    if not rows:
        return
    columns = {**TABLES[name].key, **TABLES[name].rest}
    for column, values in zip(
        columns, zip(*((*key, *row) for key, row in rows.items()), strict=True), strict=True
    ):
        present = [value for value in values if value is not None]
        if len(present) < len(values) and column not in _MAY_BE_NULL:
            _refuse(name, f"a value of {column} is missing")
        size = _VALUE_SIZES[name] if column == "value" else _SIZES.get(column)
        if size is not None and columns[column] != "INTEGER" and any(len(value) != size for value in present):
            _refuse(name, f"a value of {column} has another length than {size}")


def _require_tree(tables: Tables) -> None:
    """One tree: levels grow by one from the root, so that going upward always ends."""
    issuers = tables["issuer"]
    for (issuer,), (parent, level, *_) in issuers.items():
        above = None if parent is None else issuers.get((parent,))
        expected = 1 if parent is None else None if above is None else above[1] + 1
        if level != expected or level > MAX_LEVEL:
            _refuse("issuer", f"{issuer} hangs on nothing, or too deep")
    for name in ("directory", "type_grant"):
        last: dict[tuple[Any, ...], int] = {}
        for *scope, number in sorted(tables[name]):
            if number != last.get(tuple(scope), -1) + 1:
                _refuse(name, "numbers are left out")
            last[tuple(scope)] = number
            if (scope[0],) not in issuers:
                _refuse(name, f"{scope[0]} was never admitted")


def _require_anchors(tables: Tables) -> None:
    """Anchors, their order, their blocks, their ranges and their words belong together."""
    anchors, facts = tables["anchor"], list(TABLES["anchor"].rest)
    block, size, first, kind, number = (
        facts.index(name) for name in ("block", "size", "first_word", "type_id", "list")
    )
    for (issuer, root), row in anchors.items():
        if (row[block],) not in tables["block"] or (issuer,) not in tables["issuer"] or row[size] == 0:
            _refuse("anchor", "an anchor has no block, no issuer or no size")
        words = -(-row[size] // CREDENTIALS_PER_WORD)
        listed = tables["list_range"].get((issuer, row[number], row[first], root))
        if listed != (None if row[kind] == DOCUMENT_TYPE else (words,)):
            _refuse("list_range", "a batch has not its range")
    order = tables["anchor_order"]
    if set(order.values()) != set(anchors) or sorted(order) != [(place,) for place in range(len(anchors))]:
        _refuse("anchor_order", "batches and their order differ")
    listed_roots = {(issuer, root) for issuer, _, _, root in tables["list_range"]}
    _subset("list_range", listed_roots, anchors)
    for issuer, root, word in tables["status_word"]:
        row = anchors.get((issuer, root), ())
        if not row or word * CREDENTIALS_PER_WORD >= row[size]:
            _refuse("status_word", "a status belongs to no credential")


def _require_keys(tables: Tables) -> None:
    """A thumbprint leads to a key that has it."""
    at = list(TABLES["signing_key"].rest).index("thumbprint")
    for (thumbprint,), place in tables["thumbprint"].items():
        if tables["signing_key"].get(place, (None,) * (at + 1))[at] != thumbprint:
            _refuse("thumbprint", "a thumbprint leads to another key")
    _subset("signing_key", {(issuer,) for issuer, _ in tables["signing_key"]}, tables["issuer"])


def _subset(name: str, found: Iterable[tuple[Any, ...]], known: Mapping[tuple[Any, ...], Any]) -> None:
    if any(key not in known for key in found):
        _refuse(name, "a row belongs to nothing")


def _refuse(table: str, reason: str) -> NoReturn:
    raise InputError(
        "SNAPSHOT_STATE", f"The state in this snapshot cannot be: {reason}.", table=table, reason=reason
    )
