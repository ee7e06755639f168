"""From a file to released bundles and back out of force, as clerks do it, on a copy of the demo."""

from __future__ import annotations

import json
import shutil

import jsonschema
import pytest

from ledger.demo_data import deposit_rows, write_csv
from tests.cli.story import ROOT, ecert

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(600)]
FUND = "12990100MAXXXX023E"


@pytest.fixture
def home(demo_home, tmp_path):
    shutil.copytree(demo_home, tmp_path / "home")
    return tmp_path / "home"


def answer(home, *argv, code=0):
    ran = ecert(*argv, "--json", home=home)
    assert ran.code == code, ran.out + ran.err
    return json.loads(ran.out)


def key(home, who, issuer=FUND):
    return f"file:{home / 'keys' / issuer / who}"


def issue(home, tmp_path, first):
    file = tmp_path / f"rows{first}.csv"
    write_csv(file, deposit_rows(3, first=first))
    value = answer(home, "issue", "--issuer", FUND, "--type", "HPF_PERSONAL_DEPOSIT", str(file))
    assert value == {"rows": 3, "valid": 3, "errors": []}
    batch = answer(home, "batch", "list", "--state", "signed")["batches"][-1][
        "id"
    ]  # the demo has one that waits
    lines = (tmp_path / f"rows{first}.csv.result.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["ISSUED"] * 3
    return str(batch), lines[1].split(",")[2]


def test_new_key_then_issue_approve_suspend_resume_withdraw(home, tmp_path):
    password = tmp_path / "password"
    password.write_text("a long enough password\n")
    password.chmod(0o600)
    made = ecert("key", "new", "--kind", "credential", "--out", str(tmp_path / "new"), home=home,
                 ECERT_PASSWORD_FILE=str(password))  # fmt: skip
    assert made.code == 0, made.err
    shutil.copy(password, tmp_path / "new" / "password")
    admins = ("--admin", key(home, "admin1"), "--admin", key(home, "admin2"))
    registered = answer(
        home, "key", "register", "--issuer", FUND, "--key", f"file:{tmp_path / 'new'}", *admins
    )
    assert registered["number"] == 4  # after those of credential, status and seal

    batch, identifier = issue(home, tmp_path, 7_000_000)
    answer(home, "batch", "approve", batch, "--key", key(home, "approver"), code=1)  # not made yet
    wrong = answer(home, "batch", "make", batch, "--key", key(home, "approver"), code=1)
    assert wrong["error"]["code"] == "WRONG_ROLE"
    answer(home, "batch", "make", batch, "--key", key(home, "maker"))
    done = answer(home, "batch", "approve", batch, "--key", key(home, "approver"))["batches"][0]
    assert (done["state"], done["size"]) == ("released", 3)
    bundle = answer(home, "show", identifier)["bundle"]
    assert answer(home, "verify", bundle)["accepted"] is True

    answer(home, "status", "set", identifier, "--to", "suspended", "--reason", "security")
    assert answer(home, "verify", bundle, code=1)["verdict"]["code"] == "SUSPENDED"
    case = answer(
        home, "status", "set", identifier, "--to", "valid", "--reason", "administrative",
        "--document", "DOC-7", "--key", key(home, "maker"),
    )["case"]  # fmt: skip
    alone = answer(home, "status", "approve", case["id"], "--key", key(home, "maker"), code=1)
    assert alone["error"]["code"] == "WRONG_ROLE"
    assert answer(home, "status", "approve", case["id"], "--key", key(home, "approver"))["done"] is True
    assert answer(home, "verify", bundle)["accepted"] is True
    sealed = b"".join(path.read_bytes() for path in (home / "cases").glob("*.case"))
    assert b"DOC-7" not in sealed + (home / "chain.db").read_bytes() + (home / "store.db").read_bytes()

    case = answer(home, "batch", "withdraw", batch, "--reason", "issuer-error", "--key", key(home, "maker"))[
        "case"
    ]
    answer(home, "status", "approve", case["id"], "--key", key(home, "approver"))
    assert answer(home, "verify", bundle, code=1)["accepted"] is False
    assert answer(home, "doctor")["ok"] is True


def test_a_refused_batch_comes_back_as_a_new_one(home, tmp_path):
    batch, _ = issue(home, tmp_path, 8_000_000)
    refused = answer(
        home, "batch", "reject", batch, "--reason", "wrong list", "--requeue", "--key", key(home, "maker")
    )
    assert refused["batch"]["state"] == "refused"
    assert refused["new_batch"] != int(batch)
    doctor = answer(home, "doctor", code=1)
    assert "DOCTOR_BACKLOG" in {finding["code"] for finding in doctor["findings"]}
    assert ecert("worker", "--once", home=home).code == 0
    assert answer(home, "batch", "show", str(refused["new_batch"]))["state"] == "signed"


def test_a_result_that_cannot_lie_beside_its_data_goes_into_the_home(home, tmp_path):
    file = tmp_path / "rows.csv"
    write_csv(file, deposit_rows(2, first=9_000_000))
    (tmp_path / "blocked").mkdir()
    asked = tmp_path / "blocked"  # a folder cannot be replaced by a file
    ran = ecert("issue", "--issuer", FUND, "--type", "HPF_PERSONAL_DEPOSIT", str(file),
                "--result", str(asked / "no-such-folder" / "x.csv"), home=home)  # fmt: skip
    assert ran.code == 0, ran.err
    assert (home / "results" / "rows.csv.result.csv").exists()


def test_a_stray_case_file_is_reported_and_stops_nothing(home):
    (home / "cases").mkdir(exist_ok=True)
    (home / "cases" / f"{'a' * 32}.case").write_bytes(b"garbage")
    ran = ecert("worker", "--once", home=home)
    assert ran.code == 0, ran.err
    listed = answer(home, "status", "list")
    assert listed["unreadable"] == ["a" * 32]
    shape = ROOT / "docs" / "cli" / "status-list.schema.json"
    jsonschema.validate(listed, json.loads(shape.read_text(encoding="utf-8")))
    findings = answer(home, "doctor", code=1)["findings"]
    assert [one["detail"] for one in findings if one["code"] == "DOCTOR_CASE_UNREADABLE"] == [
        {"case": "a" * 32}
    ]
