"""`ecert serve` under hard conditions: killed anywhere, two web processes, slow clients, too many at once."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError

import pytest

from ledger.adapters.system import free_port
from ledger.bootstrap import open_home
from ledger.bootstrap_demo import FUND
from ledger.bootstrap_people import open_people_alone
from ledger.bootstrap_work import is_chain_free
from ledger.core.people import Role
from ledger.settings import load_settings
from tests.cli.test_serve import address, start, wait_for_lock

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(300)]
OWN = {"Content-Type": "application/json"}
LOGIN, PASSWORD = "kill.tester", "only for this test 4711"


@pytest.fixture(scope="module")
def home(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("hard") / "home"
    shutil.copytree(demo_home, home)
    return home


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        for child in children(process.pid):
            os.kill(child, signal.SIGKILL)
        if process.poll() is None:
            process.kill()
        process.communicate()


def children(parent: int) -> list[int]:
    """Processes whose parent this is."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append(int(folder.name))
    return found


def check(url: str, bundle: bytes) -> bool:
    """The verdict over HTTP."""
    request = urllib.request.Request(url + "verify", bundle, OWN)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return bool(json.load(answer)["accepted"])


def wait_until_gone(process: subprocess.Popen[str], home: Path) -> None:
    process.wait(90)
    wait_for_lock(home, free=True)


