"""`ecert serve` under hard conditions: killed anywhere, two web processes, slow clients, too many at once."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import HTTPError

import pytest

from ledger.adapters.system import free_port
from ledger.bootstrap import open_home
from ledger.bootstrap_demo import FUND
from ledger.bootstrap_people import open_people_alone
from ledger.bootstrap_work import is_chain_free
from ledger.core.people import Role
from ledger.demo_data import deposit_rows, write_csv
from ledger.settings import load_settings
from tests.cli.test_serve import PATIENCE_S, address, start, wait_for_lock

pytestmark = [pytest.mark.xdist_group("served"), pytest.mark.timeout(300)]
GONE_S = 60  # seconds on an idle machine; a worker that is told to stop ends its round first
OWN = {"Content-Type": "application/json"}
ROWS = 3_000
KILLED_ROWS = 307  # as many as no batch of the demo has
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


def running() -> dict[int, int]:
    """Processes that have not ended, and the parent of each."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                found[int(folder.name)] = int(parent)
    return found


def children(parent: int) -> list[int]:
    """Processes whose parent this is."""
    return [number for number, of in running().items() if of == parent]


def is_worker(number: int) -> bool:
    return b"run_worker" in Path(f"/proc/{number}/cmdline").read_bytes()


def check(url: str, bundle: bytes) -> bool:
    """The verdict over HTTP."""
    request = urllib.request.Request(url + "verify", bundle, OWN)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return bool(json.load(answer)["accepted"])


def wait_until_good(url: str, bundle: bytes) -> None:
    """A copied chain is nobody's source until a worker has opened it."""
    end = time.monotonic() + PATIENCE_S
    while not check(url, bundle):
        assert time.monotonic() < end, "the worker never opened the chain"
        time.sleep(0.2)


