"""`ecert issuer`: agencies of the ledger; admit one, grant it a type, give people their roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ledger.apps.cli_ask import check_uscc
from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.apps.cli_govern import (
    ADMINS,
    BY_ABOVE,
    DO_NOT_ASK,
    ISSUER,
    finish,
    require_final,
    two_addresses,
)
from ledger.apps.cli_key import parse_day
from ledger.apps.cli_role import UNTIL, propose_role, role_params
from ledger.apps.cli_steps import SAY

HEADER = (
    Text("统一社会信用代码", "USCC"),
    Text("名称", "Name"),
    Text("层级", "Level"),
    Text("区划", "Division"),
    Text("可签发", "May issue"),
    Text("本安装", "Here"),
)
CAUSES = {"administrative": 1, "reorganisation": 2, "misconduct": 129, "compromise": 130}
YES = Text("是", "yes")
DISSOLVED = Text("(已撤销)", "(dissolved)")
ADMITTED_BARE = Text("{name}({uscc})已接纳。", "{name} ({uscc}) is admitted.")
NAME_IT = Text(
    "请给出 --name、--name-en、--iss、--division,或 --entry。",
    "Give --name, --name-en, --iss, --division; or --entry.",
)
FOREIGN = Text(
    "--entry 需要两个 --new-admin 和上级机关的 --admin。",
    "--entry needs two --new-admin and --admin of the parent.",
)
ADMITTED = Text("{name}({uscc})已接纳并授权。", "{name} ({uscc}) is admitted and has its grants.")
RECOVERED = Text(
    "{issuer} 的角色已重置。两名新管理员现在任命操作员、经办人、审批人:ecert role propose",
    "The roles of {issuer} are reset. Its two new admins now appoint operator, maker and approver: "
    "ecert role propose",
)
DISSOLVED_NOW = Text("{issuer} 已撤销。", "{issuer} is dissolved.")
TAKEN_OVER = Text(
    "{issuer} 已撤销,由 {successor} 承继:其证照状态今后由承继机关的人员办理。",
    "{issuer} is dissolved and {successor} takes over: its people write the statuses from now on.",
)
BREAKS = Text(
    "{issuer} 及其下级自 {day} 起上链的 {type} 全部失效,",
    "Every {type} that {issuer} and those below it anchored since {day} breaks.",
)
DISSOLVES = Text("{issuer} 将被撤销,不再签发,", "{issuer} is dissolved and issues nothing more.")
ONE_HEIR = Text("请给出 --successor 或 --none 之一。", "Give either --successor or --none.")
TYPE = Option(
    ["--type", "type_name"], required=True, metavar="TYPE", text=Text("证照类型。", "Credential type.")
)


def _list(session: Session) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.bootstrap_work import issuer_facts

    found = issuer_facts(open_installation(session))
    session.emit({"issuers": [_issuer_json(facts) for facts in found]})
    session.table(
        HEADER,
        [
            (
                facts.uscc,
                str(Text(facts.name_zh, facts.name_en)) + (str(DISSOLVED) if facts.dissolved_at else ""),
                facts.level,
                facts.division,
                ", ".join(grant.ref for grant in facts.grants if grant.is_good),
                YES if facts.is_here else "",
            )
            for facts in found
        ],
    )


def _issuer_json(facts: Any) -> dict[str, Any]:
    return {
        "uscc": facts.uscc,
        "name": facts.name_zh,
        "name_en": facts.name_en,
        "iss": facts.iss,
        "division": facts.division,
        "phone": facts.phone,
        "parent": facts.parent,
        "level": facts.level,
        "admitted_at": facts.admitted_at,
        "dissolved_at": facts.dissolved_at,
        "here": facts.is_here,
        "types": [
            {
                "type": grant.ref,
                "valid_from": grant.valid_from,
                "valid_until": grant.valid_until,
                "withdrawn_at": grant.withdrawn_at,
                "good": grant.is_good,
            }
            for grant in facts.grants
        ],
    }


def _admit(
    session: Session,
    uscc: str,
    name: str | None,
    name_en: str | None,
    iss: str | None,
    division: str | None,
    phone: str | None,
    types: tuple[str, ...],
    by: str | None,
    entry: Path | None,
    new_admins: tuple[str, ...],
    admins: tuple[str, ...],
) -> None:
    if entry is not None:
        _admit_foreign(session, uscc, entry, new_admins, admins, by)
        return
    if name is None or name_en is None or iss is None or division is None:
        raise click.UsageError(str(NAME_IT))
    from ledger.apps.cli_init import setup_passwords
    from ledger.apps.cli_open import open_installation
    from ledger.bootstrap_admit import admit_agency, require_admissible
    from ledger.bootstrap_init import Home, system_tools

    home = Home(session.settings.home)
    require_admissible(open_installation(session), uscc, by, types)
    new, old = setup_passwords(session, demo=home.load().mode == "demo")
    tools = system_tools(
        new_password=new,
        password=old,
        say=lambda step: session.remark(SAY[step]),
        accept_clock=session.settings.accept_clock,
    )
    admit_agency(
        home,
        tools,
        uscc=uscc,
        name_zh=name,
        name_en=name_en,
        iss=iss,
        division=division,
        phone=phone,
        types=types,
        parent=by,
    )
    session.emit({"uscc": uscc, "name": name, "done": True})
    session.show(ADMITTED.format(name=Text(name, name_en), uscc=uscc))


def _admit_foreign(
    session: Session,
    uscc: str,
    entry: Path,
    new_admins: tuple[str, ...],
    admins: tuple[str, ...],
    by: str | None,
) -> None:
    """An agency with an installation of its own: it sent its signed entry and its admins' addresses."""
    from ledger.apps.cli_open import open_installation, parse_address
    from ledger.apps.governing import admit
    from ledger.bootstrap import read_bundle
    from ledger.bootstrap_directory import foreign_entry, use_entry

    if len(new_admins) != 2 or not admins:
        raise click.UsageError(str(FOREIGN))
    here = open_installation(session)
    found = foreign_entry(here, uscc, read_bundle(entry), has_keys=False)
    first, second = (parse_address(one) for one in new_admins)
    waiting = admit(here, uscc, (first, second), found.hash, admins, by)
    if not waiting:
        use_entry(here, found)
    finish(
        session,
        waiting,
        {"uscc": uscc, "name": found.name["zh"]},
        ADMITTED_BARE.format(name=Text(found.name["zh"], found.name["en"]), uscc=uscc),
    )


