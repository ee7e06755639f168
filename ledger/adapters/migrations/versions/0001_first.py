"""First shape of the store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _create_list_head() -> None:
    op.create_table(
        "list_head",
        sa.Column("issuer", sa.String(length=18), nullable=False),
        sa.Column("list_number", sa.BigInteger(), nullable=False),
        sa.Column("next_word", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", name=op.f("pk_list_head")),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("run_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_outbox_kind_subject")),
    )
    op.create_index("ix_outbox_state_run_at", "outbox", ["state", "run_at"], unique=False)


def _create_stream() -> None:
    op.create_table(
        "stream",
        sa.Column("id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("issuer", sa.String(length=18), nullable=False),
        sa.Column("type_code", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stream")),
        sa.UniqueConstraint("issuer", "type_code", name=op.f("uq_stream_issuer_type_code")),
    )


def _create_chain_transaction() -> None:
    op.create_table(
        "chain_transaction",
        sa.Column("id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("job_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("sender", sa.LargeBinary(length=20), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["outbox.id"], name=op.f("fk_chain_transaction_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_transaction")),
    )
    op.create_index(op.f("ix_chain_transaction_job_id"), "chain_transaction", ["job_id"], unique=False)
    op.create_index(
        "ux_chain_transaction_sender_nonce",
        "chain_transaction",
        ["sender", "nonce"],
        unique=True,
        sqlite_where=sa.text("state <> 'dropped'"),
        postgresql_where=sa.text("state <> 'dropped'"),
    )


def _create_import_job() -> None:
    op.create_table(
        "import_job",
        sa.Column("id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("stream_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("type_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("max_batch", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("issued", sa.Integer(), nullable=False),
        sa.Column("already", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("invalid", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_import_job_stream_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_job")),
    )
    op.create_index(
        "ux_import_job_running",
        "import_job",
        ["stream_id", "digest"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )


def _create_batch() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("stream_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("type_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=True),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("signed", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("issued_on", sa.BigInteger(), nullable=False),
        sa.Column("list_number", sa.BigInteger(), nullable=False),
        sa.Column("first_word", sa.BigInteger(), nullable=False),
        sa.Column("key_number", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=True),
        sa.Column("maker", sa.LargeBinary(length=32), nullable=True),
        sa.Column("approver", sa.LargeBinary(length=32), nullable=True),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("maker_signature", sa.LargeBinary(), nullable=True),
        sa.Column("approver_signature", sa.LargeBinary(), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("block_time", sa.BigInteger(), nullable=True),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("leaf_order", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["import_job.id"], name=op.f("fk_batch_job_id")),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_batch_stream_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index(op.f("ix_batch_job_id"), "batch", ["job_id"], unique=False)
    op.create_index("ix_batch_stream_id_state", "batch", ["stream_id", "state"], unique=False)


def _create_import_note() -> None:
    op.create_table(
        "import_note",
        sa.Column("job_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("record_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=True),
        sa.Column("errors", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["import_job.id"], name=op.f("fk_import_note_job_id")),
        sa.PrimaryKeyConstraint("job_id", "row_number", name=op.f("pk_import_note")),
    )


def _create_approval() -> None:
    op.create_table(
        "approval",
        sa.Column("id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("batch_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("signer", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_approval_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index(op.f("ix_approval_batch_id"), "approval", ["batch_id"], unique=False)


def _create_list_word() -> None:
    op.create_table(
        "list_word",
        sa.Column("issuer", sa.String(length=18), nullable=False),
        sa.Column("list_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("word", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_list_word_batch_id")),
        sa.PrimaryKeyConstraint("issuer", "list_number", "word", name=op.f("pk_list_word")),
    )


def _create_planned_change() -> None:
    op.create_table(
        "planned_change",
        sa.Column("batch_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=32), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("maker_signature", sa.LargeBinary(), nullable=False),
        sa.Column("approver_signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_planned_change_batch_id")),
        sa.PrimaryKeyConstraint("batch_id", "root", name=op.f("pk_planned_change")),
    )


def _create_record() -> None:
    op.create_table(
        "record",
        sa.Column("id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("stream_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("key_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.LargeBinary(length=16), nullable=False),
        sa.Column("job_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=True),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("supersedes", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=True),
        sa.Column("is_dropped", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_record_batch_id")),
        sa.ForeignKeyConstraint(["job_id"], ["import_job.id"], name=op.f("fk_record_job_id")),
        sa.ForeignKeyConstraint(["stream_id"], ["stream.id"], name=op.f("fk_record_stream_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record")),
        sa.UniqueConstraint("name", name=op.f("uq_record_name")),
        sa.UniqueConstraint(
            "stream_id", "key_index", "revision", name=op.f("uq_record_stream_id_key_index_revision")
        ),
    )
    op.create_index("ix_record_batch_id", "record", ["batch_id"], unique=False)
    op.create_index("ix_record_job_id_row_number", "record", ["job_id", "row_number"], unique=False)


def _create_credential() -> None:
    op.create_table(
        "credential",
        sa.Column("batch_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("leaf_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
        sa.Column("entry", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_credential_batch_id")),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_credential_record_id")),
        sa.PrimaryKeyConstraint("batch_id", "leaf_index", name=op.f("pk_credential")),
    )


def upgrade() -> None:
    """Create every table, referred ones first."""
    _create_list_head()
    _create_outbox()
    _create_stream()
    _create_chain_transaction()
    _create_import_job()
    _create_batch()
    _create_import_note()
    _create_approval()
    _create_list_word()
    _create_planned_change()
    _create_record()
    _create_credential()


def downgrade() -> None:
    """Drop every table, referring ones first."""
    op.drop_table("credential")
    op.drop_table("record")
    op.drop_table("planned_change")
    op.drop_table("list_word")
    op.drop_table("approval")
    op.drop_table("import_note")
    op.drop_table("batch")
    op.drop_table("import_job")
    op.drop_table("chain_transaction")
    op.drop_table("stream")
    op.drop_table("outbox")
    op.drop_table("list_head")
