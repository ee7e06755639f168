"""Texts of error codes of restores and of data directories that were set back; see cli_texts."""

from __future__ import annotations

from ledger.apps.cli_frame import Text

RESTORE_ERRORS: dict[str, Text] = {
    "RESTORE_MIRROR": Text(
        "备份之后出的区块可能还在镜像上:用 --mirror 地址 指定(或设置 ECERT_MIRRORS)。确认没有任何镜像用 "
        "--without-mirror(持有较新证照的人将需要换新回执);原环境在备份前已停止用 --nothing-lost。",
        "Blocks that were sealed after the copy was made may lie on a mirror: name it with --mirror URL (or "
        "ECERT_MIRRORS). If nobody has them: --without-mirror (holders of newer proofs will need fresh receipts). "
        "If the old installation was stopped before the backup: --nothing-lost.",
    ),
    "RESTORE_UNFINISHED": Text(
        "{path} 已恢复,但还没有与链核对。请运行「ecert heal」(或原样重做 ecert restore)。在此之前不出块。",
        "{path} was restored and not compared with its chain yet. Run `ecert heal` (or the same `ecert restore` "
        "again). Until then nothing is sealed.",
    ),
    "RESTORE_NOTICE_WAITS": Text(
        "恢复公告还没有写进信任文件。请信任文件的密钥持有人签署 {path}(ecert trust sign),再运行 ecert trust take "
        "和 ecert heal。在此之前不出块,以免持证人的旧回执被判为伪造。",
        "The restore notice is not in the trust file yet. Let the holders of its keys sign {path} (ecert trust sign), "
        "then run ecert trust take with it, and ecert heal. Until then nothing is sealed, or older receipts would "
        "be taken for forged.",
    ),
    "CHAIN_SET_BACK": Text(
        "chain.db 只到区块 {head},而 {where} 已经见过更新的(到 {seen}):它被旧副本替换了。不出块。把较新的 chain.db 放回去;"
        "没有时运行「ecert heal --mirror 地址」,确认没有镜像则「ecert heal --without-mirror」。",
        "chain.db ends at block {head}, and {where} has seen more (up to {seen}): it was replaced by an older copy. "
        "Nothing is sealed. Put the newer chain.db back; without one run `ecert heal --mirror URL`, or "
        "`ecert heal --without-mirror` if no mirror has more.",
    ),
    "STORE_SET_BACK": Text(
        "store.db 里没有{what},而 {where} 里有:它被旧副本替换了。不出块。把较新的 store.db 放回去;没有时运行「ecert heal」,"
        "它会列出丢失数据的批次。",
        "store.db does not have {what}, which {where} knows: it was replaced by an older copy. Nothing is sealed. "
        "Put the newer store.db back; without one run `ecert heal`, which names the batches whose rows are lost.",
    ),
    "CHAIN_FORKED_HERE": Text(
        "本链的区块 {block} 与 {where} 所知的不同:有人在旧副本上出过块。不再出块。保留现场,见 docs/operations/restore.md“分叉”。",
        "Block {block} of this chain is not the one that {where} knows: blocks were sealed on an older copy. Nothing "
        "is sealed any more. Keep everything and see docs/operations/restore.md, A fork.",
    ),
    "MIRRORS_DISAGREE": Text(
        "{one} 和 {other} 的区块 {block} 不同。请先查明哪一份是真的,再用 --mirror 只指定它。",
        "{one} and {other} have different blocks {block}. Find out which history is the true one, then name only "
        "that mirror with --mirror.",
    ),
    "MIRRORS_SILENT": Text(
        "没有镜像给出可用的回答({mirrors})。稍后再试,或用 --mirror 指定另一个;确认无镜像可用时把 ECERT_MIRRORS 置空。",
        "No mirror gives a usable answer ({mirrors}). Try again later, or name another with --mirror; if there is none "
        "any more, leave ECERT_MIRRORS empty.",
    ),
    "MIRROR_UNSIGNED": Text(
        "镜像上没有本账本运营单位或信任文件所列见证方签过的区块,不能采用。请指定另一个镜像。",
        "The mirrors have no block that was signed by this ledger's operator or by a witness of the trust file; "
        "they cannot be used. Name another one.",
    ),
    "MIRROR_OTHER_LEDGER": Text(
        "{mirror} 提供的是另一个账本,与信任文件不符。",
        "{mirror} serves another ledger than the trust file names.",
    ),
    "CHAIN_NOT_OURS": Text(
        "这个数据目录只是跟随他人的账本(镜像或快照),没有什么要修复的。",
        "This data directory follows a ledger of others (mirror or snapshot): there is nothing to heal here.",
    ),
    "REFRESH_LIST": Text(
        "这份证照没有写明本账本的机关或状态列表,不能换新回执。",
        "This credential names no issuer or no status list of this ledger; it cannot get a fresh receipt.",
    ),
    "REFRESH_NO_ANCHOR": Text(
        "这份证照的批次现在不在账本上:可能正在补登,或机关将重新签发。请联系发证机关。",
        "The batch of this credential is not on the ledger now: it waits to be anchored again, or will be issued anew. "
        "Ask the agency.",
    ),
    "REFRESH_TILES": Text(
        "取不到这个批次的叶子哈希。请用 --node 指定(另一个)节点或镜像。",
        "The leaf hashes of this batch are not to be had. Name a node or mirror, or another one, with --node.",
    ),
    "REFRESH_NOT_INCLUDED": Text(
        "账本上的这个批次里没有这份证照:它已重新签发。请向发证机关索取新的。",
        "This credential is not in the batch on the ledger: it was issued anew. Ask the agency for the new one.",
    ),
}
