"""Rows through `ecert issue`: changed ones, bad ones, the same file twice; on one copy of the demo."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import pytest

from ledger.apps import issuing
from ledger.bootstrap import open_home
from ledger.demo_data import deposit_rows
from ledger.settings import load_settings
from tests.cli.clerk import DEPOSIT, FUND, altered, batch_of, clerk_of_a_copy, results, written
from tests.cli.story import schema

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(600)]
NUMBER = "个人账号"


@pytest.fixture(scope="module")
def clerk(demo_home, tmp_path_factory):
    return clerk_of_a_copy(demo_home, tmp_path_factory.mktemp("rows"))


def codes(value):
    return [(error["row"], error["column"], error["code"]) for error in value["errors"]]


def test_changed_rows_are_named_and_can_supersede(clerk, tmp_path):
    rows = deposit_rows(3, first=6_100_000)
    file = written(tmp_path / "rows.csv", rows)
    assert clerk.ask("issue", *DEPOSIT, file) == {"rows": 3, "valid": 3, "errors": []}
    assert clerk.sign(batch_of(file))["state"] == "released"
    old = results(file)[1]["identifier"]

    changed = written(tmp_path / "changed.csv", altered(rows, 3, "账户余额", "88888.88"))
    for option in (("--dry-run",), ()):
        value = clerk.ask("issue", *DEPOSIT, changed, *option, code=1)
        jsonschema.validate(value, schema("issue"))
        assert (value["rows"], value["valid"]) == (3, 3)
        assert codes(value) == [(3, NUMBER, "ROW_CHANGED")]
        message = value["errors"][0]["message"]
        assert "--supersede" in message["zh"]
        assert "--supersede" in message["en"]
    assert [row["outcome"] for row in results(changed)] == ["ALREADY", "CHANGED", "ALREADY"]
    assert results(changed)[1]["errors"] == "ROW_CHANGED"
    assert clerk.ask("issue", *DEPOSIT, file, "--dry-run")["errors"] == []

    assert clerk.ask("issue", *DEPOSIT, changed, "--supersede")["errors"] == []
    row = results(changed)[1]
    assert row["outcome"] == "SUPERSEDES"
    assert row["batch"] != results(file)[0]["batch"]
    assert clerk.sign(int(row["batch"]))["size"] == 1
    assert clerk.ask("verify", clerk.bundle(old), code=1)["verdict"]["code"] == "SUPERSEDED"
    assert clerk.ask("verify", clerk.bundle(row["identifier"]))["accepted"] is True


def test_a_run_cut_short_before_it_signed_is_finished_by_the_same_file_again(clerk, tmp_path, monkeypatch):
    def die(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    file = written(tmp_path / "short.csv", deposit_rows(2, first=6_150_000))
    # reason: the process ends when its rows are durable
    monkeypatch.setattr(issuing, "work_or_wait", die)
    here = open_home(replace(load_settings(), home=clerk.home))
    order = issuing.IssueOrder(FUND, "HPF_PERSONAL_DEPOSIT", file)
    with pytest.raises(KeyboardInterrupt):
        issuing.issue_file(here, order, lambda _: None)
    assert clerk.ask("issue", *DEPOSIT, file)["errors"] == []
    assert {(row["outcome"], row["state"]) for row in results(file)} == {("ALREADY", "signed")}


def test_the_same_record_twice_in_a_file_with_other_values(clerk, tmp_path):
    rows = deposit_rows(2, first=6_200_000)
    file = written(tmp_path / "twice.csv", [*rows, altered(rows, 2, "账户余额", "1.00")[0]])
    for option in (("--dry-run",), ()):
        assert codes(clerk.ask("issue", *DEPOSIT, file, *option, code=1)) == [(4, NUMBER, "ROW_TWICE")]


def test_a_dry_run_without_the_password_says_that_it_could_not_look(clerk, tmp_path):
    rows = deposit_rows(2, first=6_300_000)
    clerk.ask("issue", *DEPOSIT, written(tmp_path / "rows.csv", rows))
    changed = written(tmp_path / "changed.csv", altered(rows, 2, "账户余额", "7.00"))
    password = clerk.home / "keys" / "ledger" / "vault" / "password"
    secret = password.read_bytes()
    password.unlink()
    try:
        ran = clerk.run("issue", *DEPOSIT, changed, "--dry-run", "--json")
        refused = clerk.ask("issue", *DEPOSIT, changed, code=1)
    finally:
        password.write_bytes(secret)
        password.chmod(0o600)
    assert ran.code == 0, ran.out + ran.err
    assert '"errors": []' in ran.out
    assert "未能对照已签发的记录" in ran.err
    assert refused["error"]["code"] == "PASSWORD_NEEDED"


def test_only_valid_takes_the_good_rows_and_names_the_bad(clerk, tmp_path):
    rows = deposit_rows(3, first=6_400_000)
    bad = written(tmp_path / "bad.csv", altered(rows, 4, "账户余额", "-5.00"))
    refused = clerk.ask("issue", *DEPOSIT, bad, code=1)
    assert codes(refused) == [(4, "账户余额", "AMOUNT_NEGATIVE")]
    assert {row["outcome"] for row in results(bad)} == {"INVALID"}
    taken = clerk.ask("issue", *DEPOSIT, bad, "--only-valid", code=1)
    assert taken == refused
    assert [row["outcome"] for row in results(bad)] == ["ISSUED", "ISSUED", "INVALID"]
    assert results(bad)[2]["errors"] == "账户余额: AMOUNT_NEGATIVE"
    assert clerk.ask("batch", "show", batch_of(bad))["size"] == 2
