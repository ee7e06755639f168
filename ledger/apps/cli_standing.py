"""`ecert standing`: approvals given in advance, for batches that then need nobody."""

from __future__ import annotations

from typing import Any

import click

from ledger.apps.cli_ask import check_uscc
from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.apps.cli_govern import ADMINS, ISSUER, OF_ISSUER, finish
from ledger.apps.cli_key import parse_day

DOCUMENTS = "DOCUMENT:0"
HEADER = (
    Text("编号", "Id"),
    Text("机关", "Issuer"),
    Text("类型", "Type"),
    Text("今日已用/每日限额", "Today / a day"),
    Text("有效至", "Until"),
    Text("状态", "State"),
)
GOOD = Text("有效", "good")
ENDED = Text("已结束", "ended")
REVOKED = Text("已撤销", "revoked")
GRANTED = Text(
    "常设审批 {id} 已登记:每天最多 {limit} 份,到 {until} 为止。撤销:ecert standing revoke {id} --key …",
    "Standing approval {id} is registered: at most {limit} a day until {until}. "
    "To revoke it: ecert standing revoke {id} --key …",
)
QUEUED = Text("已排队,等待后台任务处理……", "queued; waiting for the running worker…")
NOT_YET = Text(
    "常设审批还没有上链,详见 ecert doctor。", "The standing approval is not on chain yet; see ecert doctor."
)
GONE = Text("常设审批 {id} 已撤销。", "Standing approval {id} is revoked.")
SERVICE = Text(
    "机关 {issuer} 的服务密钥 {address} 现在可以在常设审批之下经办批次。",
    "The service key {address} of {issuer} may now make batches under a standing approval.",
)
KEY = Option(
    ["--key"],
    required=True,
    metavar="file:PATH",
    text=Text("审批人自己的密钥。", "The approver's own key."),
)


def _list(session: Session, issuer: str | None) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.cli_time import say_time
    from ledger.bootstrap_work import open_desk

    here = open_installation(session)
    desk = open_desk(here)
    refs = _refs(desk)
    found = desk.standing.standings(issuer)
    now = here.clock.now()
    session.emit({"standing": [_json(one, refs, now) for one in found]})
    session.table(
        HEADER,
        [
            (
                "0x" + one.terms.id.hex(),
                one.terms.issuer,
                refs.get(one.terms.type_id, one.terms.type_id),
                f"{one.anchored}/{one.terms.anchor_limit}",
                say_time(one.terms.valid_until),
                _state(one, now),
            )
            for one in found
        ],
    )


def _state(one: Any, now: int) -> Text:
    if one.terms.revoked_at is not None:
        return REVOKED
    return GOOD if one.terms.is_good(now) else ENDED


def _json(one: Any, refs: dict[int, str], now: int) -> dict[str, Any]:
    terms = one.terms
    return {
        "id": "0x" + terms.id.hex(),
        "issuer": terms.issuer,
        "type": refs.get(terms.type_id),
        "anchor_limit": terms.anchor_limit,
        "supersede_limit": terms.supersede_limit,
        "anchored_today": one.anchored,
        "superseded_today": one.superseded,
        "valid_from": terms.valid_from,
        "valid_until": terms.valid_until,
        "revoked_at": terms.revoked_at,
        "approver": "0x" + terms.approver.hex(),
        "good": terms.is_good(now),
    }


def _refs(desk: Any) -> dict[int, str]:
    known = {
        (loaded.type.type_code, loaded.type.version): loaded.type.ref for loaded in desk.here.types.all()
    }
    found = {record.type_id: known.get((record.code, record.version), "?") for record in desk.view.types()}
    return {**found, 0: DOCUMENTS}


