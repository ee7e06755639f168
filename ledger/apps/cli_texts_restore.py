"""Texts of error codes of restores and of data directories that were set back; see cli_texts."""

from __future__ import annotations

from ledger.apps.cli_frame import Text

RESTORE_ERRORS: dict[str, Text] = {
    "BACKUP_EXISTS": Text(
        "{path} 已经存在,不会覆盖。请换一个文件名,或给出一个目录。",
        "{path} is there already and is not overwritten. Name another file, or a folder.",
    ),
    "BACKUP_NOT_WRITTEN": Text(
        "{path} 写不进去({reason})。没有留下不完整的备份。检查磁盘空间、路径和权限后重做。",
        "{path} cannot be written ({reason}). No half backup is left. Look at space, path and permissions, then try again.",
    ),
    "BACKUP_SOURCE_BROKEN": Text(
        "{path} 无法复制({answer})。请运行「ecert doctor」。",
        "{path} cannot be copied ({answer}). Run `ecert doctor`.",
    ),
    "BACKUP_BROKEN": Text(
        "{path} 不是完整的 ecert 备份,或被改动过。请用另一份备份;什么都没有恢复。",
        "{path} is not a complete backup of ecert, or it was changed. Use another one; nothing was restored.",
    ),
    "BACKUP_NEWER": Text(
        "{path} 是另一版本的 ecert 写的。请先升级到写它的版本或更新的版本。",
        "{path} was written by another version of ecert. Upgrade to that version or a later one first.",
    ),
    "BACKUP_MISSING": Text(
        "没有备份文件 {path}。请写出 .tar 文件本身,不是它所在的目录。",
        "There is no backup {path}. Name the .tar file itself, not its folder.",
    ),
    "BACKUP_KIND": Text(
        "{path} 是数据密钥的备份。请写另一个文件(没有 .keys 的 .tar)。",
        "{path} is the archive of data keys. Name the other file (.tar without .keys).",
    ),
    "BACKUP_KEYS_MISSING": Text(
        "没有与 {path} 相配的数据密钥备份(.keys.tar):须是同一时刻或更新的。把它放在旁边,或用 --keys 指定。",
        "No archive of data keys (.keys.tar) fits {path}: it must be of the same moment or newer. Put it beside, or name "
        "it with --keys.",
    ),
    "HOME_NOT_EMPTY": Text(
        "{path} 不是空目录,不会覆盖。请用 --home 指定另一个目录。",
        "{path} is not an empty folder and is not overwritten. Name another one with --home.",
    ),
    "RESTORE_NOT_WRITTEN": Text(
        "{path} 写不进去({reason})。什么都没有恢复。检查磁盘空间、路径和权限后重做。",
        "{path} cannot be written ({reason}). Nothing was restored. Look at space, path and permissions, then try again.",
    ),
    "ERASURES_MISSING": Text(
        "找不到删除名单 {path}。没有它,备份之后被删除的人会回来。用 --erasures 指定最新的一份;确实丢失时用 --unsafe-old-erasures。",
        "There is no list of erasures {path}: without it, whoever was erased after the backup comes back. Name the newest "
        "with --erasures; if it is lost: --unsafe-old-erasures.",
    ),
    "ERASURES_OLD": Text(
        "删除名单 {path} 比备份还旧。请用 --erasures 指定最新的一份,否则被删除的人会回来。",
        "The list of erasures {path} is older than the backup. Name the newest with --erasures, or people come back.",
    ),
    "ERASURES_BROKEN": Text(
        "{path} 不是本账本的删除名单,或被改动过。请用没有改动的副本(ECERT_ERASURES、备份旁边)。",
        "{path} is not this ledger's list of erasures, or it was changed. Use an unchanged copy (ECERT_ERASURES, beside a "
        "backup).",
    ),
    "ERASURES_NOT_WRITTEN": Text(
        "删除名单 {path} 写不进去({reason})。检查磁盘空间和权限后重做;写到之前不要用那里的备份恢复。",
        "The list of erasures {path} cannot be written ({reason}). Look at space and permissions, then try again; restore "
        "no backup from there before it is.",
    ),
    "FILE_NOT_WRITABLE": Text(
        "{path} 写不进去。检查磁盘空间、路径和权限。",
        "{path} cannot be written. Look at space, path and permissions.",
    ),
    "CONTRACT_MISSING": Text(
        "链上没有本账本的合约({message})。请核对节点地址和链。",
        "The ledger's contracts are not on this chain ({message}). Check the nodes' addresses and the chain.",
    ),
    "DEPLOY_FAILED": Text(
        "合约没有放上去({message})。请运行「ecert doctor --chain 地址」查看该链缺什么,处理后再次运行同一命令。",
        "A contract was not put on the chain ({message}). See what the chain lacks with `ecert doctor --chain URL`, then "
        "run the same command again.",
    ),
    "BLOCK_INVALID": Text(
        "对方给出的区块不能采用({message})。什么都没有改动。请指定另一个镜像(--mirror)。",
        "The mirror's blocks cannot be used ({message}). Nothing was changed. Name another mirror with --mirror.",
    ),
    "BLOCK_GAP": Text(
        "对方给出的区块不相连({message})。什么都没有改动。请指定另一个镜像(--mirror)。",
        "The mirror's blocks do not follow each other ({message}). Nothing was changed. Name another one with --mirror.",
    ),
    "BLOCK_FROM_FUTURE": Text(
        "对方给出的区块时间在将来,或前后颠倒。请核对本机时钟;时钟无误时指定另一个镜像(--mirror)。",
        "The mirror's blocks are of the future or out of order. Check this machine's clock; if it is right, name another "
        "mirror with --mirror.",
    ),
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
