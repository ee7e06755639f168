"""The server's side of a process: too many waiting are told so, too slow and too large ones too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from ledger.apps import bridge
from ledger.apps.bridge import Bridge, ProtocolClosed
from tests.off_loop import off_loop
from tests.web_world import ScriptedServices
from web import WebSettings, create_app


class Client:
    """One request as granian hands it over, and what it was answered."""

    proto, query_string, scheme, http_version = "http", "", "http", "1.1"
    server, client = "localhost:8420", "192.0.2.1:50000"

    def __init__(
        self, method: str, path: str, body: Sequence[bytes] = (), pause_s: float = 0.0, **headers: str
    ) -> None:
        self.method, self.path = method, path
        self.headers = {"host": "localhost"} | {
            name.replace("_", "-"): said for name, said in headers.items()
        }
        self._body, self._pause_s = body, pause_s
        self.status, self.text = 0, ""
        self.asked_for: list[str] = []

    async def __call__(self) -> bytes:
        self.asked_for.append("whole")
        if not self._body:
            raise ProtocolClosed
        await asyncio.sleep(self._pause_s * len(self._body))
        return b"".join(self._body)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.asked_for.append("pieces")
        for piece in self._body:
            await asyncio.sleep(self._pause_s)
            yield piece

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.text = status, body.decode()
        assert all(isinstance(value, str) for header in headers for value in header)


def ask(client: Client, **options: Any) -> Client:
    """Through a bridge to the real application over scripted services."""

    async def run() -> None:
        made = Bridge(lambda: create_app(WebSettings("production"), ScriptedServices()), threads=1, **options)
        loop = asyncio.get_running_loop()
        made.__rsgi_init__(loop)
        await made.__rsgi__(client, client)  # type: ignore[arg-type]
        made.__rsgi_del__(loop)

    off_loop(asyncio.run, run())
    return client


def test_too_many_waiting_get_a_page_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(Client("GET", "/")).status == 200
    # reason: as if that many waited
    monkeypatch.setattr(bridge, "MOST_WAITING", 0)
    full = ask(Client("GET", "/"))
    assert full.status == 503
    assert "<main" in full.text
    program = ask(Client("GET", "/healthz"))
    assert program.status == 503


def test_a_body_that_dawdles_is_given_up() -> None:
    assert ask(Client("POST", "/verify", [b"{"] * 50, pause_s=0.02), body_s=0.1).status == 408


def test_more_bodies_than_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # reason: no test holds half a gigabyte
    monkeypatch.setattr(bridge, "LARGEST_SUM", 10)
    assert ask(Client("POST", "/verify", [b"{" * 8] * 3)).status == 503


@pytest.mark.parametrize(
    ("headers", "way"),
    [
        ({"content_length": "4"}, "whole"),
        ({"content_length": "65536"}, "whole"),
        ({"content_length": "65537"}, "pieces"),
        ({"content_length": "+4"}, "pieces"),
        ({}, "pieces"),
        ({"content_length": "4", "transfer_encoding": "chunked"}, "pieces"),
    ],
)
def test_only_a_body_that_is_small_for_sure_is_waited_for_as_a_whole(
    headers: dict[str, str], way: str
) -> None:
    client = ask(Client("POST", "/verify", [b"go", b"od"], content_type="application/json", **headers))
    assert client.asked_for == [way]
    assert client.status == 200
    assert '"accepted":true' in client.text


def test_a_small_body_that_dawdles_is_given_up() -> None:
    slow = Client("POST", "/verify", [b"{"] * 50, pause_s=0.02, content_length="50")
    assert ask(slow, body_s=0.1).status == 408


def test_who_goes_away_while_sending_is_not_answered() -> None:
    assert ask(Client("POST", "/verify", content_length="50")).status == 0
