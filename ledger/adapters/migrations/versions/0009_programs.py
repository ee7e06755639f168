"""Tables of programs: API tokens, idempotency keys, standing approvals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_id = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Batches before this one have no standing approval."""
    op.add_column("batch", sa.Column("standing_id", sa.LargeBinary(length=32), nullable=True))
    op.create_index("ix_batch_state", "batch", ["state"])
    op.create_table(
        "standing_use",
        sa.Column("batch_id", _id, nullable=False),
        sa.Column("act", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("standing_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("leaves", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_standing_use_batch_id"),
        sa.PrimaryKeyConstraint("batch_id", "act", name="pk_standing_use"),
    )
    op.create_index("ix_standing_use_standing_id_day", "standing_use", ["standing_id", "day"])
    op.create_table(
        "standing_alarm",
        sa.Column("standing_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("issuer", sa.String(length=18), nullable=False),
        sa.Column("type_id", sa.BigInteger(), nullable=False),
        sa.Column("leaves", sa.Integer(), nullable=False),
        sa.Column("usual", sa.Integer(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("standing_id", "day", name="pk_standing_alarm"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", _id, nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_by", sa.String(length=80), nullable=True),
        sa.Column("used_on", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.UniqueConstraint("secret_hash", name="uq_api_token_secret_hash"),
    )
    op.create_index("ix_api_token_uscc", "api_token", ["uscc"])
    op.create_table(
        "idempotency",
        sa.Column("token_id", _id, nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["api_token.id"], name="fk_idempotency_token_id"),
        sa.PrimaryKeyConstraint("token_id", "key_hash", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])


def downgrade() -> None:
    """Drop them again."""
    for table in ("idempotency", "api_token", "standing_alarm", "standing_use"):
        op.drop_table(table)
    op.drop_index("ix_batch_state", "batch")
    with op.batch_alter_table("batch") as batch:
        batch.drop_column("standing_id")
