"""What an import does with each kind of cell, row and header."""

import json
from datetime import date, datetime, time
from decimal import Decimal

import pytest

from ledger.adapters.type_files import load_types
from ledger.core.cells import CellKind
from ledger.core.rows import RowChecker, business_key, header_key
from ledger.demo_data import DEPOSIT_HEADER, LICENCE_HEADER, deposit_rows, licence_rows

TODAY = date(2026, 11, 22)
TYPES = load_types()
HPF = TYPES.by_ref("HPF_PERSONAL_DEPOSIT")
BIZ = TYPES.by_ref("BIZ_LICENSE")
ROW = dict(zip(DEPOSIT_HEADER, deposit_rows(1, seed=7)[0].values(), strict=True))
FIRM = licence_rows(1, seed=7, today=TODAY)[0]
KEYS = dict(zip(DEPOSIT_HEADER, [f.key for f in HPF.type.fields], strict=True))
FIRM_KEYS = dict(zip(LICENCE_HEADER, [f.key for f in BIZ.type.fields], strict=True))


def checker(loaded=HPF, mode="demo", today=TODAY):
    return RowChecker(loaded.type, loaded.row_validator, mode, today)


def check(changes, *, base=ROW, loaded=HPF, mode="demo"):
    row = {**base, **changes}
    bound = checker(loaded, mode).bind(list(row))
    assert bound.errors == ()
    return bound.check(2, list(row.values()))


def issues(found):
    return [(issue.column, issue.code) for issue in found]


def test_a_good_row_is_canonical_already():
    result = check({})
    assert result.errors == result.warnings == ()
    assert result.fields["id_number"] == ROW["证件号码"]
    assert result.fields["continuous_months"] == int(ROW["连续缴存月数"])
    assert [type(value) for value in result.fields.values()].count(int) == 1
    assert float not in map(type, result.fields.values())


WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})
NORMALISED = [
    ("full-width digits in an ID", "证件号码", ROW["证件号码"].translate(WIDE), ["FULL_WIDTH_REPLACED"]),
    ("full-width digits in an amount", "账户余额", ROW["账户余额"].translate(WIDE), ["FULL_WIDTH_REPLACED"]),
    ("full-width date", "开户日期", ROW["开户日期"].translate(WIDE), ["FULL_WIDTH_REPLACED"]),
    (
        "spaces in an ID",
        "证件号码",
        " " + ROW["证件号码"][:6] + " " + ROW["证件号码"][6:],
        ["SPACES_REMOVED"],
    ),
    ("ideographic space", "个人账号", ROW["个人账号"] + "\u3000", ["SPACES_REMOVED"]),
    ("apostrophe of a spreadsheet", "证件号码", "'" + ROW["证件号码"], ["APOSTROPHE_REMOVED"]),
    ("apostrophe before a name", "姓名", "'" + ROW["姓名"], ["APOSTROPHE_REMOVED"]),
    ("spaces around a name", "姓名", f" {ROW['姓名']}\u3000", ["SPACES_REMOVED"]),
    ("lower-case account", "个人账号", "ab12", ["LOWER_CASE_REPLACED"]),
    ("code without its zero", "账户状态", ROW["账户状态"][1:], ["CODE_PADDED"]),
    ("code as a number", "证件类型", 1.0, ["CODE_PADDED"]),
    ("code as its name", "账户状态", "正常", ["CODE_FROM_LABEL"]),
    ("date with slashes", "开户日期", "2020/3/1", ["DATE_REWRITTEN"]),
    ("date in Chinese", "开户日期", "2020年3月1日", ["DATE_REWRITTEN"]),
    ("date without dashes", "开户日期", "20200301", ["DATE_REWRITTEN"]),
    ("date with midnight", "开户日期", "2020-03-01 00:00:00", ["DATE_REWRITTEN"]),
    ("month with a dash", "缴至年月", ROW["缴至年月"][:4] + "-" + ROW["缴至年月"][4:], ["MONTH_REWRITTEN"]),
    ("month as a date", "缴至年月", date(2026, 10, 1), ["MONTH_REWRITTEN"]),
    ("short number in a number column", "个人账号", 99011700000000.0, ["NUMBER_AS_TEXT"]),
    ("account as a JSON number", "个人账号", 12345, ["NUMBER_AS_TEXT"]),
    ("private-use character", "姓名", "王\ue863", ["TEXT_PRIVATE_USE"]),
    ("decomposed letter", "单位名称", "Cafe\u0301", ["TEXT_RECOMPOSED"]),
]


