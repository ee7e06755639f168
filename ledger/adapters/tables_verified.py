"""Tables of the verifier's desk: look-ups, history, receipts, watches."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, Table

from ledger.adapters.store_schema import metadata

sheet_comparison = Table(  # how often a sheet of paper was compared with its credential
    "sheet_comparison",
    metadata,
    Column("print_id", LargeBinary(16), primary_key=True),
    Column("day", Integer, nullable=False),  # days since 1970 in Asia/Shanghai
    Column("used", Integer, nullable=False),  # comparisons on that day
    Column("wrong", Integer, nullable=False),  # comparisons that did not agree, ever
)
