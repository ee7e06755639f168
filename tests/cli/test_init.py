"""A production installation: made, made again, killed anywhere and continued, started without a person."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from ledger.bootstrap import load_trust
from tests.cli.nursery import NURSERY
from tests.cli.story import ROOT, STARTER, ecert

pytestmark = [pytest.mark.xdist_group("init"), pytest.mark.timeout(600)]
USCC = "12110000MB01234572"
PLAN = (
    "init", "--uscc", USCC, "--name", "某中心", "--name-en", "Some Centre",
    "--iss", "https://centre.example.org", "--division", "110000",
)  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("production")
    home, passwords = folder / "home", folder / "passwords"
    ran = ecert(*PLAN, "--draw-passwords", str(passwords), "--json", home=home)
    assert ran.code == 0, ran.err
    value = json.loads(ran.out)
    shape = json.loads((ROOT / "docs" / "cli" / "init.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(value, shape)
    return home, passwords, value


def test_the_trust_file_is_signed_and_names_this_ledger(installed):
    home, _, value = installed
    trust = load_trust(home / "trust.json")
    assert (trust.mode, trust.version, trust.root_issuer) == ("production", 1, USCC)
    assert trust.chain_id == value["chain"]["chain_id"]
    assert "0x" + trust.ledger_id.hex() == value["chain"]["ledger_id"]
    assert trust.x509_anchors
    assert trust.max_age_s["embedded"] == 60


def test_init_again_changes_nothing(installed):
    home, passwords, value = installed
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and path.suffix != ".db"}
    ran = ecert("init", "--draw-passwords", str(passwords), "--json", home=home)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == value
    assert {path: path.read_bytes() for path in before} == before


def test_two_installations_share_nothing(installed, tmp_path):
    _, _, value = installed
    ran = ecert(*PLAN, "--draw-passwords", str(tmp_path / "pw"), "--json", home=tmp_path / "home")
    other = json.loads(ran.out)
    assert other["chain"]["chain_id"] != value["chain"]["chain_id"]
    assert other["chain"]["ledger_id"] != value["chain"]["ledger_id"]


def test_unattended_work_needs_password_files_and_says_so(installed):
    home, passwords, _ = installed
    without = ecert("worker", "--once", home=home)
    assert without.code == 1
    assert "PASSWORD_NEEDED" in without.err
    assert ecert("worker", "--once", home=home, ECERT_PASSWORD_FILE=str(passwords)).code == 0
    assert ecert("worker", "--once", home=home, CREDENTIALS_DIRECTORY=str(passwords)).code == 0


def test_a_password_others_can_read_is_refused(installed):
    home, passwords, _ = installed
    file = passwords / "ledger-vault"
    file.chmod(0o644)
    try:
        ran = ecert("worker", "--once", home=home, ECERT_PASSWORD_FILE=str(passwords))
    finally:
        file.chmod(0o600)
    assert ran.code == 1
    assert "PASSWORD_FILE_OPEN_TO_OTHERS" in ran.err


def test_demo_rows_are_refused_in_production(installed, demo_csv):
    home, passwords, _ = installed
    ran = ecert(
        "issue", "--issuer", USCC, "--type", "HPF_PERSONAL_DEPOSIT", "--dry-run", "--json", str(demo_csv),
        home=home, ECERT_PASSWORD_FILE=str(passwords),
    )  # fmt: skip
    value = json.loads(ran.out)
    assert value["valid"] == 0
    assert {error["column"] for error in value["errors"]} == {"证件号码"}


@pytest.fixture
def demo_csv(tmp_path):
    from ledger.demo_data import deposit_rows, write_csv

    write_csv(tmp_path / "rows.csv", deposit_rows(3))
    return tmp_path / "rows.csv"


def test_one_password_for_all_keys_is_refused(tmp_path):
    password = tmp_path / "password"
    password.write_text("the same for everybody\n")
    password.chmod(0o600)
    ran = ecert(*PLAN, home=tmp_path / "home", ECERT_PASSWORD_FILE=str(password))
    assert ran.code == 1
    assert "PASSWORD_REUSED" in ran.err


@pytest.mark.kill
def test_init_killed_anywhere_continues(tmp_path, kills, kill_dice):
    """Killed at growing random moments until it gets through; then everything is there once."""
    home, passwords = tmp_path / "home", tmp_path / "passwords"
    argv = (*PLAN, "--draw-passwords", str(passwords))
    environ = {"ECERT_HOME": str(home), "PATH": os.environ["PATH"], "ECERT_LANG": "en"}
    patience, killed = 0.0, 0
    for _ in range(min(kills, 20)):
        with (tmp_path / "said").open("w+") as said:
            process = NURSERY.start(argv, environ, said, said)
            try:
                code = process.wait(patience + kill_dice.random())
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
                patience += 0.7
                continue
            assert code == 0, (tmp_path / "said").read_text()
            break
    assert killed
    done = ecert(*PLAN, "--draw-passwords", str(passwords), home=home)
    assert done.code == 0, done.err
    keys = json.loads(ecert("key", "list", "--json", home=home).out)["keys"]
    assert sorted(key["purpose"] for key in keys) == ["checkpoint", "credential", "seal", "status"]
    issuers = json.loads(ecert("issuer", "list", "--json", home=home).out)["issuers"]
    assert [(one["uscc"], len(one["types"])) for one in issuers] == [(USCC, 2)]
    assert ecert("doctor", home=home).code == 0


def test_the_worker_stops_when_told_and_others_leave_their_work_to_it(installed):
    home, passwords, _ = installed
    environ = {"ECERT_HOME": str(home), "ECERT_PASSWORD_FILE": str(passwords), "PATH": os.environ["PATH"]}
    argv = [sys.executable, "-c", STARTER, "worker"]
    worker = subprocess.Popen(argv, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        assert worker.stderr is not None
        worker.stderr.readline()  # "started"
        second = ecert("worker", "--once", home=home, ECERT_PASSWORD_FILE=str(passwords))
        assert second.code == 1
        assert "CHAIN_LOCKED" in second.err
        _governed_by_the_running_worker(home, passwords)
    finally:
        worker.send_signal(signal.SIGTERM)
    before = time.monotonic()
    assert worker.wait(60) == 0
    assert time.monotonic() - before < 30
    worker.stderr.close()


def _governed_by_the_running_worker(home: Path, passwords: Path) -> None:
    """Two admins retire nothing twice, one admin alone retires nothing."""
    keys = home / "keys" / USCC
    one, two = f"file:{keys / 'admin1'}", f"file:{keys / 'admin2'}"
    retire = ("key", "retire", "--issuer", USCC, "--number", "2", "--at", "2060-01-01")
    alone = ecert(*retire, "--admin", one, "--admin", one, home=home, ECERT_PASSWORD_FILE=str(passwords))
    assert alone.code == 1
    assert "SAME_ADMIN" in alone.err
    both = ecert(*retire, "--admin", one, "--admin", two, home=home, ECERT_PASSWORD_FILE=str(passwords))
    assert both.code == 0, both.err
    found = json.loads(ecert("key", "list", "--json", home=home).out)["keys"]
    assert {key["number"]: key["valid_until"] for key in found}[2] == 2_840_112_000  # 2060-01-01 +08:00