def _grant(
    session: Session,
    issuer: str,
    type_name: str,
    limit: int,
    supersede_limit: int,
    until: int | None,
    key: str,
) -> None:
    from ledger.apps.cli_open import chain_key, open_installation, require_role
    from ledger.apps.cli_time import say_time
    from ledger.apps.working import work_or_wait
    from ledger.bootstrap_work import open_desk
    from ledger.core.eip712 import ecdsa_signature
    from ledger.core.errors import UnavailableError
    from ledger.core.model import Role
    from ledger.services.granting import require_grant
    from ledger.services.standing import require_service

    here = open_installation(session)
    desk = open_desk(here)
    require_service(here.agencies, issuer)
    approver = chain_key(here, key)
    require_role(here, issuer, approver, Role.APPROVER)
    type_id = 0
    if type_name != DOCUMENTS:
        kind = here.credential_type(type_name).type
        type_id = here.type_id(kind)
        require_grant(here.view, issuer, type_id, kind.ref, here.clock.now())
    terms = desk.standing.draft(
        issuer,
        type_id,
        approver=approver.signer_id,
        anchor_limit=limit,
        supersede_limit=supersede_limit,
        valid_until=until,
    )
    signature = ecdsa_signature(approver.sign_digest(desk.standing.digest(terms)))
    standing_id = desk.standing.register(terms, signature)

    def is_there() -> bool:
        return any(one.id == standing_id for one in here.view.standings(issuer))

    work_or_wait(here, is_there, on_wait=lambda: session.remark(QUEUED))
    if not is_there():
        raise UnavailableError("STANDING_NOT_YET", str(NOT_YET), standing="0x" + standing_id.hex())
    shown = "0x" + standing_id.hex()
    session.emit({"id": shown, "issuer": issuer, "valid_until": terms.valid_until})
    session.show(GRANTED.format(id=shown, limit=limit, until=say_time(terms.valid_until)))


def _revoke(session: Session, standing_id: str, key: str, by: str | None) -> None:
    from ledger.apps.cli_open import chain_key, open_installation, require_role
    from ledger.apps.working import work_or_wait
    from ledger.bootstrap_work import open_desk
    from ledger.core.eip712 import ecdsa_signature
    from ledger.core.errors import InputError, RefusedError
    from ledger.core.model import Role
    from ledger.services.governed import ancestors_of
    from ledger.services.refusals import refusal

    try:
        number = bytes.fromhex(standing_id.removeprefix("0x"))
    except ValueError as error:
        raise InputError("STANDING_SHAPE", "A standing approval is named by 0x and 64 hex digits.") from error
    here = open_installation(session)
    desk = open_desk(here)
    found = desk.standing.standing(number)
    issuer, signer = found.terms.issuer, chain_key(here, key)
    acting = by or issuer
    wanted = desk.standing.revocation(number, acting, signer.signer_id)
    if signer.signer_id != found.terms.approver:
        if acting != issuer and acting not in ancestors_of(here.view.issuers(), issuer):
            raise refusal("revokeStanding", "RegistryNotAncestor", (acting.encode(), issuer.encode()))
        require_role(here, acting, signer, Role.ADMIN)
    signature = ecdsa_signature(signer.sign_digest(desk.standing.revocation_digest(wanted)))
    own = {agency.uscc for agency in here.record.agencies}
    desk.standing.revoke(wanted, signature, carrier=issuer if issuer in own else acting)

    def is_gone() -> bool:
        return any(one.id == number and one.revoked_at is not None for one in here.view.standings(issuer))

    work_or_wait(here, is_gone, on_wait=lambda: session.remark(QUEUED))
    if not is_gone():
        raise RefusedError(
            "STANDING_NOT_REVOKED",
            "The contract did not take the revocation: see ecert doctor.",
            id=standing_id,
        )
    session.emit({"id": "0x" + number.hex(), "revoked": True})
    session.show(GONE.format(id="0x" + number.hex()))


def _service(session: Session, issuer: str, admins: tuple[str, ...]) -> None:
    from ledger.apps.cli_init import setup_passwords
    from ledger.apps.cli_open import open_installation
    from ledger.apps.governing import set_role
    from ledger.bootstrap_keys import make_service_key
    from ledger.core.model import Role

    here = open_installation(session)
    new, _ = setup_passwords(session, demo=here.record.mode == "demo")
    signer = make_service_key(here, issuer, new)
    waiting = set_role(here, issuer, signer.signer_id, Role.MAKER, admins)
    address = "0x" + signer.address.hex()
    value = {"issuer": issuer, "address": address, "role": "maker"}
    finish(session, waiting, value, SERVICE.format(issuer=issuer, address=address))


