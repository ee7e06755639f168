"""The signing queue towards a chain that others run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table."""
    op.create_table(
        "chain_sending",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("family", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sender", sa.LargeBinary(length=20), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("gas_price", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("decided", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_chain_sending")),
    )
    op.create_index("ix_chain_sending_family", "chain_sending", ["family"])
    op.create_index("ix_chain_sending_decided_sender_nonce", "chain_sending", ["decided", "sender", "nonce"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("chain_sending")
