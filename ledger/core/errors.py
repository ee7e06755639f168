"""Every error that crosses a room's wall: one class per thing a caller does differently.

Codes are stable strings in UPPER_SNAKE; never renamed, never reused. `detail` holds values a person
needs to act (where, what), never personal data beyond what the caller handed in.
"""

from __future__ import annotations

from typing import Any


class LedgerError(Exception):
    """Base of all errors that a caller may meet.

    Args:
        code: stable UPPER_SNAKE string; user interfaces translate it, never the message.
        message: one English sentence: where, what, what to do.
        detail: JSON-able values that belong to the code.
    """

    def __init__(self, code: str, message: str, **detail: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.detail = detail


class InputError(LedgerError):
    """Their bytes are wrong (HTTP 400 or 422)."""


class RefusedError(LedgerError):
    """Understood, not permitted (HTTP 403)."""


class NotFoundError(LedgerError):
    """Nothing there (HTTP 404)."""


class ConflictError(LedgerError):
    """Contradicts a state we know, which `detail` carries (HTTP 409)."""


class UnavailableError(LedgerError):
    """Chain, store or signer does not answer; worth a retry (HTTP 503)."""