@pytest.mark.parametrize(
    ("column", "cell", "codes"), [n[1:] for n in NORMALISED], ids=[n[0] for n in NORMALISED]
)
def test_what_people_and_spreadsheets_do_is_normalised_with_a_warning(column, cell, codes):
    result = check({column: cell})
    assert issues(result.errors) == []
    assert issues(result.warnings) == [(column, code) for code in codes]


def test_lower_case_x_of_a_resident_id():
    row = next(r for r in deposit_rows(300, seed=3) if r["证件号码"].endswith("X"))
    result = check({"证件号码": row["证件号码"].lower()})
    assert result.fields["id_number"] == row["证件号码"]
    assert issues(result.warnings) == [("证件号码", "LOWER_CASE_REPLACED")]


SILENT = [
    ("真日期", "开户日期", date(2020, 3, 1), "opened_on", "2020-03-01"),
    ("midnight", "开户日期", datetime(2020, 3, 1), "opened_on", "2020-03-01"),  # noqa: DTZ001
    ("whole yuan", "账户余额", "12", "balance", "12.00"),
    ("one decimal", "账户余额", "12.5", "balance", "12.50"),
    ("spreadsheet number", "账户余额", 12.5, "balance", "12.50"),
    ("binary noise of a sum", "账户余额", 0.1 + 0.2, "balance", "0.30"),
    ("JSON decimal", "账户余额", Decimal("12.50"), "balance", "12.50"),
    ("JSON integer", "账户余额", 12, "balance", "12.00"),
    ("nothing is nothing", "账户余额", "-0.00", "balance", "0.00"),
    ("minus nothing as a number", "账户余额", -0.0, "balance", "0.00"),
    ("ratio as a number", "单位缴存比例", float(ROW["单位缴存比例"]), "unit_ratio", ROW["单位缴存比例"]),
    (
        "count as a number",
        "连续缴存月数",
        float(ROW["连续缴存月数"]),
        "continuous_months",
        int(ROW["连续缴存月数"]),
    ),
    ("month as a number", "缴至年月", 202610.0, "paid_to", "202610"),
    ("optional and empty", "单位账号", "", "unit_account_no", None),
    ("optional and none", "单位账号", None, "unit_account_no", None),
    ("name with a middle dot", "姓名", "古丽娜尔·买买提", "name", "古丽娜尔·买买提"),
    ("rare character", "姓名", "杜㛃", "name", "杜㛃"),
    ("astral character", "姓名", "𠮷田", "name", "𠮷田"),
    ("full-width brackets are the name's own", "单位名称", "某（集团）公司", "unit_name", "某（集团）公司"),
    ("Tibetan name", "姓名", "བཀྲ་ཤིས།", "name", "བཀྲ་ཤིས།"),
]


@pytest.mark.parametrize(
    ("column", "cell", "key", "value"), [s[1:] for s in SILENT], ids=[s[0] for s in SILENT]
)
def test_honest_spellings_are_silent(column, cell, key, value):
    result = check({column: cell})
    assert issues(result.errors) == issues(result.warnings) == []
    assert result.fields.get(key) == value


