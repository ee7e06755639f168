"""`ecert restore`, `ecert heal`: from a backup, or from an older copy, back to one history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.apps.cli_frame import Option, Session, Text, command
from ledger.apps.cli_keep import progress

if TYPE_CHECKING:
    from ledger.bootstrap_restore import HealDone, How

RESTORED = Text(
    "已恢复到 {home}:{files} 个文件,再次删除 {erased} 个已删除者的密钥。",
    "Restored to {home}: {files} files; keys of {erased} erased rows destroyed again.",
)
RESUMED = Text("{home} 上次恢复没有做完,现在继续。", "The restore to {home} was interrupted; it goes on.")
BRING_KEYS = Text(
    "备份里没有密钥文件:请把 keys/ 放回 {home}/keys,再运行 ecert doctor 和 ecert serve。",
    "The key files were not in the backup: put keys/ back to {home}/keys, then run ecert doctor and ecert serve.",
)
NEXT = Text("下一步:ecert doctor,然后 ecert serve。", "Next: ecert doctor, then ecert serve.")
UNSAFE = Text(
    "没有使用最新的删除名单:备份之后被删除的人又回来了。找到名单后请对每一个重新运行 ecert erase。",
    "The newest list of erasures was not used: who was erased after the backup is back. Erase them again.",
)
COMPARED = Text(
    "链由他人运行,没有丢失;数据库已与链核对。",
    "The chain is run by others and lost nothing; the database was compared with it.",
)
NODES_AWAY = Text(
    "链由他人运行,没有丢失;节点现在没有可用的应答({code})。后台任务启动时先核对,核对之前什么也不做;也可以稍后运行 ecert heal。",
    "The chain is run by others and lost nothing; its nodes give no usable answer now ({code}). The worker compares "
    "before it does anything; or run ecert heal later.",
)
PULLED = Text(
    "从镜像 {mirror} 补回 {count} 个区块。", "{count} missing blocks came from the mirror {mirror}."
)
WHOLE = Text("链上没有缺少的区块。", "The chain lacks no block.")
AGAIN = Text(
    "链上丢失的 {batches} 个批次、{calls} 项操作将重新提交(批次:{numbers})。",
    "{batches} batches and {calls} calls that the chain lost go out again (batches: {numbers}).",
)
ASKED = Text(
    "{count} 个批次的审批已过期,需要经办人和审批人重新签名(批次:{numbers};原因 CHAIN_RESTORED)。",
    "{count} batches need new signatures of maker and approver, theirs ran out (batches: {numbers}; reason "
    "CHAIN_RESTORED).",
)
LATE = Text(
    "{count} 项状态变更或管理操作的签名已过期,须重新决定(ecert doctor 列出);在此之前,因撤销、注销而失效的证照先行挂起({holds} 项)。",
    "{count} changes of status or acts of governance must be decided anew (ecert doctor lists them); what they had "
    "taken out of use is suspended until then ({holds} suspensions).",
)
ARRIVED = Text(
    "{count} 个批次在链上已经完成,数据库随后跟上(批次:{numbers})。",
    "{count} batches are on chain already, the database follows (batches: {numbers}).",
)
SHADOWED = Text(
    "{count} 个批次备份时已封好,链上却已有占用同一位置的另一份(批次:{numbers};原因 CHAIN_HAS_OTHERS):其各行转入新批次,"
    "等经办人签名。签名之前请先撤回链上的那一份(见下),否则同一行有两份有效证照。",
    "{count} batches were closed when the backup was made, and the chain has others in their place (batches: "
    "{numbers}; reason CHAIN_HAS_OTHERS): their rows go into new batches, which wait for a maker. Withdraw what is on "
    "chain first (see below), or people hold two good proofs of one row.",
)
LOST_ROWS = Text(
    "链上有 {count} 个批次,本库没有其数据(备份之后签发):\n{roots}\n"
    "持证人手里的仍然有效,链上的状态照常公布;但这里查不到、补打不了,也不能单份变更。数据不在链上,恢复不了,请逐个处理:\n"
    "  1. ecert batch anchored --unknown  看时间和类型,找出当时的数据文件;\n"
    "  2. ecert batch withdraw 根 …       撤回,再重新导入该文件,持证人换新;先导入会使同一行有两份有效证照;\n"
    "  3. 不必再变更的,可以不动。",
    "{count} batches on chain of which this database has no rows (issued after the backup):\n{roots}\n"
    "They stay good for their holders, and their statuses are published; but here they cannot be found, reprinted or "
    "changed one by one. Their rows are not on chain and cannot be brought back. For each of them:\n"
    "  1. ecert batch anchored --unknown  shows time and type: find the data file of then;\n"
    "  2. ecert batch withdraw ROOT …     then import that file again, holders get new ones; imported before that, "
    "people hold two good proofs of one row;\n"
    "  3. what needs no change any more can be left alone.",
)
ANNOUNCED = Text(
    "恢复公告已写入信任文件:区块 {first}–{last} 已作废。请把 trust.json 发给核验方;这一段的旧回执显示“账本曾恢复”,"
    "用 ecert refresh 换新。",
    "The restore notice is in the trust file: blocks {first}-{last} are void. Hand trust.json to verifiers; older "
    "receipts of these blocks say `restored` and are renewed with ecert refresh.",
)
WAITS = Text(
    "恢复公告(区块 {first}–{last})还需信任文件密钥持有人签名:\n  ecert trust sign {file}\n  ecert trust take {file}\n"
    "  ecert heal\n在此之前不出块。",
    "The restore notice (blocks {first}-{last}) still needs the keys of the trust file:\n  ecert trust sign {file}\n"
    "  ecert trust take {file}\n  ecert heal\nUntil then nothing is sealed.",
)
NOT_NOTED = Text(
    "没有写入审计日志(没有口令):请在密钥就位后再运行一次 ecert heal。",
    "Not noted in the audit log (no password at hand): run ecert heal again once the keys are back.",
)
MIRROR = Option(
    ["--mirror", "mirrors"],
    multiple=True,
    metavar="URL",
    text=Text(
        "镜像地址,可多次(默认 ECERT_MIRRORS)。", "A mirror's address, more than once (default ECERT_MIRRORS)."
    ),
)
WITHOUT = Option(
    ["--without-mirror"],
    is_flag=True,
    text=Text(
        "没有任何镜像有更新的区块:重新提交丢失的部分,并发布恢复公告。",
        "Nobody has newer blocks: what is lost goes out again, and a restore notice says so.",
    ),
)
NOTHING = Option(
    ["--nothing-lost"],
    is_flag=True,
    text=Text(
        "备份之前原环境已停止,不可能有更新的区块。",
        "The old installation was stopped before the backup: there can be no newer blocks.",
    ),
)


REBUILD = Option(
    ["--rebuild-chain"],
    is_flag=True,
    text=Text(
        "chain.db 丢失、损坏或已分叉:从镜像的第一个区块起重建,旧文件另存。",
        "chain.db is gone, damaged, or went its own way: take the mirror's from the first block on; the old file "
        "is kept beside it.",
    ),
)


def _how(
    session: Session,
    mirrors: tuple[str, ...],
    *,
    without_mirror: bool,
    nothing_lost: bool,
    rebuild_chain: bool = False,
) -> How:
    from ledger.bootstrap_restore import How, choose

    how = How(mirrors, without_mirror, nothing_lost, rebuild_chain)
    return choose(session.settings.mirrors, how, session.settings.home)


def _restore(
    session: Session,
    archive: Path,
    keys: Path | None,
    erasures: Path | None,
    mirrors: tuple[str, ...],
    *,
    unsafe_old_erasures: bool,
    without_mirror: bool,
    nothing_lost: bool,
) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.bootstrap_backup import holds_chain, restore
    from ledger.bootstrap_restore import How, heal
    from ledger.core.errors import UnavailableError

    how = How()
    has_chain = holds_chain(archive.absolute())
    if has_chain:
        how = _how(session, mirrors, without_mirror=without_mirror, nothing_lost=nothing_lost)
    with progress(session) as say:
        done = restore(
            archive.absolute(),
            session.settings.home,
            say,
            keys=keys,
            erasures=erasures,
            unsafe_old_erasures=unsafe_old_erasures,
        )
    session.show(
        (RESUMED if done.resumed else RESTORED).format(home=done.home, files=done.files, erased=done.erased)
    )
    healed, away = None, ""
    try:
        healed = heal(open_installation(session), how)
    except UnavailableError as error:
        if has_chain or not error.code.startswith("CHAIN_"):
            raise
        away = error.code  # others run the chain: the restore is done, the comparison can wait
    session.emit(
        {
            "home": str(done.home),
            "made_at": done.made_at,
            "files": done.files,
            "erased": done.erased,
            "with_keys": done.has_keys,
            "healed": None if healed is None else _value(healed),
        }
    )
    if unsafe_old_erasures:
        session.remark(UNSAFE)
    if healed is None:
        session.remark(NODES_AWAY.format(code=away))
    else:
        _tell(session, healed)
        if not has_chain:
            session.show(COMPARED)
    session.show(NEXT if done.has_keys else BRING_KEYS.format(home=done.home))


def _heal(
    session: Session,
    mirrors: tuple[str, ...],
    *,
    without_mirror: bool,
    nothing_lost: bool,
    rebuild_chain: bool,
) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.bootstrap_restore import How, has_notice, heal, seals

    here = open_installation(session)
    how = How()
    if seals(here) and (rebuild_chain or not has_notice(here.home)):
        how = _how(
            session,
            mirrors,
            without_mirror=without_mirror,
            nothing_lost=nothing_lost,
            rebuild_chain=rebuild_chain,
        )
    done = heal(here, how)
    session.emit(_value(done))
    _tell(session, done)
    if not seals(here):
        session.show(COMPARED)
    if done.announced is not False:
        session.show(NEXT)


def _value(done: HealDone) -> dict[str, Any]:
    mending, notice = done.mending, done.notice
    return {
        "pulled": 0 if done.pulled is None else done.pulled.count,
        "mirror": None if done.pulled is None else done.pulled.mirror,
        "again": list(mending.again),
        "asked": list(mending.asked),
        "arrived": list(mending.arrived),
        "moved": [moved.batch_id for moved in mending.moved],
        "shadowed": list(mending.shadowed),
        "calls": len(mending.calls),
        "late": mending.late,
        "holds": len(mending.holds),
        "lost_rows": [
            {"issuer": one.issuer, "root": "0x" + one.root.hex(), "block": one.block, "size": one.size}
            for one in mending.lost_rows
        ],
        "notice": None
        if notice is None
        else {
            "first_block": notice.first_block,
            "last_block": notice.last_block,
            "announced": done.announced,
        },
        "next_trust": None if done.next_trust is None else str(done.next_trust),
        "noted": done.is_noted,
    }


def _tell(session: Session, done: HealDone) -> None:
    mending, notice = done.mending, done.notice
    if done.pulled is not None:
        text = PULLED if done.pulled.mirror else WHOLE
        session.show(text.format(mirror=done.pulled.mirror, count=done.pulled.count))
    if mending.again or mending.calls:
        session.show(
            AGAIN.format(
                batches=len(mending.again), calls=len(mending.calls), numbers=_numbers(mending.again)
            )
        )
    if mending.asked:
        session.remark(ASKED.format(count=len(mending.asked), numbers=_numbers(mending.asked)))
    if mending.late:
        session.remark(LATE.format(count=mending.late, holds=len(mending.holds)))
    if mending.arrived:
        session.show(ARRIVED.format(count=len(mending.arrived), numbers=_numbers(mending.arrived)))
    if mending.shadowed:
        session.remark(SHADOWED.format(count=len(mending.shadowed), numbers=_numbers(mending.shadowed)))
    if mending.lost_rows:
        roots = "\n".join(f"  {one.issuer} 0x{one.root.hex()} ({one.size})" for one in mending.lost_rows)
        session.remark(LOST_ROWS.format(count=len(mending.lost_rows), roots=roots))
    if notice is not None:
        text = ANNOUNCED if done.announced else WAITS
        session.remark(text.format(first=notice.first_block, last=notice.last_block, file=done.next_trust))
    if not done.is_noted:
        session.remark(NOT_NOTED)


def _numbers(found: tuple[int, ...]) -> str:
    return ", ".join(map(str, found)) or "-"


RESTORE = command(
    "restore",
    Text(
        "从备份恢复到一个空目录,并与链核对。\n\n"
        "核对每个文件的 SHA-256,再次销毁此后被删除者的密钥,全部完成后才出现目标目录;然后从镜像补回备份之后的区块。\n"
        "没有镜像时(--without-mirror)重新提交链上丢失的批次和状态变更,并为核验方准备恢复公告。中断后可原样重做。",
        "Restore a backup into an empty folder, and compare it with the chain.\n\n"
        "Compares every file with its SHA-256 and destroys the keys of whoever was erased since; the folder\n"
        "appears only when all of it is there. Then fetches the blocks since the backup from a mirror. With none\n"
        "(--without-mirror) lost batches and changes of status go out again, and verifiers get a restore notice.\n"
        "Interrupted, it may be run again as it was.",
    ),
    params=[
        click.Argument(["archive"], type=click.Path(path_type=Path), metavar="FILE.tar"),
        Option(
            ["--keys"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            text=Text("数据密钥的备份(.keys.tar)。", "The archive of data keys (.keys.tar)."),
        ),
        Option(
            ["--erasures"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            text=Text("最新的删除名单。", "The newest list of erasures."),
        ),
        Option(
            ["--unsafe-old-erasures"],
            is_flag=True,
            text=Text(
                "名单已丢失:只按备份时的状态恢复(此后被删除的人会回来)。",
                "The list is lost: restore as of the backup (whoever was erased since comes back).",
            ),
        ),
        MIRROR,
        WITHOUT,
        NOTHING,
    ],
    examples=(
        "ecert restore /var/backups/ecert/ecert-20261122T020000Z.tar --mirror https://mirror.example.gov.cn",
        "ecert restore /mnt/safe/move.tar --nothing-lost --home /var/lib/ecert",
    ),
)(_restore)

HEAL = command(
    "heal",
    Text(
        "让数据库、链和镜像重新一致。\n\n"
        "用于 chain.db 或 store.db 被旧副本替换、或恢复没有做完的环境;先停止后台任务。先从镜像补回区块;\n"
        "补不回的重新提交,审批过期的请人重新签名,并准备恢复公告。链由他人运行时,只核对数据库。可以重复运行。",
        "Make database, chain and mirrors agree again.\n\n"
        "For an installation whose chain.db or store.db was replaced by an older copy, or whose restore was\n"
        "interrupted; stop the worker first. Fetches blocks from a mirror; what nobody has goes out again, people\n"
        "are asked where approvals ran out, and a restore notice is prepared. On a chain that others run only the\n"
        "database is compared. Can be repeated.",
    ),
    params=[MIRROR, WITHOUT, NOTHING, REBUILD],
    examples=(
        "ecert heal --mirror https://mirror.example.gov.cn",
        "ecert heal --without-mirror",
        "ecert heal --mirror https://mirror.example.gov.cn --rebuild-chain",
    ),
)(_heal)
