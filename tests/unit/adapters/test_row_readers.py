"""Import files that are not what they should be, and spreadsheets as people make them."""

import datetime as dt
import io
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import pytest
import xlsxwriter

from ledger.adapters.row_readers import ReaderLimits, open_rows, read_stdin
from ledger.core.cells import CellKind
from ledger.core.errors import InputError, NotFoundError
from ledger.demo_data import csv_bytes, deposit_rows, xlsx_bytes

ROWS = deposit_rows(3)
GOOD_CSV = csv_bytes(ROWS, "utf-8")
GOOD_GB = csv_bytes(ROWS, "gb18030")
GOOD_XLSX = xlsx_bytes(ROWS)
SMALL = ReaderLimits(max_bytes=20_000, max_line=500, max_rows=20, max_columns=10)


def read(source, limits=None):
    table = open_rows(source, limits)
    return table, list(table.rows())


def refusal(source, limits=None):
    with pytest.raises(InputError) as caught:
        read(source, limits)
    return caught.value


UTF8_DAMAGED = GOOD_CSV.replace("单位".encode(), b"\xe5\x8d\xff\xe4\xbd\x8d", 1)
REFUSED = [
    ("nothing", b"", "FILE_EMPTY"),
    ("white space", b" \r\n\t", "FILE_EMPTY"),
    ("only a byte order mark", b"\xef\xbb\xbf\r\n", "FILE_EMPTY"),
    ("only separators", b",,,\n,,,\n", "FILE_EMPTY"),
    ("old XLS", b"\xd0\xcf\x11\xe0" + bytes(100), "FILE_KIND"),
    ("binary", bytes(range(256)), "FILE_KIND"),
    ("zero byte far inside", b"a,b\n" * 3000 + b"a,\x00\n", "FILE_KIND"),
    ("JSON array", b'[{"a": 1}]', "FILE_KIND"),
    ("UTF-16 little", "a,b\n".encode("utf-16"), "FILE_ENCODING"),
    ("UTF-16 big", b"\xfe\xff" + "a,b\n".encode("utf-16-be"), "FILE_ENCODING"),
    ("neither encoding", b"a,b\n1,\xff\xff\xff\n", "FILE_ENCODING"),
    ("damaged UTF-8", UTF8_DAMAGED, "FILE_ENCODING"),
    ("damaged UTF-8 with a mark", b"\xef\xbb\xbf" + UTF8_DAMAGED, "FILE_ENCODING"),
    ("cut in the middle of a character", GOOD_GB[:-2] + b"\xd6", "FILE_ENCODING"),
    ("open quote", b'a,b\n1,"2\n', "FILE_BROKEN"),
    ("text after a quote", b'a,b\n1,"2"3\n', "FILE_BROKEN"),
    ("field of 200 KB", b'a,b\n1,"' + b"x\n" * 100_000 + b'"\n', "FILE_BROKEN"),
    ("JSON cut off", b'{"a": 1}\n{"a": \n', "FILE_JSON_LINE"),
    ("JSON member twice", b'{"a": 1, "a": 2}\n', "FILE_JSON_LINE"),
    ("JSON not a number", b'{"a": NaN}\n', "FILE_JSON_LINE"),
    ("JSON infinity", b'{"a": -Infinity}\n', "FILE_JSON_LINE"),
    ("JSON number of 5000 digits", b'{"a": ' + b"1" * 5000 + b"}\n", "FILE_JSON_LINE"),
    ("JSON exponent from hell", b'{"a": 1E99999999999999999999}\n', "FILE_JSON_LINE"),
    ("JSON line that is a list", b'{"a": 1}\n[1]\n', "FILE_JSON_LINE"),
    ("JSON two on a line", b'{"a": 1} {"a": 1}\n', "FILE_JSON_LINE"),
    ("JSON nested without end", b'{"a": ' + b"[" * 100_000 + b"\n", "FILE_JSON_LINE"),
    ("JSON column with half a character", b'{"\\ud800": 1}\n', "FILE_JSON_LINE"),
    ("JSON column with a line feed", b'{"a\\nb": 1}\n', "FILE_JSON_LINE"),
    ("JSON in GB18030", '{"姓名": "王"}\n'.encode("gb18030"), "FILE_ENCODING"),
    ("zip that is no workbook", b"PK\x03\x04" + bytes(50), "FILE_BROKEN"),
    ("workbook cut off", GOOD_XLSX[:2000], "FILE_BROKEN"),
]


