"""What an approver sees of many rows at once: ranges of numbers and dates, choices that occur, and what is new.

Names, identifiers and free text are only counted: they say nothing in sum, and nobody needs them here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from ledger.core.credential_type import CredentialType

NUMBERS = frozenset({"money", "ratio", "count"})
DATES = frozenset({"date", "month"})


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """One field over all rows of a batch.

    Attributes:
        filled: rows that have a value.
        lowest, highest: of numbers and dates, as written; empty for other kinds or without a value.
        values: codes that occur, for fields of kind code.
    """

    key: str
    kind: str
    filled: int
    lowest: str = ""
    highest: str = ""
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """A field in this batch and in the one before. `before` is None when there was none.

    Attributes:
        new_values: codes that the earlier batch did not have.
        is_wider: the range reaches beyond that of the earlier batch.
    """

    after: FieldSummary
    before: FieldSummary | None
    new_values: tuple[str, ...]
    is_wider: bool


def summarise(rows: Iterable[Mapping[str, Any]], kind: CredentialType) -> dict[str, FieldSummary]:
    """Summaries by key, in the order of the type."""
    columns: dict[str, list[str]] = {field.key: [] for field in kind.fields}
    for row in rows:
        for key, column in columns.items():
            value = row.get(key)
            if value is not None and value != "":
                column.append(str(value))
    return {field.key: _summary(field.key, field.kind, columns[field.key]) for field in kind.fields}


def _summary(key: str, kind: str, values: list[str]) -> FieldSummary:
    if kind == "code":
        return FieldSummary(key, kind, len(values), values=frozenset(values))
    if not values or kind not in NUMBERS | DATES:
        return FieldSummary(key, kind, len(values))
    ordered = sorted(set(values), key=_number if kind in NUMBERS else str)
    return FieldSummary(key, kind, len(values), str(ordered[0]), str(ordered[-1]))


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)


def compare(
    after: Mapping[str, FieldSummary], before: Mapping[str, FieldSummary] | None
) -> tuple[FieldComparison, ...]:
    """Each field that has a range or choices, beside the same field of the earlier batch."""
    found = []
    for key, summary in after.items():
        if summary.kind not in NUMBERS | DATES | {"code"} or not summary.filled:
            continue
        earlier = None if before is None else before.get(key)
        new = () if earlier is None else tuple(sorted(summary.values - earlier.values))
        found.append(FieldComparison(summary, earlier, new, _is_wider(summary, earlier)))
    return tuple(found)


def _is_wider(after: FieldSummary, before: FieldSummary | None) -> bool:
    if before is None or not before.filled or after.kind == "code":
        return False
    if after.kind in DATES:
        return after.lowest < before.lowest or after.highest > before.highest
    return _number(after.lowest) < _number(before.lowest) or _number(after.highest) > _number(before.highest)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys whose values differ, in the order of the new row."""
    keys = dict.fromkeys([*new, *old])
    return tuple(key for key in keys if old.get(key) != new.get(key))
