"""Entries are found by their hash: whoever holds a file may ask where it lies."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One index."""
    op.create_index("ix_credential_entry", "credential", ["entry"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_credential_entry", table_name="credential")
