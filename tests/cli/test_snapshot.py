"""A bank behind a one-way gateway: snapshots made, signed in two houses, carried, and answered from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

from ledger.bootstrap_web import open_web
from ledger.settings import Settings
from tests.cli.clerk import FUND, Clerk, clerk_of_a_copy
from tests.cli.story import ROOT, Ran, ecert
from web import WebSettings, create_app

pytestmark = pytest.mark.xdist_group("demo")
PASSWORD = "a password of the test"


@dataclass(frozen=True)
class Gateway:
    """The ledger's side, and a folder that everything is carried to."""

    clerk: Clerk
    folder: Path
    password: str

    def maker(self, *argv: object, code: int = 0) -> Ran:
        """A command where the ledger is."""
        ran = self.clerk.run(*argv, ECERT_PASSWORD_FILE=self.password)
        assert ran.code == code, ran.out + ran.err
        return ran

    def bank(self, *argv: object, code: int = 0, home: str = "bank") -> dict[str, object]:
        """A command of the bank, which has no ledger and reaches none; its JSON."""
        words = (*(str(word) for word in argv), "--json")
        ran = ecert(*words, home=self.folder / home, ECERT_PASSWORD_FILE=self.password)
        assert ran.code == code, ran.out + ran.err
        return dict(json.loads(ran.out))

    def key(self, number: int) -> str:
        """A signer's key."""
        return f"file:{self.folder / f'signer{number}' / 'signing.key'}"

    def file(self, name: str) -> Path:
        """Something that was carried."""
        return self.folder / name


@pytest.fixture(scope="module")
def gateway(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    """Two signers are named in the trust file's next version, and both must sign."""
    folder = tmp_path_factory.mktemp("gateway")
    secret = folder / "passwords"
    secret.mkdir()
    for number in (1, 2):
        file = secret / f"{folder.name}-signer{number}"
        file.write_text(PASSWORD)
        file.chmod(0o600)
    there = Gateway(clerk_of_a_copy(demo_home, folder), folder, str(secret))
    named: list[object] = []
    for number in (1, 2):
        there.maker("key", "new", "--kind", "credential", "--out", folder / f"signer{number}")
        public = folder / f"signer{number}.jwk"
        there.maker("trust", "public", "--key", there.key(number), "--name", "signer", "--out", public)
        named += ["--add-signer", public]
    trust = folder / "trust.json"
    there.maker("trust", "next", "--out", trust, *named, "--signers", 2)
    there.maker("trust", "sign", trust)
    return there


def error_of(answer: dict[str, object]) -> object:
    error = answer["error"]
    assert isinstance(error, dict)
    return error["code"]


def good(there: Gateway) -> Path:
    return there.clerk.home / "demo" / "good.ecert.json"


def serial_of(there: Gateway) -> str:
    told = there.clerk.ask("verify", good(there))
    return str(told["credential"]["identifier"])


def code_by_web(there: Gateway, home: str) -> tuple[str, int]:
    """What the bank's own page answers a program, and whether it is ready."""
    parts = open_web(Settings(there.folder / home))
    client = create_app(WebSettings(mode="demo", secure_cookies=False), parts).test_client()
    answer = client.post("/verify", data=good(there).read_bytes(), content_type="application/vnd.ecert+json")
    ready = client.get("/readyz").status_code
    agency = f"/directory/issuers/{FUND}"
    for page in ("/", "/check/number", "/directory/issuers", agency, "/witnesses", "/statistics"):
        assert client.get(page).status_code == 200, page
    for page in ("/ledger", "/account/log-in", "/node/v1/ledger"):
        assert client.get(page).status_code == 404, page
    parts.here.store.close()
    return str(answer.get_json()["verdict"]["code"]), ready


def test_from_the_ledger_to_a_bank_without_one(gateway: Gateway) -> None:
    trust, monday, tuesday = (gateway.file(name) for name in ("trust.json", "1.ecertsnap", "2.ecertsnap"))
    gateway.maker("snapshot", "export", monday, "--sign", gateway.key(1))
    by_monday = ("verify", "--trust", trust, "--snapshot", monday, good(gateway))
    assert error_of(gateway.bank(*by_monday, code=2)) == "SNAPSHOT_SIGNERS"
    assert not gateway.file("trust.json.seen").exists()
    signed = gateway.bank("snapshot", "sign", monday, "--key", gateway.key(2))
    assert len(signed["signatures"]) == 2  # type: ignore[arg-type]  # a list
    told = gateway.bank(*by_monday)
    checks = {check["id"]: check for check in told["checks"]}  # type: ignore[attr-defined]  # a list
    assert checks["status_age"]["evidence"]["source"] == "snapshot"
    shown = gateway.bank("snapshot", "show", monday, "--trust", trust)
    jsonschema.validate(shown, json.loads((ROOT / "docs" / "cli" / "snapshot.schema.json").read_text()))
    assert (shown["trusted"], shown["follows"]) == ("SNAPSHOT_TRUSTED", None)

    gateway.bank("snapshot", "import", monday, "--trust", trust)
    assert code_by_web(gateway, "bank") == ("ACCEPTED", 200)

    fund = gateway.clerk
    fund.ask("status", "set", serial_of(gateway), "--to", "suspended", "--reason", "security")
    keys = ("--sign", gateway.key(1), "--sign", gateway.key(2))
    gateway.maker("snapshot", "export", tuesday, "--since", monday, *keys)
    assert tuesday.stat().st_size < monday.stat().st_size
    by_delta = ("verify", "--trust", trust, "--snapshot", tuesday, good(gateway))
    assert error_of(gateway.bank(*by_delta, code=2)) == "SNAPSHOT_GAP"
    both = ("verify", "--trust", trust, "--snapshot", monday, "--snapshot", tuesday, good(gateway))
    assert gateway.bank(*both, code=1)["verdict"]["code"] == "SUSPENDED"  # type: ignore[index]  # an object

    assert error_of(gateway.bank(*by_monday, code=2)) == "SNAPSHOT_ROLLBACK"
    assert gateway.bank(*by_monday, "--allow-older")["accepted"]

    assert gateway.bank("snapshot", "import", tuesday)["changed"]
    assert not gateway.bank("snapshot", "import", tuesday)["changed"]
    assert code_by_web(gateway, "bank")[0] == "SUSPENDED"
    assert gateway.bank("verify", good(gateway), code=1)["verdict"]["code"] == "SUSPENDED"  # type: ignore[index]
    assert error_of(gateway.bank("snapshot", "import", monday, code=1)) == "SNAPSHOT_ROLLBACK"
    assert code_by_web(gateway, "bank")[0] == "SUSPENDED"
