"""RFC 8785 (JCS) form of JSON values without floats: the bytes that a trust file's keys sign.

Floats are refused, since their shortest form is the hard half of the RFC and none of our formats
has one; integers are refused beyond ±(2^53 - 1), which JavaScript cannot hold (RFC 8785 §3.2.2.3).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ledger.core.errors import InputError

MAX_SAFE_INTEGER: Final = 2**53 - 1


def canonical_json(value: Any) -> bytes:
    """The one spelling of `value`: no white space, members sorted by UTF-16 code units, UTF-8.

    Raises:
        InputError: JSON_NOT_CANONICAL for a float, a large integer, a lone surrogate, a name that is
            no text, or a type that JSON does not have.
    """
    try:
        return _text(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError("JSON_NOT_CANONICAL", "A text holds a lone surrogate.") from error


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER:
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join([_text(item) for item in value]) + "]"
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join([f"{_text(name)}:{_text(item)}" for name, item in members]) + "}"
    raise InputError(
        "JSON_NOT_CANONICAL", "Only texts, safe integers, booleans, null, arrays and objects are signed."
    )
