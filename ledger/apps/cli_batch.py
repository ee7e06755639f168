"""`ecert batch`: look at batches; maker and approver sign them; refuse, withdraw, ask again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ledger.apps.cli_ask import check_uscc
from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.apps.cli_govern import OF_ISSUER
from ledger.apps.cli_key import parse_day
from ledger.apps.cli_shapes import (
    APPROVER,
    BATCH_ID,
    BATCH_LABELS,
    DOCUMENT,
    KEY,
    LEGAL,
    REASON,
    ROLE_WORDS,
    STATES,
    address_or_none,
    batch_json,
    case_json,
)
from ledger.settings import Language

TIMES = ("created_at", "deadline", "refused_at")
LINE = Text("{label}:{value}", "{label}: {value}")
BLOCK = Text("第 {number} 块,{time}", "{number}, {time}")
HEADER = (
    Text("批次", "Batch"),
    Text("机关", "Issuer"),
    Text("类型", "Type"),
    Text("份数", "Size"),
    Text("状态", "State"),
    Text("创建", "Created"),
)
MADE = Text(
    "批次 {batch} 已由经办人确认,等待审批人 {approver}:ecert batch approve {batch} --key {key}",
    "Batch {batch} is signed by its maker and waits for the approver {approver}: "
    "ecert batch approve {batch} --key {key}",
)
WITNESSES = Text(
    "批次 {batch} 已上链,等待见证机构签名;签名一到,后台任务自动放行。",
    "Batch {batch} is on chain and waits for the witnesses; the worker releases it as soon as they have signed.",
)
APPROVED = Text("批次 {batch} 已审批,正在上链……", "Batch {batch} is approved and on its way to the chain…")
RELEASED = Text(
    "批次 {batch} 已上链并放行:{count} 份,在 {folder}",
    "Batch {batch} is anchored and released: {count} bundles in {folder}",
)
NOT_RELEASED = Text(
    "批次 {batch} 现在是:{state} {reason}。详见 ecert batch show {batch}、ecert doctor。",
    "Batch {batch} is now: {state} {reason}. See ecert batch show {batch} and ecert doctor.",
)
OTHER_WORKER = Text("后台任务正在处理,等待其完成……", "the running worker does it; waiting…")
REJECTED = Text("批次 {batch} 已驳回。", "Batch {batch} is refused.")
REQUEUED = Text("其余各行进入新批次 {new}。", "Its rows go into the new batch {new}.")
ANCHORED_HEADER = (
    Text("默克尔根", "Merkle root"),
    Text("批次", "Batch"),
    Text("机关", "Issuer"),
    Text("类型", "Type"),
    Text("份数", "Size"),
    Text("上链", "Anchored"),
    Text("该密钥身份", "That key's part"),
    Text("撤回", "Withdrawn"),
)
UNKNOWN = Text("不明", "unknown")
DROPPED = Text("{count} 行没有进入新批次。", "{count} rows stay behind.")
WITHOUT_ALONE = Text(
    "--without 只能和 --requeue 一起用:其余各行进入新批次。",
    "--without goes with --requeue: the other rows go into the new batch.",
)
ASKED = Text("批次 {batch} 等待:{state}", "Batch {batch} waits: {state}")
WITHDRAWAL = Text(
    "批次 {batch} 的撤回单 {case} 已由经办人签名,等待审批:ecert status approve {case} --key file:审批人密钥",
    "The withdrawal {case} of batch {batch} is signed by its maker: "
    "ecert status approve {case} --key file:APPROVERS_KEY",
)
PERSON_KEY = Option(
    ["--key"],
    required=True,
    metavar="file:PATH",
    text=Text("经办人或审批人自己的密钥。", "Your own key, a maker's or an approver's."),
)
SAMPLE = Text("抽样(前 {count} 行):", "Samples (the first {count} rows):")


def _state(batch: Any) -> Text:
    return STATES[str(batch.state)]


def _list(session: Session, issuer: str | None, states: tuple[str, ...]) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.cli_time import say_time
    from ledger.core.flow import BatchState

    here = open_installation(session)
    found = here.store.batches.batches(issuer, [BatchState(state) for state in states])
    session.emit({"batches": [batch_json(batch) for batch in found]})
    session.table(
        HEADER,
        [
            (
                batch.id,
                batch.issuer,
                batch.type_code,
                batch.size,
                _state(batch),
                say_time(batch.created_at),
            )
            for batch in found
        ],
    )


def _show(session: Session, batch_id: int, samples: int) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.cli_time import say_time
    from ledger.bootstrap_work import open_desk

    here = open_installation(session)
    desk = open_desk(here)
    batch = desk.approve.batch(batch_id)
    rows = [dict(fields) for fields in desk.rows(batch_id, 0, samples)]
    value = batch_json(batch)
    session.emit({**value, "samples": rows})
    for name, shown in value.items():
        if shown is None or shown == "":
            continue
        if name == "state":
            said: object = _state(batch)
        elif name == "block":
            said = BLOCK.format(number=shown["number"], time=say_time(shown["time"]))
        else:
            said = say_time(shown) if name in TIMES else shown
        session.show(LINE.format(label=BATCH_LABELS[name], value=said))
    if rows:
        labels = {field.key: field for field in here.credential_type(batch.type_code).type.fields}
        session.show(SAMPLE.format(count=len(rows)))
        for fields in rows:
            session.show(Text(_sample(fields, labels, "zh"), _sample(fields, labels, "en")))


def _sample(fields: Mapping[str, Any], labels: Mapping[str, Any], language: Language) -> str:
    """One row by the labels of its type; codes with what they mean."""
    said = []
    for name, value in fields.items():
        known = labels[name]
        label = known.labels.zh if language == "zh" else known.labels.en
        meaning = known.values.get(value) if isinstance(value, str) else None
        words = "" if meaning is None else f" {meaning.zh if language == 'zh' else meaning.en}"
        said.append(f"{label}{':' if language == 'zh' else ': '}{value}{words}")
    return "  " + (";" if language == "zh" else "; ").join(said)


def _make(session: Session, batch_ids: tuple[int, ...], key: str, approver: str | None) -> None:
    from ledger.apps.cli_open import chain_key, find_approver, open_installation, require_role
    from ledger.bootstrap_work import open_desk
    from ledger.core.model import Role

    here = open_installation(session)
    desk = open_desk(here)
    made = []
    for batch_id in batch_ids:
        batch = desk.approve.batch(batch_id)
        approver_id = find_approver(here, batch.issuer, approver)
        maker = chain_key(here, key)
        require_role(here, batch.issuer, maker, Role.MAKER)
        made.append(desk.approve.make(batch_id, maker, approver_id))
        key_hint = here.key_hint(batch.issuer, "approver")
        session.show(MADE.format(batch=batch_id, approver=address_or_none(approver_id), key=key_hint))
    session.emit({"batches": [batch_json(batch) for batch in made]})


def _approve(session: Session, batch_ids: tuple[int, ...], key: str, *, queue: bool) -> None:
    from ledger.apps.cli_open import chain_key, open_installation, require_role
    from ledger.apps.working import work_or_wait
    from ledger.bootstrap_work import open_desk
    from ledger.core.flow import BatchState
    from ledger.core.model import Role

    here = open_installation(session)
    desk = open_desk(here)
    approver = chain_key(here, key)
    for batch_id in batch_ids:
        require_role(here, desk.approve.batch(batch_id).issuer, approver, Role.APPROVER)
    for batch_id in batch_ids:
        desk.approve.approve(batch_id, approver)
        session.show(APPROVED.format(batch=batch_id))

    def is_done() -> bool:
        found = [here.store.batches.batch(batch_id) for batch_id in batch_ids]
        ended = (BatchState.RELEASED, BatchState.DEAD, BatchState.REFUSED)
        return all(batch.state in ended or desk.waits_for_witnesses(batch) for batch in found)

    if not queue:
        work_or_wait(here, is_done, on_wait=lambda: session.remark(OTHER_WORKER))
    done = [desk.approve.batch(batch_id) for batch_id in batch_ids]
    session.emit({"batches": [batch_json(batch) for batch in done]})
    for batch in done:
        if batch.state is BatchState.RELEASED:
            folder = desk.released.path(batch.issuer, batch.id)
            session.show(RELEASED.format(batch=batch.id, count=batch.size, folder=folder))
        elif desk.waits_for_witnesses(batch):
            session.show(WITNESSES.format(batch=batch.id))
        elif not queue:
            session.exit_code = 1
            session.show(NOT_RELEASED.format(batch=batch.id, state=_state(batch), reason=batch.reason))


def _reject(
    session: Session, batch_id: int, reason: str, key: str, without: tuple[str, ...], *, requeue: bool
) -> None:
    from ledger.apps.cli_open import chain_key, open_installation, require_role
    from ledger.apps.issued import records_of
    from ledger.bootstrap_work import open_desk
    from ledger.core.model import Role

    if without and not requeue:
        raise click.UsageError(str(WITHOUT_ALONE))
    here = open_installation(session)
    desk = open_desk(here)
    batch = desk.approve.batch(batch_id)
    dropped = records_of(desk, batch, without)
    person = chain_key(here, key)
    require_role(here, batch.issuer, person, Role.MAKER, Role.APPROVER)
    new = desk.approve.reject(batch_id, reason, requeue=requeue, without=dropped, by=person.signer_id)
    refused = batch_json(desk.approve.batch(batch_id))
    session.emit({"batch": refused, "new_batch": new, "dropped": len(dropped)})
    session.show(REJECTED.format(batch=batch_id))
    if new is not None:
        session.show(REQUEUED.format(new=new))
    if dropped:
        session.show(DROPPED.format(count=len(dropped)))


def _ask_again(session: Session, batch_id: int, key: str, approver: str | None) -> None:
    from ledger.apps.cli_open import chain_key, find_approver, open_installation, require_role
    from ledger.bootstrap_work import open_desk
    from ledger.core.model import Role

    here = open_installation(session)
    desk = open_desk(here)
    issuer = desk.approve.batch(batch_id).issuer
    maker = chain_key(here, key)
    require_role(here, issuer, maker, Role.MAKER)
    batch = desk.approve.ask_again(batch_id, maker, find_approver(here, issuer, approver))
    session.emit({"batch": batch_json(batch)})
    session.show(ASKED.format(batch=batch.id, state=_state(batch)))


def _withdraw(
    session: Session,
    batch: str,
    key: str,
    approver: str | None,
    reason_class: str,
    legal_basis: str,
    document: str,
    by: str | None,
    anchored_by: str | None,
) -> None:
    from ledger.apps.cli_open import chain_key, find_approver, grounds, open_installation, require_role
    from ledger.apps.onchain import parse_batch
    from ledger.bootstrap_work import open_desk
    from ledger.core.model import Role
    from ledger.services.governed import heir_of

    here = open_installation(session)
    desk = open_desk(here)
    issuer, root = parse_batch(here, batch, anchored_by)
    heir = heir_of(here.view.issuers(), issuer)
    acting = by or heir
    maker = chain_key(here, key)
    require_role(here, acting, maker, Role.MAKER)
    approver_id = find_approver(here, acting, approver)
    why = grounds(reason_class, legal_basis, document)
    if root is None and acting != heir:
        root = desk.approve.batch(int(batch)).root
    if root is None:
        case = desk.status.make_withdrawal(int(batch), why, maker, approver_id)
    else:
        case = desk.status.make_withdrawal_of(issuer, root, why, maker, approver_id, by)
    session.emit({"case": case_json(case)})
    session.show(WITHDRAWAL.format(batch=batch, case=case.id))


def _anchored(
    session: Session, issuer: str | None, signer: str | None, since: int | None, *, unknown: bool
) -> None:
    from ledger.apps.cli_deeds import Names
    from ledger.apps.cli_open import open_installation, parse_address
    from ledger.apps.cli_time import say_time
    from ledger.services.onchain import anchored_batches

    here = open_installation(session)
    named = None if signer is None else parse_address(signer)
    issuers = [agency.uscc for agency in here.record.agencies] if issuer is None else [issuer]
    found = anchored_batches(
        here.view, here.store.batches, issuers, signer=named, since=since, only_unknown=unknown
    )
    names = Names(here)
    session.emit(
        {
            "batches": [
                {
                    "issuer": one.anchor.issuer,
                    "root": "0x" + one.anchor.root.hex(),
                    "batch": one.batch,
                    "type": names.type(one.anchor.type_id),
                    "size": one.anchor.size,
                    "anchored_at": one.anchor.anchored_at,
                    "operator": address_or_none(one.anchor.operator),
                    "maker": address_or_none(one.anchor.maker),
                    "approver": address_or_none(one.anchor.approver),
                    "signed_as": list(one.signed_as),
                    "withdrawn_at": one.anchor.withdrawn_at,
                    "transaction": "0x" + one.anchor.tx_hash.hex(),
                }
                for one in found
            ]
        }
    )
    session.table(
        ANCHORED_HEADER,
        [
            (
                "0x" + one.anchor.root.hex(),
                UNKNOWN if one.batch is None else one.batch,
                one.anchor.issuer,
                names.type(one.anchor.type_id),
                one.anchor.size,
                say_time(one.anchor.anchored_at),
                "、".join(str(ROLE_WORDS[role]) for role in one.signed_as),
                "" if one.anchor.withdrawn_at is None else say_time(one.anchor.withdrawn_at),
            )
            for one in found
        ],
    )


def _looking() -> list[click.Command]:
    return [
        command(
            "list",
            Text("列出批次。", "List batches."),
            params=[
                OF_ISSUER,
                Option(
                    ["--state", "states"],
                    multiple=True,
                    type=click.Choice(list(STATES)),
                    text=Text("只看某种状态(可重复)。", "In one state only (repeatable)."),
                ),
            ],
            examples=("ecert batch list --state signed --state made",),
        )(_list),
        command(
            "show",
            Text(
                "查看一个批次,含抽样内容。\n\n抽样供审批人核对,显示个人信息。",
                "Look at one batch, with samples.\n\nSamples are for the approver and show personal data.",
            ),
            params=[
                BATCH_ID,
                Option(
                    ["--samples"],
                    type=click.IntRange(0, 100),
                    default=0,
                    metavar="N",
                    text=Text("显示前 N 行的内容(默认 0)。", "Show the first N rows (default 0)."),
                ),
            ],
            examples=("ecert batch show 1 --samples 3",),
        )(_show),
        command(
            "anchored",
            Text(
                "列出链上的批次,可按密钥(操作员、经办、审批)查找。\n\n"
                "--unknown 只列本安装没有的批次:密钥被盗后,别人用它上链的就是这些。"
                "逐个用 ecert batch withdraw 0x根 --issuer 机关 撤回。",
                "List batches on chain, also by a key (operator, maker or approver).\n\n"
                "--unknown: only those that this installation did not make. After a theft these are the thief's; "
                "withdraw each with `ecert batch withdraw 0xROOT --issuer USCC`.",
            ),
            params=[
                OF_ISSUER,
                Option(
                    ["--signer"],
                    metavar="ADDRESS",
                    text=Text("由这个密钥经手的。", "That this key had a hand in."),
                ),
                Option(
                    ["--since"],
                    callback=parse_day,
                    metavar="YYYY-MM-DD",
                    text=Text("从哪天起。", "Since that day."),
                ),
                Option(
                    ["--unknown"],
                    is_flag=True,
                    text=Text("只列本安装没有的批次。", "Only batches that are not this installation's."),
                ),
            ],
            examples=("ecert batch anchored --signer 0x… --unknown",),
        )(_anchored),
    ]


def _signing() -> list[click.Command]:
    many = click.Argument(
        ["batch_ids"], type=click.IntRange(min=1), nargs=-1, required=True, metavar="BATCH..."
    )
    return [
        command(
            "make",
            Text(
                "经办人确认并签名。\n\n经办人和审批人必须是两个人、两个密钥。",
                "The maker signs.\n\nMaker and approver must be two people with two keys.",
            ),
            params=[many, KEY, APPROVER],
            examples=("ecert batch make 1 --key file:/media/maker/signing.key",),
        )(_make),
        command(
            "approve",
            Text(
                "审批人签名;随后上链、放行。\n\n后台任务在运行时由它上链,否则由本命令完成。",
                "The approver signs; then the batch is anchored and released.\n\n"
                "A running worker does that; without one this command does.",
            ),
            params=[
                many,
                KEY,
                Option(
                    ["--queue"],
                    is_flag=True,
                    text=Text("只排队,不等待上链。", "Only queue it, do not wait for the chain."),
                ),
            ],
            examples=("ecert batch approve 1 --key file:/media/approver/signing.key",),
        )(_approve),
    ]


def _ending() -> list[click.Command]:
    return [
        command(
            "reject",
            Text(
                "驳回整个批次(经办人或审批人)。\n\n"
                "批次的状态序号不再使用;--requeue 让各行进入新批次。何人何时驳回会留存,见 ecert batch show。",
                "Refuse a whole batch (its maker or approver).\n\n"
                "Its range is never used again; --requeue puts its rows into a new batch. Who refused it and when\n"
                "is kept: see `ecert batch show`.",
            ),
            params=[
                BATCH_ID,
                Option(
                    ["--reason"],
                    required=True,
                    metavar="TEXT",
                    text=Text("原因(不要写个人信息)。", "Why (no personal data)."),
                ),
                PERSON_KEY,
                Option(
                    ["--requeue"],
                    is_flag=True,
                    text=Text("各行进入新批次。", "Put its rows into a new batch."),
                ),
                Option(
                    ["--without"],
                    multiple=True,
                    metavar="ROW",
                    text=Text(
                        "不进入新批次的行:数据文件的行号(表头为第 1 行)、序列号或证照标识(可重复)。",
                        "A row that stays behind: its number in the data file (the header is 1), its serial or "
                        "licence identifier (repeatable).",
                    ),
                ),
            ],
            examples=(
                'ecert batch reject 1 --reason "名单有误" --key file:/media/approver/signing.key',
                'ecert batch reject 1 --reason "第 17 行有误" --requeue --without 17 \\\n'
                "      --key file:/media/maker/signing.key",
            ),
        )(_reject),
        command(
            "ask-again",
            Text(
                "审批过期后,由经办人重新提交。",
                "After an approval expired: the maker asks again.",
            ),
            params=[BATCH_ID, KEY, APPROVER],
            examples=("ecert batch ask-again 1 --key file:/media/maker/signing.key",),
        )(_ask_again),
    ]


def _withdrawing() -> list[click.Command]:
    return [
        command(
            "withdraw",
            Text(
                "撤回已上链的整个批次(终局,需双人)。\n\n经办人先签名,审批人再用 ecert status approve 签名。\n"
                "批次写编号;本安装没有的批次写 0x 默克尔根。上级机关撤回下级的批次用 --by。",
                "Withdraw an anchored batch (final, four eyes).\n\n"
                "The maker signs here, the approver with `ecert status approve`. A batch is named by its number, one\n"
                "that this installation does not have by 0x and its Merkle root. --by: an agency above withdraws.",
            ),
            params=[
                click.Argument(["batch"], metavar="BATCH"),
                KEY,
                APPROVER,
                REASON,
                LEGAL,
                DOCUMENT,
                Option(
                    ["--issuer", "anchored_by"],
                    callback=check_uscc,
                    metavar="USCC",
                    text=Text(
                        "谁上链的(两个机关上链了同一个默克尔根时须写明)。",
                        "Who anchored it; needed where two agencies anchored the same root.",
                    ),
                ),
                Option(
                    ["--by"],
                    callback=check_uscc,
                    metavar="USCC",
                    text=Text(
                        "由哪个机关的人员撤回(默认本机关或其承继机关)。",
                        "Whose people withdraw it (default: the agency's own, or its successor's).",
                    ),
                ),
            ],
            examples=(
                "ecert batch withdraw 1 --reason issuer-error --key file:/media/maker/signing.key",
                "ecert batch withdraw 0x5f… --issuer USCC --reason security --key file:/media/maker/signing.key",
            ),
        )(_withdraw),
    ]


BATCH = BilingualGroup(
    "batch",
    text=Text("批次:查看、经办、审批、驳回、撤回。", "Batches: look, sign, approve, reject, withdraw."),
    params=common_options(),
    commands=[*_looking(), *_signing(), *_ending(), *_withdrawing()],
    examples=("ecert batch list", "ecert batch make 1 --key file:/media/maker/signing.key"),
)
