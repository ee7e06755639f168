"""Invented rows for demonstrations, tests and benchmarks; the same seed always gives the same rows.

No real person can be hit: every resident ID and every firm's number lies in a division 99xxxx, which
does not exist (product and demo refuse each other's divisions). Check characters are right, months and
amounts fit together, names and firms come from short lists. Random numbers are a SHA-256 stream, so
that rows do not depend on the version of Python. Nothing else in the product imports this module but
the demo set-up.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import xlsxwriter

from ledger.core.identifiers import organisation_check, resident_id_check, uscc_check

DIVISIONS: Final = ("990101", "990202", "990303")
DEPOSIT_HEADER: Final = (
    "姓名",
    "证件类型",
    "证件号码",
    "个人账号",
    "单位名称",
    "单位账号",
    "开户日期",
    "账户状态",
    "缴存基数",
    "单位缴存比例",
    "个人缴存比例",
    "月缴存额",
    "账户余额",
    "缴至年月",
    "连续缴存开始年月",
    "连续缴存截止年月",
    "连续缴存月数",
    "数据截止日期",
)
LICENCE_HEADER: Final = (
    "统一社会信用代码",
    "名称",
    "类型",
    "法定代表人",
    "注册资本",
    "成立日期",
    "营业期限自",
    "营业期限至",
    "住所",
    "经营范围",
    "登记机关",
)
DEFAULT_AS_OF: Final = date(2026, 10, 31)

_FAMILY: Final = (
    "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋田杜丁"
)
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰萍红梅鹏辉志建文斌浩宇轩怡㛃珠卓兰"
_LONG_NAMES: Final = ("古丽娜尔·买买提", "扎西次仁", "欧阳明远", "阿依古丽·吐尔逊")
_FIRM: Final = (
    "云",
    "河",
    "海",
    "金",
    "新",
    "宏",
    "华",
    "溪",
    "南",
    "泰",
    "信",
    "康",
    "嘉",
    "盛",
    "和",
    "鼎",
)
_TRADE: Final = ("科技有限公司", "物流有限公司", "建筑工程有限公司", "食品厂", "人民医院", "中心小学")
_COMPANY: Final = ("信息技术有限公司", "商贸有限公司", "餐饮管理有限公司", "建材有限公司")
_SCOPES: Final = (
    "软件开发；信息技术咨询服务。",
    "餐饮服务；食品经营；预包装食品销售。",
    "建筑材料销售；装卸搬运。",
)
_RATIOS: Final = ("0.05", "0.06", "0.08", "0.10", "0.12")
_CAPITALS: Final = ("100000", "500000", "1000000", "5000000", "10000000")
_AUTHORITY: Final = "示范市市场监督管理局"

Row = dict[str, str]
Encoding = Literal["gb18030", "utf-8", "utf-8-sig"]
_Item = TypeVar("_Item")


class _Dice:
    """Whole numbers from a SHA-256 counter stream."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._key = f"{seed}/{purpose}/".encode()
        self._counter = 0

    def below(self, bound: int) -> int:
        self._counter += 1
        digest = hashlib.sha256(self._key + str(self._counter).encode()).digest()
        return int.from_bytes(digest[:8], "big") % bound

    def between(self, lowest: int, highest: int) -> int:
        return lowest + self.below(highest - lowest + 1)

    def one_of(self, items: Sequence[_Item]) -> _Item:
        return items[self.below(len(items))]


def demo_resident_id(division: str, born: date, sequence: int) -> str:
    """A resident ID of an invented person; `sequence` 0 to 999, odd for men."""
    body = f"{division}{born:%Y%m%d}{sequence:03d}"
    return body + resident_id_check(body)


def demo_uscc(authority_and_class: str, division: str, organisation: str) -> str:
    """A USCC: two characters, six digits, eight characters of the organisation code; checks are added."""
    body = f"{authority_and_class}{division}{organisation}"
    body += organisation_check(organisation)
    return body + uscc_check(body)


def _month(number: int) -> str:
    return f"{number // 12:04d}{number % 12 + 1:02d}"


def _person(dice: _Dice) -> str:
    if dice.below(100) == 0:
        return dice.one_of(_LONG_NAMES)
    given = "".join(dice.one_of(_GIVEN) for _ in range(dice.between(1, 2)))
    return dice.one_of(_FAMILY) + given