@pytest.mark.parametrize(("data", "code"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_refused_as_bytes_and_as_a_file(data, code, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(data)
    assert refusal(data).code == code
    assert refusal(path).code == code


def test_undecodable_bytes_are_named_by_line_and_offset():
    error = refusal(b"a,b\n1,2\n3,\xff\xff\n")
    assert (error.detail["row"], error.detail["byte"]) == (3, 10)


def test_broken_csv_is_named_by_row():
    assert refusal(b'a,b\n1,2\n3,"4\n').detail["row"] == 3
    assert refusal(b'{"a": 1}\n{"a": \n').detail["row"] == 2


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"a" * 20_001, "FILE_TOO_LARGE"),
        (b"a,b\n" + b"1," + b"2" * 600 + b"\n", "FILE_LINE_TOO_LONG"),
        (b"a,b\n" + b"1,2\n" * 30, "FILE_TOO_MANY_ROWS"),
        (b'{"a":1}\n' * 30, "FILE_TOO_MANY_ROWS"),
        (b"a," * 20 + b"a\n", "FILE_TOO_MANY_COLUMNS"),
        (b"a,b\n" + b"1," * 20 + b"\n", "FILE_TOO_MANY_COLUMNS"),
        (("{" + ",".join(f'"{i}":1' for i in range(11)) + "}").encode(), "FILE_TOO_MANY_COLUMNS"),
        (xlsx_bytes(deposit_rows(2)), "FILE_TOO_MANY_COLUMNS"),
    ],
)
def test_limits(data, code):
    assert refusal(data, SMALL).code == code


def test_a_missing_file(tmp_path):
    with pytest.raises(NotFoundError) as caught:
        open_rows(tmp_path / "nothing.csv")
    assert caught.value.code == "FILE_MISSING"


def test_a_file_that_changes_while_it_is_read(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(GOOD_CSV)
    table = open_rows(path)
    path.write_bytes(GOOD_CSV + b"\r\n1,2")
    with pytest.raises(InputError) as caught:
        list(table.rows())
    assert caught.value.code == "FILE_CHANGED"


def test_standard_input_is_bounded():
    assert read_stdin(io.BytesIO(b"abc")) == b"abc"
    with pytest.raises(InputError) as caught:
        read_stdin(io.BytesIO(bytes(20_001)), SMALL)
    assert caught.value.code == "FILE_TOO_LARGE"


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_separators(separator):
    table, rows = read(f"甲{separator}乙\r\n1{separator}2\r\n".encode())
    assert table.header == ("甲", "乙")
    assert rows == [(2, ["1", "2"])]


def test_blank_rows_are_left_out_and_still_counted():
    _, rows = read(b"\na,b\n\n1,2\n , \n3,4\n\n\n")
    assert [number for number, _ in rows] == [4, 6]
    _, rows = read(b'\n{"a":1}\n\n{"a":2}\n')
    assert [number for number, _ in rows] == [2, 4]


def test_quotes_with_line_feeds_count_as_one_row():
    _, rows = read(b'a,b\n"1\n2",3\n4,5\n')
    assert rows == [(2, ["1\n2", "3"]), (3, ["4", "5"])]


def test_ascii_header_over_gb18030_rows():
    table, rows = read("XingMing,b\n王伟,1\n杜㛃,2\n".encode("gb18030"))
    assert table.header == ("XingMing", "b")
    assert [cells[0] for _, cells in rows] == ["王伟", "杜㛃"]


def test_kinds_of_json_values():
    _, rows = read(b'{"a": 1.50, "b": 2, "c": true, "d": null, "e": [1], "f": {}, "g": "x"}')
    cells = rows[0][1]
    assert str(cells["a"]) == "1.50"
    assert (cells["b"], cells["c"], cells["d"], cells["g"]) == (2, True, None, "x")
    assert cells["e"] is cells["f"] is CellKind.OTHER


def workbook(fill, sheets=("数据",)):
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    fill(book, *[book.add_worksheet(name) for name in sheets])
    book.close()
    return buffer.getvalue()


def test_a_workbook_as_people_make_it():
    def fill(book, sheet):
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        hour = book.add_format({"num_format": "hh:mm"})
        sheet.write_row(2, 1, ["号码", "日期", "数", "式"])
        sheet.write_number(3, 1, 990303199205031667)
        sheet.write_datetime(3, 2, dt.datetime(2020, 1, 2), day)  # noqa: DTZ001
        sheet.write_number(3, 3, 0.12)
        sheet.write_formula(3, 4, "=1+1", None, 2)
        sheet.write_boolean(5, 1, True)
        sheet.write_datetime(5, 2, dt.time(3, 4), hour)
        sheet.write_formula(5, 3, "=1/0", None, "#DIV/0!")
        sheet.write_string(5, 4, "  ")
        sheet.write_blank(9, 1, None, day)

    table, rows = read(workbook(fill))
    assert table.header == ("号码", "日期", "数", "式")
    assert rows == [
        (4, [9.903031992050317e17, dt.date(2020, 1, 2), 0.12, CellKind.FORMULA]),
        (6, [True, CellKind.OTHER, CellKind.FORMULA, None]),
    ]


def test_array_formulas_mark_every_cell_they_fill():
    def fill(_book, sheet):
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_row(1, 0, [1, 2])
        sheet.write_array_formula(2, 0, 3, 1, "{=A2:B2*2}", None, 2)
        for row, column in ((2, 1), (3, 0), (3, 1)):
            sheet.write_number(row, column, 4)

    _, rows = read(workbook(fill))
    assert rows[0] == (2, [1.0, 2.0])
    assert rows[1:] == [(3, [CellKind.FORMULA] * 2), (4, [CellKind.FORMULA] * 2)]


def test_a_row_of_formulas_without_values_is_not_lost():
    def fill(_book, sheet):
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_row(1, 0, [1, 2])
        sheet.write_formula(2, 0, "=A2", None, "")
        sheet.write_formula(2, 1, "=B2", None, "")

    _, rows = read(workbook(fill))
    assert rows[-1] == (3, [CellKind.FORMULA, CellKind.FORMULA])


def test_error_values_are_not_read_as_empty():
    data = workbook(lambda _book, sheet: (sheet.write_row(0, 0, ["a", "b"]), sheet.write_row(1, 0, [1, 2])))
    data = replace_part(
        data,
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b'<c r="B2"><v>2</v></c>', b'<c r="B2" t="e"><v>#N/A</v></c>'),
    )
    _, rows = read(data)
    assert rows == [(2, [1.0, CellKind.ERROR])]


