"""What every test gets: missing tools named, sockets shut, examples counted, kills counted and drawn, groups."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests import groups, not_run

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")  # the fast keccak; read when eth_hash is imported

TESTS = Path(__file__).resolve().parent
SILENT_FOLDERS = ("unit", "property", "matrix", "vectors")
LOOPBACK = ("127.0.0.1", "::1", "localhost")

settings.register_profile(
    # One core of two under load: a slow example says nothing about the code.
    "default-ecert",
    deadline=None,
    max_examples=60,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", parent=settings.get_profile("default-ecert"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default-ecert"))

pytest_configure = not_run.pytest_configure
pytest_runtest_logreport = not_run.pytest_runtest_logreport
pytest_sessionfinish = not_run.pytest_sessionfinish
pytest_terminal_summary = not_run.pytest_terminal_summary
pytest_xdist_make_scheduler = groups.pytest_xdist_make_scheduler


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    not_run.pytest_collection_modifyitems(config, items)
    groups.keep_together(config, items)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=20, help="random kills in the kill tests (default 20)")
    parser.addoption(
        "--kill-seed", type=int, default=None, help="repeat the kills of a failed run (default: a fresh seed)"
    )
    parser.addoption(
        "--demo-home", type=Path, default=None, help="take this demo installation instead of making one"
    )


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    """How many random kills a kill test makes."""
    return int(request.config.getoption("--kills"))


@pytest.fixture
def kill_dice(request: pytest.FixtureRequest) -> random.Random:
    """Moments for random kills. The seed stands in a failed test's report, `--kill-seed` brings it back."""
    asked: int | None = request.config.getoption("--kill-seed")
    seed = int.from_bytes(os.urandom(4), "big") if asked is None else asked
    sys.stdout.write(f"kill seed {seed}; again with --kill-seed {seed}\n")
    return random.Random(seed)


@pytest.fixture(scope="session")
def demo_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo installation made by the command line, once a process; tests using it share a group.

    Read it, do not change it. `demo/` in it holds one good and three bad bundles.
    """
    given: Path | None = request.config.getoption("--demo-home")
    if given is not None:
        return given.resolve()
    home = tmp_path_factory.mktemp("installation") / "home"
    starter = "import sys; from ledger.apps.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", starter, "--home", str(home), "demo"],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """One driver for all browsers of a process: it keeps an event loop running, a second one is refused."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


class _Network:
    """What the running test may reach: nothing, this machine, or anything."""

    allowed = "anything"

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        if event != "socket.connect" or self.allowed == "anything":
            return
        address = args[1]
        host = address[0] if isinstance(address, tuple) else None  # a string is a Unix socket
        if host is None or (self.allowed == "loopback" and host in LOOPBACK):
            return
        msg = f"this test may reach {self.allowed} only, it tried {host}"
        raise RuntimeError(msg)


_network = _Network()
sys.addaudithook(_network.hook)  # an audit hook sees every socket, however it was made; it cannot be removed


@pytest.fixture(autouse=True)
def _network_guard(request: pytest.FixtureRequest) -> Iterator[None]:
    folder = request.path.relative_to(TESTS).parts[0] if request.path.is_relative_to(TESTS) else ""
    node_marks = [mark for mark in request.node.iter_markers("needs") if "node" in mark.args]
    if folder in SILENT_FOLDERS:
        _network.allowed = "nothing"
    elif node_marks:
        _network.allowed = "anything"
    else:
        _network.allowed = "loopback"
    yield
    _network.allowed = "anything"