@pytest.mark.kill
def test_killed_anywhere_again_and_again_it_loses_nothing(
    home: Path, started: list[subprocess.Popen[str]], kills: int, kill_dice: random.Random
) -> None:
    """Whichever process dies, all end, nothing holds lock or port, and the next start has all the data."""
    bundle = (home / "demo" / "good.ecert.json").read_bytes()
    port = free_port("127.0.0.1")
    with closing(sqlite3.connect(home / "store.db")) as store:
        rows = store.execute("SELECT count(*) FROM record").fetchone()
    people = open_people_alone(open_home(replace(load_settings(), home=home)))
    for number in range(max(3, kills // 5)):  # a start and a stop each: --kills 100 makes twenty
        process = start(home, port, started)
        url = address(process)
        wait_for_lock(home, free=False)
        kept = people.people.add(f"{LOGIN}.{number}", "nobody", by=None)  # durable when it returns
        assert check(url, bundle)
        tree = children(process.pid)
        assert len(tree) >= 2, "a web process and a worker"
        victims = [process.pid, *tree] if number % 4 == 0 else [kill_dice.choice([process.pid, *tree])]
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        wait_until_gone(process, home)
        assert people.people.find(f"{LOGIN}.{number}").id == kept
    with closing(sqlite3.connect(home / "store.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert store.execute("SELECT count(*) FROM record").fetchone() == rows
    with closing(sqlite3.connect(home / "chain.db")) as chain:
        assert chain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert people.audit.fault() is None


class Browser:
    """Keeps cookies and takes forms along, over one server's address."""

    def __init__(self, url: str) -> None:
        self.host = url.removeprefix("http://").rstrip("/")
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, text, where to."""
        connection = http.client.HTTPConnection(self.host, timeout=30)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        body = (
            None
            if form is None
            else "&".join(f"{name}={urllib.request.quote(value, safe='')}" for name, value in form.items())
        )
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = cookie.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        connection.close()
        return answer.status, text, answer.headers.get("Location") or ""

    def token(self, text: str) -> str:
        return text.split('name="token" value="')[1].split('"', maxsplit=1)[0]


def test_two_serves_share_sessions_limits_and_progress(
    home: Path, started: list[subprocess.Popen[str]]
) -> None:
    here = open_home(replace(load_settings(), home=home))
    people = open_people_alone(here).people
    clerk = people.add("two.clerk", "nobody", by=None, password=PASSWORD)
    people.give_role(clerk, FUND, Role.CLERK, by=None)
    ports = [free_port("127.0.0.1") for _ in range(2)]
    urls = [address(start(home, port, started)) for port in ports]
    assert not is_chain_free(home)  # one of them holds the worker
    assert sorted(len(children(process.pid)) >= 2 for process in started) in ([False, True], [True, True])

    one, other = Browser(urls[0]), Browser(urls[1])
    _, text, _ = one.ask("GET", "/account/log-in")
    form = {"login": "two.clerk", "password": PASSWORD, "token": one.token(text)}
    status, text, _ = one.ask("POST", "/account/log-in", form)
    assert status == 303, text[-2000:]
    other.cookies = one.cookies
    assert other.ask("GET", "/desk")[0] == 200  # the session is known there too
    _, text, _ = other.ask("GET", "/desk")
    assert one.ask("POST", "/account/log-out", {"token": other.token(text)})[0] == 303
    assert other.ask("GET", "/desk")[0] == 303

    guess = Browser(urls[0])
    statuses = []
    for number in range(24):
        guess.host = urls[number % 2].removeprefix("http://").rstrip("/")
        _, text, _ = guess.ask("GET", "/account/log-in")
        wrong = {"login": "two.clerk", "password": f"wrong {number} wrong", "token": guess.token(text)}
        statuses.append(guess.ask("POST", "/account/log-in", wrong)[0])
    assert 429 in statuses, statuses  # together they count what neither of them alone would refuse
    figures = urllib.request.urlopen(urls[0] + "metrics", timeout=10).read().decode()
    time.sleep(2.5)  # each adds its own every two seconds
    again = urllib.request.urlopen(urls[1] + "metrics", timeout=10).read().decode()
    assert 'endpoint="accounts.login"' in figures
    assert 'endpoint="accounts.login"' in again


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[str]:
    processes: list[subprocess.Popen[str]] = []
    yield address(start(home, free_port("127.0.0.1"), processes))
    processes[0].send_signal(signal.SIGTERM)
    processes[0].communicate(timeout=30)


def connect(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
    return socket.create_connection((host, int(port)), timeout=5)


class TestSlowClients:
    def test_a_hundred_bodies_that_dawdle_hold_nobody_up(self, served: str, home: Path) -> None:
        bundle = (home / "demo" / "good.ecert.json").read_bytes()
        head = b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{"
        slow = [connect(served) for _ in range(100)]
        for each in slow:
            each.sendall(head)
        for _ in range(3):
            before = time.monotonic()
            assert check(served, bundle)
            assert time.monotonic() - before < 5
            for each in slow:
                each.sendall(b" ")
        slow[0].settimeout(45)
        assert b" 408 " in slow[0].recv(100)
        for each in slow:
            each.close()

    def test_heads_that_dawdle_are_hung_up_on(self, served: str) -> None:
        slow = [connect(served) for _ in range(100)]
        for each in slow:
            each.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-")
        assert urllib.request.urlopen(served + "healthz", timeout=5).status == 200
        slow[0].settimeout(40)
        before = time.monotonic()
        assert slow[0].recv(100) == b""
        assert time.monotonic() - before < 30
        for each in slow:
            each.close()

    def test_keep_alive_takes_several_requests(self, served: str) -> None:
        connection = http.client.HTTPConnection(served.removeprefix("http://").rstrip("/"), timeout=5)
        numbers = set()
        for _ in range(3):
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
            numbers.add(answer.headers["X-Request-Id"])
        assert len(numbers) == 3
        connection.close()

    def test_a_body_that_is_too_large_is_told_so(self, served: str) -> None:
        request = urllib.request.Request(served + "verify", b"x" * 3_000_000, OWN)
        with pytest.raises(HTTPError) as refusal:
            urllib.request.urlopen(request, timeout=20)
        assert refusal.value.code == 413

    def test_a_locked_store_is_told_within_seconds_and_checking_goes_on(
        self, served: str, home: Path
    ) -> None:
        bundle = (home / "demo" / "good.ecert.json").read_bytes()
        person = Browser(served)
        _, text, _ = person.ask("GET", "/account/log-in")
        form = {"login": "demo.jingban", "password": "wrong", "token": person.token(text)}
        with closing(sqlite3.connect(home / "store.db", isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            before = time.monotonic()
            status, text, _ = person.ask("POST", "/account/log-in", form)
            waited = time.monotonic() - before
            assert check(served, bundle)
            other.execute("ROLLBACK")
        assert status == 503, text[-2000:]
        assert waited < 12  # three seconds for the store; the machine may be busy
        assert "<main" in text  # a page, with what to do
        assert person.ask("POST", "/account/log-in", form)[0] in {200, 422}

    def test_odd_addresses_are_not_there(self, served: str) -> None:
        for path in ("a%2Fb%20c/%E4%B8%AD", "%ff%fe", "..%2f..%2fetc/passwd"):
            with pytest.raises(HTTPError) as refusal:
                urllib.request.urlopen(served + path, timeout=10)
            assert refusal.value.code == 404
