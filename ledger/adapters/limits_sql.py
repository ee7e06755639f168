"""Limits counted in a database that all processes share (port Limits).

Who asked is stored only as HMAC-SHA-256, cut to 16 bytes, under a salt that is drawn each day and
destroyed two days later; a counter that is still needed moves to the new day's name when its client
comes back. Rows that say nothing any more are deleted once a minute.

Kinds that many ask for at once are shared out: a process takes a part of the bucket in one
transaction and gives it out on its own, so that the sum over all processes never exceeds the bucket.
A client that was refused is refused from memory until its wait is over.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from ledger.adapters.counters_database import CountersDatabase
from ledger.adapters.limits_memory import MemoryLimits
from ledger.adapters.tables_counters import limit_counter, limit_salt
from ledger.core.errors import UnavailableError
from ledger.core.limits import (
    DAY_S,
    RULES,
    Counter,
    LimitKind,
    Rule,
    expires_at,
    fail,
    forgiven,
    fresh,
    take,
)
from ledger.ports import Entropy

SALT_BYTES = 32
NAME_BYTES = 16
REMEMBERED = 4096  # clients a process holds shares for; the oldest is let go first
TIDY_EVERY_S = 60


@dataclass(frozen=True, slots=True)
class _Share:
    """What this process may still give out, or until when it refuses. Times are of the monotonic clock."""

    left: int
    good_until: float
    refused_until: float = 0.0


class SqlLimits:
    """Port Limits. Safe to share between threads.

    Args:
        database: of the counters.
        entropy: draws the salts.
        rules: of every kind.
    """

    def __init__(
        self, database: CountersDatabase, entropy: Entropy, rules: Mapping[LimitKind, Rule] = RULES
    ) -> None:
        self._database = database
        self._clock = database.clock
        self._entropy = entropy
        self._rules = rules
        self._alone = MemoryLimits(database.clock, rules)
        self._lock = threading.Lock()
        self._shares: OrderedDict[tuple[LimitKind, str], _Share] = OrderedDict()
        self._known_salt: tuple[int, bytes] | None = None
        self._tidied_at = 0.0

    def take(self, kind: LimitKind, who: str, count: int = 1) -> int:
        rule = self._rules[kind]
        if rule.share > 1:
            wait_s = self._from_share(kind, who, count)
            if wait_s is not None:
                return wait_s
        try:
            taken, wait_s = self._from_database(rule, kind, who, count)
        except UnavailableError:
            if not rule.is_open:
                raise
            return self._alone.take(kind, who, count)
        if rule.share > 1:
            self._keep_share(rule, (kind, who), taken - count if taken else 0, wait_s)
        return wait_s

    def fail(self, kind: LimitKind, who: str) -> int:
        rule = self._rules[kind]
        now = self._clock.now()
        with self._database.write() as connection:
            name, counter = self._load(connection, rule, kind, who, now)
            changed, wait_s = fail(rule, counter, now)
            _save(connection, kind, name, changed, expires_at(rule, changed))
        return wait_s

    def forget(self, kind: LimitKind, who: str) -> None:
        rule = self._rules[kind]
        now = self._clock.now()
        with self._database.write() as connection:
            name, counter = self._load(connection, rule, kind, who, now)
            if counter.failures:
                changed = forgiven(counter)
                _save(connection, kind, name, changed, expires_at(rule, changed))

    def _from_share(self, kind: LimitKind, who: str, count: int) -> int | None:
        """0 or a wait that this process can answer on its own; None: ask the database."""
        now = self._clock.monotonic()
        with self._lock:
            share = self._shares.get((kind, who))
            if share is None:
                return None
            if now < share.refused_until:
                return max(1, round(share.refused_until - now))
            if share.left < count or now >= share.good_until:
                return None
            self._shares[kind, who] = replace(share, left=share.left - count)
            self._shares.move_to_end((kind, who))
        return 0

    def _keep_share(self, rule: Rule, key: tuple[LimitKind, str], left: int, wait_s: int) -> None:
        """Remember what was taken in stock, beside what another thread took meanwhile."""
        now = self._clock.monotonic()
        with self._lock:
            before = self._shares.pop(key, None)
            if before is not None and now < before.good_until:
                left += before.left
            self._shares[key] = _Share(left, now + rule.fills_in_s, now + wait_s if wait_s else 0.0)
            if len(self._shares) > REMEMBERED:
                self._shares.popitem(last=False)

    def _from_database(self, rule: Rule, kind: LimitKind, who: str, count: int) -> tuple[int, int]:
        now = self._clock.now()
        with self._database.write() as connection:
            name, counter = self._load(connection, rule, kind, who, now)
            changed, taken, wait_s = take(rule, counter, now, count, rule.share)
            if taken:
                _save(connection, kind, name, changed, expires_at(rule, changed))
            self._tidy(connection, now)
        return taken, wait_s

    def _load(
        self, connection: Connection, rule: Rule, kind: LimitKind, who: str, now: int
    ) -> tuple[bytes, Counter]:
        """Today's name of this client, and its counter: today's, else yesterday's, else a fresh one."""
        today = now // DAY_S
        name = _name(self._salt(connection, today), kind, who)
        row = _find(connection, kind, name)
        if row is None:
            salt = self._yesterdays_salt(connection, today - 1)
            if salt is not None:
                old = _name(salt, kind, who)
                row = _find(connection, kind, old)
                if row is not None:
                    connection.execute(sa.update(limit_counter).where(_is(kind, old)).values(who=name))
        if row is None:
            return name, fresh(rule, now)
        return name, Counter(row.level, row.filled_at, row.failures, row.failed_at, row.waits_until)

    def _salt(self, connection: Connection, day: int) -> bytes:
        known = self._known_salt
        if known is not None and known[0] == day:
            return known[1]
        connection.execute(
            _insert(connection)(limit_salt)
            .values(day=day, salt=self._entropy.token(SALT_BYTES))
            .on_conflict_do_nothing()
        )
        connection.execute(sa.delete(limit_salt).where(limit_salt.c.day < day - 1))
        found = connection.execute(sa.select(limit_salt.c.salt).where(limit_salt.c.day == day)).scalar_one()
        salt = bytes(found)
        # kept by the process only once committed: a transaction that fails takes a new salt along
        sa.event.listen(connection, "commit", lambda _: self._keep_salt(day, salt), once=True)
        return salt

    def _keep_salt(self, day: int, salt: bytes) -> None:
        self._known_salt = (day, salt)

    def _yesterdays_salt(self, connection: Connection, day: int) -> bytes | None:
        found = connection.execute(sa.select(limit_salt.c.salt).where(limit_salt.c.day == day)).scalar()
        return None if found is None else bytes(found)

    def _tidy(self, connection: Connection, now: int) -> None:
        passed = self._clock.monotonic()
        if self._tidied_at and passed - self._tidied_at < TIDY_EVERY_S:
            return
        self._tidied_at = passed or 1.0
        connection.execute(sa.delete(limit_counter).where(limit_counter.c.expires_at <= now))


def _name(salt: bytes, kind: LimitKind, who: str) -> bytes:
    return hmac.digest(salt, f"{kind}\x00{who}".encode(), hashlib.sha256)[:NAME_BYTES]


def _is(kind: LimitKind, name: bytes) -> sa.ColumnElement[bool]:
    return sa.and_(limit_counter.c.kind == str(kind), limit_counter.c.who == name)


def _find(connection: Connection, kind: LimitKind, name: bytes) -> Any:
    return connection.execute(sa.select(limit_counter).where(_is(kind, name)).with_for_update()).first()


def _insert(connection: Connection) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert


def _save(connection: Connection, kind: LimitKind, name: bytes, counter: Counter, expires: int) -> None:
    values = {
        "level": counter.level,
        "filled_at": counter.filled_at,
        "failures": counter.failures,
        "failed_at": counter.failed_at,
        "waits_until": counter.waits_until,
        "expires_at": expires,
    }
    connection.execute(
        _insert(connection)(limit_counter)
        .values(kind=str(kind), who=name, **values)
        .on_conflict_do_update(index_elements=["kind", "who"], set_=values)
    )
