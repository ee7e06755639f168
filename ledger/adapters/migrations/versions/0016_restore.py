"""Anchors whose rows a restored database has lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table."""
    op.create_table(
        "lost_rows",
        sa.Column("issuer", sa.String(length=18), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "root", name=op.f("pk_lost_rows")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("lost_rows")
