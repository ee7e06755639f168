"""`ecert status`: suspend at once; resume, revoke, cancel and the like with maker and approver."""

from __future__ import annotations

from typing import Any

import click

from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.apps.cli_shapes import APPROVER, DOCUMENT, LEGAL, REASON, case_json

TO = ("valid", "suspended", "revoked", "superseded", "cancelled", "void")
STATE = {
    "draft": Text("待经办确认", "waits for the maker"),
    "dropped": Text("已放弃", "given up"),
    "made": Text("待审批", "waits for the approver"),
    "approved": Text("已审批", "approved"),
    "sent": Text("已发送", "sent"),
    "new": Text("新建", "new"),
}
HEADER = (
    Text("变更单", "Case"),
    Text("机关", "Issuer"),
    Text("改为", "To"),
    Text("份数", "Count"),
    Text("状态", "State"),
    Text("时间", "Made"),
)
WITHDRAWN = Text("撤回批次", "withdraw batch")
SUSPENDED = Text("已挂起 {count} 份。", "{count} suspended.")
MADE = Text(
    "变更单 {case} 已由经办人签名,等待审批:ecert status approve {case} --key file:审批人密钥",
    "Case {case} is signed by its maker: ecert status approve {case} --key file:APPROVERS_KEY",
)
DONE = Text("变更单 {case} 已上链。", "Case {case} is on chain.")
FAILED = Text(
    "变更单 {case} 没有完成:{code}。请运行 ecert doctor。",
    "Case {case} was not carried out: {code}. See ecert doctor.",
)
UNREADABLE = Text(
    "变更单 {name} 无法打开(文件或数据密钥缺失、损坏),未列出。",
    "Case {name} cannot be opened (its file or data key is missing or damaged); not listed.",
)
QUEUED = Text("已排队。", "Queued.")
OTHER_WORKER = Text("后台任务正在处理,等待其完成……", "the running worker does it; waiting…")
NEED_KEY = Text(
    "除挂起外,都需要经办人密钥:--key file:/路径/signing.key",
    "Everything but suspending needs the maker's key: --key file:/path/signing.key",
)
QUEUE = Option(
    ["--queue"], is_flag=True, text=Text("只排队,不等待上链。", "Only queue it, do not wait for the chain.")
)


def _set(
    session: Session,
    serials: tuple[str, ...],
    to: str,
    reason_class: str,
    legal_basis: str,
    document: str,
    key: str | None,
    approver: str | None,
    *,
    queue: bool,
) -> None:
    from ledger.apps.cli_open import (
        chain_key,
        find_approver,
        grounds,
        open_installation,
        parse_serial,
        require_role,
    )
    from ledger.bootstrap_work import open_desk
    from ledger.core.model import Role
    from ledger.core.status import Status
    from ledger.services.governed import heir_of

    here = open_installation(session)
    desk = open_desk(here)
    names = [parse_serial(serial) for serial in serials]
    status = Status[to.upper()]
    why = grounds(reason_class, legal_basis, document)
    if status is Status.SUSPENDED:
        case = desk.status.suspend(names, why)
        _finish(session, here, case, queue=queue)
        return
    if key is None:
        raise click.UsageError(str(NEED_KEY))
    issuer = heir_of(here.view.issuers(), desk.status.targets(names, status)[0].place.issuer)
    maker = chain_key(here, key)
    require_role(here, issuer, maker, Role.MAKER)
    case = desk.status.make(names, status, why, maker, find_approver(here, issuer, approver))
    session.emit({"case": case_json(case)})
    session.show(MADE.format(case=case.id))


def _approve(session: Session, case_id: str, key: str, *, queue: bool) -> None:
    from ledger.apps.cli_open import chain_key, open_installation, require_role
    from ledger.bootstrap_work import open_desk
    from ledger.core.model import Role

    here = open_installation(session)
    desk = open_desk(here)
    approver = chain_key(here, key)
    require_role(here, desk.status.case(case_id).acting, approver, Role.APPROVER)
    _finish(session, here, desk.status.approve(case_id, approver), queue=queue)


