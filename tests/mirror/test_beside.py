"""The node that a mirror serves beside itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ledger.apps.mirroring import Beside, parse_listen
from ledger.core.errors import InputError, UnavailableError


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("127.0.0.1:8422", ("127.0.0.1", 8422)),
        ("mirror.example:0", ("mirror.example", 0)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_where_to_listen(text: str, place: tuple[str, int]) -> None:
    assert parse_listen(text) == place


@pytest.mark.parametrize(
    "text", ["", "8422", ":8422", "host", "host:", "host:x", "host:70000", "::1:80", "h:-1"]
)
def test_what_is_no_place_to_listen_is_said(text: str) -> None:
    with pytest.raises(InputError, match="LISTEN_ADDRESS"):
        parse_listen(text)


def test_a_node_that_died_ends_the_mirror_too() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "input(); raise SystemExit(3)"], stdin=subprocess.PIPE
    ) as process:
        beside = Beside("http://127.0.0.1:1/", process)
        beside.require_alive()
        process.communicate(b"\n")
    with pytest.raises(UnavailableError, match="NODE_ENDED"):
        beside.require_alive()
