"""`ecert snapshot`: the ledger's state in one signed file, for verifiers that reach no ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.apps.cli_shapes import FILE, FILES
from ledger.apps.cli_time import say_time

if TYPE_CHECKING:
    from ledger.core.snapshot import Snapshot

LABELS = {
    "block": Text("区块", "Block"),
    "time": Text("区块时间", "Block's time"),
    "confirmed_at": Text("确认为最新的时间", "Known to be the newest at"),
    "age": Text("已过", "Age"),
    "ledger": Text("账本", "Ledger"),
    "kind": Text("种类", "Kind"),
    "size": Text("大小", "Size"),
    "signers": Text("签名", "Signatures"),
    "witnesses": Text("见证方签名", "Co-signatures"),
    "content": Text("内容", "Content"),
    "trust": Text("信任文件", "Trust file"),
}
WHOLE = Text("完整快照", "whole")
DELTA = Text("增量(接在区块 {block} 之后)", "delta (follows block {block})")
CONTENT = Text("{batches} 个批次,{credentials} 份证照", "{batches} batches, {credentials} credentials")
DELTA_CONTENT = Text("须与它所接的快照一起使用", "of use only with the snapshot that it follows")
NO_SIGNATURE = Text("(尚无签名,任何人都不会接受)", "(none yet: nobody will accept it)")
BYTES = Text("{size} 字节", "{size} bytes")
HOURS = Text("{hours} 小时 {minutes} 分", "{hours} h {minutes} min")
TRUSTED = Text("签名足够,账本相符", "enough signatures, the right ledger")
NOT_TRUSTED = Text("不接受:{reason}", "not accepted: {reason}")
WRITTEN = Text("已写入 {path}", "Written: {path}")
IMPORTED = Text(
    "已导入:区块 {block}({time}),{batches} 个批次,{credentials} 份证照。",
    "Imported: block {block} ({time}), {batches} batches, {credentials} credentials.",
)
KNOWN = Text("这些快照已经导入过,没有变化。", "Taken before: nothing changed.")
MINUTE_S, HOUR_S = 60, 3600

OUT = click.Argument(["out"], type=click.Path(path_type=Path, dir_okay=False), metavar="OUT")
TRUST = Option(
    ["--trust"],
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    text=Text("信任文件;它写明谁签的快照算数。", "Trust file; it says whose snapshots count."),
)
ALLOW_OLDER = Option(
    ["--allow-older"],
    is_flag=True,
    text=Text(
        "即使比已接受过的旧也接受(查看过去时用)。",
        "Take it although a newer one was accepted before (to look at the past).",
    ),
)


def _keys_option(flag: str, *, required: bool) -> Option:
    return Option(
        [flag, "keys"],
        multiple=True,
        required=required,
        metavar="file:PATH",
        text=Text("用这个密钥签名(可多次)。", "Sign with this key (may be given several times)."),
    )


def _export(session: Session, out: Path, since: str | None, keys: tuple[str, ...]) -> None:
    from ledger.apps.cli_ask import password_asker
    from ledger.apps.cli_open import key_uri
    from ledger.bootstrap_snapshot import export_snapshot

    base = None if since is None else int(since) if since.isdecimal() else Path(since)
    made = export_snapshot(
        session.settings, out.absolute(), base, [key_uri(key) for key in keys], password_asker()
    )
    _tell(session, made, out)


def _sign(session: Session, file: Path, keys: tuple[str, ...]) -> None:
    from ledger.apps.cli_ask import password_asker
    from ledger.apps.cli_open import key_uri
    from ledger.bootstrap_snapshot import sign_snapshot_file

    uris = [key_uri(key) for key in keys]
    _tell(session, sign_snapshot_file(session.settings, file.absolute(), uris, password_asker()), file)


def _tell(session: Session, made: Snapshot, path: Path) -> None:
    session.show(WRITTEN.format(path=path))
    _show_header(session, made)
    session.emit(_json(made))


def _show(session: Session, file: Path, trust: Path | None) -> None:
    from ledger.apps.cli_errors import error_text
    from ledger.bootstrap import load_trust
    from ledger.bootstrap_snapshot import batches_in, load_snapshot
    from ledger.core.errors import LedgerError
    from ledger.core.snapshot import require_trusted

    found = load_snapshot(file)
    value = _json(found)
    _show_header(session, found)
    if found.header.follows is None:
        batches, credentials = batches_in(found)
        value |= {"batches": batches, "credentials": credentials}
        _line(session, "content", CONTENT.format(batches=batches, credentials=credentials))
    else:
        _line(session, "content", DELTA_CONTENT)
    if trust is not None:
        try:
            require_trusted(found, load_trust(trust))
        except LedgerError as error:
            value["trusted"] = error.code
            session.exit_code = 1
            _line(session, "trust", NOT_TRUSTED.format(reason=error_text(error)))
        else:
            value["trusted"] = "SNAPSHOT_TRUSTED"
            _line(session, "trust", TRUSTED)
    session.emit(value)


def _import(session: Session, files: tuple[Path, ...], trust: Path | None, *, allow_older: bool) -> None:
    from ledger.bootstrap_snapshot import import_snapshots

    done = import_snapshots(session.settings, files, trust, allow_older=allow_older)
    block = done.header.block
    session.show(
        IMPORTED.format(
            block=block.number,
            time=say_time(block.time),
            batches=done.batches,
            credentials=done.credentials,
        )
    )
    if not done.is_news:
        session.show(KNOWN)
    session.emit(
        {
            "block": _block_json(done.header),
            "confirmed_at": done.header.confirmed_at,
            "batches": done.batches,
            "credentials": done.credentials,
            "changed": done.is_news,
        }
    )


def _block_json(header: Any) -> dict[str, Any]:
    block = header.block
    return {"number": block.number, "hash": "0x" + block.hash.hex(), "time": block.time}


def _json(found: Snapshot) -> dict[str, Any]:
    header = found.header
    follows = header.follows
    return {
        "ledger_id": "0x" + header.info.ledger_id.hex(),
        "chain_id": f"eip155:{header.info.chain_id}",
        "block": _block_json(header),
        "confirmed_at": header.confirmed_at,
        "state": "0x" + header.state.hex(),
        "follows": None if follows is None else follows.block,
        "bytes": header.content.size,
        "signatures": [kid for kid, _ in found.signatures],
        "witnesses": len(header.cosignatures),
    }


def _show_header(session: Session, found: Snapshot) -> None:
    from ledger.bootstrap_snapshot import age_s

    header, follows = found.header, found.header.follows
    minutes = age_s(header) // MINUTE_S
    age = HOURS.format(hours=minutes * MINUTE_S // HOUR_S, minutes=minutes % (HOUR_S // MINUTE_S))
    _line(session, "ledger", f"0x{header.info.ledger_id.hex()} eip155:{header.info.chain_id}")
    _line(session, "kind", WHOLE if follows is None else DELTA.format(block=follows.block))
    _line(session, "block", f"{header.block.number} 0x{header.block.hash.hex()}")
    _line(session, "time", say_time(header.block.time))
    _line(session, "confirmed_at", say_time(header.confirmed_at))
    _line(session, "age", age)
    _line(session, "size", BYTES.format(size=header.content.size))
    _line(session, "witnesses", str(len(header.cosignatures)))
    if not found.signatures:
        _line(session, "signers", NO_SIGNATURE)
    for kid, _ in found.signatures:
        _line(session, "signers", kid)


def _line(session: Session, label: str, value: Text | str) -> None:
    session.show(f"{LABELS[label]}  {value}")


EXPORT = command(
    "export",
    Text(
        "把账本现状写成一个快照文件,供连不到账本的核验方使用(网闸、内网、离线)。\n\n"
        "只含链上已公开的内容,没有个人信息。信任文件写明几个签名人中的几个签了才算数。",
        "Write the ledger's state to a snapshot file, for verifiers that reach no ledger.\n\n"
        "It holds only what is public on chain, nothing personal. The trust file says how many of which signers "
        "must sign it.",
    ),
    params=[
        OUT,
        Option(
            ["--since"],
            metavar="BLOCK|FILE",
            text=Text(
                "只写此后的变化:区块号,或上一次的快照文件。",
                "Only what changed since: a block number, or the earlier snapshot's file.",
            ),
        ),
        _keys_option("--sign", required=False),
    ],
    examples=(
        "ecert snapshot export today.ecertsnap --sign file:/keys/anna/signing.key",
        "ecert snapshot export --since yesterday.ecertsnap today.delta.ecertsnap",
    ),
)(_export)

SIGN = command(
    "sign",
    Text(
        "在快照文件上再签一个名(签名人可以在不同单位)。",
        "Sign a snapshot file (signers may sit in different houses).",
    ),
    params=[FILE, _keys_option("--key", required=True)],
    examples=("ecert snapshot sign today.ecertsnap --key file:/keys/bo/signing.key",),
)(_sign)

SHOW = command(
    "show",
    Text(
        "查看一个快照:到哪个区块、多旧、谁签的。\n\n给出 --trust 时还判断它是否会被接受(退出码 1:不接受)。",
        "Look at a snapshot: up to which block, how old, signed by whom.\n\n"
        "With --trust it also says whether it would be accepted (exit code 1: no).",
    ),
    params=[FILE, TRUST],
    examples=("ecert snapshot show today.ecertsnap --trust trust.json",),
)(_show)

IMPORT = command(
    "import",
    Text(
        "把快照导入核验方的数据目录,网页和接口随后据此回答。\n\n"
        "第一次用 --trust 给出信任文件并建立目录。先导入完整快照,再按顺序导入增量。"
        "比已导入的更旧、签名不够、被改动或截断的,一律拒绝,目录不变。",
        "Take snapshots into a verifier's data directory; page and API answer from it.\n\n"
        "The first time --trust names the trust file and the directory is made. First a whole snapshot, then deltas "
        "in order. What is older, lacks signatures, was altered or cut off is refused and changes nothing.",
    ),
    params=[
        FILES,
        TRUST,
        ALLOW_OLDER,
    ],
    examples=(
        "ecert snapshot import monday.ecertsnap --trust trust.json --home /srv/verifier",
        "ecert snapshot import tuesday.delta.ecertsnap --home /srv/verifier",
    ),
)(_import)

SNAPSHOT = BilingualGroup(
    "snapshot",
    text=Text(
        "快照:导出、签名、查看、导入(离线核验)。",
        "Snapshots: export, sign, look, import (verifying offline).",
    ),
    params=common_options(),
    examples=("ecert snapshot export today.ecertsnap",),
    commands={"export": EXPORT, "sign": SIGN, "show": SHOW, "import": IMPORT},
)
