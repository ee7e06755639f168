"""The record of a data directory under several hands at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.adapters.home_files import Agency, Home, HomeRecord
from ledger.core.errors import NotFoundError

USCC = "12990100MAXXXX023E"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    agency = Agency(USCC, "某中心", "Some Centre", "https://fund.example", "990100")
    home.save(HomeRecord(mode="demo", created_at=1, agencies=(agency,), ready=True))
    return home


def naming(who: str, pause: Callable[[], object]) -> Callable[[HomeRecord], HomeRecord]:
    def name(record: HomeRecord) -> HomeRecord:
        pause()  # between reading and writing: here the other one would slip in
        return replace(record, keys={**record.keys, who: f"{who}.key"})

    return name


def test_no_change_is_lost_when_several_commands_change_the_record(home: Home) -> None:
    everybody = threading.Barrier(6)

    def change(number: int) -> None:
        everybody.wait(30)
        Home(home.path).change(naming(f"key{number}", lambda: threading.Event().wait(0.02)))

    threads = [threading.Thread(target=change, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(home.load().keys) == [f"key{number}" for number in range(6)]


def test_a_change_that_fails_leaves_the_record_and_the_lock(home: Home) -> None:
    before = home.record_file.read_bytes()
    with pytest.raises(NotFoundError):
        home.change(lambda record: replace(record, agencies=(record.agency("unknown"),)))
    assert home.record_file.read_bytes() == before
    assert home.change(naming("later", lambda: None)).keys == {"later": "later.key"}
