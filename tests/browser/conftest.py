"""A real browser, and the page served by a real server on this machine."""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright
from werkzeug.serving import make_server

from ledger.adapters.home_files import Home
from ledger.bootstrap_demo import FUND
from ledger.bootstrap_ops import log_web_to
from ledger.bootstrap_people import PeopleParts
from ledger.bootstrap_web import WebParts, open_web
from ledger.core.people import FRESH_S, Actor, Role
from ledger.core.verified import PurposeKind
from ledger.settings import load_settings
from tests.browser.logs import look_through_logs
from tests.needs import chromium_path
from tests.web_world import ScriptedServices
from web import WebSettings, create_app

FLAGS = [
    "--headless",
    "--no-sandbox",  # containers have no user namespaces
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Site:
    """A served page: its address and the services behind it."""

    address: str
    services: ScriptedServices


logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each font file says nothing
NAMES = {Role.CLERK: "周敏", Role.APPROVER: "陈立", Role.AUDITOR: "何静", Role.ADMINISTRATOR: "吴刚"}
PASSWORD = "throw-away of the tests 7301"


@dataclass
class DemoSite:
    """The demo installation, served: pages with real batches, keys and people behind them.

    Args:
        address: of the site.
        parts: what is behind it.
        facts: numbers that paths may name: `{batch}` and so on; rooms add theirs in `demo_facts`.
    """

    address: str
    parts: WebParts
    facts: dict[str, object] = field(default_factory=dict)
    sessions: dict[tuple[Role, str], tuple[str, int]] = field(default_factory=dict)

    def session(self, role: Role, uscc: str = FUND) -> str:
        """The cookie of somebody with this role there, logged in with a password."""
        now = self.parts.clock.now()
        token, since = self.sessions.get((role, uscc), ("", 0))
        if now < since + FRESH_S // 2:  # pages that ask for a fresh proof open without asking
            return token
        login = f"look-{role.value}-{uscc[-4:].lower()}"
        if not since:
            number = self.parts.people.add(login, NAMES.get(role, role.value), by=None, password=PASSWORD)
            self.parts.people.give_role(number, uscc, role, by=None)
        entry = self.parts.login.password(login, PASSWORD, "tests", "127.0.0.1")
        assert not isinstance(entry, int)
        self.sessions[role, uscc] = (entry.token, now)
        return entry.token

    def speak(self, role: Role, language: str, uscc: str = FUND) -> None:
        """From now on this person reads that language: theirs goes before the browser's."""
        found = self.parts.people.find(f"look-{role.value}-{uscc[-4:].lower()}")
        assert found is not None
        self.parts.people.use_language(found.id, language)

    def log_in(self, context: BrowserContext, role: Role, uscc: str = FUND) -> None:
        """Make this browser that person's."""
        token = self.session(role, uscc)
        context.add_cookies([{"name": "session", "value": token, "url": self.address}])


def demo_facts(parts: WebParts) -> dict[str, object]:
    """Numbers of things in the demo, for the paths in pages.py."""
    bundles = sorted(parts.home.released.glob(f"{FUND}/*/*.ecert.json"))
    data = bundles[0].read_bytes()
    checked = parts.verified.note(
        Actor(0, "look", FUND, frozenset(), frozenset({FUND})),
        parts.verify(data),
        kind="bundle",
        sha256=hashlib.sha256(data).digest(),
        bundle=data,
        purpose=(PurposeKind.LOAN, ""),
    )
    return {
        "checked": checked,
        "credential": bundles[0].name[:32],
        "standing": parts.signing.flow.standing.standings(FUND)[0].terms.id.hex(),
        "root": next(one for one in parts.desk.view.anchors(FUND) if one.type_id).root.hex(),
        "person": parts.people.find("demo.guanli").id,
    }


@contextmanager
def serve_demo(demo_home: Path, home: Path) -> Iterator[DemoSite]:
    """Serve a copy of the demo, made at `home`; its passwords are cheap to check."""
    shutil.copytree(demo_home, home)
    parts = open_web(replace(load_settings(), home=home))
    real = parts.people_parts
    parts.__dict__["people_parts"] = PeopleParts(
        real.database, real.vault, real.view, real.home, real.limits, real.clock, real.entropy,
        demands_second=False, memory_kib=64,
    )  # fmt: skip
    app = create_app(WebSettings("demo", secure_cookies=False), parts)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield DemoSite(f"http://127.0.0.1:{server.server_port}", parts, demo_facts(parts))
    finally:  # also when what follows the tests fails: a server that runs on keeps the process from ending
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def written_log(home: Home) -> Iterator[None]:
    """What the web logs meanwhile goes to the log of this installation, as under `ecert serve`."""
    loggers = [logging.getLogger(name) for name in ("ledger", "web")]
    before = [(each.level, each.propagate, list(each.handlers)) for each in loggers]
    log_web_to(home)
    yield
    for each, (level, propagate, handlers) in zip(loggers, before, strict=True):
        for handler in each.handlers:
            if handler not in handlers:
                handler.close()
        each.level, each.propagate, each.handlers = level, propagate, handlers


@pytest.fixture(scope="session")
def demo_site(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoSite]:
    """A copy of the demo, served for the whole run; afterwards nobody of it stands in its logs."""
    home = tmp_path_factory.mktemp("served") / "home"
    with serve_demo(demo_home, home) as site:
        with written_log(site.parts.home):
            yield site
            missing = urllib.request.Request(f"{site.address}/nowhere", headers={"X-Request-Id": "last"})
            with pytest.raises(HTTPError) as refusal:
                urllib.request.urlopen(missing, timeout=10)
            refusal.value.close()
        assert "answered" in (home / "logs/web.log").read_text("utf-8")
        look_through_logs(home / "logs", demo_home, (*NAMES.values(), PASSWORD))


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One chromium for all tests of a process; each test gets a context of its own."""
    path = chromium_path()
    assert path is not None  # needs("chromium") took the tests out otherwise
    chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
    yield chromium
    chromium.close()


@pytest.fixture
def site() -> Iterator[Site]:
    services = ScriptedServices()
    app = create_app(WebSettings("demo", secure_cookies=False), services)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Site(f"http://127.0.0.1:{server.server_port}", services)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab that fails its test when the page logs an error or asks for anything from elsewhere."""
    tab = context.new_page()
    tab.set_default_timeout(10_000)
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on(
        "request",
        lambda request: (
            complaints.append(request.url) if not request.url.startswith("http://127.0.0.1:") else None
        ),
    )
    yield tab
    expected = "the server responded with a status of 4"  # chromium logs every refused form
    assert [text for text in complaints if expected not in text] == []
