"""What people are told while a part is away: checking files goes on, everything else says so."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from ledger.bootstrap_web import WebParts, open_web
from ledger.settings import load_settings
from web import WebSettings, create_app

pytestmark = [pytest.mark.xdist_group("served"), pytest.mark.timeout(300)]
OWN = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Office:
    """A small installation behind a test client."""

    home: Path
    parts: WebParts
    client: FlaskClient

    @property
    def bundle(self) -> bytes:
        return (self.home / "demo" / "good.ecert.json").read_bytes()

    def check(self) -> bool:
        answer = self.client.post("/verify", data=self.bundle, content_type="application/json")
        assert answer.status_code == 200
        return bool(answer.json["accepted"])

    def missing(self) -> tuple[int, list[str]]:
        answer = self.client.get("/readyz")
        return answer.status_code, answer.json["missing"]


def opened(home: Path) -> Office:
    parts = open_web(replace(load_settings({}), home=home))
    app = create_app(WebSettings("demo", secure_cookies=False), parts)
    return Office(home, parts, app.test_client())


@pytest.fixture
def office(demo_home: Path, tmp_path: Path) -> Office:
    shutil.copytree(demo_home, tmp_path / "home", ignore=shutil.ignore_patterns("released", "documents"))
    return opened(tmp_path / "home")


def test_without_a_worker_it_says_so(office: Office) -> None:
    status, missing = office.missing()
    assert status == 503
    assert "WORKER_STARTING" in missing  # the page is a moment old: its worker may be on its way
    assert "DATABASE_DOWN" not in missing
    assert "VAULT_LOCKED" not in missing


def test_lists_that_were_published_anew_are_seen_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = office.parts.health
    ends = {"at": 0}
    # reason: when a list ends is the worker's doing, which does not run here
    monkeypatch.setattr(health, "_list_facts", lambda now: (1, now + ends["at"]))
    assert "LISTS_ENDED" in office.missing()[1]
    ends["at"] = 60
    assert "LISTS_ENDED" not in office.missing()[1]


def test_the_store_goes_away_and_comes_back(office: Office) -> None:
    assert office.client.get("/account/log-in").status_code == 200
    store = office.parts.here.store
    store.close()
    (office.home / "store.db").rename(office.home / "gone")
    (office.home / "store.db").mkdir()  # SQLite would make a new, empty one
    assert "DATABASE_DOWN" in office.missing()[1]
    token = (
        office.client.get("/account/log-in").text.split('name="token" value="')[1].split('"', maxsplit=1)[0]
    )
    form = {"login": "demo.jingban", "password": "whatever it is 12", "token": token}
    answer = office.client.post("/account/log-in", data=form, headers=OWN)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "数据库" in answer.text
    (office.home / "store.db").rmdir()
    (office.home / "gone").rename(office.home / "store.db")
    assert "DATABASE_DOWN" not in office.missing()[1]


def test_the_key_store_is_locked(office: Office) -> None:
    for password in office.home.rglob("password"):
        password.unlink()
    locked = opened(office.home)
    assert "VAULT_LOCKED" in locked.missing()[1]
    assert locked.client.get("/").status_code == 200
    answer = locked.client.post("/verify", data=locked.bundle, content_type="application/json")
    assert answer.status_code == 200


def test_the_counters_are_away(office: Office) -> None:
    office.parts.counters.close()
    for file in office.home.glob("counters.db*"):
        file.unlink()
    (office.home / "counters.db").mkdir()
    assert "COUNTERS_DOWN" in office.missing()[1]
    answer = office.client.post("/verify", data=office.bundle, content_type="application/json")
    assert answer.status_code == 200  # with a bucket of the process's own
    token = (
        office.client.get("/account/log-in").text.split('name="token" value="')[1].split('"', maxsplit=1)[0]
    )
    form = {"login": "demo.jingban", "password": "whatever it is 12", "token": token}
    assert (
        office.client.post("/account/log-in", data=form, headers=OWN).status_code == 503
    )  # nobody may guess


def test_people_of_a_demo_come_in_nowhere_else(office: Office) -> None:

    passwords = json.loads((office.home / "demo" / "people.json").read_text())
    assert (office.home / "demo" / "people.json").stat().st_mode & 0o777 == 0o600
    assert len(set(passwords.values())) == len(passwords)
    form = {"login": "demo.jingban", "password": passwords["demo.jingban"]}
    for mode, status in (("demo", 303), ("production", 422)):
        record = office.home / "home.json"
        record.write_text(record.read_text("utf-8").replace('"mode": "demo"', f'"mode": "{mode}"'), "utf-8")
        secret = load_settings(
            {"ECERT_PASSWORD_FILE": str(office.home / "keys" / "ledger" / "vault" / "password")}
        )
        parts = open_web(replace(secret, home=office.home))
        client = create_app(WebSettings("demo", secure_cookies=False), parts).test_client()
        token = client.get("/account/log-in").text.split('name="token" value="')[1].split('"', maxsplit=1)[0]
        answer = client.post("/account/log-in", data={**form, "token": token}, headers=OWN)
        assert answer.status_code == status, mode
