"""Predicates of a credential type: yes/no questions about a field, each of a stated kind.

fixed: answered at issue for listed thresholds; the claim never changes its meaning.
as_of: answered at issue; the claim's name carries the month of the data (`paid_through_2026_10`).
value: has a parameter of the verifier's; the holder discloses the field and the verifier computes.
re_issue: changes with time; only a fresh credential answers it.

Only the first two become claims. A predicate without a kind is refused, because a yes/no that
silently ages (or that hides a free parameter) is a false statement waiting to happen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.core.type_shape import (
    Labels,
    read_choice,
    read_int,
    read_labels,
    read_list,
    read_object,
    read_text,
    read_texts,
    refuse,
)

KINDS: Final = ("fixed", "as_of", "value", "re_issue")
MONTH_IN_NAME: Final = "_{yyyy}_{mm}"
_MONTH_PATTERN: Final = "_[0-9]{4}_(0[1-9]|1[0-2])"
_CLAIM_NAME: Final = re.compile(r"[a-z][a-z0-9_]{2,63}")

Fields = Mapping[str, str | int]
Deriver = Callable[[Fields], tuple[str, bool] | None]


@dataclass(frozen=True, slots=True)
class Predicate:
    """One predicate.

    Attributes:
        kind: fixed, as_of, value or re_issue.
        field: the field it speaks about.
        operator: ge (whole numbers), in (codes) or month_ge (a month against the data's month).
        thresholds: for ge: ascending whole numbers, one claim each.
        values: for in: the codes that answer yes.
        of: for month_ge: the date field whose month the claim names.
        claim: name of the claim, for ge without its threshold, for as_of without the month.
    """

    id: str
    kind: str
    field: str
    labels: Labels
    operator: str | None
    thresholds: tuple[int, ...]
    values: frozenset[str]
    of: str | None
    claim: str | None

    @property
    def claim_names(self) -> tuple[str, ...]:
        """Names that do not depend on the row."""
        if self.kind != "fixed" or self.claim is None:
            return ()
        if self.operator == "ge":
            return tuple(f"{self.claim}_{threshold}" for threshold in self.thresholds)
        return (self.claim,)

    @property
    def claim_pattern(self) -> str | None:
        """Regular expression of the names that carry a month."""
        return f"^{self.claim}{_MONTH_PATTERN}$" if self.kind == "as_of" else None


def parse_predicate(value: Any, where: str, kinds_of_fields: Mapping[str, str]) -> Predicate:
    """A predicate of a type file.

    Args:
        value: JSON object.
        where: place in the file, for the error.
        kinds_of_fields: field key to field kind.
    Raises: InputError TYPE_FILE_INVALID, above all when `kind` is missing.
    """
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        raise refuse(where, f"a predicate must state its kind: {', '.join(KINDS)}")
    kind = str(value["kind"])
    common = ("id", "kind", "field", "labels")
    if kind in {"value", "re_issue"}:
        found = read_object(value, where, (*common, "question"))
        read_text(found["question"], f"{where}.question")
        return _predicate(found, where, kinds_of_fields, operator=None)
    if kind == "as_of":
        found = read_object(value, where, (*common, "operator", "of", "claim"))
        read_choice(found["operator"], f"{where}.operator", ("month_ge",))
        of = read_choice(found["of"], f"{where}.of", (k for k, v in kinds_of_fields.items() if v == "date"))
        name = read_text(found["claim"], f"{where}.claim")
        if not name.endswith(MONTH_IN_NAME):
            raise refuse(f"{where}.claim", f"the name of an as-of claim must end in {MONTH_IN_NAME}")
        claim = _claim_name(name.removesuffix(MONTH_IN_NAME), where)
        return _predicate(found, where, kinds_of_fields, operator="month_ge", of=of, claim=claim)
    operator = read_choice(value.get("operator"), f"{where}.operator", ("ge", "in"))
    if operator == "ge":
        found = read_object(value, where, (*common, "operator", "thresholds", "claim"))
        thresholds = tuple(
            read_int(n, f"{where}.thresholds", 0, 10**9)
            for n in read_list(found["thresholds"], f"{where}.thresholds", may_be_empty=False)
        )
        if sorted(set(thresholds)) != list(thresholds):
            raise refuse(f"{where}.thresholds", "must ascend")
        claim = _claim_name(found["claim"], where)
        return _predicate(found, where, kinds_of_fields, operator="ge", thresholds=thresholds, claim=claim)
    found = read_object(value, where, (*common, "operator", "values", "claim"))
    values = frozenset(read_texts(found["values"], f"{where}.values", may_be_empty=False))
    claim = _claim_name(found["claim"], where)
    return _predicate(found, where, kinds_of_fields, operator="in", values=values, claim=claim)


# The words of a threshold's label that stand for its number: type files hold one label for all thresholds.
_STANDS_FOR_NUMBER: Final = (("若干", " {} "), ("so many", "{}"), ("གྲངས་", " {} "))


def derived_labels(predicates: Sequence[Predicate], claims: Collection[str]) -> dict[str, Labels]:
    """Names of the derived claims among `claims`, with their number or month, for people.

    In the order of the type file, thresholds ascending. Claims of no predicate are left out.
    """
    found: dict[str, Labels] = {}
    for predicate in predicates:
        for claim in sorted(claims, key=lambda name: (len(name), name)):
            labels = None if claim in found else _labels_of(predicate, claim)
            if labels is not None:
                found[claim] = labels
    return found


def _labels_of(predicate: Predicate, claim: str) -> Labels | None:
    if predicate.claim is None or not claim.startswith(predicate.claim):
        return None
    names, rest = predicate.labels, claim.removeprefix(predicate.claim).strip("_")
    if predicate.kind == "as_of":
        month = rest.replace("_", "-")
        return Labels(f"{names.zh}（{month}）", f"{names.en} ({month})", f"{names.bo} ({month})")
    if claim not in predicate.claim_names:
        return None
    if not rest:
        return names
    spelled = (
        _with_number(label, stands, number, rest)
        for label, (stands, number) in zip((names.zh, names.en, names.bo), _STANDS_FOR_NUMBER, strict=True)
    )
    return Labels(*spelled)


def _with_number(label: str, stands: str, number: str, rest: str) -> str:
    """连续缴存满若干个月 as 连续缴存满 12 个月; a label that has no such word gets `≥ 12`."""
    if stands not in label:
        return f"{label} (≥ {rest})"
    return label.replace(stands, number.format(rest), 1)


_OPERAND_KINDS: Final = {"ge": ("count",), "in": ("code",), "month_ge": ("month",)}


def _predicate(  # one place fills the record; every call names what it has
    found: Mapping[str, Any],
    where: str,
    kinds_of_fields: Mapping[str, str],
    *,
    operator: str | None,
    thresholds: tuple[int, ...] = (),
    values: frozenset[str] = frozenset(),
    of: str | None = None,
    claim: str | None = None,
) -> Predicate:
    field = read_choice(found["field"], f"{where}.field", kinds_of_fields)
    if operator is not None and kinds_of_fields[field] not in _OPERAND_KINDS[operator]:
        raise refuse(f"{where}.field", f"operator {operator} does not fit a field of this kind")
    return Predicate(
        id=read_text(found["id"], f"{where}.id"),
        kind=found["kind"],
        field=field,
        labels=read_labels(found["labels"], f"{where}.labels"),
        operator=operator,
        thresholds=thresholds,
        values=values,
        of=of,
        claim=claim,
    )


def _claim_name(value: Any, where: str) -> str:
    name = read_text(value, f"{where}.claim")
    if not _CLAIM_NAME.fullmatch(name):
        raise refuse(f"{where}.claim", "must be a lower-case name of 3 to 64 characters")
    return name


def compile_derivers(predicates: Collection[Predicate]) -> tuple[Deriver, ...]:
    """One function for each claim: fields to (name, answer), or None when the field is absent."""
    derivers: list[Deriver] = []
    for predicate in predicates:
        if predicate.kind == "fixed" and predicate.operator == "ge":
            derivers += [
                _at_least(predicate.field, threshold, name)
                for threshold, name in zip(predicate.thresholds, predicate.claim_names, strict=True)
            ]
        elif predicate.kind == "fixed":
            derivers.append(_one_of(predicate.field, predicate.values, predicate.claim_names[0]))
        elif predicate.kind == "as_of" and predicate.of is not None:
            derivers.append(_month_reached(predicate.field, predicate.of, f"{predicate.claim}_"))
    return tuple(derivers)


def _at_least(field: str, threshold: int, name: str) -> Deriver:
    yes, no = (name, True), (name, False)

    def derive_at_least(fields: Fields) -> tuple[str, bool] | None:
        value = fields.get(field)
        return None if value is None else yes if int(value) >= threshold else no

    return derive_at_least


def _one_of(field: str, values: frozenset[str], name: str) -> Deriver:
    yes, no = (name, True), (name, False)

    def derive_one_of(fields: Fields) -> tuple[str, bool] | None:
        value = fields.get(field)
        return None if value is None else yes if value in values else no

    return derive_one_of


def _month_reached(field: str, of: str, prefix: str) -> Deriver:
    def derive_month_reached(fields: Fields) -> tuple[str, bool] | None:
        reached, day = fields.get(field), fields.get(of)
        if not isinstance(reached, str) or not isinstance(day, str):
            return None
        year, month = day[:4], day[5:7]
        return f"{prefix}{year}_{month}", reached >= year + month

    return derive_month_reached
