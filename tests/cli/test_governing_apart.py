"""Admins who work apart, agencies that end or are lost, entries, and the whole life of each thing by `ecert show`."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import jsonschema
import pytest

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.apps.cli_time import say_day
from ledger.core.directory import make_directory_entry, parse_directory_entry
from ledger.core.receipt import parse_bundle
from ledger.demo_data import demo_uscc, deposit_rows
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
from tests.cli.story import schema

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(600)]
DEPUTY = "0x00000000000000000000000000000000000000d1"
NEW1, NEW2 = "0x00000000000000000000000000000000000000a1", "0x00000000000000000000000000000000000000a2"
COUNTY = demo_uscc("12", "990301", "MAXXXX73")
OWN = demo_uscc("12", "990302", "MAXXXX74")
DAY_S = 86_400


@pytest.fixture(scope="module")
def clerk(demo_home, tmp_path_factory):
    return clerk_of_a_copy(demo_home, tmp_path_factory.mktemp("apart"))


def error(clerk, *words, code=1):
    found = clerk.ask(*words, code=code)["error"]
    assert "出错" not in found["message"]["zh"], f"{found['code']} has no Chinese words"
    return found["code"]


def test_one_admin_proposes_a_deputy_and_another_accepts_elsewhere(clerk):
    admin1, admin2 = clerk.key("admin1"), clerk.key("admin2")
    propose = ("role", "propose", "--issuer", FUND, "--role", "approver", "--address", DEPUTY)
    days = ("--from", "2030-01-07", "--until", "2030-01-21")
    made = clerk.ask(*propose, *days, "--admin", admin1)
    (proposal,) = made["proposals"]
    assert made["done"] is False
    waiting = clerk.ask("role", "waiting", "--key", admin2)
    jsonschema.validate(waiting, schema("role-waiting"))
    (mine,) = [one for one in waiting["proposals"] if one["number"] == proposal["number"]]
    assert mine["act"]["args"]["signer"] == DEPUTY
    said = clerk.run("role", "waiting").out
    assert "2030-01-07 00:00:00 +08:00" in said
    assert "审批人" in said

    accept = ("role", "accept", proposal["number"], "--key")
    assert error(clerk, *accept, admin1) == "SAME_ADMIN"
    unasked = clerk.run(*accept, admin2)  # nobody is at a terminal: what it is about is said, nothing is done
    assert (unasked.code, "NOT_CONFIRMED" in unasked.err, DEPUTY in unasked.err) == (1, True, True)
    assert clerk.ask(*accept, admin2, "--yes")["proposal"]["state"] == "accepted"
    assert error(clerk, *accept, admin2) == "PROPOSAL_ENDED"
    roles = clerk.ask("role", "list", "--issuer", FUND)
    jsonschema.validate(roles, schema("role-list"))
    (deputy,) = [one for one in roles["roles"] if one["signer"] == DEPUTY]
    assert (deputy["role"], deputy["good"], deputy["valid_until"] - deputy["valid_from"]) == (
        "approver", False, 14 * 86_400,
    )  # fmt: skip

    (other,) = clerk.ask(*propose, "--remove", *days, "--admin", admin1)["proposals"]
    assert clerk.ask("role", "cancel", other["number"], "--key", admin2)["proposal"]["state"] == "cancelled"

    clerk.ask(*propose, *days, *clerk.admins(FUND))  # it is so already: no effect
    assert roles_of(clerk, DEPUTY) == [deputy]
    clerk.ask(*propose, "--remove", *clerk.admins(FUND))  # who has not begun yet is removed as well
    assert roles_of(clerk, DEPUTY) == []
    clerk.ask(*propose, "--until", "2030-01-21", *clerk.admins(FUND))
    clerk.ask(*propose, *clerk.admins(FUND))  # without an end now
    (lasting,) = roles_of(clerk, DEPUTY)
    assert (lasting["good"], lasting["valid_until"]) == (True, None)
    clerk.ask(*propose, "--remove", *clerk.admins(FUND))


def roles_of(clerk, signer):
    return [one for one in clerk.ask("role", "list", "--issuer", FUND)["roles"] if one["signer"] == signer]


def test_a_county_below_the_fund_is_taken_over(clerk, tmp_path):
    admit = (
        "issuer",
        "admit",
        "--uscc",
        COUNTY,
        "--name",
        "县中心",
        "--name-en",
        "County",
        "--division",
        "990301",
    )
    clerk.ask(*admit, "--iss", "https://y.demo.example", "--by", FUND, "--type", "HPF_PERSONAL_DEPOSIT")
    found = {one["uscc"]: one for one in clerk.ask("issuer", "list")["issuers"]}
    assert (found[COUNTY]["parent"], found[COUNTY]["level"]) == (FUND, 3)
    file = written(tmp_path / "rows.csv", deposit_rows(1, first=5_100_000))
    clerk.ask("issue", "--issuer", COUNTY, "--type", "HPF_PERSONAL_DEPOSIT", file)
    batch = batch_of(file)
    assert clerk.sign(batch, COUNTY)["state"] == "released"
    identifier = results(file)[0]["identifier"]
    bundle = clerk.bundle(identifier)

    end = ("issuer", "successor", "--issuer", COUNTY, "--successor", BUREAU)
    assert (
        error(clerk, *end, *clerk.admins(FUND), "--by", FUND, "--yes") == "RegistryNotAncestor"
    )  # not above the bureau
    assert error(clerk, *end, *clerk.admins()) == "NOT_CONFIRMED"
    clerk.ask(*end, *clerk.admins(), "--yes")  # the root stands above both, and is found
    county_now = clerk.ask("show", COUNTY)
    assert (county_now["successor"], county_now["acts_for_it"]) == (BUREAU, BUREAU)
    assert clerk.ask("verify", bundle)["accepted"] is True
    void = ("status", "set", identifier, "--to", "void", "--reason", "issuer-error", "--key")
    assert error(clerk, *void, clerk.key("maker", COUNTY)) == "WRONG_ROLE"
    case = clerk.ask(*void, clerk.key("maker", BUREAU))["case"]
    assert (case["issuer"], case["by"]) == (COUNTY, BUREAU)
    assert clerk.ask("status", "approve", case["id"], "--key", clerk.key("approver", BUREAU))["done"] is True
    assert clerk.ask("verify", bundle, code=1)["verdict"]["code"] == "VOID"
    life = clerk.ask("show", batch)
    jsonschema.validate(life, schema("show-timeline"))
    assert [one["what"] for one in life["timeline"]] == ["BatchAnchored", "StatusChanged"]
    assert life["timeline"][1]["by"] == BUREAU


def test_lost_admins_are_replaced_after_a_day_by_an_agency_above_and_the_root_by_governance(clerk):
    reset = ("role", "reset", "--issuer", BUREAU)
    new = ("--new-admin", NEW1, "--new-admin", NEW2)
    announced = clerk.ask(*reset, *new, *clerk.admins())
    assert announced["ready_at"] - announced["announced_at"] == 86_400
    assert error(clerk, "issuer", "recover", "--issuer", BUREAU) == "RESET_TOO_EARLY"
    assert clerk.ask("show", BUREAU)["reset_ready_at"] == announced["ready_at"]
    clerk.ask(*reset, "--cancel", *clerk.admins(BUREAU))  # it has its admins after all
    assert error(clerk, "issuer", "recover", "--issuer", BUREAU) == "RESET_NONE"

    governance = ("--governance", clerk.key("governance", "ledger"))
    assert error(clerk, *reset, *new, *governance) == "NOT_THE_ROOT"
    root = ("role", "reset", "--issuer", ROOT_ISSUER)
    assert clerk.ask(*root, *new, *governance)["by"] is None
    clerk.ask(*root, "--cancel", *clerk.admins())


def test_a_day_later_resets_are_carried_out_and_an_ended_grant_is_withdrawn_all_the_same(clerk, tmp_path):
    shutil.copytree(clerk.home, tmp_path / "home")
    now = Clerk(tmp_path / "home")
    bundle = now.home / "demo" / "good.ecert.json"
    day = say_day(int(time.time()) + DAY_S)
    grant = ("issuer", "grant", "--issuer", FUND, "--type", "HPF_PERSONAL_DEPOSIT", *now.admins())
    now.ask(*grant, "--until", day)  # cut short: it ends tomorrow
    new = ("--new-admin", NEW1, "--new-admin", NEW2)
    now.ask("role", "reset", "--issuer", BUREAU, *new, *now.admins())
    governance = ("--governance", now.key("governance", "ledger"))
    now.ask("role", "reset", "--issuer", ROOT_ISSUER, *new, *governance)

    tomorrow = now.later(DAY_S + 60)
    withdraw = ("issuer", "withdraw", "--issuer", FUND, "--type", "HPF_PERSONAL_DEPOSIT", *now.admins())
    since = ("--cause", "misconduct", "--since", say_day(int(time.time())))
    assert error(tomorrow, *withdraw, *since) == "NOT_CONFIRMED"
    assert tomorrow.ask("verify", bundle)["accepted"] is True
    assert tomorrow.ask(*withdraw, *since, "--yes")["done"] is True
    assert tomorrow.ask("verify", bundle, code=1)["verdict"]["code"] == "GRANT_BROKEN"
    assert tomorrow.ask(*withdraw, *since, "--yes")["done"] is True  # again: no effect
    assert error(tomorrow, *withdraw, "--cause", "administrative") == "RegistryAlreadyWithdrawn"

    for issuer in (BUREAU, ROOT_ISSUER):
        assert tomorrow.ask("issuer", "recover", "--issuer", issuer)["done"] is True
        roles = tomorrow.ask("role", "list", "--issuer", issuer)["roles"]
        assert {(one["role"], one["signer"]) for one in roles if one["good"]} == {
            ("admin", NEW1),
            ("admin", NEW2),
        }
        life = tomorrow.ask("show", issuer)
        assert life["reset_ready_at"] is None
        assert {"ResetScheduled", "RolesReset"} <= {one["what"] for one in life["timeline"]}
        assert error(tomorrow, "issuer", "recover", "--issuer", issuer) == "RESET_NONE"
    old = ("role", "propose", "--issuer", BUREAU, "--role", "maker", "--address", DEPUTY)
    assert error(tomorrow, *old, "--admin", now.key("admin1", BUREAU)) == "NOT_AN_ADMIN"


def test_an_agency_changes_its_name_and_old_bundles_keep_the_old_one(clerk, tmp_path):
    before = clerk.home / "demo" / "good.ecert.json"
    publish = (
        "directory",
        "publish",
        "--issuer",
        FUND,
        "--name",
        "示例市公积金中心(演示)",
        "--phone",
        "12329",
    )
    alone = clerk.ask(*publish, "--admin", clerk.key("admin1", ROOT_ISSUER))
    assert alone["done"] is False
    (proposal,) = alone["proposals"]
    accept = ("role", "accept", proposal["number"], "--yes", "--key")
    accepted = clerk.ask(*accept, clerk.key("admin2", ROOT_ISSUER))
    assert accepted["act"]["function"] == "setDirectory"
    names = {one["uscc"]: one["name"] for one in clerk.ask("issuer", "list")["issuers"]}
    assert names[FUND] == "示例市公积金中心(演示)"
    assert clerk.ask("verify", before)["accepted"] is True
    file = written(tmp_path / "rows.csv", deposit_rows(1, first=5_200_000))
    clerk.ask("issue", *DEPOSIT, file)
    clerk.sign(batch_of(file))
    after = clerk.bundle(results(file)[0]["identifier"])
    assert clerk.ask("verify", after)["accepted"] is True
    named = parse_directory_entry(parse_bundle(Path(after).read_bytes()).directory_entry).name["zh"]
    assert named == "示例市公积金中心(演示)"

    entry = tmp_path / "entry.jws"
    clerk.ask("directory", "sign", "--issuer", FUND, "--phone", "12333", "--out", entry)
    foreign = (
        "issuer",
        "admit",
        "--uscc",
        BUREAU,
        "--entry",
        entry,
        "--new-admin",
        NEW1,
        "--new-admin",
        NEW2,
    )
    assert error(clerk, *foreign, *clerk.admins(), code=2) == "DIRECTORY_OTHER_ISSUER"
    other = ("directory", "publish", "--issuer", BUREAU, "--entry", entry, *clerk.admins())
    assert error(clerk, *other, code=2) == "DIRECTORY_OTHER_ISSUER"
    publish = ("directory", "publish", "--issuer", FUND, *clerk.admins(), "--entry")
    signed, bad = entry.read_text(), tmp_path / "bad.jws"
    header, payload, signature = signed.split(".")
    swapped = "A" if signature[0] != "A" else "B"
    bad.write_text(f"{header}.{payload}.{swapped}{signature[1:]}")
    assert error(clerk, *publish, bad, code=2) == "DIRECTORY_SIGNATURE"
    own = parse_directory_entry(signed)
    bad.write_text(
        make_directory_entry(
            issuer=FUND, name_zh="冒名", name_en="Impostor", iss=own.iss, division=own.division, issued_at=1,
            signer=MemoryCredentialSigner.generate(),
        )
    )  # fmt: skip
    assert error(clerk, *publish, bad, code=2) == "DIRECTORY_KEY"
    clerk.ask(*publish, entry)
    assert clerk.ask("verify", before)["accepted"] is True


def test_batches_are_found_by_a_key_and_withdrawn_by_root_from_above(clerk, tmp_path):
    file = written(tmp_path / "rows.csv", deposit_rows(1, first=5_300_000))
    clerk.ask("issue", *DEPOSIT, file)
    batch = clerk.sign(batch_of(file))
    found = clerk.ask("batch", "anchored", "--signer", batch["approver"])
    jsonschema.validate(found, schema("batch-anchored"))
    assert batch["root"] in {one["root"] for one in found["batches"]}
    assert {tuple(one["signed_as"]) for one in found["batches"]} == {("approver",)}
    assert clerk.ask("batch", "anchored", "--unknown")["batches"] == []
    withdraw = ("batch", "withdraw", batch["root"], "--reason", "security", "--by", ROOT_ISSUER, "--key")
    assert error(clerk, *withdraw, clerk.key("maker")) == "WRONG_ROLE"
    case = clerk.ask(*withdraw, clerk.key("maker", ROOT_ISSUER))["case"]
    assert (case["withdraws_root"], case["withdraws_batch"], case["by"]) == (batch["root"], None, ROOT_ISSUER)
    assert (
        clerk.ask("status", "approve", case["id"], "--key", clerk.key("approver", ROOT_ISSUER))["done"]
        is True
    )
    bundle = clerk.bundle(results(file)[0]["identifier"])
    assert clerk.ask("verify", bundle, code=1)["verdict"]["code"] == "BATCH_WITHDRAWN"
    assert "撤回" in clerk.run("show", batch["root"]).out


def test_an_agency_with_papers_of_its_own_is_proposed_and_admitted(clerk, tmp_path):
    signer = MemoryCredentialSigner.generate()
    words = {"issuer": OWN, "name_en": "Own", "iss": "https://own.demo.example", "division": "990302"}
    entry, other = tmp_path / "entry.jws", tmp_path / "other.jws"
    for file, name in ((entry, "自有安装中心"), (other, "改名中心")):
        file.write_text(make_directory_entry(**words, name_zh=name, issued_at=1, signer=signer))
    admit = ("issuer", "admit", "--uscc", OWN, "--new-admin", NEW1, "--new-admin", NEW2)
    first = clerk.ask(*admit, "--entry", entry, "--admin", clerk.key("admin1", ROOT_ISSUER))
    (proposal,) = first["proposals"]
    clerk.ask("role", "accept", proposal["number"], "--yes", "--key", clerk.key("admin2", ROOT_ISSUER))
    found = {one["uscc"]: one for one in clerk.ask("issuer", "list")["issuers"]}[OWN]
    assert (found["name"], found["parent"], found["here"]) == ("自有安装中心", ROOT_ISSUER, False)
    admins = {one["signer"] for one in clerk.ask("role", "list", "--issuer", OWN)["roles"] if one["good"]}
    assert admins == {NEW1, NEW2}
    assert clerk.ask(*admit, "--entry", entry, *clerk.admins())["done"] is True  # again: no effect
    assert error(clerk, *admit, "--entry", other, *clerk.admins()) == "RegistryIssuerExists"
    assert clerk.ask("show", OWN)["timeline"][0]["what"] == "IssuerAdmitted"


def test_everything_is_shown_with_its_life(clerk):
    key = clerk.ask("key", "list", "--issuer", FUND)["keys"][0]
    standing = clerk.ask("standing", "list")["standing"][0]
    life = clerk.ask("show", f"{FUND}/1")
    assert life == clerk.ask("show", key["thumbprint"])
    for subject in (FUND, ROOT_ISSUER, f"{FUND}/1", standing["id"], 1):
        shown = clerk.ask("show", subject)
        jsonschema.validate(shown, schema("show-timeline"))
        assert shown["timeline"], subject
    said = clerk.run("show", FUND, "--lang", "en").out
    assert "appointed approver" in said
    assert life["timeline"][0]["transaction"] in said
    (registered,) = life["timeline"]
    assert registered["what"] == "KeyRegistered"
    assert len(registered["signers"]) == 2
    assert error(clerk, "show", "9" * 18) == "ISSUER_UNKNOWN"
    assert error(clerk, "show", f"{FUND}/99") == "KEY_UNKNOWN"
    assert error(clerk, "show", "0x" + "7" * 64) == "SUBJECT_UNKNOWN"


def test_a_standing_approval_is_added_and_revoked(clerk):
    add = ("standing", "add", "--issuer", FUND, "--type", "HPF_PERSONAL_DEPOSIT", "--limit", 5)
    assert (
        error(clerk, *add, "--type", "BIZ_LICENSE", "--key", clerk.key("approver"), code=2)
        == "TYPE_NOT_GRANTED"
    )
    made = clerk.ask(*add, "--key", clerk.key("approver"))
    revoke = ("standing", "revoke", made["id"], "--key")
    assert error(clerk, *revoke, clerk.key("maker")) == "WRONG_ROLE"
    assert error(clerk, *revoke, clerk.key("admin1", BUREAU), "--by", BUREAU) == "RegistryNotAncestor"
    assert clerk.ask("standing", "revoke", made["id"], "--key", clerk.key("admin1"))["revoked"] is True
    told = clerk.ask("show", made["id"])["timeline"]
    assert [one["what"] for one in told] == ["StandingRegistered", "StandingRevoked"]


def test_former_names_of_commands_still_work(clerk):
    assert clerk.run("issuer", "withdraw-grant", "--help").code == 0
    assert clerk.run("standing", "grant", "--help").code == 0
    assert "withdraw-grant" not in clerk.run("issuer", "--help").out
