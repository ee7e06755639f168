"""A small real installation behind the web: chain, store, vault, people of three organisations, clients.

`own` is the issuer of tests.flow_world, `child` an agency below it, `foreign` one beside. Everything is
the product's; only clock, keys, limits and cheap password hashing come from here.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ledger.adapters.home_files import Agency, Home, HomeRecord
from ledger.adapters.limits_memory import MemoryLimits
from ledger.adapters.system import ManualClock, SystemEntropy
from ledger.adapters.type_files import load_types
from ledger.bootstrap import BoundVerifier, Installation
from ledger.bootstrap_people import PeopleParts
from ledger.bootstrap_web import WebParts
from ledger.core.identifiers import organisation_check, uscc_check
from ledger.core.people import Role
from ledger.settings import Settings
from tests.flow_world import ISSUER, START, TYPE_REF, World, found
from web import WebSettings, create_app

PASSWORD = "correct horse 42 staple"
CHEAP_KIB = 64
HOST = "fund.example"
_TOKEN = re.compile(r'name="token" value="([^"]+)"')


def invented_uscc(number: int) -> str:
    """A USCC of the fictional division 990100 that passes its check digits."""
    body = f"MB{number:06d}"
    start = f"12990100{body}{organisation_check(body)}"
    return start + uscc_check(start)


OWN = ISSUER
CHILD = invented_uscc(21)
FOREIGN = invented_uscc(22)
PLACES = {"own": OWN, "child": CHILD, "foreign": FOREIGN}


def make_installation(folder: Path, granted: tuple[str, ...] = (TYPE_REF,)) -> Path:
    """Keys, chain, contracts, grants, home.json: about three seconds; copy it for more."""
    clock = ManualClock(START)
    found(folder, clock, granted=granted)
    home = Home(folder)
    home.create()
    shutil.copy(folder / "entry.jws", home.entry_file(OWN))
    agency = Agency(
        OWN, "岚州市住房公积金管理中心", "Lanzhou Fund", "https://fund.example", "990100", types=granted
    )
    home.save(HomeRecord("demo", START, (agency,), ready=True))
    return folder


class Client(FlaskClient):
    """A browser of one person: keeps cookies, sends `Origin` and the form token as browsers do."""

    def open(self, *args: Any, **more: Any) -> TestResponse:
        """As the browser of somebody who typed our https address."""
        more.setdefault("base_url", f"https://{HOST}")
        return super().open(*args, **more)

    def token(self) -> str:
        """The form token of this browser's session."""
        page = self.get("/account/confirm").get_data(as_text=True)
        found_token = _TOKEN.search(page) or _TOKEN.search(self.get("/account/log-in").get_data(as_text=True))
        assert found_token is not None
        return found_token[1]

    def post_form(self, path: str, fields: Mapping[str, Any] | None = None, **more: Any) -> TestResponse:
        """Send a form of our own page."""
        given = {"token": self.token(), **(fields or {})}
        headers = {"Origin": f"https://{HOST}", **more.pop("headers", {})}
        return self.post(path, data=given, headers=headers, **more)


@dataclass
class Office:
    """An opened installation with its web application."""

    folder: Path
    world: World
    parts: WebParts
    app: Flask
    clock: ManualClock
    settings: WebSettings
    people: dict[tuple[Role, str], int] = field(default_factory=dict)

    def person(self, role: Role, place: str = "own") -> int:
        """The person who has this one role there; made when first asked for."""
        key = (role, place)
        if key not in self.people:
            login = f"{role.value}-{place}"
            number = self.parts.people.add(login, f"{login} 先生", by=None, password=PASSWORD)
            self.parts.people.give_role(number, PLACES[place], role, by=None)
            self.people[key] = number
        return self.people[key]

    def calm(self) -> None:
        """All tests come from one address: forget how often it logged in."""
        limits: Any = self.parts.limits
        limits._counters.clear()

    def nobody(self, app: Flask | None = None) -> Client:
        """A browser without a session."""
        served = app or self.app
        served.test_client_class = Client
        client = served.test_client()
        assert isinstance(client, Client)
        client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux) Chrome/120.0"
        return client

    def client(self, role: Role, place: str = "own", app: Flask | None = None) -> Client:
        """A browser in which this person logged in by the log-in page."""
        self.person(role, place)
        self.calm()
        client = self.nobody(app)
        answer = log_in(client, f"{role.value}-{place}", PASSWORD)
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return client

    def second_app(self) -> Flask:
        """Another web process on the same database: nothing is shared but files."""
        return create_app(self.settings, open_parts(self.folder, self.world, self.clock, self.parts.limits))

    def close(self) -> None:
        if "checks" in self.parts.__dict__:
            self.parts.checks.reader.close()
        self.world.close()


def log_in(client: FlaskClient, login: str, password: str, **more: Any) -> TestResponse:
    """Send the log-in form."""
    page = client.get("/account/log-in").get_data(as_text=True)
    token = _TOKEN.search(page)
    assert token is not None, page
    fields = {"token": token[1], "login": login, "password": password, **more}
    return client.post("/account/log-in", data=fields, headers={"Origin": f"https://{HOST}"})


def open_parts(folder: Path, world: World, clock: ManualClock, limits: Any) -> WebParts:
    """The web's services over the world's own store, vault, view and clock."""
    home = Home(folder)
    record = home.load_ready()
    here = Installation(Settings(folder), home, record)
    entropy = SystemEntropy()
    for name, part in {
        "store": world.store, "vault": world.vault, "view": world.view, "clock": clock, "entropy": entropy,
        "agencies": world.agencies,
    }.items():  # fmt: skip
        here.__dict__[name] = part  # cached properties: as if made already
    world.agencies.uri = lambda owner, who: f"file:{folder}/keys/{owner}/{who}/signing.key"
    trust = world.verifier()
    home.trust_file.write_text(json.dumps(dict(trust._trust.raw)), encoding="utf-8")
    verifier = BoundVerifier(trust, clock, trust._trust, world.view)
    types = tuple(loaded.type for loaded in load_types().all())
    parts = WebParts(here, verifier, clock, entropy, types, record.mode)  # type: ignore[arg-type]
    parts.__dict__["limits"] = limits
    parts.__dict__["people_parts"] = PeopleParts(
        world.store.database, world.vault, world.view, home, limits, clock, entropy, demands_second=False,
        memory_kib=CHEAP_KIB,
    )  # type: ignore[attr-defined]  # fmt: skip
    return parts


def open_office(folder: Path, kind: type[World] = World, **changes: Any) -> Office:
    """Open an installation that `make_installation` made."""
    clock = ManualClock(START + 60)
    world = kind(folder, clock)
    clock.set(max(clock.now(), world.clock.now()))
    parts = open_parts(folder, world, clock, MemoryLimits(clock))
    for uscc, name, parent in ((CHILD, "岚州市下级银行", OWN), (FOREIGN, "外地登记机关", None)):
        parts.people.add_organisation(uscc, name, name, parent)
    settings = replace(WebSettings("demo", secure_cookies=True), **changes)
    return Office(folder, world, parts, create_app(settings, parts), clock, settings)
