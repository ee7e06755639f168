"""Tables of uploads on their way into an import, and of drafts of single issues."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COUNTS = ("rows", "done", "valid", "invalid", "already", "changed", "replaceable", "warnings")


def _number() -> sa.types.TypeEngine[int]:
    return sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def _create_intake() -> None:
    op.create_table(
        "intake",
        sa.Column("id", _number(), nullable=False),
        sa.Column("name", sa.LargeBinary(length=16), nullable=False),
        sa.Column("failed_name", sa.LargeBinary(length=16), nullable=False),
        sa.Column("issuer", sa.String(length=18), nullable=False),
        sa.Column("type_code", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32)),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("supersede", sa.Boolean(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("job_id", _number()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seconds_left", sa.Integer()),
        sa.Column("failed_kept", sa.Integer(), nullable=False),
        sa.Column("erased_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["job_id"], ["import_job.id"], name=op.f("fk_intake_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake")),
        sa.UniqueConstraint("issuer", "type_code", "digest", name=op.f("uq_intake_issuer_type_code_digest")),
    )
    op.create_index(op.f("ix_intake_job_id"), "intake", ["job_id"], unique=False)
    op.create_index("ix_intake_issuer_state", "intake", ["issuer", "state"], unique=False)
    op.create_index("ix_intake_state_updated_at", "intake", ["state", "updated_at"], unique=False)


def _create_parts() -> None:
    op.create_table(
        "intake_piece",
        sa.Column("intake_id", _number(), nullable=False),
        sa.Column("part", sa.String(length=8), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_intake_piece_intake_id")),
        sa.PrimaryKeyConstraint("intake_id", "part", "number", name=op.f("pk_intake_piece")),
    )
    op.create_table(
        "intake_finding",
        sa.Column("intake_id", _number(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["intake_id"], ["intake.id"], name=op.f("fk_intake_finding_intake_id")),
        sa.PrimaryKeyConstraint("intake_id", "number", name=op.f("pk_intake_finding")),
    )


def _create_draft() -> None:
    op.create_table(
        "issue_draft",
        sa.Column("name", sa.LargeBinary(length=16), nullable=False),
        sa.Column("issuer", sa.String(length=18), nullable=False),
        sa.Column("type_code", sa.String(length=64), nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("supersedes", _number()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_issue_draft")),
    )
    op.create_index(op.f("ix_issue_draft_updated_at"), "issue_draft", ["updated_at"], unique=False)
    op.create_index("ix_issue_draft_issuer_person", "issue_draft", ["issuer", "person"], unique=False)


def upgrade() -> None:
    """Uploads, their pieces and findings, and drafts; nothing of older tables changes."""
    _create_intake()
    _create_parts()
    _create_draft()


def downgrade() -> None:
    """Drop them."""
    for table in ("issue_draft", "intake_finding", "intake_piece", "intake"):
        op.drop_table(table)
