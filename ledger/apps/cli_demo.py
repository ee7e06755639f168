"""`ecert demo`: a complete installation with data in one command, and what to try with it."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ledger.apps.cli_frame import LANGUAGE, Option, Session, Text, command
from ledger.apps.cli_steps import SAY
from ledger.apps.cli_work import HOST, PORT, announce, warn_of_rest

DEFAULT_DEPOSITS = 300
DEFAULT_LICENCES = 40
STEPS = {
    "import": Text("· 导入 {file}……", "· importing {file}…"),
    "rows": Text("  {rows} 行", "  {rows} rows"),
    "issued": Text("  新签发 {issued},已有 {already}", "  new {issued}, there already {already}"),
    "made": Text("· 经办人确认批次 {batch}", "· the maker signs batch {batch}"),
    "approved": Text("· 审批人审批批次 {batch},上链……", "· the approver signs batch {batch}, anchoring…"),
    "released": Text("  已放行 {count} 份", "  {count} bundles released"),
    "standing": Text(
        "· 服务密钥和常设审批(打印件自动上链)……",
        "· service key and standing approval (prints anchor by themselves)…",
    ),
    "returned": Text("· 批次 {batch} 被审批人退回", "· batch {batch} is sent back by the approver"),
    "prints": Text("· 打印两份加盖电子签章的证明……", "· printing two sealed proofs…"),
    "voiding": Text(
        "· 经办、审批双人作废一份,供核验演示……", "· maker and approver declare one void, to show it…"
    ),
}
EXAMPLES = {
    "good": Text("真实有效的证明", "a genuine proof in force"),
    "altered": Text("内容被改动的证明", "a proof with an altered value"),
    "voided": Text("已作废的证明", "a proof declared void"),
    "foreign-receipt": Text("配了别人回执的证明", "a proof with somebody else's receipt"),
}
CHECKING = Text("\n核验四份样例:", "\nChecking four examples:")
TRY = Text(
    """
演示环境在 {home}(口令在各密钥目录的 password 文件里,仅供演示)
试一试:
  export ECERT_HOME={home}
  {ecert} verify {good}
  {ecert} verify {altered}
  {ecert} issuer list
  {ecert} batch list
  {ecert} doctor
  {ecert} serve""",
    """
