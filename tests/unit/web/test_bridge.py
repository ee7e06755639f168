"""The server's side of a process: too many waiting are told so, too slow and too large ones too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from ledger.apps import bridge
from ledger.apps.bridge import Bridge
from tests.off_loop import off_loop
from tests.web_world import ScriptedServices
from web import WebSettings, create_app


class Client:
    """One request as granian hands it over, and what it was answered."""

    proto, query_string, scheme, http_version = "http", "", "http", "1.1"
    server, client = "localhost:8420", "192.0.2.1:50000"

    def __init__(self, method: str, path: str, body: Sequence[bytes] = (), pause_s: float = 0.0) -> None:
        self.method, self.path, self.headers = method, path, {"host": "localhost"}
        self._body, self._pause_s = body, pause_s
        self.status, self.text = 0, ""

    async def __aiter__(self) -> AsyncIterator[bytes]:
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
