"""kill -9 of the worker, or of the web process, at any point of an upload: it goes on, once.

The same nursery as test_kill.py; the row that is wrong in the file never becomes a credential.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.services.kill_points import KillPoint
from tests.integration.test_kill import Nursery, home, require_finished, require_sound, rows_of, template

pytestmark = [pytest.mark.kill, pytest.mark.xdist_group("kill")]

ROWS = 6
POINTS = [
    *(point for point in KillPoint if point.name.startswith("INTAKE_")),
    KillPoint.ROWS_STORED,
    KillPoint.IMPORT_FINISHED,
    KillPoint.BATCH_CLOSED,
]
__all__ = ["home", "template"]  # fixtures


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("point", POINTS)
def test_an_upload_goes_on_where_its_process_died(nursery: Nursery, home: Path, point: KillPoint) -> None:
    command = {"home": str(home), "first": 0, "last": ROWS, "batch": 20, "chunk": 8, "intake": True}
    nursery.send(**command, point=point, nth=1)
    assert nursery.wait() == -signal.SIGKILL
    require_sound(home)
    nursery.send(**command)
    assert nursery.wait() == 0
    require_finished(home, ROWS)
    [(state, rows, invalid, erased_at, failed)] = rows_of(
        home, "store.db", "SELECT state, rows, invalid, erased_at, failed_kept FROM intake"
    )
    assert (state, rows, invalid, failed) == ("closed", ROWS + 1, 1, 1)
    assert erased_at is not None
    assert rows_of(home, "store.db", "SELECT count(*) FROM intake_piece WHERE part = 'file'") == [(0,)]
    names = [name for (name,) in rows_of(home, "store.db", "SELECT name FROM intake")]
    keys = {name for (name,) in rows_of(home, "keys.db", "SELECT name FROM data_key")}
    assert not keys & set(names), "the key of an upload that ended is destroyed"
