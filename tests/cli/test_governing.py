"""Agencies, grants, roles and keys by two admins each; approvals that ran out; verifying against a chain file."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger.bootstrap_web import open_web
from ledger.core.flow import DAY_S
from ledger.core.model import Role
from ledger.core.signing import Act
from ledger.demo_data import demo_uscc, deposit_rows
from ledger.services.signing_desk import Signer
from ledger.settings import load_settings
from tests.authenticator import SITE, Authenticator
from tests.cli.clerk import (
    BUREAU,
    DEPOSIT,
    FUND,
    ROOT_ISSUER,
    Clerk,
    batch_of,
    clerk_of_a_copy,
    results,
    written,
)  # fmt: skip

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(900)]
NEW_FUND = demo_uscc("12", "990200", "MAXXXX71")
LATE = demo_uscc("12", "990400", "MAXXXX75")
TYPE = "HPF_PERSONAL_DEPOSIT"


@pytest.fixture(scope="module")
def clerk(demo_home, tmp_path_factory):
    return clerk_of_a_copy(demo_home, tmp_path_factory.mktemp("governing"))


def grants(clerk, uscc):
    found = {one["uscc"]: one for one in clerk.ask("issuer", "list")["issuers"]}
    return [(grant["type"], grant["good"]) for grant in found[uscc]["types"]]


def test_an_agency_is_admitted_granted_issues_and_loses_its_grant(clerk, tmp_path):
    admit = (
        "issuer", "admit", "--uscc", NEW_FUND, "--name", "示例二市中心(演示)", "--name-en", "Second Centre (demo)",
        "--iss", "https://second.demo.example", "--division", "990200",
    )  # fmt: skip
    assert clerk.ask(*admit) == clerk.ask(*admit)  # again: no effect
    assert grants(clerk, NEW_FUND) == []
    file = written(tmp_path / "rows.csv", deposit_rows(1, first=4_100_000))
    issue = ("issue", "--issuer", NEW_FUND, "--type", TYPE, file)
    assert clerk.ask(*issue, code=2)["error"]["code"] == "TYPE_NOT_GRANTED"

    grant = ("issuer", "grant", "--issuer", NEW_FUND, "--type", TYPE)
    one = clerk.ask(*grant, "--admin", clerk.key("admin1", NEW_FUND), code=1)
    assert one["error"]["code"] == "NOT_AN_ADMIN"  # its own admins are not its parent's
    two = clerk.ask(*grant, *clerk.admins(NEW_FUND), code=1)
    assert two["error"]["code"] == "RegistryMissingRole"
    assert ROOT_ISSUER in two["error"]["message"]["zh"]
    three = clerk.ask(*grant, *clerk.admins(), "--admin", clerk.key("admin1"), code=2)
    assert three["error"]["code"] == "TWO_ADMINS"
    clerk.ask(*grant, *clerk.admins())
    assert grants(clerk, NEW_FUND) == [(f"{TYPE}:1", True)]
    clerk.ask(*issue)
    assert clerk.sign(batch_of(file), NEW_FUND)["state"] == "released"
    bundle = clerk.bundle(results(file)[0]["identifier"])
    assert clerk.ask("verify", bundle)["accepted"] is True

    withdraw = ("issuer", "withdraw", "--issuer", NEW_FUND, "--type", TYPE)
    clerk.ask(*withdraw, "--cause", "reorganisation", *clerk.admins())
    assert grants(clerk, NEW_FUND) == [(f"{TYPE}:1", False)]
    assert clerk.ask("verify", bundle)["accepted"] is True  # anchored before, and the cause breaks nothing


def test_an_admission_that_fails_leaves_the_installation_as_it_was(clerk):
    admit = (
        "issuer", "admit", "--uscc", LATE, "--name", "示例三市中心(演示)", "--name-en", "Third Centre (demo)",
        "--iss", "https://third.demo.example", "--division", "990400",
    )  # fmt: skip
    beyond = clerk.ask(*admit, "--by", FUND, "--type", "BIZ_LICENSE", code=2)  # the fund has no such grant
    assert beyond["error"]["code"] == "TYPE_NOT_GRANTED"
    assert not (clerk.home / "keys" / LATE).exists()
    key = clerk.home / "keys" / ROOT_ISSUER / "admin2"
    key.rename(key.with_name("elsewhere"))  # the second admin took it home
    assert clerk.run(*admit).code != 0
    assert LATE not in {one["uscc"] for one in clerk.ask("issuer", "list")["issuers"]}  # all others go on
    key.with_name("elsewhere").rename(key)
    other = clerk.ask(*admit, "--division", "990500", code=1)
    assert other["error"]["code"] == "AGENCY_DIFFERS"
    assert clerk.ask(*admit)["done"] is True
    found = {one["uscc"]: one for one in clerk.ask("issuer", "list")["issuers"]}
    assert found[LATE]["here"] is True
    below = clerk.ask(*admit, "--by", FUND, code=1)
    assert below["error"]["code"] == "RegistryIssuerExists"


def test_a_second_approver_is_appointed_named_and_removed(clerk, tmp_path):
    password = tmp_path / "password"
    password.write_text("another long password\n")
    password.chmod(0o600)
    folder = tmp_path / "approver2"
    made = clerk.run(
        "key", "new", "--kind", "chain", "--out", folder, "--json", ECERT_PASSWORD_FILE=str(password)
    )
    assert made.code == 0, made.err
    shutil.copy(password, folder / "password")
    address = made.out.partition('"address": "')[2][:42]
    role = (
        "issuer",
        "role",
        "--issuer",
        FUND,
        "--role",
        "approver",
        "--address",
        address,
        *clerk.admins(FUND),
    )
    clerk.ask(*role)

    file = written(tmp_path / "rows.csv", deposit_rows(1, first=4_200_000))
    clerk.ask("issue", *DEPOSIT, file)
    make = ("batch", "make", batch_of(file), "--key", clerk.key("maker"))
    assert clerk.ask(*make, code=1)["error"]["code"] == "SEVERAL_APPROVERS"
    clerk.ask(*make, "--approver", address)
    approve = ("batch", "approve", batch_of(file), "--key")
    assert clerk.ask(*approve, clerk.key("approver"), code=1)["error"]["code"] == "NOT_THE_APPROVER"
    assert clerk.ask(*approve, f"file:{folder}")["batches"][0]["approver"] == address.lower()
    clerk.ask(*role, "--remove")
    clerk.ask("issue", *DEPOSIT, written(file, deposit_rows(1, first=4_210_000)))
    clerk.ask("batch", "make", batch_of(file), "--key", clerk.key("maker"))  # one approver again


def wait_for(clerk, batch, *, deadline=0, issued_on=0):
    """What waiting so many seconds does to a batch: its times move into the past."""
    with sqlite3.connect(clerk.home / "store.db") as connection:
        connection.execute(
            "UPDATE batch SET deadline = deadline - ?, issued_on = issued_on - ? WHERE id = ?",
            (deadline, issued_on, batch),
        )
    connection.close()


def test_an_approval_that_ran_out_is_asked_again(clerk, tmp_path):
    file = written(tmp_path / "rows.csv", deposit_rows(2, first=4_300_000))
    clerk.ask("issue", *DEPOSIT, file)
    batch = batch_of(file)
    clerk.ask("batch", "make", batch, "--key", clerk.key("maker"))
    wait_for(clerk, batch, deadline=8 * DAY_S)
    approve = ("batch", "approve", batch, "--key", clerk.key("approver"))
    assert clerk.ask(*approve, code=1)["error"]["code"] == "APPROVAL_EXPIRED"
    again = ("batch", "ask-again", batch, "--key", clerk.key("maker"))
    assert clerk.ask(*again)["batch"]["state"] == "made"
    # after the week of its issue day the rows go into a new batch
    wait_for(clerk, batch, deadline=8 * DAY_S, issued_on=9 * DAY_S)
    new = clerk.ask(*again)["batch"]
    assert (new["id"] != batch, new["size"]) == (True, 2)
    old = clerk.ask("batch", "show", batch)
    assert (old["state"], old["reason"]) == ("refused", "APPROVAL_EXPIRED")
    assert old["refused_by"] is not None
    assert clerk.run("worker", "--once").code == 0
    assert clerk.sign(new["id"])["state"] == "released"


def test_a_chain_file_alone_is_enough_to_verify(clerk, tmp_path):
    bundle = clerk.home / "demo" / "good.ecert.json"
    trust = ("--trust", clerk.home / "trust.json")
    outside = Clerk(tmp_path / "no-installation")
    chain = outside.ask("verify", bundle, *trust, "--ledger", clerk.home / "chain.db")
    assert chain["accepted"] is True
    assert outside.ask("verify", bundle, *trust, "--ledger", clerk.home)["accepted"] is True
    alone = outside.ask("verify", bundle, *trust, code=3)
    assert alone["accepted"] is False
    missing = outside.ask("verify", bundle, *trust, "--ledger", tmp_path / "none.db", code=2)
    assert missing["error"]["code"] == "CHAIN_MISSING"


def test_what_was_anchored_after_a_key_was_compromised_breaks(clerk):
    bundle = next((clerk.home / "released" / BUREAU).glob("*/*.ecert.json"))
    assert clerk.ask("verify", bundle)["accepted"] is True
    used = [
        key for key in clerk.ask("key", "list", "--issuer", BUREAU)["keys"] if key["purpose"] == "credential"
    ]
    today = (datetime.now(UTC) + timedelta(hours=8)).date().isoformat()
    report = ("key", "compromise", "--issuer", BUREAU, "--number", used[0]["number"], "--since", today)
    assert clerk.run(*report, *clerk.admins(FUND), "--yes").code == 1
    assert clerk.ask(*report, *clerk.admins(BUREAU), code=1)["error"]["code"] == "NOT_CONFIRMED"
    clerk.ask(*report, *clerk.admins(BUREAU), "--yes")
    found = clerk.ask("verify", bundle, code=1)
    assert found["verdict"]["code"] == "KEY_COMPROMISED"
    after = [
        key
        for key in clerk.ask("key", "list", "--issuer", BUREAU)["keys"]
        if key["number"] == used[0]["number"]
    ]
    assert after[0]["compromised_since"] is not None


def test_a_person_who_enrolled_a_passkey_is_appointed_by_log_in_name(clerk):
    parts = open_web(replace(load_settings({"HOME": str(clerk.home)}), home=clerk.home))
    person = parts.people.add("governing.clerk", "经办", by=None, password="correct horse 42 staple")
    enrolment = parts.signing.enrolment
    who, passkey = Signer(person, FUND), Authenticator(0x51)
    role = ("issuer", "role", "--issuer", FUND, "--role", "maker", *clerk.admins(FUND))
    assert clerk.ask(*role, "--person", "governing.clerk", code=1)["error"]["code"] == "SIGNING_KEY_UNKNOWN"
    asked = enrolment.begin(who, Act.ENROL_PASSKEY)
    enrolment.finish_passkey(who, asked.id, passkey.create(asked.digests[0]), "key", SITE)
    signer = "0x" + passkey.signer_id.hex()
    assert clerk.ask(*role, "--person", "governing.clerk")["address"] == signer
    assert parts.signing.desk.usable(who, Role.MAKER)
    assert clerk.ask(*role, "--address", signer, "--remove")["address"] == signer
    assert not parts.signing.desk.usable(who, Role.MAKER)
    assert clerk.run(*role).code == 2
