"""A demo installation with a standing approval, served on loopback as in production; made once a run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.bootstrap import open_home
from ledger.bootstrap_programs import open_tokens
from ledger.core.tokens import Scope
from ledger.settings import load_settings
from scripts.benchmarks.rest import FUND, prepare, served


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
    here = open_home(replace(load_settings(), home=home))
    tokens = open_tokens(here)

    def token(*scopes: Scope) -> str:
        return tokens.add(FUND, "test", scopes, 30, "test")[1]

    secrets = {str(scope): token(scope) for scope in Scope}
    every = token(*Scope)
    with served(home) as port:
        yield Served(home, f"http://127.0.0.1:{port}/api/v1", port, issuing, every, secrets)
