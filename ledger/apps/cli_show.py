"""`ecert list` and `ecert show`: what was issued here. `show --values` reveals personal data, `list` does not."""

from __future__ import annotations

from typing import Any

import click

from ledger.apps.cli_frame import Option, Session, Text, command
from ledger.apps.cli_govern import OF_ISSUER
from ledger.apps.cli_shapes import STATES

HEADER = (
    Text("序列号", "Serial"),
    Text("类型", "Type"),
    Text("批次", "Batch"),
    Text("序号", "Leaf"),
    Text("批次状态", "Batch state"),
    Text("证照状态", "Status"),
)
STATUS_WORDS = {
    "VALID": Text("有效", "valid"),
    "PENDING": Text("未激活", "pending"),
    "SUSPENDED": Text("挂起", "suspended"),
    "REVOKED": Text("吊销", "revoked"),
    "SUPERSEDED": Text("已换发", "superseded"),
    "CANCELLED": Text("注销", "cancelled"),
    "VOID": Text("作废", "void"),
    "USED": Text("已核销", "used"),
    None: Text("尚未上链", "not on chain yet"),
}
LABELS = {
    "identifier": Text("证照标识", "Identifier"),
    "serial": Text("序列号", "Serial"),
    "issuer": Text("机关", "Issuer"),
    "type": Text("类型", "Type"),
    "batch": Text("批次", "Batch"),
    "leaf_index": Text("序号", "Leaf"),
    "batch_state": Text("批次状态", "Batch state"),
    "status": Text("证照状态", "Status"),
    "bundle": Text("证照文件", "Bundle"),
    "fields": Text("内容", "Values"),
    "cases": Text("变更", "Changes"),
}


def entry_json(entry: Any) -> dict[str, Any]:
    """Documented shape of one issued credential, without any of its values."""
    return {
        "serial": entry.name.hex().upper(),
        "identifier": entry.identifier,
        "issuer": entry.issuer,
        "type": entry.type_code,
        "batch": entry.batch_id,
        "leaf_index": entry.leaf_index,
        "batch_state": str(entry.batch_state),
        "status": None if entry.status is None else entry.status.name,
        "bundle": None if entry.bundle is None else str(entry.bundle),
    }


def _list(
    session: Session, issuer: str | None, type_name: str | None, batch_id: int | None, limit: int
) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.issued import issued_entries
    from ledger.bootstrap_work import open_desk

    here = open_installation(session)
    kind = None if type_name is None else here.credential_type(type_name).type.ref
    found = issued_entries(open_desk(here), issuer=issuer, type_code=kind, batch_id=batch_id, limit=limit)
    session.emit({"credentials": [entry_json(entry) for entry in found]})
    session.table(
        HEADER,
        [
            (
                entry.name.hex().upper(),
                entry.type_code,
                entry.batch_id,
                "" if entry.leaf_index is None else entry.leaf_index,
                STATES[str(entry.batch_state)],
                STATUS_WORDS[None if entry.status is None else entry.status.name],
            )
            for entry in found
        ],
    )


def _show(session: Session, credential: str, *, values: bool) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.cli_timeline import Shown, parse_subject

    here = open_installation(session)
    subject = parse_subject(credential)
    if subject is None:
        _show_credential(session, here, credential, values=values)
    else:
        Shown(session, here).show(subject)


def _show_credential(session: Session, here: Any, credential: str, *, values: bool) -> None:
    from ledger.apps.cli_open import parse_serial
    from ledger.apps.cli_shapes import case_json
    from ledger.apps.issued import find_entry, row_of
    from ledger.bootstrap_work import open_desk

    desk = open_desk(here)
    entry = find_entry(desk, parse_serial(credential))
    value = entry_json(entry)
    cases = [case for case in desk.status.cases().cases if entry.name.hex() in case.names]
    value["cases"] = [case_json(case) for case in cases]
    if values:
        value["fields"] = row_of(desk, entry)
    session.emit(value)
    for name, shown in value.items():
        if name == "status":
            session.show(f"{LABELS[name]}: {STATUS_WORDS[shown]}")
        elif name == "batch_state":
            session.show(f"{LABELS[name]}: {STATES[shown]}")
        elif name == "fields":
            session.show(f"{LABELS[name]}:")
            for field, content in shown.items():
                session.show(f"    {field}: {content}")
        elif name == "cases":
            for case in shown:
                session.show(
                    f"{LABELS[name]}: {case['id']} → {case['status']} ({case['reason']}) {case['document']}"
                )
        elif shown is not None:
            session.show(f"{LABELS[name]}: {shown}")


LIST = command(
    "list",
    Text(
        "列出已签发的证照。\n\n不显示个人信息,只有序列号和状态。",
        "List issued credentials.\n\nShows serials and statuses, no personal data.",
    ),
    params=[
        OF_ISSUER,
        Option(["--type", "type_name"], metavar="TYPE", text=Text("只看一种证照。", "Of one type.")),
        Option(
            ["--batch", "batch_id"],
            type=click.IntRange(min=1),
            metavar="BATCH",
            text=Text("只看一个批次。", "Of one batch."),
        ),
        Option(
            ["--limit"],
            type=click.IntRange(1, 1_000_000),
            default=100,
            metavar="N",
            text=Text("最多 N 份(默认 100)。", "At most N (default 100)."),
        ),
    ],
    examples=("ecert list --batch 1 --limit 10", "ecert list --type BIZ_LICENSE --json"),
)(_list)

SHOW = command(
    "show",
    Text(
        "查看一份证照、一个机关、密钥、常设审批或批次。\n\n"
        "证照写成序列号、证照标识或证照文件名;--values 显示内容(个人信息)。机关写统一社会信用代码,\n"
        "密钥写「代码/编号」或指纹,常设审批写 0x…,批次写编号、0x 默克尔根或「代码/0x根」:都带经过(时间、人、交易)。",
        "Look at a credential, an agency, a key, a standing approval or a batch.\n\n"
        "A credential: serial, licence identifier or bundle file name; --values shows its (personal) values.\n"
        "An agency: its USCC; a key: USCC/NUMBER or thumbprint; a standing approval: 0x…; a batch: its number,\n"
        "0x and its Merkle root, or USCC/0xROOT: these with all that happened, when, by whom, in which transaction.",
    ),
    params=[
        click.Argument(["credential"], metavar="WHAT"),
        Option(
            ["--values"],
            is_flag=True,
            text=Text("显示内容(个人信息)。", "Show its values (personal data)."),
        ),
    ],
    examples=(
        "ecert show B3F8E01E8B601EC6E249499656B7DA62 --values",
        "ecert show 12110000MB0000000X",
        "ecert show 12110000MB0000000X/1",
        "ecert show 17",
    ),
)(_show)
