"""Tables of programs: API tokens, idempotency keys, standing approvals."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
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

standing_use = Table(  # leaves that a batch used of a standing approval, on the day it was queued
    "standing_use",
    metadata,
    Column("batch_id", _id, ForeignKey("batch.id"), primary_key=True),
    Column("act", Integer, primary_key=True, autoincrement=False),
    Column("standing_id", LargeBinary(32), nullable=False),
    Column("day", Integer, nullable=False),
    Column("leaves", Integer, nullable=False),
    Index("ix_standing_use_standing_id_day", "standing_id", "day"),
)

standing_alarm = Table(  # one a standing approval and day
    "standing_alarm",
    metadata,
    Column("standing_id", LargeBinary(32), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("issuer", String(18), nullable=False),
    Column("type_id", BigInteger, nullable=False),
    Column("leaves", Integer, nullable=False),
    Column("usual", Integer, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
)

api_token = Table(  # the secret itself is nowhere; its hash finds the row
    "api_token",
    metadata,
    Column("id", _id, primary_key=True),
    Column("uscc", String(18), nullable=False, index=True),
    Column("label", String(80), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(80), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("revoked_by", String(80)),
    Column("used_on", Integer),
    UniqueConstraint("secret_hash"),
)

idempotency = Table(  # what a key of a token was answered; kept for a day
    "idempotency",
    metadata,
    Column("token_id", _id, ForeignKey("api_token.id"), primary_key=True),
    Column("key_hash", LargeBinary(32), primary_key=True),
    Column("body_hash", LargeBinary(32), nullable=False),
    Column("answer", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
)
