"""Tables of counters: how often somebody asked, what the web answered. Nothing here is worth a backup.

They lie in a database of their own (docs/adr/0024): counting never waits for an import's long
transaction, need not reach the disk at once, and goes on when the store does not.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table

counters_metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
)

limit_salt = Table(  # the key under which a day's clients are named
    "limit_salt",
    counters_metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary(32), nullable=False),
)

limit_counter = Table(  # see ledger.core.limits.Counter; who: HMAC, 16 bytes
    "limit_counter",
    counters_metadata,
    Column("kind", String(16), primary_key=True),
    Column("who", LargeBinary(16), primary_key=True),
    Column("level", Float, nullable=False),
    Column("filled_at", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failed_at", BigInteger, nullable=False),
    Column("waits_until", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_limit_counter_expires_at", "expires_at"),
)

web_answer = Table(  # requests by route and status, times in buckets of a histogram; only ever grows
    "web_answer",
    counters_metadata,
    Column("endpoint", String(80), primary_key=True),
    Column("status", Integer, primary_key=True, autoincrement=False),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("answers", BigInteger, nullable=False),
    Column("micros", BigInteger, nullable=False),
)

day_count = Table(  # checks a day, for the public figures; day: days since 1970 in Shanghai
    "day_count",
    counters_metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("answers", BigInteger, nullable=False),
)
