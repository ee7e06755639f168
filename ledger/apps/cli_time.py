"""Times for people: always Asia/Shanghai, always said so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8))
_YEAR_9999_S = 253_370_764_800
"""Times from strangers' files may be later, and no calendar goes further."""


def say_time(seconds: int) -> str:
    """`2026-11-22 09:30:00 +08:00`."""
    if not 0 <= seconds < _YEAR_9999_S:
        return f"{seconds} s"
    return datetime.fromtimestamp(seconds, UTC).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S +08:00")


def say_day(seconds: int) -> str:
    """`2026-11-22`, the day in Shanghai."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(SHANGHAI).strftime("%Y-%m-%d")


def day_start(day: date) -> int:
    """Seconds since 1970 UTC of 00:00 (Asia/Shanghai) of a day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).timestamp())
