"""`ecert role`: who may do what; one admin proposes, another accepts; a reset when admins are lost."""

from __future__ import annotations

from typing import Any

import click

from ledger.apps.cli_ask import check_uscc
from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.apps.cli_govern import (
    ADMINS,
    DO_NOT_ASK,
    ISSUER,
    OF_ISSUER,
    finish,
    proposal_json,
    require_agreed,
    two_addresses,
)
from ledger.apps.cli_key import parse_day
from ledger.apps.cli_shapes import ROLE_WORDS

ROLES = ("admin", "operator", "maker", "approver")
HEADER = (
    Text("机关", "Issuer"),
    Text("角色", "Role"),
    Text("密钥", "Signer"),
    Text("姓名", "Name"),
    Text("起", "From"),
    Text("止", "Until"),
    Text("现在有效", "Now"),
)
WAITING_HEADER = (
    Text("编号", "Number"),
    Text("机关", "Issuer"),
    Text("内容", "What"),
    Text("提议人", "Proposed by"),
    Text("提议时间", "Proposed"),
    Text("接受期限", "To be accepted by"),
)
NO_END = Text("不限", "no end")
YES = Text("是", "yes")
NOTHING = Text("没有等待接受的提议。", "No proposal waits.")
PROPOSED_BY = Text(
    "提议 {number}:{what}\n  机关 {issuer},提议人 {who}",
    "Proposal {number}: {what}\n  of {issuer}, proposed by {who}",
)
ACCEPT_IT = Text(
    "接受后立即生效。输入提议编号以接受", "Accepted, it is done at once. Type the proposal's number to accept"
)
ACCEPTED = Text("提议 {number} 已接受并生效:{what}", "Proposal {number} is accepted and done: {what}")
CANCELLED = Text("提议 {number} 已取消。", "Proposal {number} is cancelled.")
ANNOUNCED = Text(
    "已公布:{issuer} 的角色将于 {ready} 之后重置。届时运行:ecert issuer recover --issuer {issuer}\n"
    "在此之前,该机关自己的管理员或公布者可用 ecert role reset --cancel 收回。",
    "Announced: the roles of {issuer} can be reset from {ready} on. Then run: "
    "ecert issuer recover --issuer {issuer}\n"
    "Until then its own admins, or who announced it, may take it back: ecert role reset --cancel.",
)
RESET_CANCELLED = Text("已收回 {issuer} 的角色重置。", "The reset of {issuer} is taken back.")
ONE_SIGNER = Text("请给出 --address 或 --person 之一。", "Give either --address or --person.")
NEW_ADMINS = Text(
    "请用 --new-admin 写明两名新管理员的密钥地址。", "Name the two new admins' addresses with --new-admin."
)
WHO_RESETS = Text(
    "请给出上级机关的 --admin,或(根机关)--governance。",
    "Give --admin keys of an agency above it or, for the root, --governance.",
)
ADDRESS = Option(
    ["--address"],
    metavar="ADDRESS",
    text=Text(
        "密钥地址(ecert key new 会显示),或网页上的签名人编号。",
        "The key's address (ecert key new prints it), or the signer id that the web shows.",
    ),
)
PERSON = Option(
    ["--person"],
    metavar="LOGIN",
    text=Text(
        "此人在网页登记的最新签名密钥。", "The newest signing key that this person enrolled in the web."
    ),
)
SINCE = Option(
    ["--from", "since"],
    callback=parse_day,
    metavar="YYYY-MM-DD",
    text=Text("从哪天起(默认现在),如休假代理。", "From that day (default now), for instance a deputy."),
)
UNTIL = Option(
    ["--until"],
    callback=parse_day,
    metavar="YYYY-MM-DD",
    text=Text("到哪天为止,不含当天(默认不限)。", "Until the beginning of that day (default: no end)."),
)
ROLE = Option(["--role"], type=click.Choice(ROLES), required=True, text=Text("角色。", "Role."))
REMOVE = Option(["--remove"], is_flag=True, text=Text("免去该角色。", "Remove the role."))
ADMIN_KEY = Option(
    ["--key"],
    required=True,
    metavar="file:PATH",
    text=Text("管理员自己的密钥。", "The admin's own key."),
)
NUMBER = click.Argument(["number"], type=click.IntRange(min=1), metavar="PROPOSAL")


