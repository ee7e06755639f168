"""Cross-field rules of a credential type: data in the type file, one compiled test each.

A rule looks only at fields that are present and have passed their own check; it blames one of them.
The five operations:

not_after      left ≤ right; dates and months mix, the coarser decides; right may be `$today`.
together       both fields are present or neither is.
months_between field = months from `from` to `to`, both ends counted.
product        field = base × sum of ratios, within a tolerance in yuan.
resident_id    GB 11643 when `when` holds; in demo mode only division 99xxxx, else never.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final, Literal

from ledger.core.identifiers import is_demo_resident_id, resident_id_fault
from ledger.core.type_shape import (
    read_choice,
    read_message,
    read_object,
    read_text,
    read_texts,
    refuse,
)

TODAY: Final = "$today"
Mode = Literal["demo", "production"]
Fields = Mapping[str, str | int]
RuleTest = Callable[[Fields], str | None]
"""Code of the fault, None when the rule holds or does not apply."""

_PERIODS: Final = ("date", "month")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        operation: see the module docstring.
        code: code of the fault, unless the operation brings codes of its own (resident_id).
        blame: the field whose column the fault names.
        fields: every field that the rule looks at.
        arguments: the operation's members as in the file.
        message: zh and en sentence, None where the operation brings its own codes.
    """

    operation: str
    code: str | None
    blame: str
    fields: frozenset[str]
    arguments: Mapping[str, Any]
    message: Mapping[str, str] | None


def parse_rule(value: Any, where: str, kinds: Mapping[str, str]) -> Rule:
    """A rule of a type file; `kinds` maps field keys to field kinds.

    Raises: InputError TYPE_FILE_INVALID.
    """
    if not isinstance(value, dict) or value.get("op") not in _READERS:
        raise refuse(where, f"op must be one of {', '.join(_READERS)}")
    return _READERS[value["op"]](value, where, kinds)


def _read_not_after(value: Mapping[str, Any], where: str, kinds: Mapping[str, str]) -> Rule:
    found = read_object(value, where, ("op", "code", "left", "right", "blame", "message"))
    periods = [key for key, kind in kinds.items() if kind in _PERIODS]
    left = read_choice(found["left"], f"{where}.left", (*periods, TODAY))
    right = read_choice(found["right"], f"{where}.right", (*periods, TODAY))
    fields = frozenset({left, right} - {TODAY})
    if left == right:
        raise refuse(where, "compares a value with itself")
    blame = read_choice(found["blame"], f"{where}.blame", sorted(fields))
    return _coded(found, where, blame, fields, {"left": left, "right": right})


def _read_together(value: Mapping[str, Any], where: str, kinds: Mapping[str, str]) -> Rule:
    found = read_object(value, where, ("op", "code", "left", "right", "blame", "message"))
    left = read_choice(found["left"], f"{where}.left", kinds)
    right = read_choice(found["right"], f"{where}.right", kinds)
    blame = read_choice(found["blame"], f"{where}.blame", (left, right))
    return _coded(found, where, blame, frozenset({left, right}), {"left": left, "right": right})


def _read_months_between(value: Mapping[str, Any], where: str, kinds: Mapping[str, str]) -> Rule:
    found = read_object(value, where, ("op", "code", "field", "from", "to", "message"))
    months = [key for key, kind in kinds.items() if kind == "month"]
    counts = [key for key, kind in kinds.items() if kind == "count"]
    names = {
        "field": read_choice(found["field"], f"{where}.field", counts),
        "from": read_choice(found["from"], f"{where}.from", months),
        "to": read_choice(found["to"], f"{where}.to", months),
    }
    return _coded(found, where, names["field"], frozenset(names.values()), names)


def _read_product(value: Mapping[str, Any], where: str, kinds: Mapping[str, str]) -> Rule:
    found = read_object(value, where, ("op", "code", "field", "base", "ratios", "tolerance", "message"))
    amounts = [key for key, kind in kinds.items() if kind == "money"]
    field = read_choice(found["field"], f"{where}.field", amounts)
    base = read_choice(found["base"], f"{where}.base", amounts)
    ratios = tuple(
        read_choice(key, f"{where}.ratios", [k for k, kind in kinds.items() if kind == "ratio"])
        for key in read_texts(found["ratios"], f"{where}.ratios", may_be_empty=False)
    )
    tolerance = read_text(found["tolerance"], f"{where}.tolerance")
    whole, _, cents = tolerance.partition(".")
    if not (whole.isascii() and whole.isdigit() and cents.isascii() and cents.isdigit() and len(cents) == 2):
        raise refuse(f"{where}.tolerance", "must be yuan with two decimals")
    arguments = {"field": field, "base": base, "ratios": ratios, "tolerance": tolerance}
    return _coded(found, where, field, frozenset({field, base, *ratios}), arguments)