FAULTY = [
    ("formula", "姓名", "=1+1", "FORMULA"),
    ("formula in disguise", "姓名", "@SUM(A1)", "FORMULA"),
    ("formula by plus", "单位名称", "+cmd", "FORMULA"),
    ("formula by minus", "单位名称", "-2+3", "FORMULA"),
    ("formula after an apostrophe and a space", "姓名", "' =1", "FORMULA"),
    ("formula in an amount", "账户余额", "=A1", "FORMULA"),
    ("formula of full width", "账户余额", "＝A1", "FORMULA"),
    ("formula cell", "账户余额", CellKind.FORMULA, "FORMULA"),
    ("formula cell in a name", "姓名", CellKind.FORMULA, "FORMULA"),
    ("error cell", "账户余额", CellKind.ERROR, "CELL_ERROR"),
    ("error cell where nothing is needed", "单位账号", CellKind.ERROR, "CELL_ERROR"),
    ("time of day", "开户日期", CellKind.OTHER, "CELL_KIND"),
    ("true", "连续缴存月数", True, "CELL_KIND"),
    ("date as a name", "姓名", date(2020, 1, 1), "CELL_KIND"),
    ("date as an account", "个人账号", date(2020, 1, 1), "CELL_KIND"),
    ("number that lost digits", "证件号码", 9.90303199205032e17, "NUMBER_LOST_DIGITS"),
    ("number that could have lost digits", "证件号码", 990303199205031667, "NUMBER_LOST_DIGITS"),
    ("exactly 16 digits", "个人账号", 1e15, "NUMBER_LOST_DIGITS"),
    ("scientific notation", "证件号码", "9.90303E+17", "NUMBER_LOST_DIGITS"),
    ("scientific notation, lower case", "证件号码", "9.90303e+17", "NUMBER_LOST_DIGITS"),
    ("scientific notation, full width", "证件号码", "９.90303Ｅ+17", "NUMBER_LOST_DIGITS"),
    ("scientific account", "个人账号", "9.9E+13", "NUMBER_LOST_DIGITS"),
    ("scientific employer", "单位账号", "2.7E9", "NUMBER_LOST_DIGITS"),
    ("amount beyond the digits of a spreadsheet", "账户余额", 1e13, "NUMBER_LOST_DIGITS"),
    ("broken number", "个人账号", 12.5, "IDENTIFIER_CHARACTER"),
    ("negative number", "个人账号", -5.0, "IDENTIFIER_CHARACTER"),
    ("account too long", "个人账号", "1" * 21, "IDENTIFIER_CHARACTER"),
    ("account with a dot", "个人账号", "12.5", "IDENTIFIER_CHARACTER"),
    ("zero width", "姓名", "王\u200b伟", "TEXT_HIDDEN_CHARACTER"),
    ("right to left", "姓名", "王\u202e伟", "TEXT_HIDDEN_CHARACTER"),
    ("isolate", "单位名称", "\u2066x\u2069", "TEXT_HIDDEN_CHARACTER"),
    ("line feed", "姓名", "王\n伟", "TEXT_HIDDEN_CHARACTER"),
    ("bell", "姓名", "王\x07伟", "TEXT_HIDDEN_CHARACTER"),
    ("byte order mark inside", "姓名", "王\ufeff伟", "TEXT_HIDDEN_CHARACTER"),
    ("replacement character", "姓名", "王\ufffd", "TEXT_HIDDEN_CHARACTER"),
    ("Hangul filler", "姓名", "王\u3164", "TEXT_HIDDEN_CHARACTER"),
    ("tag characters", "姓名", "王\U000e0041", "TEXT_HIDDEN_CHARACTER"),
    ("lone surrogate", "姓名", "王\ud800", "TEXT_HIDDEN_CHARACTER"),
    (
        "zero width in an ID",
        "证件号码",
        ROW["证件号码"][:5] + "\u200b" + ROW["证件号码"][5:],
        "TEXT_HIDDEN_CHARACTER",
    ),
    ("name too long", "姓名", "王" * 121, "TEXT_TOO_LONG"),
    ("name empty", "姓名", "", "REQUIRED"),
    ("name of spaces", "姓名", " \u3000 ", "REQUIRED"),
    ("name missing", "姓名", None, "REQUIRED"),
    ("unknown code", "账户状态", "77", "CODE_UNKNOWN"),
    ("code too long", "账户状态", "001", "CODE_UNKNOWN"),
    ("code as a fraction", "账户状态", 1.5, "CODE_UNKNOWN"),
    ("date of a serial number", "开户日期", 43891.0, "DATE_FORMAT"),
    ("date with an hour", "开户日期", datetime(2020, 3, 1, 12), "DATE_FORMAT"),  # noqa: DTZ001
    ("30 February", "开户日期", "2021-02-30", "DATE_NOT_REAL"),
    ("month 13 in a date", "开户日期", "2021-13-01", "DATE_NOT_REAL"),
    ("mixed separators", "开户日期", "2021-02/03", "DATE_FORMAT"),
    ("American date", "开户日期", "03/01/2020", "DATE_FORMAT"),
    ("week date", "开户日期", "2020-W05-1", "DATE_FORMAT"),
    ("Arabic-Indic digits", "开户日期", "٢٠٢٠-٠٣-٠١", "DATE_FORMAT"),
    ("antique", "开户日期", "1849-12-31", "DATE_IMPLAUSIBLE"),
    ("month 13", "缴至年月", "202613", "MONTH_NOT_REAL"),
    ("month 0", "缴至年月", "202600", "MONTH_NOT_REAL"),
    ("year 2100", "缴至年月", "210001", "MONTH_NOT_REAL"),
    ("month as a day", "缴至年月", date(2026, 10, 2), "MONTH_FORMAT"),
    ("half a month", "缴至年月", "2026", "MONTH_FORMAT"),
    ("letter in an amount", "缴存基数", "12O0.00", "AMOUNT_FORMAT"),
    ("thousands", "缴存基数", "12,000.00", "AMOUNT_FORMAT"),
    ("currency", "缴存基数", "¥1", "AMOUNT_FORMAT"),
    ("dot at the end", "缴存基数", "12.", "AMOUNT_FORMAT"),
    ("leading zero", "缴存基数", "012.00", "AMOUNT_FORMAT"),
    ("scientific amount", "缴存基数", "1E4", "AMOUNT_FORMAT"),
    ("infinite amount", "缴存基数", float("inf"), "NUMBER_LOST_DIGITS"),
    ("no number", "缴存基数", float("nan"), "AMOUNT_FORMAT"),
    ("absurd decimal", "缴存基数", Decimal("1E+999999"), "AMOUNT_FORMAT"),
    ("three decimals", "缴存基数", "12.345", "AMOUNT_DECIMALS"),
    ("three decimals as a number", "缴存基数", 12.345, "AMOUNT_DECIMALS"),
    ("negative", "账户余额", "-1.00", "AMOUNT_NEGATIVE"),
    ("negative number", "账户余额", -1.0, "AMOUNT_NEGATIVE"),
    ("zero base", "缴存基数", "0.00", "AMOUNT_ZERO"),
    ("ratio over 1", "单位缴存比例", "12", "RATIO_RANGE"),
    ("ratio above the cap", "单位缴存比例", "0.13", "RATIO_RANGE"),
    ("ratio below the floor", "个人缴存比例", "0.04", "RATIO_RANGE"),
    ("negative ratio", "个人缴存比例", "-0.05", "RATIO_RANGE"),
    ("per cent", "个人缴存比例", "12%", "RATIO_FORMAT"),
    ("ratio of three decimals", "个人缴存比例", "0.055", "RATIO_DECIMALS"),
    ("count with letters", "连续缴存月数", "12个月", "COUNT_FORMAT"),
    ("fraction of a month", "连续缴存月数", "1.5", "COUNT_FORMAT"),
    ("negative count", "连续缴存月数", "-1", "COUNT_RANGE"),
    ("a hundred years of months", "连续缴存月数", "1201", "COUNT_RANGE"),
    ("ID too short", "证件号码", "99010119900307001", "ID_LENGTH"),
    ("ID of letters", "证件号码", "ABCDEFABCDEFABCDEF", "ID_CHARACTER"),
    ("ID check", "证件号码", "990101199003070016", "ID_CHECK"),
    ("ID of a real division", "证件号码", "11010519491231002X", "DEMO_DIVISION_ONLY"),
    ("officer's certificate in a demo", "证件类型", "02", "DEMO_DOCUMENT_KIND"),
    ("data of tomorrow", "数据截止日期", "2026-11-23", "AS_OF_IN_FUTURE"),
    ("opened after the data date", "开户日期", "2026-11-01", "OPENED_AFTER_AS_OF"),
    ("paid to before the account was there", "缴至年月", "199001", "PAID_TO_BEFORE_OPENED"),
    ("half a range", "连续缴存截止年月", "", "CONTINUOUS_RANGE_HALF"),
    ("range after what is paid", "连续缴存截止年月", "202612", "CONTINUOUS_AFTER_PAID_TO"),
    ("range the wrong way", "连续缴存开始年月", "202611", "CONTINUOUS_RANGE_ORDER"),
    ("count that does not fit", "连续缴存月数", "999", "CONTINUOUS_MONTHS_MISMATCH"),
    ("amount that does not fit", "月缴存额", "1.00", "MONTHLY_TOTAL_MISMATCH"),
]
BLAMED_ELSEWHERE = {"DEMO_DOCUMENT_KIND": "证件号码"}


