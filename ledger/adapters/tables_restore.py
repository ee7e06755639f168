"""Table of anchors that the chain has and whose rows this database lost; see ledger.services.healing."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from ledger.adapters.store_schema import metadata

lost_rows = Table(  # batches on chain that were made after the backup this database came from
    "lost_rows",
    metadata,
    Column("issuer", String(18), primary_key=True),
    Column("root", LargeBinary(32), primary_key=True),
    Column("block_number", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("noted_at", BigInteger, nullable=False),
)