def _granting() -> list[click.Command]:
    return [
        command(
            "service",
            Text(
                "生成服务密钥,并由两名管理员任命为经办人。\n\n"
                "此后,凡有常设审批覆盖的批次,服务器无须人工即可送上链;每日限额就是服务器失窃时的最大损失。",
                "Make the service key; two admins appoint it as a maker.\n\n"
                "From then on the server can bring batches that a standing approval covers to the chain without\n"
                "anybody. The daily limit is what a stolen server can forge.",
            ),
            params=[ISSUER, ADMINS],
            examples=(
                "ecert standing service --issuer USCC --admin file:/a/signing.key --admin file:/b/signing.key",
            ),
        )(_service),
        command(
            "add",
            Text(
                "审批人预先批准某一类型的批次(最长 31 天,每日限额)。",
                "An approver approves batches of one type in advance (31 days at most, a limit a day).",
            ),
            params=[
                ISSUER,
                Option(
                    ["--type", "type_name"],
                    required=True,
                    metavar="TYPE",
                    text=Text(
                        "证照类型,或 DOCUMENT:0(版式文件批次)。",
                        "Credential type, or DOCUMENT:0 for batches of sealed documents.",
                    ),
                ),
                Option(
                    ["--limit"],
                    required=True,
                    type=click.IntRange(1, 2**32 - 1),
                    metavar="N",
                    text=Text("每天(北京时间)最多签发多少份。", "At most so many a day (Asia/Shanghai)."),
                ),
                Option(
                    ["--supersede-limit"],
                    type=click.IntRange(0, 2**32 - 1),
                    default=0,
                    metavar="N",
                    text=Text(
                        "每天最多替换多少份旧证(默认 0)。", "At most so many replaced a day (default 0)."
                    ),
                ),
                Option(
                    ["--until"],
                    callback=parse_day,
                    metavar="YYYY-MM-DD",
                    text=Text("到哪天为止(默认 31 天)。", "Until that day (default: 31 days)."),
                ),
                KEY,
            ],
            examples=(
                "ecert standing add --issuer USCC --type HPF_PERSONAL_DEPOSIT --limit 2000 \\\n"
                "      --key file:/media/approver/signing.key",
            ),
        )(_grant),
    ]


def _looking() -> list[click.Command]:
    return [
        command(
            "list",
            Text("列出链上的常设审批和今日用量。", "List standing approvals on chain, with today's use."),
            params=[OF_ISSUER],
            examples=("ecert standing list", "ecert standing list --json"),
        )(_list),
        command(
            "revoke",
            Text(
                "立即撤销一项常设审批。\n\n审批人自己、本机关或上级机关的任一管理员都可撤销。",
                "Revoke a standing approval at once.\n\n"
                "Its approver may, and any admin of the agency or of one above it.",
            ),
            params=[
                click.Argument(["standing_id"], metavar="ID"),
                KEY,
                Option(
                    ["--by"],
                    callback=check_uscc,
                    metavar="USCC",
                    text=Text(
                        "代表哪个机关(默认本机关;上级管理员须写明)。",
                        "For which agency (default: its own; an admin above names theirs).",
                    ),
                ),
            ],
            examples=("ecert standing revoke 0x1f… --key file:/media/approver/signing.key",),
        )(_revoke),
    ]


def _former() -> list[click.Command]:
    """`grant`, as `add` was called before; scripts go on."""
    found = next(one for one in _granting() if one.name == "add")
    found.name, found.hidden = "grant", True
    return [found]


STANDING = BilingualGroup(
    "standing",
    text=Text("常设审批:登记、查看、撤销。", "Standing approvals: grant, list, revoke."),
    params=common_options(),
    commands=[*_granting(), *_looking(), *_former()],
    examples=("ecert standing list",),
)
