"""`ecert refresh`: a fresh receipt for an old bundle, after a ledger was restored."""

from __future__ import annotations

from pathlib import Path

import click

from ledger.apps.cli_frame import Option, Session, Text, command

FRESH = Text(
    "已换新回执:区块 {block}。写入 {path}。", "The receipt is fresh: block {block}. Written to {path}."
)
SAME = Text(
    "回执没有变化:区块 {block}。写入 {path}。", "The receipt is the same: block {block}. Written to {path}."
)
NEEDS_LEDGER = Text(
    "请用 --ledger 指定账本:发证机关或镜像的数据目录。",
    "Name the ledger with --ledger: a data directory of the issuer or of a mirror.",
)


def _refresh(session: Session, file: Path, ledger: Path | None, node: str | None, out: Path | None) -> None:
    from ledger.bootstrap import default_ledger
    from ledger.bootstrap_refresh import refresh_file
    from ledger.bootstrap_work import write_private

    source = ledger or default_ledger(session.settings)
    if source is None:
        raise click.UsageError(str(NEEDS_LEDGER))
    fresh, data, is_changed = refresh_file(file, source, node)
    if fresh.receipt is None:
        raise RuntimeError("a refreshed bundle has a receipt")
    target = out or file
    write_private(target, data)
    block = fresh.receipt.block.number
    session.emit({"file": str(target), "changed": is_changed, "block": block})
    session.show((FRESH if is_changed else SAME).format(block=block, path=target))


REFRESH = command(
    "refresh",
    Text(
        "为旧证照文件换新回执。\n\n"
        "账本恢复之后重新登记的批次,旧回执指向已作废的区块。证照本身不变,只换回执;需要时从节点取整批的叶子哈希,\n"
        "不透露是哪一张。默认改写原文件。",
        "Give an old bundle a fresh receipt.\n\n"
        "After a ledger was restored, old receipts may name blocks that are void. The credential stays as it is,\n"
        "only the receipt is renewed; where needed, the leaf hashes of the whole batch come from a node, which\n"
        "does not learn which one it is. Replaces the file by default.",
    ),
    params=[
        click.Argument(["file"], type=click.Path(path_type=Path), metavar="BUNDLE"),
        Option(
            ["--ledger"],
            type=click.Path(path_type=Path),
            metavar="DIR|FILE",
            text=Text(
                "账本:数据目录或链文件(默认本机环境)。",
                "The ledger: a data directory or chain file (default: the one here).",
            ),
        ),
        Option(
            ["--node"],
            metavar="URL",
            text=Text("可取叶子哈希的节点或镜像。", "A node or mirror that hands out leaf hashes."),
        ),
        Option(
            ["--out"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            text=Text("写入另一文件。", "Write to another file."),
        ),
    ],
    examples=(
        "ecert refresh proof.ecert.json",
        "ecert refresh proof.ecert.json --ledger /var/lib/mirror --node https://fund.example.gov.cn --out fresh.json",
    ),
)(_refresh)
