"""A demo installation, served as in production, and its people at their browsers: all by HTTP.

The demo is made once a run and copied for each case. Limits are raised by settings; people sign with
the demo's key files after a log-in, as the demo does.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from scripts.benchmarks.rest import ecert, served

SETTINGS = {"ECERT_CHECKS_PER_MINUTE": "100000", "ECERT_SERVER_SIGNING": "1"}
CLERK, APPROVER = "demo.jingban", "demo.fuhe"
PATIENCE_S = 120.0
LOOK_EVERY_S = 0.02
LOG_LINES = 5
made: list[Path] = []
_HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*name="(\w+)"[^>]*value="([^"]*)"')
_SIGN_FORM = re.compile(r'<form data-sign="sign" action="([^"]+)".*?</form>', re.DOTALL)


@functools.cache
def _demo() -> tempfile.TemporaryDirectory[str]:
    """Lives as long as this process."""
    folder = tempfile.TemporaryDirectory(prefix="bench-demo-")
    ecert(Path(folder.name) / "home", "demo")
    return folder


def use_demo(home: Path) -> None:
    """Take copies of this demo instead of making one."""
    made.append(home)


@contextmanager
def demo_copy() -> Iterator[Path]:
    """A demo of one's own."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        shutil.copytree(made[-1] if made else Path(_demo().name) / "home", home)
        yield home


@dataclass
class Office:
    """A served installation.

    Args:
        home: its folder.
        port: of loopback.
    """

    home: Path
    port: int
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, login: str) -> Person:
        """Logged in by the log-in page; the session is kept."""
        if login not in self.people:
            passwords = json.loads((self.home / "demo" / "people.json").read_bytes())
            self.people[login] = Person(self.port, login, passwords[login])
        return self.people[login]

    def ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """What the store holds: for the stop-watch only, so that watching costs the server nothing."""
        with sqlite3.connect(f"file:{self.home / 'store.db'}?mode=ro", uri=True) as store:
            return store.execute(question, values).fetchall()

    def wait(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """Until the store has an answer. Raises: TimeoutError."""
        until = time.monotonic() + PATIENCE_S
        while not (found := self.ask(question, *values)):
            if time.monotonic() > until:
                raise TimeoutError(question)
            time.sleep(LOOK_EVERY_S)
        return found

    def bundles(self) -> list[bytes]:
        """Of every batch that was released."""
        return [path.read_bytes() for path in sorted(self.home.glob("released/*/*/*.ecert.json"))]


class Person:
    """Somebody's browser."""

    def __init__(self, port: int, login: str = "", password: str = "") -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.http = requests.Session()
        if login:
            self.post("/account/log-in", "/account/log-in", login=login, password=password)

    def get(self, path: str) -> str:
        """A page. Raises: RuntimeError when it is no 2xx."""
        return self._good(self.http.get(self.base + path, timeout=PATIENCE_S)).text

    def post(self, page: str, path: str, files: Any = None, **fields: str) -> requests.Response:
        """A form of this page, with its token; the answer after redirects."""
        given = {**self.hidden(self.get(page)), **fields}
        return self.send(path, given, files)

    def send(self, path: str, fields: dict[str, str], files: Any = None) -> requests.Response:
        """A form whose token is known already."""
        headers = {"Origin": self.base}
        return self._good(
            self.http.post(self.base + path, data=fields, files=files, headers=headers, timeout=PATIENCE_S)
        )

    def sign(self, page: str) -> Any:
        """Ready to press the one button with which this page is signed; pressing it signs."""
        form = _SIGN_FORM.search(self.get(page))
        if form is None:
            raise RuntimeError(f"nothing to sign on {page}")
        fields = self.hidden(form[0])
        return lambda: self.send(form[1], fields)

    def token(self, page: str) -> dict[str, str]:
        """The form token of a page."""
        return {"token": self.hidden(self.get(page))["token"]}

    @staticmethod
    def hidden(text: str) -> dict[str, str]:
        """Hidden fields of a page; the first of each name."""
        found: dict[str, str] = {}
        for name, value in _HIDDEN.findall(text):
            found.setdefault(name, value)
        return found

    @staticmethod
    def _good(answer: requests.Response) -> requests.Response:
        if not answer.ok:
            raise RuntimeError(f"{answer.request.method} {answer.request.path_url}: {answer.status_code}")
        return answer


@contextmanager
def office(**settings: str) -> Iterator[Office]:
    """A demo, served; when something went wrong, the last of what its pages wrote down."""
    with demo_copy() as home, served(home, **{**SETTINGS, **settings}) as port:
        try:
            _wait_until_ready(port)
            yield Office(home, port)
        except BaseException:
            log = home / "logs" / "web.log"
            lines = log.read_text().splitlines() if log.exists() else []
            print(*lines[-LOG_LINES:], sep="\n", file=sys.stderr)
            raise


def _wait_until_ready(port: int) -> None:
    """A server that runs is measured, not one that is still starting: its worker has opened the chain by then.

    How long a start takes is a case of its own (`start`, `restart`). Raises: TimeoutError.
    """
    until = time.monotonic() + PATIENCE_S
    while not requests.get(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE_S).ok:
        if time.monotonic() > until:
            raise TimeoutError("/readyz")
        time.sleep(LOOK_EVERY_S * 10)
