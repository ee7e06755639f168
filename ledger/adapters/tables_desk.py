"""Tables of the verifier's desk: checks that were made, receipts over them, watches, lists to be checked."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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

verification = Table(  # sealed: purpose, number, outcomes; under a data key of its own
    "verification",
    metadata,
    Column("id", _id, primary_key=True),
    Column("name", LargeBinary(16), nullable=False),
    Column("uscc", String(18), nullable=False),
    Column("person_id", _id, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("purpose_kind", String(16), nullable=False),
    Column("national", Integer, nullable=False),
    Column("code", String(64), nullable=False),
    Column("accepted", Boolean, nullable=False),
    Column("presenter", String(16), nullable=False),
    Column("issuer", String(18), nullable=False),
    Column("type_ref", String(64), nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("receipt_state", String(16), nullable=False),
    Column("receipt", LargeBinary),  # sealed: the token
    Column("receipt_page", LargeBinary),  # sealed: the PDF
    UniqueConstraint("name"),
    Index("ix_verification_uscc_id", "uscc", "id"),
    Index("ix_verification_at", "at"),
)

watch = Table(  # over a range of a batch; which credential it is for stands in the sealed part of the check
    "watch",
    metadata,
    Column("verification_id", _id, ForeignKey("verification.id"), primary_key=True),
    Column("first_word", Integer, nullable=False),
    Column("words", Integer, nullable=False),
    Column("seen", LargeBinary(32), nullable=False),  # SHA-256 of the words when last looked at
    Column("until", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("fired_at", BigInteger),
    Column("told", Boolean, nullable=False),
    Index("ix_watch_state", "state"),
)

list_check = Table(  # a sheet of numbers and codes; sealed under a data key of its own
    "list_check",
    metadata,
    Column("id", _id, primary_key=True),
    Column("name", LargeBinary(16), nullable=False),
    Column("uscc", String(18), nullable=False),
    Column("person_id", _id, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("purpose_kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("good", Integer, nullable=False),
    Column("code", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("result", LargeBinary),
    UniqueConstraint("name"),
    Index("ix_list_check_uscc_id", "uscc", "id"),
)
