"""Tables of people's signing keys and of requests that wait for a signature.

No secret lies here: a passkey's and a wallet's private part never leave their owner. A request holds
digests and public numbers only; grounds of a status change stay in its sealed case.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ledger.adapters.store_schema import metadata

_id = Integer().with_variant(BigInteger(), "postgresql")

signing_key = Table(
    "signing_key",
    metadata,
    Column("id", _id, primary_key=True),
    Column("person", BigInteger, nullable=False),
    Column("uscc", String(18), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("credential_id", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("signer_id", LargeBinary(32), nullable=False),
    Column("label", String(60), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("state", String(16), nullable=False),
    UniqueConstraint("uscc", "signer_id"),
    Index("ix_signing_key_person", "person"),
)

signing_request = Table(
    "signing_request",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("person", BigInteger, nullable=False),
    Column("uscc", String(18), nullable=False),
    Column("act", String(16), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("key_id", BigInteger, nullable=False),
    Column("digests", LargeBinary, nullable=False),  # 32 bytes each, in the order of signing
    Column("payload", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("done_at", BigInteger),
    Index("ix_signing_request_act_subject", "act", "subject"),
    Index("ix_signing_request_state_expires_at", "state", "expires_at"),
)