def _list(session: Session, issuer: str | None) -> None:
    from ledger.apps.cli_deeds import Names
    from ledger.apps.cli_open import open_installation
    from ledger.apps.cli_time import say_time
    from ledger.bootstrap_work import open_desk
    from ledger.core.eip712 import signer_text
    from ledger.services.registry import FOREVER
    from ledger.services.roles import RoleBook

    here = open_installation(session)
    book, names, now = RoleBook(open_desk(here).reader), Names(here), here.clock.now()
    found = [
        (record.issuer, held)
        for record in here.view.issuers()
        if issuer in (None, record.issuer)
        for held in book.roles(record.issuer)
        if held.valid_until
    ]
    session.emit(
        {
            "roles": [
                {
                    "issuer": uscc,
                    "role": held.role.name.lower(),
                    "signer": signer_text(held.signer_id),
                    "name": names.person(held.signer_id),
                    "valid_from": held.valid_from,
                    "valid_until": None if held.valid_until >= FOREVER else held.valid_until,
                    "good": held.is_good(now),
                }
                for uscc, held in found
            ]
        }
    )
    session.table(
        HEADER,
        [
            (
                uscc,
                ROLE_WORDS[held.role.name.lower()],
                signer_text(held.signer_id),
                names.person(held.signer_id) or "",
                say_time(held.valid_from),
                NO_END if held.valid_until >= FOREVER else say_time(held.valid_until),
                YES if held.is_good(now) else "",
            )
            for uscc, held in found
        ],
    )


def propose_role(
    session: Session,
    issuer: str,
    role: str,
    address: str | None,
    person: str | None,
    admins: tuple[str, ...],
    since: int | None,
    until: int | None,
    *,
    remove: bool,
) -> None:
    """Also `ecert issuer role`."""
    from ledger.apps.cli_open import open_installation, parse_address
    from ledger.apps.governing import set_role
    from ledger.core.eip712 import signer_text
    from ledger.core.model import Role

    if (address is None) == (person is None):
        raise click.UsageError(str(ONE_SIGNER))
    here = open_installation(session)
    signer_id = _signer_of(here, issuer, person) if address is None else parse_address(address)
    waiting = set_role(
        here, issuer, signer_id, Role[role.upper()], admins, since=since, until=until, remove=remove
    )
    finish(session, waiting, {"issuer": issuer, "role": role, "address": signer_text(signer_id)})


def _signer_of(here: Any, issuer: str, login: str | None) -> bytes:
    """Signer id of the newest key that this person enrolled in the browser."""
    from ledger.bootstrap_people import open_people_alone
    from ledger.bootstrap_signing import enrolled_key

    person = open_people_alone(here).people.find(login or "")
    return enrolled_key(here, issuer, person.id).signer_id


def _waiting(session: Session, key: str | None, address: str | None) -> None:
    from ledger.apps.cli_deeds import Names, act_json, act_text
    from ledger.apps.cli_open import chain_key, open_installation, parse_address
    from ledger.apps.cli_time import say_time
    from ledger.bootstrap_work import open_desk
    from ledger.services.governed import GovernedBook

    here = open_installation(session)
    book, now, names = GovernedBook(open_desk(here).reader), here.clock.now(), Names(here)
    signer = chain_key(here, key).signer_id if key else parse_address(address) if address else None
    found = [
        (one, book.act_of(one))
        for one in (book.waiting(now) if signer is None else book.waiting_for(signer, now))
    ]
    session.emit(
        {
            "proposals": [
                {**proposal_json(one, now), "act": None if act is None else act_json(act[0])}
                for one, act in found
            ]
        }
    )
    if not found:
        session.show(NOTHING)
        return
    session.table(
        WAITING_HEADER,
        [
            (
                one.number,
                names.agency(one.by),
                "?" if act is None else act_text(act[0], names),
                names.signer(one.proposer),
                say_time(one.made_at),
                say_time(one.expires_at),
            )
            for one, act in found
        ],
    )


