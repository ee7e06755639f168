"""`ecert serve` as a supervisor sees it: stops when told, at any moment, and starts again after kill -9."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ledger.adapters.home_files import Home
from ledger.adapters.system import free_port
from ledger.apps.serving import make_app
from ledger.bootstrap_work import is_chain_free
from tests.cli.story import ROOT, STARTER

pytestmark = [pytest.mark.xdist_group("served"), pytest.mark.timeout(300)]
PATIENCE_S = 60


@pytest.fixture(scope="module")
def home(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("serve") / "home"
    shutil.copytree(demo_home, home)
    return home


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def start(home: Path, port: int, processes: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER, "serve", "--port", str(port)],
        cwd=ROOT,
        env={
            "ECERT_HOME": str(home),
            "PATH": os.environ["PATH"],
            "ECERT_LANG": "en",
            "PYTHONUNBUFFERED": "1",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    processes.append(process)
    return process


def address(process: subprocess.Popen[str]) -> str:
    """What it prints once it answers."""
    assert process.stdout is not None
    seen = ""
    end = time.monotonic() + PATIENCE_S
    with selectors.DefaultSelector() as eyes:  # select.select() knows no file above 1024
        eyes.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < end:
            line = process.stdout.readline() if eyes.select(1) else ""
            seen += line
            if "http://" in line:
                assert line.startswith("Verification page: ")  # ECERT_LANG, although a thread says it
                return "http://" + line.split("http://")[1].split()[0]
            assert line or process.poll() is None, seen
    raise AssertionError(seen)


def is_alive(url: str) -> bool:
    with urllib.request.urlopen(url + "healthz", timeout=10) as answer:
        return bool(json.load(answer)["status"] == "ok")


def wait_for_lock(home: Path, *, free: bool) -> None:
    end = time.monotonic() + PATIENCE_S
    while is_chain_free(home) is not free:
        assert time.monotonic() < end, f"the chain never became {'free' if free else 'held'}"
        time.sleep(0.1)


@pytest.mark.parametrize("moment", ["at once", "worker there", "answering"])
def test_it_stops_when_told_at_any_moment(
    home: Path, moment: str, started: list[subprocess.Popen[str]]
) -> None:
    process = start(home, free_port("127.0.0.1"), started)
    if moment == "at once":
        time.sleep(0.7)
    elif moment == "worker there":
        wait_for_lock(home, free=False)
    else:
        assert is_alive(address(process))
    before = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(30)
    assert time.monotonic() - before < 10
    assert code in ((0, -signal.SIGTERM) if moment == "at once" else (0,))
    wait_for_lock(home, free=True)


STOP_S = 6.0
"""Idle it takes less than three; two processes may share a core with other tests."""


def test_an_idle_tree_stops_within_seconds_whatever_clients_hold_on_to(
    home: Path, started: list[subprocess.Popen[str]]
) -> None:
    """A quiet connection, half a head, half a body."""
    process = start(home, free_port("127.0.0.1"), started)
    where = urllib.parse.urlsplit(address(process))
    wait_for_lock(home, free=False)
    body = b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    with ExitStack() as stack:
        quiet, head, half = (
            stack.enter_context(socket.create_connection((str(where.hostname), int(where.port or 0)), 10))
            for _ in range(3)
        )
        quiet.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in quiet.recv(4096)
        head.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-")
        half.sendall(b"POST /verify HTTP/1.1\r\nHost: x\r\n" + body)
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert time.monotonic() - before < STOP_S
    wait_for_lock(home, free=True)


def test_killed_it_leaves_nothing_that_hinders_the_next_one(
    home: Path, started: list[subprocess.Popen[str]]
) -> None:
    port = free_port("127.0.0.1")
    first = start(home, port, started)
    url = address(first)
    wait_for_lock(home, free=False)
    first.kill()
    first.wait(10)
    wait_for_lock(home, free=True)  # the worker followed
    second = start(home, port, started)
    assert address(second) == url
    assert is_alive(url)
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0


@pytest.mark.parametrize(("mode", "secure"), [("demo", False), ("production", True)])
def test_cookies_are_secure_in_production(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, *, secure: bool
) -> None:
    shutil.copytree(home, tmp_path / "home")
    record = Home(tmp_path / "home").record_file
    record.write_text(
        record.read_text(encoding="utf-8").replace('"mode": "demo"', f'"mode": "{mode}"'), "utf-8"
    )
    monkeypatch.setenv("ECERT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ECERT_CHECKS_PER_MINUTE", "7")
    monkeypatch.setenv("ECERT_TRUSTED_PROXIES", "1")
    app = make_app()
    settings = app.extensions["web-settings"]  # type: ignore[attr-defined]
    assert settings.secure_cookies is secure
    assert settings.trusted_proxies == 1
    assert app.extensions["ledger"].here.settings.checks_per_minute == 7  # type: ignore[attr-defined]
