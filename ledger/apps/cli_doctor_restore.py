"""Findings of `ecert doctor` about parts of a data directory that were put back to an older copy."""

from __future__ import annotations

from ledger.apps.cli_frame import Text

_HEAL = Text(
    "停止后台任务;有较新的文件就放回去,没有则运行 ecert heal(见 docs/operations/restore.md)。",
    "Stop the worker; put the newer file back if there is one, else run ecert heal (docs/operations/restore.md).",
)
RESTORE_FINDINGS = {
    "DOCTOR_ONE_HISTORY": (
        Text("数据库、链、视图和见证说法一致", "Database, chain, view and witnesses tell one history"),
        Text("", ""),
    ),
    "DOCTOR_CHAIN_SET_BACK": (
        Text(
            "chain.db 只到区块 {head},{where} 已见过区块 {seen}:被旧副本替换了",
            "chain.db ends at block {head}, {where} has seen {seen}: it was replaced by an older copy",
        ),
        _HEAL,
    ),
    "DOCTOR_CHAIN_FORKED_HERE": (
        Text(
            "区块 {block} 与 {where} 所知的不同:有人在旧副本上出过块",
            "Block {block} is not the one that {where} knows: blocks were sealed on an older copy",
        ),
        Text(
            "保留整个数据目录,按 docs/operations/restore.md“分叉”处理。",
            "Keep the whole data directory and follow docs/operations/restore.md, A fork.",
        ),
    ),
    "DOCTOR_STORE_SET_BACK": (
        Text(
            "store.db 里没有{what},{where} 里有:被旧副本替换了",
            "store.db does not have {what}, which {where} knows: it was replaced by an older copy",
        ),
        _HEAL,
    ),
    "DOCTOR_RESTORE_UNFINISHED": (
        Text("恢复之后还没有与链核对", "Restored, and not compared with its chain yet"),
        Text("运行 ecert heal。", "Run ecert heal."),
    ),
    "DOCTOR_RESTORE_NOTICE_WAITS": (
        Text("恢复公告还没有写进信任文件:{path}", "The restore notice is not in the trust file yet: {path}"),
        Text(
            "请密钥持有人签名(ecert trust sign),再运行 ecert trust take 和 ecert heal。",
            "Have it signed (ecert trust sign), then run ecert trust take and ecert heal.",
        ),
    ),
    "DOCTOR_LOST_ROWS": (
        Text(
            "链上有 {batches} 个批次,本库没有其数据(备份之后签发,或他人用失窃密钥签发):{roots}",
            "{batches} batches on chain of which no rows are here (issued after a backup, or with stolen keys): {roots}",
        ),
        Text(
            "ecert batch anchored --unknown 看时间和类型,找出当时的数据文件;重新导入之前先用 ecert batch withdraw 撤回"
            "(见 docs/operations/restore.md,Rows that are lost)。",
            "ecert batch anchored --unknown shows time and type: find the data file of then; withdraw the batch (ecert "
            "batch withdraw) before its rows are imported again (docs/operations/restore.md, Rows that are lost).",
        ),
    ),
}