def _accept(session: Session, number: int, key: str, *, yes: bool) -> None:
    from ledger.apps.cli_deeds import Names, act_json, act_text
    from ledger.apps.cli_open import open_installation
    from ledger.apps.governing import accept
    from ledger.core.governed import Proposal
    from ledger.services.registry import Act

    here = open_installation(session)
    names = Names(here)

    def agree(proposal: Proposal, act: Act) -> None:
        who = names.signer(proposal.proposer)
        what = act_text(act, names)
        session.remark(
            PROPOSED_BY.format(number=number, issuer=names.agency(proposal.by), who=who, what=what)
        )
        require_agreed(ACCEPT_IT, str(number), yes=yes)

    decided = accept(here, number, key, agree)
    session.emit(
        {
            "proposal": proposal_json(decided.proposal, here.clock.now()),
            "act": act_json(decided.act),
            "done": True,
        }
    )
    session.show(ACCEPTED.format(number=number, what=act_text(decided.act, names)))


def _cancel(session: Session, number: int, key: str) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.governing import cancel

    here = open_installation(session)
    proposal = cancel(here, number, key)
    session.emit({"proposal": proposal_json(proposal, here.clock.now()), "done": True})
    session.show(CANCELLED.format(number=number))


def _reset(
    session: Session,
    issuer: str,
    new_admins: tuple[str, ...],
    admins: tuple[str, ...],
    by: str | None,
    governance: str | None,
    *,
    cancel: bool,
) -> None:
    from ledger.apps.cli_open import chain_key, open_installation, parse_address
    from ledger.apps.governing import announce_reset, cancel_reset
    from ledger.bootstrap_root import announce_root_reset

    if bool(admins) == bool(governance):
        raise click.UsageError(str(WHO_RESETS))
    here = open_installation(session)
    if cancel:
        waiting = cancel_reset(here, issuer, admins, by)
        finish(session, waiting, {"issuer": issuer}, RESET_CANCELLED.format(issuer=issuer))
        return
    if len(new_admins) != 2:
        raise click.UsageError(str(NEW_ADMINS))
    first, second = (parse_address(one) for one in new_admins)
    if governance is not None:
        announce_root_reset(here, issuer, (first, second), chain_key(here, governance))
        say_announced(session, here, issuer)
        return
    waiting = announce_reset(here, issuer, (first, second), admins, by)
    if waiting:
        finish(session, waiting, {"issuer": issuer})
    else:
        say_announced(session, here, issuer)


def say_announced(session: Session, here: Any, issuer: str) -> None:
    """When a reset that is announced can be carried out."""
    from ledger.apps.cli_time import say_time
    from ledger.bootstrap_work import open_desk
    from ledger.core.eip712 import signer_text
    from ledger.services.governed import GovernedBook

    found = next(one for one in GovernedBook(open_desk(here).reader).resets() if one.issuer == issuer)
    session.emit(
        {
            "issuer": issuer,
            "by": found.by,
            "new_admins": [signer_text(found.admin1), signer_text(found.admin2)],
            "announced_at": found.announced_at,
            "ready_at": found.ready_at,
            "done": False,
        }
    )
    session.show(ANNOUNCED.format(issuer=issuer, ready=say_time(found.ready_at)))


def _looking() -> list[click.Command]:
    return [
        command(
            "list",
            Text("列出各机关的角色和任期。", "List who holds which role, from when until when."),
            params=[OF_ISSUER],
            examples=("ecert role list --issuer USCC",),
        )(_list),
        command(
            "waiting",
            Text(
                "列出等待接受的提议。\n\n给出自己的密钥或地址时,只列等我接受的。",
                "List proposals that wait.\n\nWith your key or address: those that wait for you.",
            ),
            params=[
                Option(
                    ["--key"],
                    metavar="file:PATH",
                    text=Text("我的管理员密钥。", "Your admin key."),
                ),
                Option(["--address"], metavar="ADDRESS", text=Text("我的密钥地址。", "Your key's address.")),
            ],
            examples=("ecert role waiting", "ecert role waiting --key file:/media/admin2/signing.key"),
        )(_waiting),
    ]


def role_params() -> list[click.Parameter]:
    """Of `role propose` and `issuer role`."""
    return [ISSUER, ROLE, ADDRESS, PERSON, ADMINS, SINCE, UNTIL, REMOVE]