def _finish(session: Session, here: Any, case: Any, *, queue: bool) -> None:
    from ledger.apps.working import work_or_wait
    from ledger.bootstrap_work import open_desk

    desk = open_desk(here)
    if not queue:
        work_or_wait(
            here, lambda: not desk.jobs_of_case(case.id), on_wait=lambda: session.remark(OTHER_WORKER)
        )
    dead = desk.dead_jobs_of_case(case.id)
    value: dict[str, Any] = {"case": case_json(case), "done": not queue and not dead}
    if dead:
        value["failed"] = [{"code": job.code, "detail": dict(job.detail)} for job in dead]
        session.exit_code = 1
    session.emit(value)
    if dead:
        session.show(FAILED.format(case=case.id, code=dead[0].code))
    elif queue:
        session.show(QUEUED)
    elif case.status is not None and case.status.name == "SUSPENDED":
        session.show(SUSPENDED.format(count=len(case.names)))
    else:
        session.show(DONE.format(case=case.id))


def _list(session: Session) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.cli_time import say_time
    from ledger.bootstrap_work import open_desk

    found = open_desk(open_installation(session)).status.cases()
    cases = found.cases
    session.emit({"cases": [case_json(case) for case in cases], "unreadable": list(found.unreadable)})
    for name in found.unreadable:
        session.remark(UNREADABLE.format(name=name))
    session.table(
        HEADER,
        [
            (
                case.id,
                case.issuer,
                f"{WITHDRAWN} {case.names[0]}" if case.status is None else case.status.name,
                len(case.names),
                STATE[case.state],
                say_time(case.made_at),
            )
            for case in cases
        ],
    )


STATUS = BilingualGroup(
    "status",
    text=Text(
        "改变证照状态:挂起、恢复、吊销……\n\n"
        "挂起由操作员立即完成;恢复、激活、吊销、注销、作废等需经办人和审批人先后签名。\n"
        "只有原因类别上链;法律依据和文书号加密存于本机。",
        "Change a credential's status: suspend, resume, revoke…\n\n"
        "The operator suspends at once; everything else needs the maker's and then the approver's signature.\n"
        "Only the class of reason goes on chain; legal basis and document number stay here, encrypted.",
    ),
    params=common_options(),
    commands=[
        command(
            "set",
            Text(
                "把一份或多份证照改为某状态。\n\n证照写成序列号(32 位)、证照标识或证照文件名。",
                "Give one or more credentials a status.\n\n"
                "Name them by serial (32 hex digits), licence identifier or bundle file name.",
            ),
            params=[
                click.Argument(["serials"], nargs=-1, required=True, metavar="CREDENTIAL..."),
                Option(
                    ["--to"], type=click.Choice(TO), required=True, text=Text("新状态。", "The new status.")
                ),
                REASON,
                LEGAL,
                DOCUMENT,
                Option(
                    ["--key"],
                    metavar="file:PATH",
                    text=Text("经办人密钥(挂起不需要)。", "The maker's key (not for suspending)."),
                ),
                APPROVER,
                QUEUE,
            ],
            examples=(
                "ecert status set B3F8E01E8B601EC6E249499656B7DA62 --to suspended --reason security",
                "ecert status set B3F8E01E8B601EC6E249499656B7DA62 --to revoked --reason authority \\\n"
                "      --document 某市监罚〔2026〕1号 --key file:/media/maker/signing.key",
            ),
        )(_set),
        command(
            "approve",
            Text("审批人签名,随后上链。", "The approver signs; then it goes to the chain."),
            params=[
                click.Argument(["case_id"], metavar="CASE"),
                Option(
                    ["--key"],
                    required=True,
                    metavar="file:PATH",
                    text=Text("审批人密钥。", "The approver's key."),
                ),
                QUEUE,
            ],
            examples=(
                "ecert status approve 0123456789abcdef0123456789abcdef --key file:/media/approver/signing.key",
            ),
        )(_approve),
        command(
            "list",
            Text("列出变更单和撤回单。", "List cases: status changes and withdrawals."),
            examples=("ecert status list --json",),
        )(_list),
    ],
    examples=("ecert status set SERIAL --to suspended --reason holder",),
)