def _grant(session: Session, issuer: str, type_name: str, admins: tuple[str, ...], until: int | None) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.governing import grant_type

    waiting = grant_type(open_installation(session), issuer, type_name, admins, until)
    finish(session, waiting, {"issuer": issuer, "type": type_name})


def _withdraw(
    session: Session,
    issuer: str,
    type_name: str,
    admins: tuple[str, ...],
    cause: str,
    since: int | None,
    by: str | None,
    *,
    yes: bool,
) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.cli_time import say_time
    from ledger.apps.governing import withdraw_grant
    from ledger.core.grants import BREAKING_BIT

    here = open_installation(session)
    if CAUSES[cause] & BREAKING_BIT:
        day = say_time(here.clock.now() if since is None else since)
        what = BREAKS.format(issuer=issuer, type=type_name, day=day)
        require_final(what, issuer[-4:], admins, yes=yes)
    waiting = withdraw_grant(here, issuer, type_name, admins, CAUSES[cause], since, by)
    finish(session, waiting, {"issuer": issuer, "type": type_name})


def _successor(
    session: Session,
    issuer: str,
    successor: str | None,
    admins: tuple[str, ...],
    by: str | None,
    *,
    none: bool,
    yes: bool,
) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.governing import dissolve

    if (successor is None) != none:
        raise click.UsageError(str(ONE_HEIR))
    require_final(DISSOLVES.format(issuer=issuer), issuer[-4:], admins, yes=yes)
    waiting = dissolve(open_installation(session), issuer, successor, admins, by)
    said = DISSOLVED_NOW if successor is None else TAKEN_OVER
    finish(
        session,
        waiting,
        {"issuer": issuer, "successor": successor},
        said.format(issuer=issuer, successor=successor),
    )


