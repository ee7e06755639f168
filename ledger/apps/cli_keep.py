"""`ecert backup`, `ecert erase`: keep what must be kept, destroy what must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ledger.apps.cli_ask import is_terminal
from ledger.apps.cli_frame import Option, Session, Text, command

MEGABYTE = 1_000_000
NUMBER_DIGITS = 16  # of a proof number: the first half of a serial
BACKED_UP = Text(
    "备份完成({size} MB):\n  {archive}\n  {keys}(数据密钥,至多保存 30 天)\n  {erasures}(删除名单,与备份分开再存一份)",
    "Backup done ({size} MB):\n  {archive}\n  {keys} (data keys: keep them for 30 days at most)\n"
    "  {erasures} (list of erasures: keep another copy of it elsewhere)",
)
NO_KEYS = Text(
    "密钥文件(keys/)不在备份里,请另行保存;需要时用 --with-keys。",
    "The key files (keys/) are not in it: keep them elsewhere, or use --with-keys.",
)
PRUNED = Text(
    "已删除 {count} 份超过 30 天的数据密钥备份。", "{count} archives of data keys older than 30 days deleted."
)
ABOUT = Text(
    "将永久销毁:{rows} 行数据及其证照({serials}),{uploads} 个上传文件,{documents} 份打印件。链上记录不变。",
    "This destroys for good: {rows} rows and their credentials ({serials}), {uploads} uploaded files, "
    "{documents} prints. What is on chain stays.",
)
SURE = Text("确定吗?输入序列号的前四位以继续", "Sure? Type the first four digits of the serial to go on")
ERASED = Text(
    "已销毁:{rows} 行、{keys} 个密钥、{files} 个文件。", "Destroyed: {rows} rows, {keys} keys, {files} files."
)
NOT_COPIED = Text(
    "删除名单没有写到:{places}。在写到之前,请不要用那里的备份恢复。",
    "The list of erasures could not be written to {places}: restore no backup from there before it is.",
)
ONLY_HERE = Text(
    "删除名单只在本机数据目录里:先做一次 ecert backup,或设置 ECERT_ERASURES。",
    "The list of erasures lies in this data directory only: make an ecert backup, or set ECERT_ERASURES.",
)


@contextmanager
def progress(session: Session) -> Iterator[Callable[[int, int], None]]:
    """A bar at a terminal; elsewhere nothing."""
    if session.as_json or not is_terminal():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    with Progress(
        BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=max(total, done))


def _backup(session: Session, place: Path, *, with_keys: bool) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.bootstrap_backup import back_up

    here = open_installation(session)
    with progress(session) as say:
        done = back_up(here, place.absolute(), say, with_keys=with_keys)
    session.emit(
        {
            "archive": str(done.archive),
            "keys": str(done.keys),
            "erasures": str(done.erasures),
            "bytes": done.size,
            "with_keys": with_keys,
            "pruned": done.pruned,
        }
    )
    session.show(
        BACKED_UP.format(
            size=f"{done.size / MEGABYTE:.1f}", archive=done.archive, keys=done.keys, erasures=done.erasures
        )
    )
    if not with_keys:
        session.show(NO_KEYS)
    if done.pruned:
        session.show(PRUNED.format(count=done.pruned))


def _name_of(text: str) -> bytes:
    """Row name, or the half of it that a proof number shows."""
    from ledger.apps.cli_open import parse_serial

    digits = text.replace("-", "")
    if len(digits) == NUMBER_DIGITS:
        try:
            return bytes.fromhex(digits)
        except ValueError:
            pass  # parse_serial says what is wrong
    return parse_serial(text)


def _erase(session: Session, credential: str, reason: str, *, yes: bool) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.bootstrap_erasure import open_erasure
    from ledger.bootstrap_ops import command_audit

    here = open_installation(session)
    service = open_erasure(here, command_audit(here))
    target = service.find(_name_of(credential))
    serials = [place.name.hex().upper() for place in target.places]
    about = {
        "rows": len(target.places),
        "serials": ", ".join(serials),
        "uploads": len(target.uploads),
        "documents": len(target.documents),
    }
    session.remark(ABOUT.format(**about))
    if not yes:
        typed = click.prompt(str(SURE), err=True) if is_terminal() else ""
        if typed.strip().upper() != serials[-1][:4]:
            raise click.Abort
    done = service.erase(target, reason)
    value: dict[str, Any] = {
        "serials": serials,
        "rows": done.rows,
        "keys": done.keys,
        "files": done.files,
        "not_copied": list(done.not_copied),
    }
    session.emit(value)
    session.show(ERASED.format(rows=done.rows, keys=done.keys, files=done.files))
    if done.not_copied:
        session.remark(NOT_COPIED.format(places=", ".join(done.not_copied)))
        session.exit_code = 1
    elif not done.copied:
        session.remark(ONLY_HERE)


BACKUP = command(
    "backup",
    Text(
        "备份整个环境,不必停机。\n\n"
        "写成两个文件:业务数据和链(.tar),以及数据密钥(.keys.tar,至多保存 30 天,否则被删除的人会留在备份里);\n"
        "旁边还有删除名单 erasures.list,恢复时必须用最新的一份。目标是目录时自动命名,并清理过期的密钥备份。\n"
        "已放行的证照文件和链视图不入备份,恢复后会自动重建。",
        "Back the whole installation up while it runs.\n\n"
        "Writes two files: data and chain (.tar), and the data keys (.keys.tar: keep them for 30 days at most, or\n"
        "erased people live on in them); beside them the list of erasures, whose newest copy a restore needs. A\n"
        "folder gets new names each time, and old archives of data keys there are deleted. Released bundles and\n"
        "the chain view are left out: they are made again after a restore.",
    ),
    params=[
        click.Argument(["place"], type=click.Path(path_type=Path), metavar="DIR|FILE.tar"),
        Option(
            ["--with-keys"],
            is_flag=True,
            text=Text(
                "连同 keys/ 里的密钥文件(加密的;口令请存别处)。",
                "The key files in keys/ too (encrypted; keep their passwords elsewhere).",
            ),
        ),
    ],
    examples=("ecert backup /var/backups/ecert", "ecert backup /mnt/safe/before-upgrade.tar --with-keys"),
)(_backup)

ERASE = command(
    "erase",
    Text(
        "永久删除一个人的数据。\n\n"
        "写成证明编号、序列号或证照标识。销毁该业务主键所有版本的数据密钥、已放行的文件、打印件和所在的上传文件;\n"
        "先写入删除名单,因此从旧备份恢复也不会回来。链上的哈希不变,也不再说明任何人。写入审计日志。",
        "Erase a person's data for good.\n\n"
        "Name it by proof number, serial or licence identifier. Destroys the data keys of all revisions of that\n"
        "record, released files, prints, and uploads that hold it; written down first, so that no backup brings\n"
        "it back. Hashes on chain stay and say nothing any more. Noted in the audit log.",
    ),
    params=[
        click.Argument(["credential"], metavar="NUMBER"),
        Option(
            ["--reason"],
            required=True,
            metavar="TEXT",
            text=Text("法律依据或文书号(不写个人信息)。", "Legal basis or document number (nobody's data)."),
        ),
        Option(["--yes"], is_flag=True, text=Text("不再询问。", "Do not ask.")),
    ],
    examples=('ecert erase B3F8E01E8B601EC6E249499656B7DA62 --reason "2026-法-12"',),
)(_erase)
