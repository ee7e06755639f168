"""`ecert person` on a real installation: first administrators, emergencies, and what doctor says."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli.clerk import FUND, Clerk

pytestmark = pytest.mark.xdist_group("demo")


def audit_findings(clerk: Clerk) -> list[str]:
    told = json.loads(clerk.run("doctor", "--json").out)
    return [found["code"] for found in told["findings"] if "AUDIT" in found["code"]]


def test_the_first_administrator_and_what_becomes_of_him(demo_home: Path, tmp_path: Path):
    home = tmp_path / "home"
    shutil.copytree(demo_home, home)
    clerk = Clerk(home)
    who = (
        "Chen.Admin",
        "--name",
        "陈某",
        "--organisation",
        FUND,
        "--role",
        "administrator",
        "--role",
        "clerk",
    )
    assert len(clerk.ask("person", "add", *who)["invitation"]) == 26
    again = clerk.run("person", "add", *who)
    assert again.code == 1
    assert "LOGIN_TAKEN" in again.err
    clerk.ask("person", "role", "chen.admin", "--organisation", FUND, "--role", "clerk", "--end")
    assert len(clerk.ask("person", "reset", "chen.admin", "--draw")["password"]) == 19
    assert clerk.ask("person", "suspend", "chen.admin")["state"] == "suspended"
    listed = {one["login"]: one for one in clerk.ask("person", "list", "--organisation", FUND)["people"]}
    one = listed["chen.admin"]
    assert (one["name"], one["state"]) == ("陈某", "suspended")
    assert [role["role"] for role in one["roles"]] == ["administrator"]
    assert "PERSON_UNKNOWN" in clerk.run("person", "reset", "nobody.here").err

    raw = b"".join(path.read_bytes() for path in home.glob("store.db*"))
    assert "陈某".encode() not in raw
    assert b"chen.admin" not in raw

    assert audit_findings(clerk) == ["DOCTOR_AUDIT"]
    with sqlite3.connect(home / "store.db") as connection:
        connection.execute("UPDATE audit_row SET action = 'people.nothing' WHERE number = 2")
    connection.close()
    assert audit_findings(clerk) == ["DOCTOR_AUDIT_BROKEN"]
