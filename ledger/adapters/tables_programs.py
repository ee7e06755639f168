"""Tables of programs: API tokens, idempotency keys, standing approvals."""

from __future__ import annotations