def _yuan(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def deposit_rows(count: int, seed: int = 1, as_of: date = DEFAULT_AS_OF, first: int = 0) -> list[Row]:
    """Rows of a provident-fund centre's export, every one valid on and after `as_of`.

    Args:
        count: number of rows, each with its own account number.
        seed: other seeds give other people.
        as_of: data date.
        first: serial of the first account; lets two calls make disjoint files.
    """
    dice = _Dice(seed, "deposit")
    paid_to = as_of.year * 12 + as_of.month - 1
    rows = []
    for serial in range(first, first + count):
        born = date(as_of.year - dice.between(21, 58), 1, 1) + timedelta(days=dice.below(365))
        opened = as_of - timedelta(days=dice.between(100, 6_000))
        oldest = paid_to - (opened.year * 12 + opened.month - 1)
        months = dice.between(1, max(1, oldest))
        ratio = dice.one_of(_RATIOS)
        base = dice.between(8_000, 160_000) * 25  # cents; bases come in quarters of a yuan
        monthly = (base * 2 * int(ratio[2:]) + 50) // 100
        rows.append(
            dict(
                zip(
                    DEPOSIT_HEADER,
                    (
                        _person(dice),
                        "01",
                        demo_resident_id(dice.one_of(DIVISIONS), born, dice.below(1000)),
                        f"990117{serial:08d}",
                        dice.one_of(_FIRM) + dice.one_of(_FIRM) + dice.one_of(_TRADE),
                        f"{dice.between(10**9, 10**10 - 1)}",
                        opened.isoformat(),
                        "02" if dice.below(5) == 0 else "01",
                        _yuan(base),
                        ratio,
                        ratio,
                        _yuan(monthly),
                        _yuan(monthly * months + dice.below(10_000_000)),
                        _month(paid_to),
                        _month(paid_to - months + 1),
                        _month(paid_to),
                        str(months),
                        as_of.isoformat(),
                    ),
                    strict=True,
                )
            )
        )
    return rows


def licence_rows(count: int, seed: int = 1, today: date = DEFAULT_AS_OF) -> list[Row]:
    """Rows of a licence bureau: firms of invented divisions, every one valid on `today`."""
    dice = _Dice(seed, "licence")
    rows = []
    for serial in range(count):
        established = today - timedelta(days=dice.between(30, 7_000))
        ends = "" if dice.below(2) else (established + timedelta(days=10_950)).isoformat()
        rows.append(
            dict(
                zip(
                    LICENCE_HEADER,
                    (
                        demo_uscc("91", dice.one_of(DIVISIONS[:2]), f"MA{serial:06d}"),
                        dice.one_of(_FIRM) + dice.one_of(_FIRM) + dice.one_of(_COMPANY),
                        "有限责任公司(自然人独资)",
                        _person(dice),
                        dice.one_of(_CAPITALS),
                        established.isoformat(),
                        established.isoformat(),
                        ends,
                        f"示范市样板区{dice.between(1, 200)}号",
                        dice.one_of(_SCOPES),
                        _AUTHORITY,
                    ),
                    strict=True,
                )
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class Fault:
    """A spoiled cell: where (row 1 is the header), and the code that the import must give it."""

    row: int
    column: str
    code: str


def _outside_demo(value: str) -> str:
    body = "11" + value[2:17]
    return body + resident_id_check(body)


def _impossible_birthday(value: str) -> str:
    body = value[:10] + "0230" + value[14:17]
    return body + resident_id_check(body)


_FAULTS: Final[tuple[tuple[str, str, Callable[[str], str]], ...]] = (
    ("证件号码", "ID_CHECK", lambda v: v[:-1] + ("0" if v[-1] != "0" else "1")),
    ("姓名", "REQUIRED", lambda _: ""),
    ("账户余额", "AMOUNT_NEGATIVE", lambda _: "-1.00"),
    ("账户状态", "CODE_UNKNOWN", lambda _: "77"),
    ("缴至年月", "MONTH_NOT_REAL", lambda v: v[:4] + "13"),
    ("开户日期", "DATE_NOT_REAL", lambda _: "2021-02-30"),
    ("开户日期", "OPENED_AFTER_AS_OF", lambda v: f"{int(v[:4]) + 60}{v[4:8]}01"),
    ("缴存基数", "AMOUNT_FORMAT", lambda v: v.replace(v[0], "O", 1)),
    ("月缴存额", "MONTHLY_TOTAL_MISMATCH", lambda _: "1.00"),
    ("连续缴存月数", "CONTINUOUS_MONTHS_MISMATCH", lambda _: "999"),
    ("单位缴存比例", "RATIO_RANGE", lambda _: "12"),
    ("证件号码", "ID_LENGTH", lambda v: v[:-1]),
    ("证件号码", "NUMBER_LOST_DIGITS", lambda v: f"{v[0]}.{v[1:6]}E+17"),
    ("证件号码", "DEMO_DIVISION_ONLY", _outside_demo),
    ("姓名", "TEXT_HIDDEN_CHARACTER", lambda v: v[:1] + "\u202e" + v[1:]),
    ("姓名", "FORMULA", lambda v: f"=cmd|'{v}'"),
    ("缴存基数", "AMOUNT_DECIMALS", lambda v: v + "5"),
    ("证件号码", "ID_DATE", _impossible_birthday),
    ("连续缴存开始年月", "CONTINUOUS_RANGE_ORDER", lambda v: f"{int(v[:4]) + 60}{v[4:]}"),
    ("数据截止日期", "DATE_FORMAT", lambda _: "长期"),
)
FAULT_CODES: Final = tuple(code for _, code, _ in _FAULTS)


def mixed_deposit_rows(
    count: int, seed: int = 1, as_of: date = DEFAULT_AS_OF
) -> tuple[list[Row], list[Fault]]:
    """Deposit rows of which one in each stretch is spoiled, every kind of fault once.

    Args:
        count: at least two rows for each of FAULT_CODES.
        seed: other seeds spoil other rows.
        as_of: data date.
    Returns: the rows, and what an import in demo mode must say, in order of rows.
    """
    if count < 2 * len(_FAULTS):
        raise ValueError(f"at least {2 * len(_FAULTS)} rows are wanted")
    dice = _Dice(seed, "faults")
    rows = deposit_rows(count, seed, as_of)
    stretch = count // len(_FAULTS)
    faults = []
    order = sorted(range(len(_FAULTS)), key=lambda _: dice.below(1 << 30))
    for place, number in enumerate(order):
        column, _, spoil = _FAULTS[number]
        index = place * stretch + dice.below(stretch)
        rows[index][column] = spoil(rows[index][column])
        faults.append(Fault(index + 2, column, FAULT_CODES[number]))
    return rows, faults


def csv_bytes(rows: Sequence[Mapping[str, str]], encoding: Encoding = "gb18030") -> bytes:
    """Rows as a CSV file with a header."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def write_csv(path: Path, rows: Sequence[Mapping[str, str]], encoding: Encoding = "gb18030") -> None:
    """Writes rows as a CSV file, readable by the owner only."""
    _write_private(path, csv_bytes(rows, encoding))


_DAYS: Final = frozenset({"开户日期", "数据截止日期", "成立日期", "营业期限自", "营业期限至"})
_NUMBERS: Final = frozenset(
    {"缴存基数", "单位缴存比例", "个人缴存比例", "月缴存额", "账户余额", "连续缴存月数", "注册资本"}
)


def xlsx_bytes(rows: Sequence[Mapping[str, str]]) -> bytes:
    """Rows as a workbook with real dates and numbers, long numbers as text."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"created": datetime(2026, 1, 1)})  # noqa: DTZ001 - the format has no zone
    sheet = book.add_worksheet("数据")
    day_format = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, list(rows[0]))
    for number, row in enumerate(rows, 1):
        for column, (name, value) in enumerate(row.items()):
            _write_cell(sheet, number, column, name, value, day_format)
    book.close()
    return buffer.getvalue()


def _write_cell(sheet: Any, row: int, column: int, name: str, value: str, day_format: Any) -> None:
    if not value:
        return
    try:
        if name in _DAYS:
            sheet.write_datetime(row, column, datetime.fromisoformat(value), day_format)
            return
        if name in _NUMBERS:
            sheet.write_number(row, column, float(value))
            return
    except ValueError:
        pass  # a spoiled value stays what it is: text
    sheet.write_string(row, column, value)


def write_xlsx(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Writes rows as a workbook, readable by the owner only."""
    _write_private(path, xlsx_bytes(rows))


def _write_private(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)
