"""Strict JSON reading at the speed of orjson: the hot path of verification.

orjson keeps the last of two equal member names and says nothing. A text that orjson writes back
byte for byte cannot have held one, so such a text (every one that we write) is taken as read; any
other goes through the strict reader of ledger.core.jose.
"""

from __future__ import annotations

from typing import Any

import orjson

from ledger.core import jose


def read_json(raw: bytes) -> tuple[Any, str | None]:
    """Value, and the first member name that some object holds twice; see ledger.core.jose.read_json.

    Raises:
        InputError: JSON_INVALID or JSON_TOO_DEEP, as the strict reader.
    """
    try:
        value = orjson.loads(raw)
        if type(value) is str:  # has no members
            return value, None
        if orjson.dumps(value) == raw and is_flat(raw):
            return value, None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass  # the strict reader finds the words for it, or knows better (integers over 64 bits)
    return jose.read_json(raw)


def is_flat(raw: bytes) -> bool:
    """Whether a text has too few brackets to be nested too deeply; splitting is faster than counting."""
    most = jose.MAX_DEPTH
    return len(raw.split(b"{", most + 1)) + len(raw.split(b"[", most + 1)) - 2 <= most