@pytest.mark.parametrize(("column", "cell", "code"), [f[1:] for f in FAULTY], ids=[f[0] for f in FAULTY])
def test_one_fault_is_one_error_in_its_column(column, cell, code):
    result = check({column: cell})
    assert result.fields is None
    assert issues(result.errors) == [(BLAMED_ELSEWHERE.get(code, column), code)]


def test_faults_accumulate_in_the_order_of_the_columns():
    result = check({"数据截止日期": "x", "姓名": "", "单位缴存比例": "1.2", "证件号码": "1"})
    assert issues(result.errors) == [
        ("姓名", "REQUIRED"),
        ("证件号码", "ID_LENGTH"),
        ("单位缴存比例", "RATIO_RANGE"),
        ("数据截止日期", "DATE_FORMAT"),
    ]


def test_the_monthly_amount_may_be_two_yuan_off_and_no_cent_more():
    changes = {"缴存基数": "10000.00", "单位缴存比例": "0.05", "个人缴存比例": "0.12"}
    for amount, good in [
        ("1700.00", True),
        ("1702.00", True),
        ("1698.00", True),
        ("1702.01", False),
        ("1697.99", False),
    ]:
        assert (check({**changes, "月缴存额": amount}).fields is not None) is good, amount


def test_production_refuses_fictional_people_and_takes_real_divisions():
    assert issues(check({}, mode="production").errors) == [("证件号码", "DEMO_DIVISION_REFUSED")]
    published = {"证件号码": "11010519491231002X"}  # example of the standard
    assert check(published, mode="production").fields is not None
    assert check({"证件类型": "99", "证件号码": "E12345678"}, mode="production").fields is not None


