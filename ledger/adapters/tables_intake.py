"""Tables of uploads on their way into an import, and of drafts of single issues.

Content lies in `sealed` columns under data keys of the vault; findings name rows, columns and codes.
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
    String,
    Table,
    Text,
    UniqueConstraint,
)

from ledger.adapters.store_schema import metadata

_id = Integer().with_variant(BigInteger(), "postgresql")

intake = Table(
    "intake",
    metadata,
    Column("id", _id, primary_key=True),
    Column("name", LargeBinary(16), nullable=False),
    Column("failed_name", LargeBinary(16), nullable=False),
    Column("issuer", String(18), nullable=False),
    Column("type_code", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("digest", LargeBinary(32)),  # NULL: the same file is a new intake
    Column("person", BigInteger, nullable=False),
    Column("label", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("supersede", Boolean, nullable=False),
    Column("round", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("valid", Integer, nullable=False),
    Column("invalid", Integer, nullable=False),
    Column("already", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("replaceable", Integer, nullable=False),
    Column("warnings", Integer, nullable=False),
    Column("code", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("job_id", _id, ForeignKey("import_job.id"), index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seconds_left", Integer),
    Column("failed_kept", Integer, nullable=False),
    Column("erased_at", BigInteger),
    UniqueConstraint("issuer", "type_code", "digest"),
    Index("ix_intake_issuer_state", "issuer", "state"),
    Index("ix_intake_state_updated_at", "state", "updated_at"),
)

intake_piece = Table(  # part: `file` as it came, `failed` the rows that were not taken
    "intake_piece",
    metadata,
    Column("intake_id", _id, ForeignKey("intake.id"), primary_key=True),
    Column("part", String(8), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
)

intake_finding = Table(
    "intake_finding",
    metadata,
    Column("intake_id", _id, ForeignKey("intake.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("row_number", Integer, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("column_name", Text, nullable=False),
    Column("code", String(64), nullable=False),
    Column("text", Text, nullable=False),
)

issue_draft = Table(
    "issue_draft",
    metadata,
    Column("name", LargeBinary(16), primary_key=True),
    Column("issuer", String(18), nullable=False),
    Column("type_code", String(64), nullable=False),
    Column("person", BigInteger, nullable=False),
    Column("supersedes", _id),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_at", BigInteger, nullable=False, index=True),
    Index("ix_issue_draft_issuer_person", "issuer", "person"),
)
