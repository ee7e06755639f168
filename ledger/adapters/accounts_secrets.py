"""Passwords of people: argon2id over a keyed HMAC, so that a stolen database alone cannot be tried out.

Parameters: RFC 9106 §4, second recommendation (64 MiB, three passes), with one lane: log-ins on a
small server must not take all its cores.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from ledger.ports import Entropy

MEMORY_KIB = 65_536
PASSES = 3
_INDEX = "person-password"


class Argon2Passwords:
    """Port Passwords.

    Args:
        index: 32 bytes that only this installation can compute (Vault.index).
        entropy: for the password that nobody has.
        memory_kib: tests take less.
    """

    def __init__(
        self, index: Callable[[str, str], bytes], entropy: Entropy, memory_kib: int = MEMORY_KIB
    ) -> None:
        self._index = index
        self._hasher = PasswordHasher(
            time_cost=PASSES, memory_cost=memory_kib, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
        )
        self._entropy = entropy
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        return self._hasher.hash(self._peppered(password))

    def matches(self, stored: str, password: str) -> bool:
        """Takes the same time whether there is a stored hash, another password or none."""
        try:
            return self._hasher.verify(stored or self._of_nobody(), self._peppered(password)) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, stored: str) -> bool:
        return self._hasher.check_needs_rehash(stored)

    def _peppered(self, password: str) -> bytes:
        return base64.b64encode(self._index(_INDEX, password))

    def _of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self._hasher.hash(self._entropy.token(32))
        return self._nobody
