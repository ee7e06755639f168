"""Table of the signing queue towards a chain that others run; see ledger.adapters.chain_rpc.sending."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, Table

from ledger.adapters.store_schema import metadata

chain_sending = Table(  # one signed transaction; replacements share nonce and family
    "chain_sending",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("family", LargeBinary(32), nullable=False, index=True),
    Column("sender", LargeBinary(20), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("gas_price", BigInteger, nullable=False),  # wei; fees.py keeps it below 2^63
    Column("sent_at", BigInteger, nullable=False),
    Column("decided", Boolean, nullable=False),
    Index("ix_chain_sending_decided_sender_nonce", "decided", "sender", "nonce"),
)
