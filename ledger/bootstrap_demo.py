"""The demo installation: a regulator, a provident-fund centre, a licence bureau and a bank.

Everybody and everything lies in division 99xxxx, which no real agency has. Maker, approver and operator
are three keys in three folders with three passwords even here; the passwords are drawn at random and
lie beside their keys, readable by this account only.
"""

from __future__ import annotations

from ledger.adapters.home_files import Agency, HomeRecord
from ledger.adapters.system import SystemClock

DEPOSIT = "HPF_PERSONAL_DEPOSIT:1"
LICENCE = "BIZ_LICENSE:1"
REGULATOR = "11990000MAXXXX015H"
FUND = "12990100MAXXXX023E"
BUREAU = "11990100MAXXXX031C"
BANK = "91990100MAXXXX04XU"

DEMO_AGENCIES = (
    Agency(
        uscc=REGULATOR,
        name_zh="示例省政务数据管理局(演示)",
        name_en="Example Province Government Data Authority (demo)",
        iss="https://data.example.org",
        division="990000",
        phone="0990-12345",
    ),
    Agency(
        uscc=FUND,
        name_zh="示例市住房公积金管理中心(演示)",
        name_en="Example City Housing Provident Fund Centre (demo)",
        iss="https://hpf.example.org",
        division="990100",
        phone="0991-12329",
        types=(DEPOSIT,),
        parent=REGULATOR,
    ),
    Agency(
        uscc=BUREAU,
        name_zh="示例市市场监督管理局(演示)",
        name_en="Example City Administration for Market Regulation (demo)",
        iss="https://amr.example.org",
        division="990100",
        phone="0991-12315",
        types=(LICENCE,),
        parent=REGULATOR,
    ),
    Agency(
        uscc=BANK,
        name_zh="示例银行股份有限公司示例分行(演示)",
        name_en="Example Bank, Example Branch (demo)",
        iss="https://bank.example.org",
        division="990100",
        phone="0991-95500",
        parent=REGULATOR,
    ),
)

DEMO_PEOPLE: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("demo.jingban", "经办员甲(演示)", FUND, ("clerk",)),
    ("demo.fuhe", "复核员乙(演示)", FUND, ("approver",)),
    ("demo.guanli", "管理员丙(演示)", FUND, ("administrator", "operator")),
    ("demo.shangbiao", "登记员丁(演示)", BUREAU, ("clerk",)),
    ("demo.shenhe", "审核员戊(演示)", BUREAU, ("approver",)),
    ("demo.yinhang", "信贷员己(演示)", BANK, ("verifier",)),
    ("demo.shenji", "审计员庚(演示)", REGULATOR, ("auditor", "operator")),
)
"""Log-in name, name, organisation, roles. The names are roles with a letter: nobody's."""


def plan_demo() -> HomeRecord:
    """The plan of a demo installation."""
    return HomeRecord(mode="demo", created_at=SystemClock().now(), agencies=DEMO_AGENCIES)