def _proposing() -> list[click.Command]:
    return [
        command(
            "propose",
            Text(
                "任命或免去管理员、操作员、经办人、审批人;代理可写明起止日期。\n\n"
                "给一名管理员的密钥:提议,另一名管理员 7 天内接受;给两名:立即生效。",
                "Appoint or remove an admin, operator, maker or approver; a deputy from-to.\n\n"
                "With one admin's key it is proposed and another admin accepts it within 7 days; with two it is "
                "done at once.",
            ),
            params=role_params(),
            examples=(
                "ecert role propose --issuer USCC --role approver --address 0x… --admin file:/media/a1",
                "ecert role propose --issuer USCC --role approver --address 0x… --from 2026-12-01 \\\n"
                "      --until 2026-12-15 --admin file:/media/a1 --admin file:/media/a2",
            ),
        )(propose_role),
        command(
            "accept",
            Text(
                "接受另一名管理员的提议(任何治理事项)。\n\n先显示其内容并询问;--yes 不再询问。",
                "Accept what another admin proposed (any act of governance).\n\n"
                "Says what it is and asks first; --yes does not ask.",
            ),
            params=[NUMBER, ADMIN_KEY, DO_NOT_ASK],
            examples=("ecert role accept 12 --key file:/media/a2/signing.key",),
        )(_accept),
        command(
            "cancel",
            Text(
                "取消等待中的提议(本机关任一管理员)。", "Cancel a waiting proposal (any admin of its agency)."
            ),
            params=[NUMBER, ADMIN_KEY],
            examples=("ecert role cancel 12 --key file:/media/a1/signing.key",),
        )(_cancel),
    ]


def _resetting() -> list[click.Command]:
    return [
        command(
            "reset",
            Text(
                "机关的管理员丢失或被窃时,由上级机关公布两名新管理员;24 小时后生效。\n\n"
                "根机关没有上级,由治理密钥公布。生效用 ecert issuer recover;--cancel 收回。",
                "When an agency's admins are lost or stolen: an agency above it announces two new ones, 24 h ahead.\n\n"
                "The root has none above it: the governance key announces. `ecert issuer recover` carries it out; "
                "--cancel takes it back.",
            ),
            params=[
                ISSUER,
                Option(
                    ["--new-admin", "new_admins"],
                    multiple=True,
                    callback=two_addresses,
                    metavar="ADDRESS",
                    text=Text("新管理员的密钥地址,写两次。", "A new admin's address; twice."),
                ),
                Option(
                    ["--admin", "admins"],
                    multiple=True,
                    metavar="file:PATH",
                    text=Text(
                        "上级机关的管理员密钥,一个(提议)或两个。",
                        "Admin keys of the agency above: one (proposed) or two.",
                    ),
                ),
                Option(
                    ["--by"],
                    callback=check_uscc,
                    metavar="USCC",
                    text=Text(
                        "哪个上级机关(默认直接上级;--cancel 时默认本机关)。",
                        "Which agency above it (default: its parent; with --cancel the agency itself).",
                    ),
                ),
                Option(
                    ["--governance"],
                    metavar="file:PATH",
                    text=Text(
                        "账本的治理密钥(只用于根机关;后台任务须先停止)。",
                        "The ledger's governance key (only for the root; stop the worker first).",
                    ),
                ),
                Option(
                    ["--cancel"], is_flag=True, text=Text("收回已公布的重置。", "Take an announced one back.")
                ),
            ],
            examples=(
                "ecert role reset --issuer USCC --new-admin 0x… --new-admin 0x… --admin file:… --admin file:…",
                "ecert role reset --issuer USCC --cancel --admin file:… --admin file:…",
            ),
        )(_reset),
    ]


ROLE_GROUP = BilingualGroup(
    "role",
    text=Text(
        "角色:提议、接受、代理、重置;等待我接受的提议。",
        "Roles: propose, accept, deputies, resets; what waits for me.",
    ),
    params=common_options(),
    commands=[*_looking(), *_proposing(), *_resetting()],
    examples=("ecert role waiting", "ecert role list --issuer USCC"),
)
