"""Ten seconds of single issues at 70 a second: none is lost, whatever the machine's speed."""

from __future__ import annotations

import sys

import pytest

from scripts.benchmarks.rest import send, settle, tell
from tests.api.conftest import Served

pytestmark = [pytest.mark.xdist_group("api"), pytest.mark.timeout(400)]
RATE, SECONDS = 70, 10


def test_none_is_lost(api: Served) -> None:
    outcome = settle(api.home, send(api.port, api.issuing, RATE, SECONDS, first=300_000))
    sys.stdout.write(tell(outcome) + "\n")
    assert outcome.refused == []
    assert len(outcome.accepted) == RATE * SECONDS
    assert outcome.lost == 0
    assert outcome.writes <= outcome.batches, "one chain write a batch at most"
