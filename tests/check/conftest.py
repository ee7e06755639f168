"""One installation with sheets for all tests of this folder; tests that change it take a sheet of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.check_world import Paper, make_papers
from tests.office_world import Office, make_installation, open_office


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    opened = open_office(make_installation(tmp_path_factory.mktemp("check") / "home"))
    yield opened
    opened.parts.checks.reader.close()
    opened.close()


@pytest.fixture(scope="session")
def papers(office: Office) -> dict[str, Paper]:
    return make_papers(office)
