"""Whatever bytes or cells come in: an answer, or an InputError; and what comes out is canonical."""

import io
import json
import zipfile
from datetime import date, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.adapters.row_readers import open_rows
from ledger.adapters.schema_reference import ReferenceSchemaValidator
from ledger.adapters.type_files import load_types
from ledger.core.cells import CellKind
from ledger.core.claims import build_claims
from ledger.core.errors import InputError
from ledger.core.rows import RowChecker
from ledger.demo_data import csv_bytes, deposit_rows, licence_rows, xlsx_bytes

TODAY = date(2026, 11, 22)
TYPES = load_types()
BOUND = {
    (loaded.code, mode): RowChecker(loaded.type, loaded.row_validator, mode, TODAY).bind(
        [f.key for f in loaded.type.fields]
    )
    for loaded in TYPES.all()
    for mode in ("demo", "production")
}
BY_NAME = RowChecker(
    TYPES.by_ref("BIZ_LICENSE").type, TYPES.by_ref("BIZ_LICENSE").row_validator, "demo", TODAY
).bind(None)
REFERENCE = {loaded.code: ReferenceSchemaValidator(loaded.type.schema) for loaded in TYPES.all()}
GOOD_ROWS = {
    "HPF_PERSONAL_DEPOSIT": [list(row.values()) for row in deposit_rows(40, seed=5)],
    "BIZ_LICENSE": [list(row.values()) for row in licence_rows(40, seed=5, today=TODAY)],
}
CSV = csv_bytes(deposit_rows(4), "utf-8")
XLSX = xlsx_bytes(licence_rows(3))
PARTS = [name for name in zipfile.ZipFile(io.BytesIO(XLSX)).namelist() if name.startswith("xl/")]

cells = st.one_of(
    st.text(max_size=25),
    st.text("0123456789.-+eEX/年月日=@' 　０９Ｘ\u200b", max_size=20),
    st.floats(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.sampled_from(list(CellKind)),
    st.none(),
)


def is_canonical(value):
    return type(value) in {str, int} and value not in {"", None}


@given(data=st.data(), key=st.sampled_from(sorted(BOUND)))
def test_any_cells_give_a_result_and_accepted_rows_satisfy_the_schema(data, key):
    bound, code = BOUND[key], key[0]
    row = list(data.draw(st.sampled_from(GOOD_ROWS[code])))
    for i in data.draw(st.sets(st.integers(0, len(row) - 1), max_size=4)):
        row[i] = data.draw(cells)
    result = bound.check(7, row)
    assert (result.fields is None) == bool(result.errors)
    assert all(issue.row == 7 and issue.message["zh"] and issue.message["en"] for issue in result.errors)
    if result.fields is not None:
        assert all(map(is_canonical, result.fields.values()))
        assert REFERENCE[code].is_valid(result.fields)


@given(data=st.data())
def test_accepted_rows_are_accepted_again_unchanged_and_without_a_warning(data):
    bound = BOUND["HPF_PERSONAL_DEPOSIT", "demo"]
    row = list(data.draw(st.sampled_from(GOOD_ROWS["HPF_PERSONAL_DEPOSIT"])))
    i = data.draw(st.integers(0, len(row) - 1))
    change = data.draw(
        st.sampled_from([" {}", "{}\u3000", "'{}", "{}"]).map(lambda shape: shape.format(row[i]))
    )
    row[i] = change
    first = bound.check(2, row)
    again = bound.check(2, [str(first.fields.get(key, "")) for key in BOUND_KEYS])
    assert again.fields == first.fields
    assert again.warnings == ()


BOUND_KEYS = [f.key for f in TYPES.by_ref("HPF_PERSONAL_DEPOSIT").type.fields]


@given(st.dictionaries(st.text(max_size=12), cells, max_size=6))
def test_rows_by_name_never_crash(row):
    assert BY_NAME.check(1, row).fields is None


@given(st.lists(st.text(max_size=12), max_size=25))
def test_headers_never_crash(header):
    loaded = TYPES.by_ref("BIZ_LICENSE")
    assert RowChecker(loaded.type, loaded.row_validator, "demo", TODAY).bind(header).errors


@given(data=st.data(), key=st.sampled_from(sorted(GOOD_ROWS)))
def test_claims_of_good_rows_hold_for_the_verifier(data, key):
    loaded = TYPES.by_ref(key)
    fields = BOUND[key, "demo"].check(2, data.draw(st.sampled_from(GOOD_ROWS[key]))).fields
    payload, disclosable = build_claims(
        loaded.type,
        fields,
        issuer_code="12460000XXXX00019W",
        iss="https://a.example",
        issued_on=TODAY,
        list_uri="https://a.example/status/0/1",
        idx=data.draw(st.integers(0, 2**31)),
        identifier="1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
        proof_no="P-1",
    )
    shown = data.draw(st.lists(st.sampled_from(disclosable), unique_by=lambda pair: pair[0]))
    assert loaded.claim_errors({**payload, **dict(shown)}, complete=False) == []
    assert json.loads(json.dumps(payload)) == payload


def reads_or_refuses(data):
    try:
        table = open_rows(data)
        for number, row in table.rows():
            assert number >= 1
            assert len(row) >= 0
    except InputError as error:
        assert error.code.startswith("FILE_")  # noqa: PT017 - success is allowed too


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    reads_or_refuses(data)


@given(st.binary(max_size=200))
def test_any_json_line_is_read_or_refused(data):
    reads_or_refuses(b'{"a": ' + data)


@given(st.data())
def test_damaged_csv_is_read_or_refused(data):
    damaged = bytearray(CSV)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    reads_or_refuses(bytes(damaged))


@given(st.data())
def test_damaged_workbook_is_read_or_refused(data):
    damaged = bytearray(XLSX)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    reads_or_refuses(bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))


@settings(max_examples=150)
@given(st.data())
def test_a_workbook_with_damaged_parts_is_read_or_refused(data):
    name = data.draw(st.sampled_from(PARTS))
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(XLSX)) as old, zipfile.ZipFile(result, "w") as new:
        for part in old.infolist():
            content = bytearray(old.read(part))
            if part.filename == name:
                for _ in range(data.draw(st.integers(1, 4))):
                    place = data.draw(st.integers(0, len(content) - 1))
                    content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
            new.writestr(part.filename, bytes(content))
    reads_or_refuses(result.getvalue())


@given(
    st.lists(
        st.lists(
            st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.text('王a1 ,"', max_size=5)),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_csv_round_trip(rows):
    import csv

    text = io.StringIO(newline="")
    csv.writer(text).writerows([["甲", "乙", "丙"], *rows])
    expected = [[str(cell) for cell in row] for row in rows if any(str(cell).strip() for cell in row)]
    for encoding in ("utf-8", "gb18030", "utf-8-sig"):
        table = open_rows(text.getvalue().encode(encoding))
        assert [cells for _, cells in table.rows()] == expected


def test_no_float_leaves_the_checker():
    bound = BOUND["BIZ_LICENSE", "demo"]
    row = list(GOOD_ROWS["BIZ_LICENSE"][0])
    for cell in (1000000.0, Decimal("1000000.0"), 1000000, "1000000"):
        row[4] = cell
        assert bound.check(2, row).fields["capital"] == "1000000.00"
    row[5] = datetime(2020, 1, 2)  # noqa: DTZ001 - workbooks have no zone
    row[6] = date(2020, 1, 2)
    assert bound.check(2, row).fields["established_on"] == "2020-01-02"
