"""`ecert person`: the first administrator of an organisation, and emergencies; the web does the rest."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.core.errors import InputError
from ledger.core.people import Role

if TYPE_CHECKING:
    from ledger.bootstrap_people import PeopleParts
    from ledger.services.people import Person

INVITED = Text(
    "邀请(7 天内有效,只显示这一次):在网页打开 /account/invitation/{code} 设置密码。",
    "Invitation (good for 7 days, shown this once): open /account/invitation/{code} on the page to choose a password.",
)
DRAWN = Text("密码(只显示这一次):{password}", "Password (shown this once): {password}")
ADDED = Text("已添加:编号 {number},登录名 {login}。", "Added as number {number}, log-in name {login}.")
DONE = Text("已完成。", "Done.")
ASK = Text("{login} 的新密码(输入两次)", "New password of {login} (twice)")
AGAIN = Text("再输一次", "Again")
HEADER = (
    Text("编号", "Number"),
    Text("登录名", "Log-in name"),
    Text("姓名", "Name"),
    Text("角色", "Roles"),
    Text("状态", "State"),
    Text("第二验证", "Second factor"),
)
STATES = {"active": Text("正常", "active"), "suspended": Text("停用", "suspended")}
ROLE_NAMES = tuple(role.value for role in Role)
LOGIN = click.Argument(["login"], metavar="LOGIN")
HOW = (
    Option(
        ["--ask"], is_flag=True, text=Text("在终端输入密码,不发邀请。", "Ask for a password instead of inviting.")
    ),
    Option(
        ["--draw"], is_flag=True, text=Text("生成并显示密码,不发邀请。", "Draw a password and print it instead of inviting.")
    ),
)  # fmt: skip


def _day(_ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter("YYYY-MM-DD", param=param) from error


def _place_options(*, required: bool) -> list[click.Parameter]:
    # no check of the USCC's check character: the organisation is looked up among those known here
    return [
        Option(
            ["--organisation"], required=required, metavar="USCC", text=Text("机构。", "The organisation.")
        ),
        Option(
            ["--role", "roles"],
            type=click.Choice(ROLE_NAMES),
            multiple=True,
            required=required,
            text=Text("角色,可给多次。", "Role; may be given several times."),
        ),
        Option(
            ["--until"],
            callback=_day,
            metavar="YYYY-MM-DD",
            text=Text("到哪天为止(含当天)。", "Until that day (included)."),
        ),
    ]


def _open(session: Session) -> PeopleParts:
    from ledger.apps.cli_open import open_installation
    from ledger.bootstrap_people import open_people_alone

    return open_people_alone(open_installation(session))


def _give(
    parts: PeopleParts, number: int, organisation: str, roles: tuple[str, ...], until: date | None
) -> None:
    from ledger.apps.cli_time import day_start

    end = None if until is None else day_start(until) + 86_400
    for role in roles:
        parts.people.give_role(number, organisation, Role(role), by=None, until=end)


def _let_in(
    session: Session, parts: PeopleParts, number: int, login: str, *, ask: bool, draw: bool
) -> dict[str, str]:
    """Password or invitation: what the person needs to come in."""
    if ask and draw:
        raise InputError("ASK_OR_DRAW", "--ask and --draw exclude each other.")
    if ask:
        password = click.prompt(
            str(ASK.format(login=login)), hide_input=True, confirmation_prompt=str(AGAIN), err=True
        )
        parts.people.set_password(number, password, by=None)
        return {}
    if draw:
        password = parts.people.draw_password()
        parts.people.set_password(number, password, by=None)
        session.show(DRAWN.format(password=password))
        return {"password": password}
    code = parts.people.invite(number, by=None)
    session.show(INVITED.format(code=code))
    return {"invitation": code}


def _add(
    session: Session,
    login: str,
    name: str,
    organisation: str,
    roles: tuple[str, ...],
    until: date | None,
    *,
    ask: bool,
    draw: bool,
) -> None:
    parts = _open(session)
    parts.people.organisation(organisation)
    number = parts.people.add(login, name, by=None)
    _give(parts, number, organisation, roles, until)
    session.show(ADDED.format(number=number, login=login))
    told = _let_in(session, parts, number, login, ask=ask, draw=draw)
    session.emit({"person": number, "login": login, **told})


def _list(session: Session, organisation: str | None) -> None:
    parts = _open(session)
    found = parts.people.everybody() if organisation is None else parts.people.of_organisation(organisation)
    now = parts.clock.now()
    session.emit({"people": [_json(one) for one in found]})
    session.table(
        HEADER,
        [
            (
                one.id,
                one.login,
                one.name,
                " ".join(f"{role.uscc}:{role.role}" for role in one.roles if role.is_running(now)),
                STATES[one.state],
                "✔" if one.has_totp or one.passkeys else "",
            )
            for one in found
        ],
    )


def _json(one: Person) -> dict[str, Any]:
    return {
        "person": one.id,
        "login": one.login,
        "name": one.name,
        "state": one.state,
        "second_factor": one.has_totp or one.passkeys > 0,
        "roles": [
            {
                "id": role.id,
                "organisation": role.uscc,
                "role": role.role,
                "since": role.since,
                "until": role.until,
            }
            for role in one.roles
        ],
    }


def _role(
    session: Session, login: str, organisation: str, roles: tuple[str, ...], until: date | None, *, end: bool
) -> None:
    parts = _open(session)
    person = parts.people.find(login)
    if end:
        for given in person.roles:
            if given.uscc == organisation and given.role in roles:
                parts.people.end_role(given.id, by=None)
    else:
        _give(parts, person.id, organisation, roles, until)
    session.emit({"person": person.id})
    session.show(DONE)


def _reset(session: Session, login: str, *, ask: bool, draw: bool) -> None:
    parts = _open(session)
    person = parts.people.find(login)
    parts.people.reset(person.id, by=None)
    told = _let_in(session, parts, person.id, person.login, ask=ask, draw=draw)
    session.emit({"person": person.id, **told})


def _suspend(session: Session, login: str, *, resume: bool) -> None:
    parts = _open(session)
    person = parts.people.find(login)
    if resume:
        parts.people.resume(person.id, by=None)
    else:
        parts.people.suspend(person.id, by=None)
    session.emit({"person": person.id, "state": "active" if resume else "suspended"})
    session.show(DONE)


def _office(session: Session, organisation: str, name_zh: str, name_en: str, parent: str | None) -> None:
    parts = _open(session)
    parts.people.add_organisation(organisation, name_zh, name_en, parent)
    session.emit({"organisation": organisation})
    session.show(DONE)


def _who() -> list[click.Command]:
    name = Option(
        ["--name"], required=True, metavar="NAME", text=Text("姓名。", "Name as colleagues see it.")
    )
    return [
        command(
            "add",
            Text(
                "添加人员并给予角色。\n\n默认输出一个邀请,由本人在网页上设置密码。",
                "Add a person with roles.\n\nBy default prints an invitation: the person chooses the password on the page.",
            ),
            params=[LOGIN, name, *_place_options(required=True), *HOW],
            examples=("ecert person add chen.admin --name 陈某 --organisation USCC --role administrator",),
        )(_add),
        command(
            "list",
            Text("列出人员。", "List people."),
            params=[_place_options(required=False)[0]],
            examples=("ecert person list", "ecert person list --organisation USCC"),
        )(_list),
        command(
            "organisation",
            Text("登记一个只核验的机构(银行等)。", "Add an organisation that only verifies (a bank…)."),
            params=[
                click.Argument(["organisation"], metavar="USCC"),
                Option(
                    ["--name-zh"], required=True, metavar="NAME", text=Text("中文名称。", "Chinese name.")
                ),
                Option(
                    ["--name-en"], required=True, metavar="NAME", text=Text("英文名称。", "English name.")
                ),
                Option(["--parent"], metavar="USCC", text=Text("上级机构。", "The organisation above it.")),
            ],
            examples=("ecert person organisation USCC --name-zh 岚州银行 --name-en LanzhouBank",),
        )(_office),
    ]


def _changing() -> list[click.Command]:
    return [
        command(
            "role",
            Text("给予或取消角色。", "Give a role, or take it away."),
            params=[
                LOGIN,
                *_place_options(required=True),
                Option(["--end"], is_flag=True, text=Text("取消。", "Take it away.")),
            ],
            examples=("ecert person role li.ming --organisation USCC --role auditor",),
        )(_role),
        command(
            "reset",
            Text(
                "清除密码、第二验证和通行密钥,重新邀请。",
                "Clear password, second factors and passkeys, and invite anew.",
            ),
            params=[LOGIN, *HOW],
            examples=("ecert person reset li.ming",),
        )(_reset),
        command(
            "suspend",
            Text("停用账号,立即退出所有登录。", "Suspend an account; its sessions end at once."),
            params=[
                LOGIN,
                Option(["--resume"], is_flag=True, text=Text("恢复账号。", "Let it in again.")),
            ],
            examples=("ecert person suspend li.ming", "ecert person suspend li.ming --resume"),
        )(_suspend),
    ]


PERSON = BilingualGroup(
    "person",
    text=Text("人员:添加、列出、角色、重置、停用。", "People: add, list, roles, reset, suspend."),
    params=common_options(),
    commands=[*_who(), *_changing()],
    examples=("ecert person list",),
)