@pytest.mark.parametrize(
    ("uscc", "in_demo", "in_production"),
    [
        ("91990101MAURUFFB64", None, "DEMO_DIVISION_REFUSED"),
        ("91460100MAXXXX015G", None, "DEMO_DIVISION_REFUSED"),
        ("11100000000013338W", "DEMO_DIVISION_ONLY", None),
        ("11100000000013338w", "DEMO_DIVISION_ONLY", None),
        ("11100000000013383W", "USCC_CHECK", "USCC_CHECK"),
        ("9.19901E+17", "NUMBER_LOST_DIGITS", "NUMBER_LOST_DIGITS"),
        (9.19e17, "NUMBER_LOST_DIGITS", "NUMBER_LOST_DIGITS"),
    ],
)
def test_firms_in_demo_and_production(uscc, in_demo, in_production):
    for mode, code in (("demo", in_demo), ("production", in_production)):
        result = check({"统一社会信用代码": uscc}, base=FIRM, loaded=BIZ, mode=mode)
        assert issues(result.errors) == ([] if code is None else [("统一社会信用代码", code)])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"营业期限至": ""}, []),
        ({"营业期限至": date(2050, 1, 23)}, []),
        ({"注册资本": ""}, []),
        ({"注册资本": 1000000.0}, []),
        ({"营业期限至": "2026-11-22"}, []),
        ({"营业期限至": "2026-11-21"}, [("营业期限至", "TERM_ENDED")]),
        ({"营业期限至": "1990-01-01"}, [("营业期限至", "TERM_ORDER")]),
        ({"营业期限自": "", "营业期限至": "1990-01-01"}, [("营业期限至", "TERM_BEFORE_ESTABLISHED")]),
        ({"营业期限至": "9999-12-31"}, [("营业期限至", "DATE_IMPLAUSIBLE")]),
        ({"成立日期": "2026-11-23"}, [("成立日期", "ESTABLISHED_IN_FUTURE")]),
        ({"营业期限至": time(1)}, [("营业期限至", "DATE_FORMAT")]),
    ],
)
def test_licence_rows(changes, expected):
    assert issues(check(changes, base=FIRM, loaded=BIZ).errors) == expected


def header_issues(header, loaded=HPF):
    return issues(checker(loaded).bind(header).errors)


