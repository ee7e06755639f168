"""A vault that encrypts nothing: with it the privacy test must fail, or the test proves nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.core.errors import RefusedError


class ClearKey:
    """Hands everything through (port DataKey)."""

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        return plaintext

    def open(self, sealed: bytes, context: bytes) -> bytes:
        return sealed


class ClearVault:
    """Port Vault without any protection; never outside a test."""

    def __init__(self) -> None:
        self._names: set[bytes] = set()
        self._erased: dict[bytes, int] = {}

    def create(self, names: Sequence[bytes]) -> list[ClearKey]:
        if self._erased.keys() & set(names):
            raise RefusedError("DATA_KEY_ERASED", "erased")
        self._names.update(names)
        return [ClearKey() for _ in names]

    def load(self, names: Sequence[bytes]) -> dict[bytes, ClearKey]:
        return {name: ClearKey() for name in names if name in self._names}

    def erase(self, names: Sequence[bytes], at: int) -> int:
        count = len(self._names & set(names))
        self._names -= set(names)
        self._erased.update(dict.fromkeys(names, at))
        return count

    def erasures(self) -> list[tuple[bytes, int]]:
        return list(self._erased.items())

    def index(self, kind: str, value: str) -> bytes:
        return f"{kind}:{value}".encode()
