"""Queries that every request asks, without a transaction around them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ledger.adapters.store_database import Database, open_database
from ledger.adapters.store_schema import stream
from ledger.adapters.system import ManualClock
from ledger.core.errors import UnavailableError

SOME = (
    sa.select(stream.c.type_code, stream.c.id)
    .where(
        stream.c.type_code.in_(sa.bindparam("codes", expanding=True)),
        stream.c.issuer == sa.bindparam("issuer"),
    )
    .order_by(stream.c.id)
)
COUNT = 100


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path / "store.db", ManualClock(1_000))
    with database.write() as connection:
        rows = [{"issuer": "ours", "type_code": f"T:{number}"} for number in range(COUNT)]
        connection.execute(sa.insert(stream), rows)
    yield database
    database.close()


@pytest.mark.parametrize("count", [1, 2, 64, 65, COUNT])
def test_the_answer_is_that_of_a_transaction(database: Database, count: int) -> None:
    values = {"issuer": "ours", "codes": [f"T:{number}" for number in range(count)]}
    for _ in range(2):  # the second time from what is kept
        with database.read() as connection:
            expected = [tuple(row) for row in connection.execute(SOME, values)]
        assert database.fetch(SOME, values) == expected
        assert len(expected) == count
    assert database.fetch(SOME, {**values, "issuer": "theirs"}) == []
    assert database.fetch(SOME, {**values, "codes": ["' OR 1=1 --"]}) == []


def test_a_database_that_fails_is_unavailable(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE stream")
    with pytest.raises(UnavailableError) as error:
        database.fetch(SOME, {"issuer": "ours", "codes": ["T:1"]})
    assert error.value.code == "STORE_UNAVAILABLE"
