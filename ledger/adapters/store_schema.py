"""Tables of the store, one metadata for SQLite and PostgreSQL; migrations repeat them step by step.

Personal data lies in the `sealed` columns only, encrypted; keyed HMACs stand in for search. Nothing
here runs: store_database opens, store_sql_* read and write.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

SCHEMA_REVISION = "0016"  # the newest migration; a test compares

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_id = Integer().with_variant(BigInteger(), "postgresql")

stream = Table(  # one (issuer, type): short number for the many rows
    "stream",
    metadata,
    Column("id", _id, primary_key=True),
    Column("issuer", String(18), nullable=False),
    Column("type_code", String(64), nullable=False),
    UniqueConstraint("issuer", "type_code"),
)

import_job = Table(
    "import_job",
    metadata,
    Column("id", _id, primary_key=True),
    Column("stream_id", _id, ForeignKey("stream.id"), nullable=False),
    Column("type_id", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("pending", Boolean, nullable=False),
    Column("max_batch", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("rows_done", Integer, nullable=False),
    Column("issued", Integer, nullable=False),
    Column("already", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("invalid", Integer, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index(
        "ux_import_job_running",
        "stream_id",
        "digest",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
)

import_note = Table(  # rows of a file that were not stored anew
    "import_note",
    metadata,
    Column("job_id", _id, ForeignKey("import_job.id"), primary_key=True),
    Column("row_number", Integer, primary_key=True),
    Column("outcome", String(16), nullable=False),
    Column("record_id", _id),
    Column("errors", Text, nullable=False),
)

batch = Table(
    "batch",
    metadata,
    Column("id", _id, primary_key=True),
    Column("stream_id", _id, ForeignKey("stream.id"), nullable=False),
    Column("type_id", BigInteger, nullable=False),
    Column("job_id", _id, ForeignKey("import_job.id"), index=True),
    Column("pending", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("size", Integer, nullable=False),
    Column("signed", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("issued_on", BigInteger, nullable=False),
    Column("list_number", BigInteger, nullable=False),
    Column("first_word", BigInteger, nullable=False),
    Column("key_number", BigInteger, nullable=False),
    Column("root", LargeBinary(32)),
    Column("maker", LargeBinary(32)),
    Column("approver", LargeBinary(32)),
    Column("deadline", BigInteger, nullable=False),
    Column("maker_signature", LargeBinary),
    Column("approver_signature", LargeBinary),
    Column("block_number", BigInteger),
    Column("block_hash", LargeBinary(32)),
    Column("block_time", BigInteger),
    Column("tx_hash", LargeBinary(32)),
    Column("reason", Text, nullable=False),
    Column("refused_by", LargeBinary(32)),
    Column("refused_at", BigInteger),
    Column("leaf_order", LargeBinary),  # record ids in leaf order, 8 bytes each, little-endian
    Column("standing_id", LargeBinary(32)),
    Index("ix_batch_stream_id_state", "stream_id", "state"),
    Index("ix_batch_state", "state"),  # the worker looks for open and signed ones all the time
)

list_head = Table(  # where an issuer's newest list is filled up to
    "list_head",
    metadata,
    Column("issuer", String(18), primary_key=True),
    Column("list_number", BigInteger, nullable=False),
    Column("next_word", BigInteger, nullable=False),
)

list_word = Table(  # every word ever reserved: the database itself refuses a second owner
    "list_word",
    metadata,
    Column("issuer", String(18), primary_key=True),
    Column("list_number", BigInteger, primary_key=True, autoincrement=False),
    Column("word", BigInteger, primary_key=True, autoincrement=False),
    Column("batch_id", _id, ForeignKey("batch.id"), nullable=False),
)

nonce_word = Table(  # what an issuer's nonces of status changes begin with, and how many are drawn
    "nonce_word",
    metadata,
    Column("issuer", String(18), primary_key=True),
    Column("prefix", LargeBinary(31), nullable=False),
    Column("used", Integer, nullable=False),
)

record = Table(
    "record",
    metadata,
    Column("id", _id, primary_key=True),
    Column("stream_id", _id, ForeignKey("stream.id"), nullable=False),
    Column("key_index", LargeBinary(32), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("content_index", LargeBinary(32), nullable=False),
    Column("name", LargeBinary(16), nullable=False),
    Column("job_id", _id, ForeignKey("import_job.id")),
    Column("row_number", Integer, nullable=False),
    Column("batch_id", _id, ForeignKey("batch.id"), nullable=False),
    Column("supersedes", _id),
    Column("is_dropped", Boolean, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("stream_id", "key_index", "revision"),
    UniqueConstraint("name"),
    Index("ix_record_batch_id", "batch_id"),
    Index("ix_record_job_id_row_number", "job_id", "row_number"),
)

credential = Table(
    "credential",
    metadata,
    Column("batch_id", _id, ForeignKey("batch.id"), primary_key=True),
    Column("leaf_index", Integer, primary_key=True, autoincrement=False),
    Column("record_id", _id, ForeignKey("record.id"), nullable=False),
    Column("entry", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary),  # NULL once destroyed with a refused batch
    Index("ix_credential_entry", "entry"),  # a file in hand is looked up by its hash
)

approval = Table(  # every signature ever given; the batch carries the current ones
    "approval",
    metadata,
    Column("id", _id, primary_key=True),
    Column("batch_id", _id, ForeignKey("batch.id"), nullable=False, index=True),
    Column("role", String(16), nullable=False),
    Column("signer", LargeBinary(32), nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)

planned_change = Table(  # status changes that follow a batch's anchor
    "planned_change",
    metadata,
    Column("batch_id", _id, ForeignKey("batch.id"), primary_key=True),
    Column("root", LargeBinary(32), primary_key=True),
    Column("nonce", LargeBinary(32), nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("changes", Text, nullable=False),
    Column("maker_signature", LargeBinary, nullable=False),
    Column("approver_signature", LargeBinary, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("subject", String(160), nullable=False),
    Column("payload", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("run_at", BigInteger, nullable=False),
    Column("lease_owner", String(64), nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("code", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    UniqueConstraint("kind", "subject"),
    Index("ix_outbox_state_run_at", "state", "run_at"),
)

chain_transaction = Table(
    "chain_transaction",
    metadata,
    Column("id", _id, primary_key=True),
    Column("job_id", _id, ForeignKey("outbox.id"), nullable=False, index=True),
    Column("sender", LargeBinary(20), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Index(
        "ux_chain_transaction_sender_nonce",
        "sender",
        "nonce",
        unique=True,
        sqlite_where=text("state <> 'dropped'"),
        postgresql_where=text("state <> 'dropped'"),
    ),
)
