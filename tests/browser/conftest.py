"""A real browser, and the page served by a real server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One chromium for all tests of a process; each test gets a context of its own."""
    path = chromium_path()
    assert path is not None  # needs("chromium") took the tests out otherwise
    with sync_playwright() as playwright:
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
