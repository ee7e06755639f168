"""Batches that are refused, by whom and without which rows; and licences that wait to be activated."""

from __future__ import annotations

import jsonschema
import pytest

from ledger.bootstrap import open_home
from ledger.demo_data import deposit_rows, licence_rows, write_xlsx
from ledger.settings import Settings
from tests.cli.clerk import BUREAU, DEPOSIT, FUND, LICENCE, batch_of, clerk_of_a_copy, results, written
from tests.cli.story import schema

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def clerk(demo_home, tmp_path_factory):
    return clerk_of_a_copy(demo_home, tmp_path_factory.mktemp("batches"))


def test_rows_are_dropped_by_number_and_serial_and_who_refused_is_kept(clerk, tmp_path):
    file = written(tmp_path / "rows.csv", deposit_rows(4, first=5_100_000))
    clerk.ask("issue", *DEPOSIT, file)
    batch, rows = batch_of(file), results(file)
    reject = ("batch", "reject", batch, "--reason", "two rows are wrong", "--requeue")
    nobody = clerk.ask(*reject, "--key", clerk.key("operator"), code=1)
    assert nobody["error"]["code"] == "WRONG_ROLE"
    stranger = clerk.ask(*reject, "--key", clerk.key("maker", BUREAU), code=1)
    assert stranger["error"]["code"] == "WRONG_ROLE"
    for word in ("99", "0" * 32):
        wrong = clerk.ask(*reject, "--key", clerk.key("maker"), "--without", word, code=2)
        assert wrong["error"]["code"] == "ROW_NOT_IN_BATCH"
    assert clerk.run(*reject).code == 2  # no key

    serial = rows[3]["bundle"].removesuffix(".ecert.json")
    refused = clerk.ask(*reject, "--without", "3", "--without", serial, "--key", clerk.key("approver"))
    assert refused["dropped"] == 2
    shown = clerk.ask("batch", "show", batch)
    jsonschema.validate(shown, schema("batch-show"))
    assert (shown["state"], shown["reason"]) == ("refused", "two rows are wrong")
    assert shown["refused_by"] == _approver(clerk)
    assert shown["refused_at"] >= shown["created_at"]
    new = clerk.ask("batch", "show", refused["new_batch"])
    assert (new["size"], new["refused_by"]) == (2, None)

    clerk.ask("issue", *DEPOSIT, file)  # the dropped rows alone come again, in a batch of their own
    assert [row["outcome"] for row in results(file)] == ["ALREADY", "ISSUED", "ALREADY", "ISSUED"]
    people = clerk.run("batch", "show", batch).out
    assert "驳回人:0x" in people
    assert "状态:已驳回" in people
    assert "refused_by" not in people


def _approver(clerk):
    here = open_home(Settings(clerk.home), None)
    return "0x" + here.agencies.chain_signer(FUND, "approver").address.hex()


def test_samples_carry_the_labels_of_their_type(clerk):
    chinese = clerk.run("batch", "show", "1", "--samples", "1").out
    english = clerk.run("batch", "show", "1", "--samples", "1", "--lang", "en").out
    assert "个人账号:" in chinese
    assert "账户状态:01 " in chinese or "账户状态:02 " in chinese
    assert "Size: " in english
    keys = set(clerk.ask("batch", "show", "1", "--samples", "1")["samples"][0])
    assert not any(f"{key}=" in chinese + english or f"{key}:" in chinese for key in keys)


def test_licences_are_issued_pending_and_activated_by_two_people(clerk, tmp_path):
    file = tmp_path / "licences.xlsx"
    write_xlsx(file, licence_rows(902)[900:])  # far from those of the demo
    clerk.ask("issue", *LICENCE, file, "--pending")
    batch = batch_of(file)
    assert clerk.ask("batch", "show", batch)["pending"] is True
    assert clerk.sign(batch, BUREAU)["state"] == "released"
    identifier = results(file)[0]["identifier"]
    bundle = clerk.bundle(identifier)
    assert clerk.ask("verify", bundle, code=1)["verdict"]["code"] == "PENDING"
    case = clerk.ask(
        "status", "set", identifier, "--to", "valid", "--reason", "administrative",
        "--key", clerk.key("maker", BUREAU),
    )["case"]  # fmt: skip
    clerk.ask("status", "approve", case["id"], "--key", clerk.key("approver", BUREAU))
    assert clerk.ask("verify", bundle)["accepted"] is True
    other = clerk.bundle(results(file)[1]["identifier"])
    assert clerk.ask("verify", other, code=1)["verdict"]["code"] == "PENDING"