The demo is in {home} (passwords lie beside the keys, for the demo only)
Try:
  export ECERT_HOME={home}
  {ecert} verify {good}
  {ecert} verify {altered}
  {ecert} issuer list
  {ecert} batch list
  {ecert} doctor
  {ecert} serve""",
)

LOGINS = Text(
    "\n演示登录(密码每次安装随机生成,保存在 {file}):",
    "\nDemo log-ins (passwords are drawn for each installation and kept in {file}):",
)

ROLES = {
    "clerk": Text("经办", "clerk"),
    "approver": Text("复核", "approver"),
    "verifier": Text("核验", "verifier"),
    "auditor": Text("审计", "auditor"),
    "operator": Text("运维", "operator"),
    "administrator": Text("管理员", "administrator"),
}
LOGIN = Text(
    "  {login:<16} {password}  {name}:{place},{roles}", "  {login:<16} {password}  {name}: {place}, {roles}"
)


def login_line(one: Any, places: dict[str, Text]) -> Text:
    """Name, password, and what this person is where: whoever tries the demo needs to know whom to be."""
    place, roles = places[one.organisation], [ROLES[role] for role in one.roles]
    said = {"login": one.login, "password": one.password, "name": one.name}
    return Text(
        LOGIN.zh.format(**said, place=place.zh, roles="、".join(role.zh for role in roles)),
        LOGIN.en.format(**said, place=place.en, roles=", ".join(role.en for role in roles)),
    )


def _how_to_try(home: Path) -> dict[str, str]:
    """Words that can be pasted into a shell: full name of the program when PATH lacks it, quoted paths."""
    program = "ecert" if shutil.which("ecert") else str(Path(sys.argv[0]).resolve())
    demo = home / "demo"
    words = {
        "ecert": program,
        "home": home,
        "good": demo / "good.ecert.json",
        "altered": demo / "altered.ecert.json",
    }
    return {name: shlex.quote(str(word)) for name, word in words.items()}


def _demo(
    session: Session, deposits: int, licences: int, host: str | None, port: int | None, *, serve: bool
) -> None:
    from ledger.apps.demo import DemoStory
    from ledger.bootstrap import open_home
    from ledger.bootstrap_demo import plan_demo
    from ledger.bootstrap_init import CHEAP_SCRYPT, DrawnPasswords, Home, run_setup, system_tools

    drawn = DrawnPasswords(None)
    tools = system_tools(
        new_password=drawn,
        password=drawn,
        say=lambda step: session.remark(SAY[step]),
        accept_clock=session.settings.accept_clock,
        scrypt_p=CHEAP_SCRYPT,
    )
    home = Home(session.settings.home)
    run_setup(home, plan_demo(), tools, mode="demo")
    here = open_home(session.settings)
    story = DemoStory(here, lambda step, **values: session.remark(STEPS[step].format(**values)))
    issued = story.play(deposits, licences)
    shown = []
    session.remark(CHECKING)
    for example in story.examples():
        report = story.check(example)
        shown.append(_example_json(example, report))
        if report.exit_code != example.expect:
            session.exit_code = 1
        session.show(_line(example, report))
    logins = story.office()
    value = {
        "home": str(home.path),
        "trust": str(home.trust_file),
        "issuers": [agency.uscc for agency in here.record.agencies],
        "issued": issued,
        "examples": shown,
        "logins": [
            {"login": one.login, "organisation": one.organisation, "roles": list(one.roles)} for one in logins
        ],
        "passwords": str(story.folder / "people.json"),
    }
    session.show(TRY.format(**_how_to_try(home.path)))
    session.show(LOGINS.format(file=story.folder / "people.json"))
    places = {agency.uscc: Text(agency.name_zh, agency.name_en) for agency in here.record.agencies}
    for one in logins:
        session.show(login_line(one, places))
    if not serve:
        session.emit(value)
        return
    from ledger.apps.serving import serve as run_server

    def say(address: str) -> None:
        if session.as_json:
            session.emit({**value, "address": address})
        else:
            announce(session, address)

    run_server(
        replace(session.settings, server_signing=True),  # two log-ins may sign; the page says what that means
        host or session.settings.host,
        session.settings.port if port is None else port,
        say,
        warn=lambda reason: warn_of_rest(session, reason),
    )


def _example_json(example: Any, report: Any) -> dict[str, Any]:
    return {
        "name": example.name,
        "file": str(example.path),
        "exit": report.exit_code,
        "expected_exit": example.expect,
        "verdict": {"national": report.verdict.national, "code": str(report.verdict.code)},
    }


def _line(example: Any, report: Any) -> str:
    mark = "✔" if report.accepted else "✘"
    text = report.verdict.text[LANGUAGE.get()]
    return f"  {mark} {example.path.name}: {EXAMPLES[example.name]}\n      [{report.verdict.national}] {text}"


DEMO = command(
    "demo",
    Text(
        "一条命令建立完整的演示环境。\n\n"
        "一个省级监管机关、一个公积金中心、一个市场监管局和一家银行,都在 99 开头的演示区划里;\n"
        "签发几百份缴存证明和若干营业执照,双人审批、上链、放行,并核验一份真的和三份假的。\n"
        "再次运行不会重复;中断后再次运行会继续。",
        "Build a complete demo with one command.\n\n"
        "A provincial regulator, a provident-fund centre, a licence bureau and a bank, all in division 99xxxx;\n"
        "some hundred deposit proofs and some licences are issued, approved by two people, anchored and\n"
        "released; one good and three bad bundles are checked. Running it again repeats nothing; interrupted,\n"
        "it continues.",
    ),
    params=[
        Option(
            ["--deposits"],
            type=click.IntRange(4, 100_000),
            default=DEFAULT_DEPOSITS,
            metavar="N",
            text=Text("缴存证明份数(默认 300)。", "Number of deposit proofs (default 300)."),
        ),
        Option(
            ["--licences"],
            type=click.IntRange(1, 10_000),
            default=DEFAULT_LICENCES,
            metavar="N",
            text=Text("营业执照份数(默认 40)。", "Number of licences (default 40)."),
        ),
        Option(
            ["--serve"],
            is_flag=True,
            text=Text("完成后启动网页服务。", "Start the web page when everything is there."),
        ),
        HOST,
        PORT,
    ],
    examples=("ecert demo", "ecert demo --home /tmp/ecert-demo --serve"),
)(_demo)
