"""Limits, of both adapters: buckets, growing waits, and what only the shared database promises."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.adapters.counters_database import CountersDatabase
from ledger.adapters.limits_memory import MemoryLimits
from ledger.adapters.limits_sql import SqlLimits
from ledger.adapters.system import ManualClock, SeededEntropy
from ledger.core.errors import UnavailableError
from ledger.core.limits import DAY_S, RULES, LimitKind, Rule, client_name, flowing
from ledger.ports import Limits

START = 1_795_305_600  # 2026-11-22 00:00 UTC: a day's first second
CHECK, CODE, ACCOUNT = LimitKind.CHECK, LimitKind.CODE, LimitKind.ACCOUNT
TESTED = {
    **RULES,
    CHECK: flowing(16),
    CODE: Rule(5, 60, free_failures=2, first_wait_s=2, longest_wait_s=60, forget_after_s=3600),
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def open_sql(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[[], SqlLimits]]:
    """Opens the same counters as another process would."""
    opened = []

    def open_one() -> SqlLimits:
        database = CountersDatabase(tmp_path / "counters.db", clock)
        opened.append(database)
        return SqlLimits(database, SeededEntropy(len(opened)), TESTED)

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture(params=["memory", "sql"])
def limits(request: pytest.FixtureRequest, clock: ManualClock, open_sql: Callable[[], SqlLimits]) -> Limits:
    return MemoryLimits(clock, TESTED) if request.param == "memory" else open_sql()


class TestBothAdapters:
    @pytest.mark.parametrize("kind", [CHECK, CODE])
    def test_a_burst_goes_through_and_then_one_waits(
        self, limits: Limits, clock: ManualClock, kind: LimitKind
    ) -> None:
        burst, every_s = TESTED[kind].burst, 60 // TESTED[kind].per_minute
        assert [limits.take(kind, "a") for _ in range(burst)] == [0] * burst
        wait_s = limits.take(kind, "a")
        assert 1 <= wait_s <= every_s + 1
        assert limits.take(kind, "b") == 0
        clock.advance(wait_s)
        assert limits.take(kind, "a") == 0
        clock.advance(120)
        assert [limits.take(kind, "a") for _ in range(burst)] == [0] * burst
        assert limits.take(kind, "a") > 0

    def test_several_at_once_are_taken_together_or_not(self, limits: Limits) -> None:
        assert limits.take(CHECK, "a", 10) == 0
        assert limits.take(CHECK, "a", 10) > 0

    def test_wrong_answers_wait_longer_and_longer(self, limits: Limits, clock: ManualClock) -> None:
        waits = []
        for _ in range(9):
            waits.append(limits.fail(CODE, "a"))
            clock.advance(waits[-1])
        assert waits == [0, 0, 2, 4, 8, 16, 32, 60, 60]
        assert limits.fail(CODE, "a") == 60
        clock.advance(59)
        assert limits.take(CODE, "a") == 1
        assert limits.take(CODE, "b") == 0  # only who was wrong waits
        clock.advance(1)
        assert limits.take(CODE, "a") == 0

    def test_the_right_answer_forgives_the_wrong_ones_but_not_the_asking(
        self, limits: Limits, clock: ManualClock
    ) -> None:
        for _ in range(5):
            limits.take(CODE, "a")
        for _ in range(4):
            limits.fail(CODE, "a")
        assert limits.take(CODE, "a") == 4
        limits.forget(CODE, "a")
        assert limits.take(CODE, "a") == 1  # the bucket is still empty
        clock.advance(1)
        assert limits.take(CODE, "a") == 0
        assert limits.fail(CODE, "a") == 0

    def test_wrong_answers_are_forgotten_in_time(self, limits: Limits, clock: ManualClock) -> None:
        for _ in range(6):
            limits.fail(CODE, "a")
        clock.advance(3600)
        assert limits.fail(CODE, "a") == 0

    def test_a_clock_set_back_makes_nobody_wait_for_ever(self, limits: Limits, clock: ManualClock) -> None:
        clock.set(START + DAY_S // 2)
        for _ in range(8):
            limits.fail(CODE, "a")
        clock.set(START + DAY_S // 4)
        assert limits.take(CODE, "a") == 60
        clock.set(START - 400 * DAY_S)
        assert limits.take(CODE, "a") <= 60
        assert limits.take(CHECK, "a") == 0

    def test_a_new_day_does_not_forgive(self, limits: Limits, clock: ManualClock) -> None:
        clock.set(START + DAY_S - 10)
        for _ in range(8):
            limits.fail(CODE, "a")
        clock.set(START + DAY_S + 5)
        assert limits.take(CODE, "a") == 45
        assert limits.fail(CODE, "a") == 60


class TestSeveralProcesses:
    def test_together_they_never_exceed_the_bucket(self, open_sql: Callable[[], SqlLimits]) -> None:
        one, other = open_sql(), open_sql()
        let_through = sum(each.take(CHECK, "a") == 0 for _ in range(40) for each in (one, other))
        assert let_through == TESTED[CHECK].burst

    def test_a_wrong_answer_at_one_waits_at_the_other(self, open_sql: Callable[[], SqlLimits]) -> None:
        one, other = open_sql(), open_sql()
        waits = [each.fail(CODE, "a") for each in (one, other, one, other)]
        assert waits == [0, 0, 2, 4]
        assert one.take(CODE, "a") == other.take(CODE, "a") == 4
        other.forget(CODE, "a")
        assert one.take(CODE, "a") == 0

    def test_really_another_process(self, open_sql: Callable[[], SqlLimits]) -> None:
        child = os.fork()
        if child == 0:
            limits = open_sql()
            os._exit(sum(limits.take(CODE, "a") == 0 for _ in range(3)))
        taken = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        limits = open_sql()
        assert taken + sum(limits.take(CODE, "a") == 0 for _ in range(20)) == TESTED[CODE].burst

    def test_a_common_kind_rarely_asks_the_database(
        self, open_sql: Callable[[], SqlLimits], tmp_path: Path, clock: ManualClock
    ) -> None:
        limits = open_sql()
        limits.take(ACCOUNT, "somebody")  # opens the file
        with closing(sqlite3.connect(tmp_path / "counters.db")) as connection:
            changes = "PRAGMA data_version"
            before = connection.execute(changes).fetchone()
            seen = 0
            for _ in range(TESTED[CHECK].burst):
                limits.take(CHECK, "a")
                now = connection.execute(changes).fetchone()
                seen, before = seen + (now != before), now
        assert seen == TESTED[CHECK].burst / TESTED[CHECK].share


class TestWhatIsStored:
    def test_nobodys_name_is_in_the_file(self, open_sql: Callable[[], SqlLimits], tmp_path: Path) -> None:
        limits = open_sql()
        for _ in range(4):
            limits.take(CHECK, "203.0.113.77")
            limits.fail(CODE, "203.0.113.77")
        found = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"203.0.113" not in found
        with closing(sqlite3.connect(tmp_path / "counters.db")) as connection:
            names = connection.execute("SELECT who FROM limit_counter").fetchall()
        assert len({name for (name,) in names}) == 2  # not even the two kinds show that it is the same client

    def test_salts_and_rows_go(
        self, open_sql: Callable[[], SqlLimits], tmp_path: Path, clock: ManualClock
    ) -> None:
        limits = open_sql()
        for _ in range(3):
            limits.take(CHECK, "a")
            clock.advance(DAY_S)
        limits.take(CHECK, "b")
        with closing(sqlite3.connect(tmp_path / "counters.db")) as connection:
            days = connection.execute("SELECT day FROM limit_salt ORDER BY day").fetchall()
            rows = connection.execute("SELECT count(*) FROM limit_counter").fetchone()
        assert days == [(START // DAY_S + 2,), (START // DAY_S + 3,)]
        assert rows == (1,)

    def test_it_is_for_this_account_alone(self, open_sql: Callable[[], SqlLimits], tmp_path: Path) -> None:
        open_sql().take(CHECK, "a")
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


class TestCountersAway:
    @pytest.fixture
    def away(self, tmp_path: Path, clock: ManualClock) -> SqlLimits:
        return SqlLimits(CountersDatabase(tmp_path / "no" / "counters.db", clock), SeededEntropy(1), TESTED)

    def test_checking_goes_on_with_the_limit_of_this_process(self, away: SqlLimits) -> None:
        burst = TESTED[CHECK].burst
        assert [away.take(CHECK, "a") for _ in range(burst)] == [0] * burst
        assert away.take(CHECK, "a") > 0

    def test_guessing_does_not(self, away: SqlLimits) -> None:
        for call in (away.take, away.fail, away.forget):
            with pytest.raises(UnavailableError) as refusal:
                call(CODE, "a")
            assert refusal.value.code == "COUNTERS_UNAVAILABLE"

    def test_they_are_used_again_once_they_are_back(self, away: SqlLimits, tmp_path: Path) -> None:
        assert away.take(CHECK, "a") == 0
        (tmp_path / "no").mkdir()
        assert away.take(CODE, "a") == 0

    def test_a_locked_file_is_not_waited_for_long(
        self, open_sql: Callable[[], SqlLimits], tmp_path: Path
    ) -> None:
        limits = open_sql()
        limits.take(CODE, "a")
        with closing(sqlite3.connect(tmp_path / "counters.db", isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            assert limits.take(CHECK, "a") == 0
            with pytest.raises(UnavailableError):
                limits.take(CODE, "a")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::99", "2001:db8:1:2::"),
        ("", "unknown"),
        (None, "unknown"),
        ("evil\r\nname", "unknown"),
    ],
)
def test_whom_an_address_stands_for(address: str | None, name: str) -> None:
    assert client_name(address) == name


def test_every_kind_has_a_rule() -> None:
    assert set(RULES) == set(LimitKind)
