"""Whole files through reader and checker: the shared records, and our own with the same faults elsewhere."""

import json
from datetime import date
from pathlib import Path

import pytest

from ledger.adapters.row_readers import open_rows
from ledger.adapters.type_files import load_types
from ledger.core.rows import RowChecker
from ledger.demo_data import (
    FAULT_CODES,
    csv_bytes,
    deposit_rows,
    licence_rows,
    mixed_deposit_rows,
    write_csv,
    write_xlsx,
    xlsx_bytes,
)
from tests.needs import SHARED

TODAY = date(2026, 11, 22)
TYPES = load_types()
HELD = json.loads(
    (Path(__file__).parents[2] / "vectors/deposit_mixed.codes.json").read_text(encoding="utf-8")
)
RECORDS = SHARED / "data/records"


def run(source, ref, mode="demo"):
    loaded = TYPES.by_ref(ref)
    table = open_rows(source)
    bound = RowChecker(loaded.type, loaded.row_validator, mode, TODAY).bind(table.header)
    assert bound.errors == ()
    return [bound.check(number, cells) for number, cells in table.rows()]


def errors_of(results):
    return [(issue.row, issue.column, issue.code) for result in results for issue in result.errors]


@pytest.mark.needs("shared")
def test_deposit_good_is_good_to_the_last_row():
    results = run(RECORDS / "deposit_good.gb18030.csv", "HPF_PERSONAL_DEPOSIT")
    assert len(results) == 988
    assert errors_of(results) == []
    assert not any(result.warnings for result in results)
    assert {"古丽娜尔·买买提", "杜㛃"} <= {result.fields["name"] for result in results}
    assert results[0].row == 2


@pytest.mark.needs("shared")
def test_deposit_mixed_names_exactly_rows_columns_and_codes():
    results = run(RECORDS / "deposit_mixed.utf8sig.csv", "HPF_PERSONAL_DEPOSIT")
    assert len(results) == 1000
    assert errors_of(results) == [(e["row"], e["column"], e["code"]) for e in HELD["errors"]]
    given = json.loads((RECORDS / "deposit_mixed.errors.json").read_text(encoding="utf-8"))
    assert [(row, column) for row, column, _ in errors_of(results)] == [
        (bad["row"], bad["column"]) for bad in given["bad"]
    ]


@pytest.mark.needs("shared")
def test_business_licences_with_real_dates_and_numbers():
    results = run(RECORDS / "business_licences.xlsx", "BIZ_LICENSE")
    assert len(results) == 100
    assert errors_of(results) == []
    first = results[0].fields
    assert first["uscc"] == "91990101MAURUFFB64"
    assert first["capital"] == "1000000.00"
    assert first["established_on"] == first["term_from"] == "2013-08-14"
    assert "term_to" not in first


@pytest.mark.needs("shared")
def test_the_shared_files_are_refused_in_production():
    codes = {
        code for _, _, code in errors_of(run(RECORDS / "business_licences.xlsx", "BIZ_LICENSE", "production"))
    }
    assert codes == {"DEMO_DIVISION_REFUSED"}


@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig"])
def test_the_same_faults_in_other_rows_and_more_kinds_of_them(seed, encoding):
    rows, faults = mixed_deposit_rows(60 + 17 * seed, seed)
    results = run(csv_bytes(rows, encoding), "HPF_PERSONAL_DEPOSIT")
    assert errors_of(results) == [(f.row, f.column, f.code) for f in faults]
    assert {e["code"] for e in HELD["errors"]} < set(FAULT_CODES)


def test_the_same_faults_in_a_workbook():
    rows, faults = mixed_deposit_rows(80, 9)
    assert errors_of(run(xlsx_bytes(rows), "HPF_PERSONAL_DEPOSIT")) == [
        (f.row, f.column, f.code) for f in faults
    ]


def test_the_same_rows_in_five_kinds_of_file_give_the_same_fields():
    rows = deposit_rows(30, seed=4)
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    files = [csv_bytes(rows, e) for e in ("gb18030", "utf-8", "utf-8-sig")] + [xlsx_bytes(rows), lines]
    found = [[result.fields for result in run(data, "HPF_PERSONAL_DEPOSIT")] for data in files]
    assert all(fields == found[0] for fields in found)
    assert len(found[0]) == 30


def test_demo_rows_are_the_same_for_the_same_seed_and_others_for_another():
    assert deposit_rows(5, seed=1) == deposit_rows(5, seed=1)
    assert deposit_rows(5, seed=1) != deposit_rows(5, seed=2)
    assert csv_bytes(licence_rows(5)) == csv_bytes(licence_rows(5))
    assert xlsx_bytes(licence_rows(5)) == xlsx_bytes(licence_rows(5))
    accounts = [row["个人账号"] for row in [*deposit_rows(50), *deposit_rows(50, first=50)]]
    assert len(set(accounts)) == 100


@pytest.mark.parametrize("seed", range(3))
def test_demo_rows_are_good(seed):
    assert errors_of(run(csv_bytes(deposit_rows(400, seed)), "HPF_PERSONAL_DEPOSIT")) == []
    assert errors_of(run(xlsx_bytes(licence_rows(100, seed, TODAY)), "BIZ_LICENSE")) == []


def test_demo_files_are_for_the_owner_only(tmp_path):
    write_csv(tmp_path / "rows.csv", deposit_rows(2))
    write_xlsx(tmp_path / "firms.xlsx", licence_rows(2))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert len(run(tmp_path / "rows.csv", "HPF_PERSONAL_DEPOSIT")) == 2
