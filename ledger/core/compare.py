"""Whether what a person reads off a sheet is what the credential says.

People type what they see: full-width digits, spaces, thousands separators, a unit behind a number, a
date with 年月日, a label instead of its code. All of that is the same value; any other difference, be it
one character, is a difference. Nothing here says what the right value would be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from ledger.core.credential_type import Field

MAX_TYPED: Final = 1_000  # characters: no value of a type is longer

COMPARISONS_A_DAY: Final = 10
"""Comparisons of one sheet in one day (Asia/Shanghai)."""
WRONG_COMPARISONS: Final = 10
"""Comparisons of one sheet that did not agree, ever: more would be guessing at values."""

_YES: Final = frozenset({"是", "yes", "true", "ཡིན"})
_NO: Final = frozenset({"否", "no", "false", "མིན"})
_DASHES: Final = dict.fromkeys(map(ord, "‐‑‒–—―−－"), "-")
_DOTS: Final = dict.fromkeys(map(ord, "・•‧∙⋅"), "·")
_SPACE: Final = re.compile(r"\s+")
_MONEY: Final = re.compile(
    r"(?:¥|cny|rmb|人民币)?((?:0|[1-9][0-9]*)(?:\.[0-9]{1,2})?)(?:元|圆|yuan|cny|rmb|སྒོར།?|整)*"
)
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?=[^0-9,]|\Z)")
_RATIO: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)(%?)")
_COUNT: Final = re.compile(r"(0|[1-9][0-9]{0,8})[^0-9]{0,12}")
_MONTH: Final = re.compile(r"([0-9]{4})(?:[-/.]|年)?([0-9]{1,2})月?")
_DAY: Final = re.compile(
    r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))"
)
_WITH_CODE: Final = re.compile(r"(.+)\(([^()]+)\)")


def is_same(field: Field | None, value: Any, typed: str, *, is_day: bool = False) -> bool:
    """Whether `typed` says `value`.

    Args:
        field: what kind of value it is; None for claims outside the type's fields.
        value: as the credential has it.
        typed: what a person read off the sheet, not empty.
        is_day: the value is a day though no field says so; a word instead of one is compared as it is.
    """
    if len(typed) > MAX_TYPED:
        return False
    if isinstance(value, bool):
        word = _plain(typed).casefold()
        return word in (_YES if value else _NO)
    read = _day_or_word if is_day else _reader(field)
    found = read(_plain(typed))
    return found is not None and found == read(_plain(str(value)))


def is_empty(typed: str) -> bool:
    """Whether nothing was typed: this value was not compared."""
    return not _plain(typed[:MAX_TYPED])


def plain_number(typed: str) -> str:
    """A proof number as it is kept, however it was typed."""
    return _plain(typed[:MAX_TYPED]).upper()


def _plain(text: str) -> str:
    """Compatibility forms, dashes and digits of all scripts made one; no space, nothing invisible."""
    narrow = unicodedata.normalize("NFKC", text).translate(_DASHES).translate(_DOTS)
    letters = [one for one in _SPACE.sub("", narrow) if unicodedata.category(one) not in {"Cf", "Cc"}]
    return "".join(str(unicodedata.decimal(one, one)) for one in letters)


def _reader(field: Field | None) -> Callable[[str], Any]:
    """What makes two spellings of a value equal; None from it: no value of this kind."""
    if field is None:
        return str.upper
    if field.kind == "code":
        return lambda text: _code(field, text)
    return _READERS.get(field.kind, _as_is)


def _as_is(text: str) -> str:
    return text


def _identifier(text: str) -> str:
    return text.upper().replace("-", "")


def _money(text: str) -> Decimal | None:
    text = text.casefold()
    grouped = _GROUPED.search(text)
    if grouped is not None:
        text = text[: grouped.start()] + grouped[0].replace(",", "") + text[grouped.end() :]
    found = _MONEY.fullmatch(text)
    return None if found is None else Decimal(found[1])


def _ratio(text: str) -> Decimal | None:
    found = _RATIO.fullmatch(text)
    if found is None:
        return None
    number = Decimal(found[1])
    return number / 100 if found[2] or number >= 1 else number


def _count(text: str) -> int | None:
    found = _COUNT.fullmatch(text)
    return None if found is None else int(found[1])


def _month(text: str) -> tuple[int, int] | None:
    found = _MONTH.fullmatch(text)
    return None if found is None else (int(found[1]), int(found[2]))


def _day(text: str) -> date | None:
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    year, _, *rest = found.groups()
    month, day = (part for part in rest if part is not None)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _day_or_word(text: str) -> date | str:
    found = _day(text)
    return text if found is None else found


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "identifier": _identifier,
    "uscc": _identifier,
    "money": _money,
    "ratio": _ratio,
    "count": _count,
    "month": _month,
    "date": _day,
}


def _code(field: Field, text: str) -> str | None:
    """The code of a code, of a label in any language, or of a label with its code behind it."""
    by_label: dict[str, str] = {}
    for code, labels in field.values.items():
        by_label[_plain(code)] = code
        for spelled in (labels.zh, labels.en, labels.bo):
            by_label[_plain(spelled).casefold()] = code
    if text in by_label or text.casefold() in by_label:
        return by_label.get(text) or by_label[text.casefold()]
    both = _WITH_CODE.fullmatch(text)
    if both is None:
        return None
    label = by_label.get(both[1].casefold())
    return label if label == by_label.get(both[2]) else None