def test_header_in_national_abbreviations_and_in_keys():
    by_abbreviation = [f.std_name or f.key for f in HPF.type.fields]
    assert header_issues(by_abbreviation) == []
    assert header_issues([f.key.upper() for f in HPF.type.fields]) == []
    assert header_issues([f" {f.labels.zh} " for f in HPF.type.fields]) == []
    assert header_issues(["\ufeff" + DEPOSIT_HEADER[0], *DEPOSIT_HEADER[1:], "", " "]) == []
    firm = [f.std_name or f.key for f in BIZ.type.fields]
    assert header_issues(firm, BIZ) == []


def test_registered_capital_in_ten_thousands_is_no_column_of_ours():
    assert header_issues([*LICENCE_HEADER[:4], "REGCAP", *LICENCE_HEADER[5:]], BIZ) == [
        ("REGCAP", "COLUMN_UNKNOWN")
    ]


def test_columns_may_stand_in_any_order_and_optional_ones_may_be_missing():
    header = [name for name in reversed(DEPOSIT_HEADER) if name != "单位账号"]
    bound = checker().bind(header)
    assert bound.errors == ()
    result = bound.check(2, [ROW[name] for name in header])
    assert "unit_account_no" not in result.fields


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ([*DEPOSIT_HEADER, "备注"], [("备注", "COLUMN_UNKNOWN")]),
        ([*DEPOSIT_HEADER, "", "备注"], [("", "COLUMN_UNNAMED"), ("备注", "COLUMN_UNKNOWN")]),
        ([*DEPOSIT_HEADER, "XingMing"], [("XingMing", "COLUMN_TWICE")]),
        (list(DEPOSIT_HEADER[1:]), [("姓名", "COLUMN_MISSING")]),
        ([], [("", "HEADER_NOT_RECOGNISED")]),
    ],
)
def test_faults_of_the_header(header, expected):
    assert header_issues(header) == expected


def test_a_missing_header_repeats_nobodys_data():
    bound = checker().bind(list(ROW.values()))
    assert issues(bound.errors) == [("", "HEADER_NOT_RECOGNISED")]
    with pytest.raises(RuntimeError):
        bound.check(2, list(ROW.values()))


def test_rows_of_another_width():
    bound = checker().bind(list(ROW))
    cells = list(ROW.values())
    assert issues(bound.check(2, cells[:-1]).errors) == [("", "ROW_TOO_SHORT")]
    assert issues(bound.check(2, [*cells, "x"]).errors) == [("", "ROW_TOO_LONG")]
    assert bound.check(2, [*cells, "", None]).fields is not None


def test_rows_that_name_their_columns():
    bound = checker().bind(None)
    good = {KEYS[name]: value for name, value in ROW.items()} | {
        "continuous_months": int(ROW["连续缴存月数"])
    }
    assert bound.check(1, good).fields == check({}).fields
    assert issues(bound.check(1, {**good, "x": 1}).errors) == [("x", "COLUMN_UNKNOWN")]
    assert issues(bound.check(1, {**good, "姓名": "王"}).errors) == [("姓名", "COLUMN_TWICE")]
    without = {key: value for key, value in good.items() if key != "name"}
    assert issues(bound.check(1, without).errors) == [("姓名", "REQUIRED")]


def test_an_issue_as_the_command_line_prints_it():
    issue = check({"姓名": ""}).errors[0]
    assert issue.as_json() == {
        "row": 2,
        "column": "姓名",
        "code": "REQUIRED",
        "message": {"zh": "必填项为空", "en": "A required value is missing"},
    }
    json.dumps(issue.as_json())
    by_rule = check({"月缴存额": "1.00"}).errors[0]
    assert "缴存基数" in by_rule.message["zh"]


def test_messages_never_repeat_a_value():
    for column, cell, _code in (f[1:] for f in FAULTY):
        for issue in check({column: cell}).errors:
            assert len(str(cell)) < 4 or str(cell) not in "".join(issue.message.values())


def test_business_key():
    fields = check({}).fields
    assert business_key(HPF.type, fields) == (ROW["个人账号"], ROW["数据截止日期"])
    firm = check({}, base=FIRM, loaded=BIZ).fields
    assert business_key(BIZ.type, firm) == (FIRM["统一社会信用代码"], "")


def test_header_key():
    assert header_key("\ufeff 注册资本（元） ") == header_key("注册资本(元)")
    assert header_key("XINGMING") == header_key("XingMing")
