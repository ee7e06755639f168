"""Counts in the database how often a sheet was compared, exact over all processes."""

from __future__ import annotations

import sqlalchemy as sa

from ledger.adapters.store_database import Database
from ledger.adapters.tables_verified import sheet_comparison
from ledger.core.compare import COMPARISONS_A_DAY, WRONG_COMPARISONS
from ledger.core.flow import DAY_S, SHANGHAI_S

_FIRST = sa.text(
    "INSERT INTO sheet_comparison (print_id, day, used, wrong) VALUES (:print_id, :day, 0, 0) "
    "ON CONFLICT DO NOTHING"
)


class SqlComparisons:
    """Port Comparisons.

    Args:
        database: the store's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, document: bytes, now: int, *, is_wrong: bool) -> int | None:
        """See ledger.services.lookup.Comparisons."""
        table, day = sheet_comparison, (now + SHANGHAI_S) // DAY_S
        with self._database.write() as connection:
            connection.execute(_FIRST, {"print_id": document, "day": day})
            row = connection.execute(
                sa.select(table.c.day, table.c.used, table.c.wrong)
                .where(table.c.print_id == document)
                .with_for_update()
            ).one()
            used = row.used if row.day == day else 0
            if used >= COMPARISONS_A_DAY or row.wrong >= WRONG_COMPARISONS:
                return None
            connection.execute(
                sa.update(table)
                .where(table.c.print_id == document)
                .values(day=day, used=used + 1, wrong=row.wrong + int(is_wrong))
            )
        return COMPARISONS_A_DAY - used - 1


class MemoryComparisons:
    """The same in memory."""

    def __init__(self) -> None:
        self._rows: dict[bytes, tuple[int, int, int]] = {}

    def take(self, document: bytes, now: int, *, is_wrong: bool) -> int | None:
        """See ledger.services.lookup.Comparisons."""
        day = (now + SHANGHAI_S) // DAY_S
        known, used, wrong = self._rows.get(document, (day, 0, 0))
        used = used if known == day else 0
        if used >= COMPARISONS_A_DAY or wrong >= WRONG_COMPARISONS:
            return None
        self._rows[document] = (day, used + 1, wrong + int(is_wrong))
        return COMPARISONS_A_DAY - used - 1
