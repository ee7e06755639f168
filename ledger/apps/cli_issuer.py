"""`ecert issuer`: agencies of the ledger; admit one, grant it a type, give people their roles."""

from __future__ import annotations

from typing import Any

import click

from ledger.apps.cli_ask import check_uscc
from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.apps.cli_key import ADMINS, ISSUER, parse_day, require_two
from ledger.apps.cli_steps import SAY

HEADER = (
    Text("统一社会信用代码", "USCC"),
    Text("名称", "Name"),
    Text("层级", "Level"),
    Text("区划", "Division"),
    Text("可签发", "May issue"),
    Text("本安装", "Here"),
)
ROLES = ("admin", "operator", "maker", "approver")
CAUSES = {"administrative": 1, "reorganisation": 2, "misconduct": 129, "compromise": 130}
YES = Text("是", "yes")
DISSOLVED = Text("(已撤销)", "(dissolved)")
ADMITTED = Text("{name}({uscc})已接纳并授权。", "{name} ({uscc}) is admitted and has its grants.")
DONE = Text("已完成。", "Done.")
ONE_SIGNER = Text("请给出 --address 或 --person 之一。", "Give either --address or --person.")
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
    name: str,
    name_en: str,
    iss: str,
    division: str,
    phone: str | None,
    types: tuple[str, ...],
) -> None:
    from ledger.apps.cli_init import setup_passwords
    from ledger.bootstrap_init import Home, admit_agency, system_tools

    home = Home(session.settings.home)
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
    )
    session.emit({"uscc": uscc, "name": name, "done": True})
    session.show(ADMITTED.format(name=Text(name, name_en), uscc=uscc))


def _grant(session: Session, issuer: str, type_name: str, admins: tuple[str, ...], until: int | None) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.governing import grant_type

    grant_type(open_installation(session), issuer, type_name, require_two(admins), until)
    session.emit({"issuer": issuer, "type": type_name, "done": True})
    session.show(DONE)


def _withdraw(
    session: Session, issuer: str, type_name: str, admins: tuple[str, ...], cause: str, since: int | None
) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.governing import withdraw_grant

    withdraw_grant(open_installation(session), issuer, type_name, require_two(admins), CAUSES[cause], since)
    session.emit({"issuer": issuer, "type": type_name, "done": True})
    session.show(DONE)


def _role(
    session: Session,
    issuer: str,
    role: str,
    address: str | None,
    person: str | None,
    admins: tuple[str, ...],
    until: int | None,
    *,
    remove: bool,
) -> None:
    from ledger.apps.cli_open import open_installation, parse_address
    from ledger.apps.governing import set_role
    from ledger.core.eip712 import signer_text
    from ledger.core.model import Role

    if (address is None) == (person is None):
        raise click.UsageError(str(ONE_SIGNER))
    here = open_installation(session)
    signer_id = _signer_of(here, issuer, person) if address is None else parse_address(address)
    set_role(
        here,
        issuer,
        signer_id,
        Role[role.upper()],
        require_two(admins),
        until=until,
        remove=remove,
    )
    session.emit({"issuer": issuer, "role": role, "address": signer_text(signer_id), "done": True})
    session.show(DONE)


def _signer_of(here: Any, issuer: str, login: str | None) -> bytes:
    """Signer id of the newest key that this person enrolled in the browser."""
    from ledger.bootstrap_people import open_people_alone
    from ledger.bootstrap_signing import enrolled_key

    person = open_people_alone(here).people.find(login or "")
    return enrolled_key(here, issuer, person.id).signer_id


