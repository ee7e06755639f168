"""Tables of printed documents: copies, their check codes and secrets, runs over whole batches.

Purpose and file are sealed under the credential's data key; check code and secret are there as keyed
HMACs only. A print's document batch is a row of `batch` with type id 0.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from ledger.adapters.store_schema import metadata

_id = Integer().with_variant(BigInteger(), "postgresql")

print_run = Table(  # prints of a whole batch, handed out as one ZIP
    "print_run",
    metadata,
    Column("run_id", LargeBinary(16), primary_key=True),
    Column("batch_id", _id, ForeignKey("batch.id"), nullable=False, index=True),
    Column("language", String(2), nullable=False),
    Column("ordered_at", BigInteger, nullable=False),
    Column("ordered_by", String(64), nullable=False),
    Column("total", Integer, nullable=False),
)

printed_copy = Table(
    "printed_copy",
    metadata,
    Column("document_id", LargeBinary(16), primary_key=True),
    Column("record_id", _id, ForeignKey("record.id"), nullable=False, index=True),
    Column("batch_id", _id, ForeignKey("batch.id"), nullable=False),
    Column("leaf_index", Integer, nullable=False),
    Column("run_id", LargeBinary(16), ForeignKey("print_run.run_id")),
    Column("piece", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("language", String(2), nullable=False),
    Column("fields", Text, nullable=False),
    Column("purpose", LargeBinary),
    Column("template", String(40), nullable=False),
    Column("state", String(16), nullable=False),
    Column("code", String(64), nullable=False),
    Column("ordered_at", BigInteger, nullable=False),
    Column("ordered_by", String(64), nullable=False),
    Column("made_at", BigInteger),
    Column("file_hash", LargeBinary(32), unique=True),
    Column("size", Integer, nullable=False),
    Column("crc32", BigInteger, nullable=False),
    Column("code_index", LargeBinary(32), unique=True),
    Column("secret_index", LargeBinary(32), unique=True),
    Column("revoked_at", BigInteger),
    Column("revoked_by", String(64), nullable=False),
    Column("page_batch", _id, ForeignKey("batch.id")),
    Column("page_index", Integer),
    Index("ix_printed_copy_run_id_piece", "run_id", "piece"),
    Index("ix_printed_copy_page_batch_state", "page_batch", "state"),
)
