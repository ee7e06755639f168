"""The worker between jobs: what it puts away."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from ledger.adapters.tables_programs import idempotency
from ledger.apps.working import open_work
from ledger.bootstrap import open_home
from ledger.bootstrap_demo import FUND
from ledger.bootstrap_programs import open_tokens
from ledger.core.errors import ConflictError
from ledger.core.singles import KEY_KEPT_S
from ledger.core.tokens import Scope
from ledger.settings import load_settings

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(300)]
OLD = 5


def test_what_one_agency_cannot_collect_holds_up_no_single_issue(
    demo_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(demo_home, tmp_path / "home", ignore=shutil.ignore_patterns("released", "documents"))
    here = open_home(load_settings({"ECERT_HOME": str(tmp_path / "home")}))

    def no_key() -> int:
        raise ConflictError("SEAL_KEY_CHANGED", "The seal key is not registered.")

    asked = []
    with open_work(here) as work:
        # reason: a seal key that ends while a print waits needs a day of the machine's clock
        monkeypatch.setattr(work.bench.desk.paper.maker, "collect", no_key)
        # reason: that it is asked is all that matters here
        monkeypatch.setattr(work.bench.standing, "sanction_waiting", lambda: asked.append(1) or 0)
        with caplog.at_level("WARNING", logger="ledger.worker"):
            work._gather()
            work._gather()
    assert len(asked) == 2
    assert [record.__dict__["code"] for record in caplog.records] == ["SEAL_KEY_CHANGED"]  # told once


def test_keys_of_requests_are_dropped_once_their_day_is_over(demo_home: Path, tmp_path: Path) -> None:
    shutil.copytree(demo_home, tmp_path / "home")
    here = open_home(load_settings({"ECERT_HOME": str(tmp_path / "home")}))
    token, _secret = open_tokens(here).add(FUND, "program", [Scope.ISSUE], 30, "test")
    now = here.clock.now()
    ages = [KEY_KEPT_S + number for number in range(OLD)] + [KEY_KEPT_S - 600]
    with here.store.database.write() as connection:
        connection.execute(
            sa.insert(idempotency),
            [
                {"token_id": token.id, "key_hash": bytes([number]) * 32, "body_hash": bytes(32), "answer": "[]",
                 "created_at": now - age}
                for number, age in enumerate(ages)
            ],
        )  # fmt: skip
    with open_work(here) as work:
        assert work.bench.singles.forget_old(2) == 2  # a piece at a time: others want to write too
        work.until_idle()
    with here.store.database.read() as connection:
        left = connection.execute(sa.select(idempotency.c.key_hash)).scalars().all()
    assert [bytes(key) for key in left] == [bytes([OLD]) * 32]