UNTIL = Option(
    ["--until"],
    callback=parse_day,
    metavar="YYYY-MM-DD",
    text=Text("到哪天为止(默认不限)。", "Until that day (default: no end)."),
)


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
                "接纳一个下级机关。\n\n在本安装里为它生成密钥、证书和名录条目,由根机关两名管理员接纳并授权。\n"
                "需要根机关的管理员密钥和 CA 在本机;后台任务须先停止。中断后再次运行会继续。",
                "Admit an agency under the root.\n\n"
                "Makes its keys, certificates and directory entry in this installation; the root's two admins\n"
                "admit it and grant its types. The root's admin keys and CA must be here, the worker stopped.\n"
                "Interrupted, it continues when run again.",
            ),
            params=[
                Option(
                    ["--uscc"],
                    required=True,
                    callback=check_uscc,
                    metavar="USCC",
                    text=Text("统一社会信用代码。", "Its USCC."),
                ),
                Option(
                    ["--name"], required=True, metavar="NAME", text=Text("法定名称。", "Its Chinese name.")
                ),
                Option(
                    ["--name-en"], required=True, metavar="NAME", text=Text("英文名称。", "Its English name.")
                ),
                Option(["--iss"], required=True, metavar="URL", text=Text("https 网址。", "Its https URL.")),
                Option(
                    ["--division"],
                    required=True,
                    metavar="CODE",
                    text=Text("行政区划代码。", "Division code."),
                ),
                Option(["--phone"], metavar="PHONE", text=Text("咨询电话。", "Telephone for questions.")),
                Option(
                    ["--type", "types"],
                    multiple=True,
                    metavar="TYPE",
                    text=Text("可签发的类型(可重复)。", "A type it may issue (repeatable)."),
                ),
            ],
            examples=(
                'ecert issuer admit --uscc USCC --name 某市公积金中心 --name-en "Some Fund Centre" \\\n'
                "      --iss https://gjj.example.gov.cn --division 110100 --type HPF_PERSONAL_DEPOSIT",
            ),
        )(_admit),
    ]


def _granting() -> list[click.Command]:
    return [
        command(
            "grant",
            Text(
                "授权一个机关签发某类证照(上级两名管理员)。",
                "Grant a type to an agency (two admins of its parent).",
            ),
            params=[ISSUER, TYPE, ADMINS, UNTIL],
            examples=("ecert issuer grant --issuer USCC --type BIZ_LICENSE --admin file:… --admin file:…",),
        )(_grant),
        command(
            "withdraw-grant",
            Text(
                "收回授权(上级两名管理员)。\n\nmisconduct 和 compromise 会使该日起上链的证照失效。",
                "Withdraw a grant (two admins of its parent).\n\n"
                "misconduct and compromise break what was anchored since that day.",
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
            ],
            examples=(
                "ecert issuer withdraw-grant --issuer USCC --type BIZ_LICENSE --cause reorganisation \\\n"
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
            params=[
                ISSUER,
                Option(["--role"], type=click.Choice(ROLES), required=True, text=Text("角色。", "Role.")),
                Option(
                    ["--address"],
                    metavar="ADDRESS",
                    text=Text(
                        "密钥地址(ecert key new 会显示),或网页上的签名人编号。",
                        "The key's address (ecert key new prints it), or the signer id that the web shows.",
                    ),
                ),
                Option(
                    ["--person"],
                    metavar="LOGIN",
                    text=Text(
                        "此人在网页登记的最新签名密钥。",
                        "The newest signing key that this person enrolled in the web.",
                    ),
                ),
                ADMINS,
                UNTIL,
                Option(["--remove"], is_flag=True, text=Text("免去该角色。", "Remove the role.")),
            ],
            examples=(
                "ecert issuer role --issuer USCC --role approver --address 0x… --admin file:… --admin file:…",
                "ecert issuer role --issuer USCC --role maker --person LOGIN --admin file:… --admin file:…",
            ),
        )(_role),
    ]


ISSUER_GROUP = BilingualGroup(
    "issuer",
    text=Text("发证机关:列出、接纳、授权、任命。", "Issuing agencies: list, admit, grant, appoint."),
    params=common_options(),
    commands=[*_admitting(), *_granting(), *_appointing()],
    examples=("ecert issuer list",),
)
