"""One small installation a run, a copy of it for each module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.office_world import Office, make_installation, open_office


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_installation(tmp_path_factory.mktemp("office") / "home")


@pytest.fixture(scope="module")
def office(installation: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("copy") / "home"
    shutil.copytree(installation, folder)
    opened = open_office(folder)
    yield opened
    opened.close()
