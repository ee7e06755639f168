"""Values of single issues: rows that arrive one by one, each durable before it is answered."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.core.flow import NewRow, RowOutcome

KEY_KEPT_S = 86_400
"""How long an idempotency key answers as it did (docs/api.md)."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What makes two requests one. Both hashes are 32 bytes; `body` is a keyed HMAC: bodies are personal.

    Args:
        token: number of the API token.
        key: SHA-256 of the Idempotency-Key.
        body: HMAC of the request's body and address.
    """

    token: int
    key: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a key was answered: the body it came with, and (outcome, name) of each row."""

    body: bytes
    rows: tuple[SingleResult, ...]


@dataclass(frozen=True, slots=True)
class SingleResult:
    """What became of one row. `name` is 16 bytes: the credential's serial, and the address of its state."""

    outcome: RowOutcome
    name: bytes


@dataclass(frozen=True, slots=True)
class SingleGroup:
    """Sealed rows of one request, and what it is answered, for one transaction.

    Args:
        issuer: USCC.
        type_code: type reference.
        type_id: the chain's number.
        pending: whether the credentials start as PENDING.
        rows: new ones only; may be none.
        results: of all rows of the request, in its order.
        key: None when the caller gave no Idempotency-Key.
    """

    issuer: str
    type_code: str
    type_id: int
    pending: bool
    rows: tuple[NewRow, ...]
    results: tuple[SingleResult, ...]
    key: RequestKey | None
