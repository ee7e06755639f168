"""Documented JSON shapes and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ledger.apps.cli_frame import Option, Text
from ledger.core.eip712 import signer_text

STATES = {
    "open": Text("未封存", "open"),
    "closed": Text("签名中", "being signed"),
    "signed": Text("待经办确认", "waits for the maker"),
    "made": Text("待审批", "waits for the approver"),
    "approved": Text("待上链", "on its way to the chain"),
    "anchored": Text("已上链", "anchored"),
    "released": Text("已放行", "released"),
    "refused": Text("已驳回", "refused"),
    "dead": Text("失败", "failed"),
}
ROLE_WORDS = {
    "admin": Text("管理员", "admin"),
    "operator": Text("操作员", "operator"),
    "maker": Text("经办人", "maker"),
    "approver": Text("审批人", "approver"),
    "redeemer": Text("核销人", "redeemer"),
}
PURPOSE_WORDS = {
    1: Text("签发", "credential"),
    2: Text("状态", "status"),
    3: Text("印章", "seal"),
    4: Text("快照", "snapshot"),
    5: Text("检查点", "checkpoint"),
    6: Text("请求", "request"),
}
BATCH_LABELS = {
    "id": Text("批次", "Batch"),
    "issuer": Text("机关", "Issuer"),
    "type": Text("类型", "Type"),
    "state": Text("状态", "State"),
    "size": Text("份数", "Size"),
    "created_at": Text("创建", "Created"),
    "list": Text("状态列表", "Status list"),
    "first_word": Text("列表中的首字", "First word in the list"),
    "root": Text("默克尔根", "Merkle root"),
    "maker": Text("经办人", "Maker"),
    "approver": Text("审批人", "Approver"),
    "deadline": Text("审批期限", "To be approved by"),
    "block": Text("区块", "Block"),
    "transaction": Text("交易", "Transaction"),
    "reason": Text("原因", "Reason"),
    "pending": Text("待激活", "To be activated"),
    "refused_by": Text("驳回人", "Refused by"),
    "refused_at": Text("驳回时间", "Refused at"),
}
KEY = Option(
    ["--key"],
    required=True,
    metavar="file:PATH",
    text=Text("自己的密钥文件,file:/路径/signing.key。", "Your own key file, file:/path/signing.key."),
)
FILE = click.Argument(["file"], type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
FILES = click.Argument(
    ["files"],
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE...",
)
BATCH_ID = click.Argument(["batch_id"], type=click.IntRange(min=1), metavar="BATCH")
REASON_CLASSES = ("holder", "issuer-error", "authority", "security", "administrative")
REASON = Option(
    ["--reason", "reason_class"],
    type=click.Choice(REASON_CLASSES),
    required=True,
    text=Text(
        "原因类别;只有类别上链。holder 持证人申请,issuer-error 签发错误,authority 机关决定,"
        "security 安全,administrative 行政。",
        "Class of reason; only the class goes on chain.",
    ),
)
LEGAL = Option(
    ["--legal-basis"],
    default="",
    metavar="TEXT",
    text=Text("法律依据,只加密存于本机。", "Legal basis; kept here encrypted, never on chain."),
)
DOCUMENT = Option(
    ["--document"],
    default="",
    metavar="NUMBER",
    text=Text("文书号,只加密存于本机。", "Document number; kept here encrypted, never on chain."),
)
APPROVER = Option(
    ["--approver"],
    metavar="ADDRESS",
    text=Text("指定审批人(默认:唯一的审批人)。", "The approver (default: the only one there is)."),
)


def batch_json(batch: Any) -> dict[str, Any]:
    """Documented shape of one batch."""
    return {
        "id": batch.id,
        "issuer": batch.issuer,
        "type": batch.type_code,
        "state": str(batch.state),
        "size": batch.size,
        "created_at": batch.created_at,
        "list": batch.list,
        "first_word": batch.first_word,
        "root": hex_or_none(batch.root),
        "maker": address_or_none(batch.maker),
        "approver": address_or_none(batch.approver),
        "deadline": batch.deadline or None,
        "block": None
        if batch.block is None
        else {
            "number": batch.block.number,
            "hash": hex_or_none(batch.block.hash),
            "time": batch.block.time,
        },
        "transaction": hex_or_none(batch.tx_hash),
        "reason": batch.reason,
        "pending": batch.pending,
        "refused_by": address_or_none(batch.refused_by),
        "refused_at": batch.refused_at,
    }


def hex_or_none(value: bytes | None) -> str | None:
    """0x hex."""
    return None if value is None else "0x" + value.hex()


def address_or_none(value: bytes | None) -> str | None:
    """A signer id for people: the address in it, or all of it for a passkey."""
    return None if value is None else signer_text(value)


def case_json(case: Any) -> dict[str, Any]:
    """Documented shape of one case."""
    return {
        "id": case.id,
        "issuer": case.issuer,
        "status": None if case.status is None else case.status.name,
        "withdraws_batch": int(case.names[0]) if case.status is None and case.names[0].isdigit() else None,
        "withdraws_root": "0x" + case.parts[0].root.hex() if case.status is None else None,
        "by": case.acting,
        "serials": [] if case.status is None else [name.upper() for name in case.names],
        "reason": case.grounds.reason.name,
        "legal_basis": case.grounds.legal_basis,
        "document": case.grounds.document,
        "maker": signer_text(case.maker),
        "approver": signer_text(case.approver),
        "deadline": case.deadline,
        "made_at": case.made_at,
        "state": case.state,
    }
