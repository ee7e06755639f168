"""Tables of the verifier's desk: checks that were made, receipts over them, watches, lists to be checked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
_id = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Three tables."""
    op.create_table(
        "verification",
        sa.Column("id", _id, nullable=False),
        sa.Column("name", sa.LargeBinary(length=16), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("person_id", _id, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("purpose_kind", sa.String(length=16), nullable=False),
        sa.Column("national", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("presenter", sa.String(length=16), nullable=False),
        sa.Column("issuer", sa.String(length=18), nullable=False),
        sa.Column("type_ref", sa.String(length=64), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("receipt_state", sa.String(length=16), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=True),
        sa.Column("receipt_page", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification")),
        sa.UniqueConstraint("name", name=op.f("uq_verification_name")),
    )
    op.create_index("ix_verification_uscc_id", "verification", ["uscc", "id"])
    op.create_index("ix_verification_at", "verification", ["at"])
    op.create_table(
        "watch",
        sa.Column("verification_id", _id, nullable=False),
        sa.Column("first_word", sa.Integer(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("seen", sa.LargeBinary(length=32), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("fired_at", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["verification_id"], ["verification.id"], name=op.f("fk_watch_verification_id_verification")
        ),
        sa.PrimaryKeyConstraint("verification_id", name=op.f("pk_watch")),
    )
    op.create_index("ix_watch_state", "watch", ["state"])
    op.create_table(
        "list_check",
        sa.Column("id", _id, nullable=False),
        sa.Column("name", sa.LargeBinary(length=16), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("person_id", _id, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("purpose_kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_check")),
        sa.UniqueConstraint("name", name=op.f("uq_list_check_name")),
    )
    op.create_index("ix_list_check_uscc_id", "list_check", ["uscc", "id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("list_check")
    op.drop_table("watch")
    op.drop_table("verification")