def wait_until_gone(process: subprocess.Popen[str], tree: list[int], home: Path) -> None:
    """Everybody, within seconds of an idle machine; the web's own children too."""
    process.wait(GONE_S)
    end = time.monotonic() + GONE_S
    while left := running().keys() & set(tree):
        assert time.monotonic() < end, left
        time.sleep(0.05)
    assert is_chain_free(home, GONE_S)  # a leader is a zombie before its last thread let go of its files


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
    clerk = people.people.add(LOGIN, "nobody", by=None, password=PASSWORD)
    people.people.give_role(clerk, FUND, Role.CLERK, by=None)
    write_csv(home.parent / "killed.csv", deposit_rows(KILLED_ROWS, 72, first=7_200_000))
    importing: Importing | None = None
    last = max(4, kills // 5) - 1  # a start and a stop each, six seconds of a core: --kills 100 makes twenty
    for number in range(last + 1):
        process = start(home, port, started)
        url = address(process)
        wait_for_lock(home, free=False)
        importing = importing or Importing.begin(Browser(url), (home.parent / "killed.csv").read_bytes())
        while not importing.go_on() and number == last:
            time.sleep(0.5)
        kept = people.people.add(f"{LOGIN}.{number}", "nobody", by=None)  # durable when it returns
        wait_until_good(url, bundle)
        tree = children(process.pid)
        workers = [child for child in tree if is_worker(child)]
        webs = [child for child in tree if child not in workers]
        assert len(workers) == len(webs) == 1
        offspring = tree + [grandchild for child in tree for grandchild in children(child)]
        time.sleep(kill_dice.random())
        for victim in ([process.pid, *tree], workers, webs, [process.pid])[number % 4]:
            os.kill(victim, signal.SIGKILL)
        wait_until_gone(process, offspring, home)
        assert people.people.find(f"{LOGIN}.{number}").id == kept
    with closing(sqlite3.connect(home / "store.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert store.execute("SELECT count(*) FROM record").fetchone() == (rows[0] + KILLED_ROWS,)
        of_clerk = "SELECT sum(size), count(DISTINCT state), min(state) FROM batch WHERE size = ? AND type_id"
        assert store.execute(of_clerk, (KILLED_ROWS,)).fetchone() == (KILLED_ROWS, 1, "signed")
    with closing(sqlite3.connect(home / "chain.db")) as chain:
        assert chain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert people.audit.fault() is None


@dataclass
class Importing:
    """A clerk's file on its way while the server is killed under him; he stays logged in."""

    clerk: Browser
    where: str
    end: float

    @classmethod
    def begin(cls, clerk: Browser, file: bytes) -> Importing:
        """Log in and hand the file in."""
        _, text, _ = clerk.ask("GET", "/account/log-in")
        form = {"login": LOGIN, "password": PASSWORD, "token": clerk.token(text)}
        assert clerk.ask("POST", "/account/log-in", form)[0] == 303
        path = "/desk/import/HPF_PERSONAL_DEPOSIT"
        _, text, _ = clerk.ask("GET", path)
        status, text, where = clerk.ask("POST", path, {"token": clerk.token(text)}, file)
        assert status == 303, text[-2000:]
        return cls(clerk, where.split("?")[0], time.monotonic() + 4 * PATIENCE_S)

    def go_on(self) -> bool:
        """What he does when he looks: hand in what was checked. True once the rows wait for him to sign."""
        status, text, _ = self.clerk.ask("GET", self.where)
        assert status == 200, text[-2000:]
        assert time.monotonic() < self.end, text[-2000:]
        if f"提交 {KILLED_ROWS} 行" in text:
            self.clerk.ask("POST", f"{self.where}/submit", {"token": self.clerk.token(text)})
        return "待经办确认" in text


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


class Browser:
    """Keeps cookies and takes forms along, over one server's address."""

    def __init__(self, url: str) -> None:
        self.host = url.removeprefix("http://").rstrip("/")
        self.cookies: dict[str, str] = {}

    def ask(
        self, method: str, path: str, form: dict[str, str] | None = None, file: bytes | None = None
    ) -> tuple[int, str, str]:
        """Status, text, where to."""
        connection = http.client.HTTPConnection(self.host, timeout=30)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body: str | bytes | None = None
        if form is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
            body = "&".join(f"{name}={urllib.request.quote(value, safe='')}" for name, value in form.items())
        if form is not None and file is not None:
            headers["Content-Type"] = "multipart/form-data; boundary=part"
            head = 'Content-Disposition: form-data; name="{}"'
            fields = [f"--part\r\n{head.format(name)}\r\n\r\n{value}\r\n" for name, value in form.items()]
            fields.append(f'--part\r\n{head.format("file")}; filename="rows.csv"\r\n\r\n')
            body = "".join(fields).encode() + file + b"\r\n--part--\r\n"
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
    demo_home: Path, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    home = Path(shutil.copytree(demo_home, tmp_path / "home"))  # its wrong log-ins make this address wait
    here = open_home(replace(load_settings(), home=home))
    people = open_people_alone(here).people
    clerk = people.add("two.clerk", "nobody", by=None, password=PASSWORD)
    people.give_role(clerk, FUND, Role.CLERK, by=None)
    ports = [free_port("127.0.0.1") for _ in range(2)]
    urls = [address(start(home, port, started)) for port in ports]
    end = time.monotonic() + PATIENCE_S
    while is_chain_free(home):  # pages answer before the worker is up; then one of them holds it
        assert time.monotonic() < end
        time.sleep(0.1)
    assert sorted(len(children(process.pid)) >= 2 for process in started) in ([False, True], [True, True])

    one, other = Browser(urls[0]), Browser(urls[1])
    _, text, _ = one.ask("GET", "/account/log-in")
    form = {"login": "two.clerk", "password": PASSWORD, "token": one.token(text)}
    status, text, _ = one.ask("POST", "/account/log-in", form)
    assert status == 303, text[-2000:]
    other.cookies = one.cookies
    assert other.ask("GET", "/desk")[0] == 200  # the session is known there too
    see_an_import_from_both(one, other, tmp_path)
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
    figures = read(urls[0] + "metrics")
    time.sleep(2.5)  # each adds its own every two seconds
    again = read(urls[1] + "metrics")
    assert 'endpoint="accounts.login"' in figures
    assert 'endpoint="accounts.login"' in again


def see_an_import_from_both(one: Browser, other: Browser, folder: Path) -> None:
    """A file handed in at one process: the other tells how far it is; what either says never goes back."""
    write_csv(folder / "rows.csv", deposit_rows(ROWS, 71, first=7_100_000))
    path = "/desk/import/HPF_PERSONAL_DEPOSIT"
    _, text, _ = one.ask("GET", path)
    status, text, where = one.ask(
        "POST", path, {"token": one.token(text)}, (folder / "rows.csv").read_bytes()
    )
    assert status == 303, text[-2000:]
    seen: list[tuple[Browser, int]] = []
    end = time.monotonic() + PATIENCE_S
    is_running = True
    while is_running:
        assert time.monotonic() < end, text[-2000:]
        for browser in (other, one):
            status, text, _ = browser.ask("GET", where.split("?")[0] + "/progress")
            assert status == 200, text[-2000:]
            is_running = "hx-get" in text
            found = re.search(r'<progress[^>]* value="(\d+)"', text)
            if found is not None:
                seen.append((browser, int(found[1])))
    numbers = [number for _, number in seen]
    assert numbers == sorted(numbers)
    assert {browser for browser, number in seen if 0 < number < ROWS} == {one, other}, numbers
    for browser in (one, other):
        _, text, _ = browser.ask("GET", where)
        assert f"{ROWS:,}" in text


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[str]:
    processes: list[subprocess.Popen[str]] = []
    url = address(start(home, free_port("127.0.0.1"), processes))
    wait_until_good(url, (home / "demo" / "good.ecert.json").read_bytes())
    yield url
    processes[0].send_signal(signal.SIGTERM)
    processes[0].communicate(timeout=30)


@contextmanager
def connections(url: str, count: int) -> Iterator[list[socket.socket]]:
    """So many connections that say nothing yet."""
    host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection((host, int(port)), timeout=5)) for _ in range(count)
        ]


class TestSlowClients:
    def test_two_hundred_that_dawdle_hold_nobody_up_and_are_hung_up_on(self, served: str, home: Path) -> None:
        bundle = (home / "demo" / "good.ecert.json").read_bytes()
        head = b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{"
        with connections(served, 100) as bodies, connections(served, 100) as heads:
            for body, begun in zip(bodies, heads, strict=True):
                body.sendall(head)
                begun.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-")
            for _ in range(3):
                before = time.monotonic()
                assert check(served, bundle)
                assert time.monotonic() - before < 5
                for body in bodies:
                    body.sendall(b" ")
            heads[0].settimeout(35)  # twenty seconds
            assert heads[0].recv(100) == b""
            bodies[0].settimeout(45)  # thirty
            assert b" 408 " in bodies[0].recv(100)

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
        refusal.value.close()
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

    def test_a_locked_key_store_is_told_within_seconds_and_checking_goes_on(
        self, served: str, home: Path
    ) -> None:
        bundle = (home / "demo" / "good.ecert.json").read_bytes()
        passwords = json.loads((home / "demo" / "people.json").read_bytes())
        person = Browser(served)
        _, text, _ = person.ask("GET", "/account/log-in")
        form = {"login": "demo.jingban", "password": passwords["demo.jingban"], "token": person.token(text)}
        assert person.ask("POST", "/account/log-in", form)[0] == 303
        path = "/desk/issue/HPF_PERSONAL_DEPOSIT"
        _, text, _ = person.ask("GET", path)
        name = re.search('name="draft" value="([0-9a-f]+)"', text)
        assert name is not None, text[-2000:]
        form = {"draft": name[1], "token": person.token(text), "later": "1"}
        with closing(sqlite3.connect(home / "keys.db", isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            before = time.monotonic()
            status, text, _ = person.ask("POST", path, form)
            waited = time.monotonic() - before
            assert check(served, bundle)
            other.execute("ROLLBACK")
        assert status == 503, text[-2000:]
        assert waited < 12  # three seconds for the key store; the machine may be busy
        assert "<main" in text  # a page, with what to do

    def test_odd_addresses_are_not_there(self, served: str) -> None:
        for path in ("a%2Fb%20c/%E4%B8%AD", "%ff%fe", "..%2f..%2fetc/passwd"):
            with pytest.raises(HTTPError) as refusal:
                urllib.request.urlopen(served + path, timeout=10)
            refusal.value.close()
            assert refusal.value.code == 404
