"""What a program may do with its token, and how a token looks."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from ledger.core.flow import DAY_S
from ledger.core.jose import b64url_encode

SECRET_BYTES = 32
LONGEST_DAYS = 366
LONGEST_LABEL = 80
_PREFIX = "ecert_"
_SECRET = re.compile(r"ecert_[A-Za-z0-9_-]{43}")


class Scope(StrEnum):
    """What a token opens; each call of the API needs one."""

    ISSUE = "issue"
    """Hand in rows, and ask what became of them."""
    BATCHES = "batches"
    """Look at batches, their approvals and standing approvals."""
    BUNDLES = "bundles"
    """Fetch finished certificates: personal data."""
    STATUSES = "statuses"
    """Look at the status of one's own certificates."""
    SUSPEND = "suspend"
    """Suspend certificates at once."""
    VERIFY = "verify"
    """Have certificates checked."""
    RECEIPTS = "receipts"
    """Have certificates checked for the file: kept checks and signed receipts."""
    DOCUMENTS = "documents"
    """Order and fetch prints: personal data."""
    AUDIT = "audit"
    """Read the organisation's audit log."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is stored; its secret is nowhere.

    Args:
        id: number.
        uscc: the organisation that the program acts for.
        label: what it is for, in the administrator's words.
        scopes: what it opens.
        created_at: seconds.
        created_by: who made it.
        expires_at: first second at which it opens nothing.
        revoked_at: from when on it opens nothing, None while it stands.
        used_on: newest day (number, Asia/Shanghai) on which it was shown, None: never.
    """

    id: int
    uscc: str
    label: str
    scopes: frozenset[Scope]
    created_at: int
    created_by: str
    expires_at: int
    revoked_at: int | None = None
    used_on: int | None = None

    def is_good(self, now: int) -> bool:
        """Neither ended nor revoked."""
        return self.revoked_at is None and now < self.expires_at


def show_secret(secret: bytes) -> str:
    """A token as the program sends it; easy to find for those who scan for leaked secrets."""
    return _PREFIX + b64url_encode(secret)


def hash_of(shown: str) -> bytes | None:
    """What is stored of a token, 32 bytes; None when this is no token of ours.

    A plain hash is enough: 256 random bits cannot be found by trying.
    """
    return hashlib.sha256(shown.encode("ascii")).digest() if _SECRET.fullmatch(shown) else None


def longest_end(now: int) -> int:
    """The latest end of a token that is made now."""
    return now + LONGEST_DAYS * DAY_S