def _read_resident_id(value: Mapping[str, Any], where: str, kinds: Mapping[str, str]) -> Rule:
    found = read_object(value, where, ("op", "field", "when"))
    field = read_choice(
        found["field"], f"{where}.field", [k for k, kind in kinds.items() if kind == "identifier"]
    )
    when = read_object(found["when"], f"{where}.when", ("field", "in"))
    selector = read_choice(
        when["field"], f"{where}.when.field", [k for k, kind in kinds.items() if kind == "code"]
    )
    values = frozenset(read_texts(when["in"], f"{where}.when.in", may_be_empty=False))
    arguments = {"field": field, "selector": selector, "values": values}
    return Rule("resident_id", None, field, frozenset({field, selector}), arguments, None)


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], str, Mapping[str, str]], Rule]]] = {
    "not_after": _read_not_after,
    "together": _read_together,
    "months_between": _read_months_between,
    "product": _read_product,
    "resident_id": _read_resident_id,
}


def _coded(
    found: Mapping[str, Any],
    where: str,
    blame: str,
    fields: frozenset[str],
    arguments: Mapping[str, Any],
) -> Rule:
    code = read_text(found["code"], f"{where}.code")
    if not code.isascii() or not code.replace("_", "").isalnum() or code != code.upper():
        raise refuse(f"{where}.code", "must be UPPER_SNAKE")
    message = read_message(found["message"], f"{where}.message")
    return Rule(str(found["op"]), code, blame, fields, arguments, message)


def compile_rule(rule: Rule, kinds: Mapping[str, str], mode: Mode, today: date) -> RuleTest:
    """The test of a rule, for the day `today` (Asia/Shanghai)."""
    arguments = rule.arguments
    code = rule.code or ""
    match rule.operation:
        case "not_after":
            return _not_after(str(arguments["left"]), str(arguments["right"]), code, kinds, today)
        case "together":
            return _together(str(arguments["left"]), str(arguments["right"]), code)
        case "months_between":
            return _months_between(arguments, code)
        case "product":
            return _product(arguments, code)
        case "resident_id":
            return _resident_id(arguments, mode, today)
        case other:
            raise RuntimeError(f"rule operation {other} has no test")


def _not_after(left: str, right: str, code: str, kinds: Mapping[str, str], today: date) -> RuleTest:
    day = today.isoformat()
    by_month = "month" in {kinds.get(left), kinds.get(right)}
    fixed = {TODAY: day[:4] + day[5:7] if by_month else day}
    left_is_day = by_month and kinds.get(left) == "date"
    right_is_day = by_month and kinds.get(right) == "date"

    def test_not_after(fields: Fields) -> str | None:
        first, second = fields.get(left), fields.get(right)
        if first is None:
            first = fixed.get(left)
        if second is None:
            second = fixed.get(right)
        if not isinstance(first, str) or not isinstance(second, str):
            return None
        if left_is_day:
            first = first[:4] + first[5:7]
        if right_is_day:
            second = second[:4] + second[5:7]
        return None if first <= second else code

    return test_not_after


def _together(left: str, right: str, code: str) -> RuleTest:
    def test_together(fields: Fields) -> str | None:
        return None if (left in fields) == (right in fields) else code

    return test_together


@lru_cache(maxsize=4096)
def _month_number(text: str) -> int:
    return int(text[:4]) * 12 + int(text[4:])


def _months_between(arguments: Mapping[str, Any], code: str) -> RuleTest:
    field, start, end = arguments["field"], arguments["from"], arguments["to"]

    def test_months_between(fields: Fields) -> str | None:
        count, first, last = fields.get(field), fields.get(start), fields.get(end)
        if not isinstance(first, str) or not isinstance(last, str) or count is None:
            return None
        return None if count == _month_number(last) - _month_number(first) + 1 else code

    return test_months_between


def _hundredths(text: str) -> int:
    """A canonical amount or ratio with two decimals, times 100."""
    return int(text[:-3] + text[-2:])


def _product(arguments: Mapping[str, Any], code: str) -> RuleTest:
    field, base, ratios = arguments["field"], arguments["base"], arguments["ratios"]
    tolerance = _hundredths(arguments["tolerance"]) * 100  # in 1/10,000 yuan, as the product is

    @lru_cache(maxsize=4096)  # few pairs of ratios, many rows
    def share_of(*values: str | int | None) -> int | None:
        texts = [value for value in values if isinstance(value, str)]
        return sum(map(_hundredths, texts)) if len(texts) == len(values) else None

    def test_product(fields: Fields) -> str | None:
        total, amount = fields.get(field), fields.get(base)
        if not isinstance(total, str) or not isinstance(amount, str):
            return None
        share = share_of(*[fields.get(ratio) for ratio in ratios])
        if share is None:
            return None
        difference = _hundredths(total) * 100 - _hundredths(amount) * share
        return None if -tolerance <= difference <= tolerance else code

    return test_product


def _resident_id(arguments: Mapping[str, Any], mode: Mode, today: date) -> RuleTest:
    field, selector, values = arguments["field"], arguments["selector"], arguments["values"]
    is_demo = mode == "demo"
    day = today.strftime("%Y%m%d")

    def test_resident_id(fields: Fields) -> str | None:
        text = fields.get(field)
        if not isinstance(text, str):
            return None
        if fields.get(selector) not in values:
            return "DEMO_DOCUMENT_KIND" if is_demo else None
        fault = resident_id_fault(text, day)
        if fault is not None:
            return fault
        if is_demo_resident_id(text) != is_demo:
            return "DEMO_DIVISION_ONLY" if is_demo else "DEMO_DIVISION_REFUSED"
        return None

    return test_resident_id
