"""Where each issuer's nonces of status changes come from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table; nonces drawn before were random and stay what they are."""
    op.create_table(
        "nonce_word",
        sa.Column("issuer", sa.String(length=18), nullable=False),
        sa.Column("prefix", sa.LargeBinary(length=31), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", name=op.f("pk_nonce_word")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("nonce_word")
