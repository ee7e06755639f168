"""Tables of what keeps an installation running: who works, what was kept safe.

Counters of how often somebody may ask lie elsewhere, see tables_counters.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from ledger.adapters.store_schema import metadata

worker_heartbeat = Table(  # one row a working process, renewed every few seconds; old ones are deleted
    "worker_heartbeat",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
    Column("jobs", BigInteger, nullable=False),
)

backup_note = Table(  # backups that were completed, newest last; where to, how large, for doctor and readyz
    "backup_note",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("made_at", BigInteger, nullable=False),
    Column("place", String(1024), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("has_keys", Integer, nullable=False),
)