def test_formula_in_the_header():
    data = workbook(
        lambda _book, sheet: (sheet.write_formula(0, 0, "=A2", None, "姓名"), sheet.write(1, 0, 1))
    )
    assert refusal(data).code == "FILE_FORMULAS"


def test_the_first_visible_sheet_is_read():
    def fill(_book, first, second, third):
        first.write(0, 0, "hidden")
        second.write_column(0, 0, ["seen", 1])
        third.write_formula(0, 0, "=1")
        first.hide()
        second.set_first_sheet()
        second.activate()

    table, rows = read(workbook(fill, ("一", "二", "三")))
    assert table.header == ("seen",)
    assert rows == [(2, [1.0])]


def test_an_empty_sheet():
    assert refusal(workbook(lambda _book, _sheet: None)).code == "FILE_EMPTY"


def replace_part(data, name, change):
    """The package with one part changed."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = old.read(part)
            new.writestr(part.filename, change(content) if part.filename == name else content)
    return result.getvalue()


def declare_size(data, name, size):
    """The package whose directory lies about the unpacked size of one part."""
    result = bytearray(data)
    for mark, offset, name_offset in ((b"PK\x01\x02", 24, 46), (b"PK\x03\x04", 22, 30)):
        start = -1
        while (start := result.find(mark, start + 1)) >= 0:
            if result[start + name_offset :].startswith(name.encode()):
                struct.pack_into("<I", result, start + offset, size)
    return bytes(result)


SHEET = "xl/worksheets/sheet1.xml"
BOMB = b"<worksheet>" + b" " * 30_000_000 + b"</worksheet>"
DOCTYPE = b'<!DOCTYPE worksheet [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
ATTACKS = [
    ("far column", SHEET, lambda xml: xml.replace(b'r="R2"', b'r="XFD2"'), "FILE_TOO_MANY_COLUMNS"),
    ("far row", SHEET, lambda xml: xml.replace(b'r="R2"', b'r="R1048576"'), "FILE_TOO_MANY_ROWS"),
    ("far corner", SHEET, lambda xml: xml.replace(b'r="R2"', b'r="IV999999"'), "FILE_TOO_LARGE"),
    ("absurd column", SHEET, lambda xml: xml.replace(b'r="R2"', b'r="ZZZZZZZ2"'), "FILE_TOO_MANY_COLUMNS"),
    ("UTF-16 sheet", SHEET, lambda xml: xml.decode().encode("utf-16"), "FILE_BROKEN"),
    ("declared encoding", SHEET, lambda xml: xml.replace(b'"UTF-8"', b'"UTF-16"'), "FILE_BROKEN"),
    ("no sheet", SHEET, lambda _: b"nonsense", None),
    (
        "encoding of nobody",
        "xl/workbook.xml",
        lambda xml: xml.replace(b'"UTF-8"', b'"UTF-9"'),
        "FILE_BROKEN",
    ),
    ("no workbook", "xl/workbook.xml", lambda _: b"<workbook/>", "FILE_BROKEN"),
    ("damaged workbook", "xl/workbook.xml", lambda _: b"<workbook", "FILE_BROKEN"),
    (
        "entities in the workbook",
        "xl/workbook.xml",
        lambda xml: xml.replace(b"<workbook", DOCTYPE + b"<workbook"),
        "FILE_BROKEN",
    ),
    (
        "sheet of nowhere",
        "xl/_rels/workbook.xml.rels",
        lambda xml: xml.replace(b"sheet1.xml", b"sheet9.xml"),
        "FILE_BROKEN",
    ),
    (
        "relation twice",
        "xl/_rels/workbook.xml.rels",
        lambda xml: xml.replace(b"rId2", b"rId1"),
        "FILE_BROKEN",
    ),
    (
        "entities in the sheet",
        SHEET,
        lambda xml: xml.replace(b"<worksheet", DOCTYPE + b"<worksheet", 1).replace(b"<v>", b"<f>1</f><v>", 1),
        "FILE_BROKEN",
    ),
]


@pytest.mark.parametrize(("part", "change", "code"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
def test_packages_made_to_hurt(part, change, code):
    error = refusal(replace_part(GOOD_XLSX, part, change))
    assert code is None or error.code == code


def test_a_part_that_unpacks_to_more_than_it_says_is_stopped_before_it_does():
    bomb = replace_part(GOOD_XLSX, SHEET, lambda _: BOMB)
    assert len(bomb) < 100_000
    lying = declare_size(bomb, SHEET, 1000)
    tracemalloc.start()
    error = refusal(lying)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.code == "FILE_BROKEN"
    assert peak < 8 << 20


def test_an_honest_bomb_is_too_large():
    bomb = replace_part(GOOD_XLSX, SHEET, lambda _: BOMB)
    assert refusal(bomb, ReaderLimits(max_unpacked=20 << 20)).code == "FILE_TOO_LARGE"


def test_a_part_twice_in_other_letters():
    result = io.BytesIO(GOOD_XLSX)
    with zipfile.ZipFile(result, "a") as package:
        package.writestr("xl/WORKBOOK.xml", b"<workbook/>")
    assert refusal(result.getvalue()).code == "FILE_BROKEN"


def test_an_encrypted_part():
    data = bytearray(GOOD_XLSX)
    start = data.find(b"PK\x01\x02")
    data[start + 8] |= 1
    assert refusal(bytes(data)).code == "FILE_BROKEN"


def test_too_many_formulas():
    def fill(_book, sheet):
        sheet.write(0, 0, "a")
        for row in range(1, 20_002):
            sheet.write_formula(row, 0, "=1", None, 1)

    assert refusal(workbook(fill)).code == "FILE_FORMULAS"


def test_csv_and_json_lines_are_read_in_constant_memory(tmp_path):
    path = tmp_path / "rows.csv"
    one = csv_bytes(deposit_rows(200), "gb18030")
    header, body = one.split(b"\r\n", 1)
    path.write_bytes(header + b"\r\n" + body * 100)  # 20,000 rows, 3.2 MB
    tracemalloc.start()
    count = sum(1 for _ in open_rows(path).rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 3 << 20


def test_deep_nesting_cannot_exhaust_the_stack_whatever_the_recursion_limit():
    """Libraries of the EVM raise the limit to 100,000; a parser that recurses would kill the process."""
    code = (
        "import sys; sys.setrecursionlimit(1_000_000)\n"
        "from ledger.adapters.row_readers import open_rows\n"
        "from ledger.core.errors import InputError\n"
        "try: list(open_rows(b'{\"a\": ' + b'[' * 200_000 + b'\\n').rows())\n"
        "except InputError as error: print(error.code)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, "FILE_JSON_LINE"), ran.stderr[-500:]
