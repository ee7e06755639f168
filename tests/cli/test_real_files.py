"""The two sample files of real shape, from the file to bundles that verify, on the command line alone."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.clerk import BUREAU, DEPOSIT, FUND, LICENCE, batch_of, clerk_of_a_copy, results
from tests.needs import SHARED

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(900), pytest.mark.needs("shared")]


@pytest.fixture(scope="module")
def clerk(demo_home, tmp_path_factory):
    return clerk_of_a_copy(demo_home, tmp_path_factory.mktemp("files"))


@pytest.mark.parametrize(
    ("name", "order", "issuer", "count"),
    [
        ("deposit_good.gb18030.csv", DEPOSIT, FUND, 988),
        ("business_licences.xlsx", LICENCE, BUREAU, 100),
    ],
)
def test_from_the_file_to_bundles_that_verify(clerk, tmp_path, name, order, issuer, count):
    file = tmp_path / name
    shutil.copy(SHARED / "data" / "records" / name, file)
    assert clerk.ask("issue", *order, file) == {"rows": count, "valid": count, "errors": []}
    rows = results(file)
    assert [row["outcome"] for row in rows] == ["ISSUED"] * count
    released = clerk.sign(batch_of(file), issuer)
    assert (released["state"], released["size"]) == ("released", count)

    folder = clerk.home / "released" / issuer / str(released["id"])
    assert {path.name for path in folder.iterdir()} == {row["bundle"] for row in rows}
    chosen = [str(folder / rows[at]["bundle"]) for at in (0, count // 2, count - 1)]
    checked = clerk.ask("verify", *chosen)["results"]
    assert [one["exit"] for one in checked] == [0, 0, 0]

    again = clerk.ask("issue", *order, file)
    assert again == {"rows": count, "valid": count, "errors": []}
    assert {row["outcome"] for row in results(file)} == {"ALREADY"}
