"""Tables of the verifier's desk: how often a sheet of paper was compared."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row a sheet that was compared at least once."""
    op.create_table(
        "sheet_comparison",
        sa.Column("print_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("print_id", name=op.f("pk_sheet_comparison")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("sheet_comparison")