def _recover(session: Session, issuer: str) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.governing import carry_reset_out

    carry_reset_out(open_installation(session), issuer)
    session.emit({"issuer": issuer, "done": True})
    session.show(RECOVERED.format(issuer=issuer))


def _admit_params() -> list[click.Parameter]:
    own = Text("(本安装的机关)", " (an agency of this installation)")

    def of(zh: str, en: str) -> Text:
        return Text(zh + own.zh + "。", en + own.en + ".")

    return [
        Option(
            ["--uscc"],
            required=True,
            callback=check_uscc,
            metavar="USCC",
            text=Text("统一社会信用代码。", "Its USCC."),
        ),
        Option(["--name"], metavar="NAME", text=of("法定名称", "Its Chinese name")),
        Option(["--name-en"], metavar="NAME", text=of("英文名称", "Its English name")),
        Option(["--iss"], metavar="URL", text=of("https 网址", "Its https URL")),
        Option(["--division"], metavar="CODE", text=of("行政区划代码", "Division code")),
        Option(["--phone"], metavar="PHONE", text=Text("咨询电话。", "Telephone for questions.")),
        Option(
            ["--type", "types"],
            multiple=True,
            metavar="TYPE",
            text=Text("可签发的类型(可重复)。", "A type it may issue (repeatable)."),
        ),
        Option(
            ["--by"],
            callback=check_uscc,
            metavar="USCC",
            text=Text("上级机关(默认根机关)。", "Its parent (default: the root)."),
        ),
        Option(
            ["--entry"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            text=Text(
                "该机关在自己的安装里签好的名录条目。",
                "The directory entry that it signed in its own installation.",
            ),
        ),
        Option(
            ["--new-admin", "new_admins"],
            multiple=True,
            callback=two_addresses,
            metavar="ADDRESS",
            text=Text(
                "其管理员的密钥地址,写两次(配合 --entry)。", "An admin's address; twice, with --entry."
            ),
        ),
        Option(
            ["--admin", "admins"],
            multiple=True,
            metavar="file:PATH",
            text=Text(
                "上级机关的管理员密钥,一个(提议)或两个(配合 --entry)。",
                "Admin keys of its parent: one (proposed) or two, with --entry.",
            ),
        ),
    ]


def _admitting() -> list[click.Command]:
    return [
        command(
            "list",
            Text("列出链上的发证机关。", "List the agencies on chain."),
            examples=("ecert issuer list", "ecert issuer list --json"),
        )(_list),
        command(
            "admit",
            Text(
                "接纳一个下级机关。\n\n在本安装里为它生成密钥、证书和名录条目,由上级机关(默认根机关)两名管理员接纳并授权。\n"
                "需要上级机关的管理员密钥和 CA 在本机;后台任务须先停止。中断后再次运行会继续。\n"
                "有自己安装的机关:--entry 名录条目文件、两个 --new-admin 和上级的 --admin。",
                "Admit an agency.\n\n"
                "Makes its keys, certificates and directory entry in this installation; two admins of its parent\n"
                "(default: the root) admit it and grant its types. Their keys and the CA must be here, the worker\n"
                "stopped. Interrupted, it continues when run again. An agency with an installation of its own:\n"
                "--entry with its directory entry, two --new-admin, and the parent's --admin.",
            ),
            params=_admit_params(),
            examples=(
                'ecert issuer admit --uscc USCC --name 某市公积金中心 --name-en "Some Fund Centre" \\\n'
                "      --iss https://gjj.example.gov.cn --division 110100 --type HPF_PERSONAL_DEPOSIT",
                "ecert issuer admit --uscc USCC --entry entry.jws --new-admin 0x… --new-admin 0x… \\\n"
                "      --admin file:/media/a1 --admin file:/media/a2",
            ),
        )(_admit),
    ]


def _granting() -> list[click.Command]:
    return [
        command(
            "grant",
            Text(
                "授权一个机关签发某类证照(上级两名管理员)。\n\n已有授权而期限不同时,改为新的期限(续期或缩短)。",
                "Grant a type to an agency (two admins of its parent).\n\n"
                "A running grant with another end is replaced: renewed, or cut short.",
            ),
            params=[ISSUER, TYPE, ADMINS, UNTIL],
            examples=("ecert issuer grant --issuer USCC --type BIZ_LICENSE --admin file:… --admin file:…",),
        )(_grant),
        command(
            "withdraw",
            Text(
                "收回授权(上级两名管理员)。\n\n立即停止该机关及其所有下级的新签发;misconduct 和 compromise 会使该日起上链的证照失效。",
                "Withdraw a grant (two admins of an agency above).\n\n"
                "Stops new batches of the agency and of all below it at once; misconduct and compromise break what was anchored since that day.",
            ),
            params=[
                ISSUER,
                TYPE,
                ADMINS,
                Option(
                    ["--cause"],
                    type=click.Choice(list(CAUSES)),
                    required=True,
                    text=Text("原因。", "Cause."),
                ),
                Option(
                    ["--since"],
                    callback=parse_day,
                    metavar="YYYY-MM-DD",
                    text=Text("从哪天起(默认现在)。", "Since that day (default now)."),
                ),
                BY_ABOVE,
                DO_NOT_ASK,
            ],
            examples=(
                "ecert issuer withdraw --issuer USCC --type BIZ_LICENSE --cause reorganisation \\\n"
                "      --admin file:… --admin file:…",
            ),
        )(_withdraw),
    ]


def _appointing() -> list[click.Command]:
    return [
        command(
            "role",
            Text(
                "任命或免去管理员、操作员、经办人、审批人(本机关两名管理员)。",
                "Appoint or remove an admin, operator, maker or approver (two admins of the agency).",
            ),
            params=role_params(),
            examples=(
                "ecert issuer role --issuer USCC --role approver --address 0x… --admin file:… --admin file:…",
                "ecert issuer role --issuer USCC --role maker --person LOGIN --admin file:… --admin file:…",
            ),
        )(propose_role),
        command(
            "successor",
            Text(
                "撤销一个机关,并指定承继机关(机构改革)。\n\n"
                "由上级机关的两名管理员办理,不能撤回。已签发的证照照旧有效;承继机关的人员办理其状态。",
                "Dissolve an agency and name its successor (reorganisation).\n\n"
                "By two admins of an agency above both; final. What it issued stays good; the successor's people\n"
                "write its statuses.",
            ),
            params=[
                ISSUER,
                Option(
                    ["--successor"],
                    callback=check_uscc,
                    metavar="USCC",
                    text=Text("承继机关。", "The agency that takes over."),
                ),
                Option(["--none"], is_flag=True, text=Text("没有承继机关。", "Nobody takes over.")),
                ADMINS,
                BY_ABOVE,
                DO_NOT_ASK,
            ],
            examples=("ecert issuer successor --issuer OLD --successor NEW --admin file:… --admin file:…",),
        )(_successor),
        command(
            "recover",
            Text(
                "执行已公布满 24 小时的角色重置(ecert role reset 公布)。\n\n"
                "任何人可执行。此后该机关只有两名新管理员,其余角色由他们重新任命。",
                "Carry out a reset of roles that was announced 24 hours ago (`ecert role reset`).\n\n"
                "Anybody may. The agency then has its two new admins and nobody else: they appoint the others.",
            ),
            params=[ISSUER],
            examples=("ecert issuer recover --issuer USCC",),
        )(_recover),
    ]


def _former() -> list[click.Command]:
    """`withdraw-grant`, as it was called before; scripts go on."""
    found = next(one for one in _granting() if one.name == "withdraw")
    found.name, found.hidden = "withdraw-grant", True
    return [found]


ISSUER_GROUP = BilingualGroup(
    "issuer",
    text=Text("发证机关:列出、接纳、授权、任命。", "Issuing agencies: list, admit, grant, appoint."),
    params=common_options(),
    commands=[*_admitting(), *_granting(), *_appointing(), *_former()],
    examples=("ecert issuer list",),
)
