"""Who refused a batch, and when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two columns; batches that were refused before keep them empty."""
    op.add_column("batch", sa.Column("refused_by", sa.LargeBinary(length=32), nullable=True))
    op.add_column("batch", sa.Column("refused_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Drop them again."""
    with op.batch_alter_table("batch") as batch:
        batch.drop_column("refused_at")
        batch.drop_column("refused_by")
