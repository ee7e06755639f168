"""Strict reading of the parts of a credential type file: every member known, every kind right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.core.errors import InputError

_TIBETAN: Final = range(0x0F00, 0x1000)


@dataclass(frozen=True, slots=True)
class Labels:
    """One name in Chinese, English and Tibetan."""

    zh: str
    en: str
    bo: str


def refuse(where: str, reason: str) -> InputError:
    """The error for a type file that breaks a rule, to be raised by the caller."""
    return InputError("TYPE_FILE_INVALID", f"{where}: {reason}", where=where)


def read_object(
    value: Any, where: str, required: Iterable[str], optional: Iterable[str] = ()
) -> Mapping[str, Any]:
    """`value` when it is an object with exactly these members."""
    if not isinstance(value, dict):
        raise refuse(where, "must be an object")
    wanted = set(required)
    missing = wanted - value.keys()
    unknown = value.keys() - wanted - set(optional)
    if missing:
        raise refuse(where, f"lacks {', '.join(sorted(missing))}")
    if unknown:
        raise refuse(where, f"has unknown {', '.join(sorted(unknown))}")
    return value


def read_list(value: Any, where: str, *, may_be_empty: bool = True) -> list[Any]:
    """`value` when it is an array."""
    if not isinstance(value, list) or not (value or may_be_empty):
        raise refuse(where, "must be an array" if may_be_empty else "must be an array that is not empty")
    return value


def read_text(value: Any, where: str) -> str:
    """`value` when it is a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise refuse(where, "must be a text that is not empty")
    return value


def read_texts(value: Any, where: str, *, may_be_empty: bool = True) -> tuple[str, ...]:
    """`value` when it is an array of different texts."""
    texts = tuple(
        read_text(text, f"{where}[{i}]")
        for i, text in enumerate(read_list(value, where, may_be_empty=may_be_empty))
    )
    if len(set(texts)) != len(texts):
        raise refuse(where, "has one text twice")
    return texts


def read_bool(value: Any, where: str) -> bool:
    """`value` when it is true or false."""
    if not isinstance(value, bool):
        raise refuse(where, "must be true or false")
    return value


def read_int(value: Any, where: str, lowest: int, highest: int) -> int:
    """`value` when it is a whole number within the bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise refuse(where, f"must be a whole number from {lowest} to {highest}")
    return value


def read_choice(value: Any, where: str, choices: Iterable[str]) -> str:
    """`value` when it is one of the choices."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise refuse(where, f"must be one of {', '.join(known)}")
    return value


def read_labels(value: Any, where: str) -> Labels:
    """Labels in all three languages, the Tibetan one in Tibetan letters."""
    found = read_object(value, where, ("zh", "en", "bo"))
    labels = Labels(*(read_text(found[language], f"{where}.{language}") for language in ("zh", "en", "bo")))
    if not any(ord(character) in _TIBETAN for character in labels.bo):
        raise refuse(f"{where}.bo", "has no Tibetan letter")
    return labels


def read_message(value: Any, where: str) -> Mapping[str, str]:
    """A sentence for the person who repairs the row, in Chinese and English."""
    found = read_object(value, where, ("zh", "en"))
    return {language: read_text(found[language], f"{where}.{language}") for language in ("zh", "en")}
