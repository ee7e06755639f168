"""Tables of printed documents: copies, their check codes and secrets, runs over whole batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _number() -> sa.types.TypeEngine[int]:
    return sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Two new tables; nothing that was there changes."""
    op.create_table(
        "print_run",
        sa.Column("run_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("batch_id", _number(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), nullable=False),
        sa.Column("ordered_by", sa.String(length=64), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_print_run_batch_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_print_run")),
    )
    op.create_index("ix_print_run_batch_id", "print_run", ["batch_id"], unique=False)
    op.create_table(
        "printed_copy",
        sa.Column("document_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("record_id", _number(), nullable=False),
        sa.Column("batch_id", _number(), nullable=False),
        sa.Column("leaf_index", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("purpose", sa.LargeBinary(), nullable=True),
        sa.Column("template", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), nullable=False),
        sa.Column("ordered_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=True),
        sa.Column("file_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("crc32", sa.BigInteger(), nullable=False),
        sa.Column("code_index", sa.LargeBinary(length=32), nullable=True),
        sa.Column("secret_index", sa.LargeBinary(length=32), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_by", sa.String(length=64), nullable=False),
        sa.Column("page_batch", _number(), nullable=True),
        sa.Column("page_index", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_printed_copy_batch_id")),
        sa.ForeignKeyConstraint(["page_batch"], ["batch.id"], name=op.f("fk_printed_copy_page_batch")),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_printed_copy_record_id")),
        sa.ForeignKeyConstraint(["run_id"], ["print_run.run_id"], name=op.f("fk_printed_copy_run_id")),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_printed_copy")),
        sa.UniqueConstraint("code_index", name=op.f("uq_printed_copy_code_index")),
        sa.UniqueConstraint("file_hash", name=op.f("uq_printed_copy_file_hash")),
        sa.UniqueConstraint("secret_index", name=op.f("uq_printed_copy_secret_index")),
    )
    op.create_index("ix_printed_copy_record_id", "printed_copy", ["record_id"], unique=False)
    op.create_index("ix_printed_copy_run_id_piece", "printed_copy", ["run_id", "piece"], unique=False)
    op.create_index("ix_printed_copy_page_batch_state", "printed_copy", ["page_batch", "state"], unique=False)


def downgrade() -> None:
    """Drop them, the copies first."""
    op.drop_table("printed_copy")
    op.drop_table("print_run")
