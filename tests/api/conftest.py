"""A demo installation with a standing approval, served on loopback as in production; made once a run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.core.tokens import Scope
from scripts.benchmarks.rest import FUND, ecert, prepare, served


@dataclass(frozen=True)
class Served:
    """Where it is served; secrets by scope, and one with every scope."""

    home: Path
    base: str
    port: int
    issuing: str
    every: str
    secrets: dict[str, str]


@pytest.fixture(scope="session")
def api(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(demo_home, home)
    issuing = prepare(home)

    def token(*scopes: Scope) -> str:
        words = [word for scope in scopes for word in ("--scope", str(scope))]
        return str(ecert(home, "token", "add", "--issuer", FUND, "--label", "test", *words)["secret"])

    secrets = {str(scope): token(scope) for scope in Scope}
    every = token(*Scope)
    with served(home) as port:
        yield Served(home, f"http://127.0.0.1:{port}/api/v1", port, issuing, every, secrets)
