"""`ecert key`: make key files; register, retire and report keys by two admins."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from ledger.apps.cli_ask import ask_new_password, is_terminal
from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.apps.cli_govern import ADMINS, BY_OWN, DO_NOT_ASK, ISSUER, OF_ISSUER, finish, require_final
from ledger.apps.cli_shapes import PURPOSE_WORDS

PURPOSES = ("credential", "status", "seal", "snapshot", "checkpoint", "request")
HEADER = (
    Text("机关", "Issuer"),
    Text("编号", "Number"),
    Text("用途", "Purpose"),
    Text("指纹", "Thumbprint"),
    Text("起", "From"),
    Text("止", "Until"),
    Text("失密自", "Compromised since"),
    Text("使用中", "In use"),
)
MADE = Text("已生成 {kind} 密钥:{path}\n  {name}: {value}", "Made a {kind} key: {path}\n  {name}: {value}")
REGISTERED = Text(
    "密钥已登记,编号 {number};今后由它签发。",
    "The key is registered as number {number} and is used from now on.",
)
BREAKS = Text(
    "{issuer} 的 {number} 号密钥自 {day} 起失密,此后上链的证照全部失效,",
    "Key {number} of {issuer} is reported compromised since {day}: everything anchored since then breaks.",
)
AGAIN = Text(
    "接受之后再次运行本命令,密钥即投入使用。",
    "After it is accepted, run this command again: then the key is taken into use.",
)
NUMBER = Option(
    ["--number"],
    type=click.IntRange(min=1),
    required=True,
    metavar="N",
    text=Text("密钥编号。", "The key's number."),
)


def parse_day(_ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """click callback: seconds of 00:00 (Asia/Shanghai) of YYYY-MM-DD."""
    if value is None:
        return None
    from ledger.apps.cli_time import day_start

    try:
        return day_start(date.fromisoformat(value))
    except ValueError as error:
        raise click.BadParameter("YYYY-MM-DD", param=param) from error


def _list(session: Session, issuer: str | None) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.cli_time import say_day

    here = open_installation(session)
    in_use = here.keys_in_use()
    found = [
        (key, key.thumbprint in in_use)
        for record in here.view.issuers()
        if issuer in (None, record.issuer)
        for key in here.view.keys(record.issuer)
    ]
    session.emit({"keys": [_key_json(key, is_used=used) for key, used in found]})
    session.table(
        HEADER,
        [
            (
                key.issuer,
                key.number,
                PURPOSE_WORDS[key.purpose],
                key.thumbprint.hex()[:16],
                say_day(key.valid_from),
                say_day(key.valid_until),
                "" if key.compromised_since is None else say_day(key.compromised_since),
                "✔" if used else "",
            )
            for key, used in found
        ],
    )


def _key_json(key: Any, *, is_used: bool) -> dict[str, Any]:
    return {
        "issuer": key.issuer,
        "number": key.number,
        "purpose": PURPOSES[key.purpose - 1],
        "thumbprint": "0x" + key.thumbprint.hex(),
        "valid_from": key.valid_from,
        "valid_until": key.valid_until,
        "compromised_since": key.compromised_since,
        "in_use": is_used,
    }


def _new(session: Session, kind: str, out: Path) -> None:
    from ledger.bootstrap import password_chain
    from ledger.bootstrap_keys import new_key

    asked = ask_new_password if is_terminal() else None
    made = new_key(kind, out.absolute(), password_chain(session.settings, demo=False, ask=asked))
    session.emit({"kind": kind, "file": str(made.path), made.name: made.value})
    session.show(MADE.format(kind=kind, path=made.path, name=made.name, value=made.value))


def _register(
    session: Session,
    issuer: str,
    key: str,
    purpose: str,
    admins: tuple[str, ...],
    until: int | None,
    ca: str | None,
) -> None:
    from ledger.apps.cli_open import key_uri, open_installation
    from ledger.apps.governing import register_key
    from ledger.core.model import Purpose

    here = open_installation(session)
    done = register_key(
        here,
        issuer,
        key_uri(key),
        Purpose[purpose.upper()],
        admins,
        until=until,
        authority=None if ca is None else key_uri(ca),
    )
    value = {"issuer": issuer, "number": done.number, "purpose": purpose}
    finish(session, done.waiting, value, REGISTERED.format(number=done.number))
    if done.waiting:
        session.show(AGAIN)


def _retire(
    session: Session, issuer: str, number: int, admins: tuple[str, ...], at: int | None, by: str | None
) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.governing import retire_key

    waiting = retire_key(open_installation(session), issuer, number, admins, at, by)
    finish(session, waiting, {"issuer": issuer, "number": number})


def _compromise(
    session: Session,
    issuer: str,
    number: int,
    admins: tuple[str, ...],
    since: int,
    by: str | None,
    *,
    yes: bool,
) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.cli_time import say_day
    from ledger.apps.governing import compromise_key

    what = BREAKS.format(number=number, issuer=issuer, day=say_day(since))
    require_final(what, str(number), admins, yes=yes)

    waiting = compromise_key(open_installation(session), issuer, number, admins, since, by)
    finish(session, waiting, {"issuer": issuer, "number": number})


def _making() -> list[click.Command]:
    return [
        command(
            "list",
            Text("列出链上登记的密钥。", "List the keys registered on chain."),
            params=[OF_ISSUER],
            examples=("ecert key list",),
        )(_list),
        command(
            "new",
            Text(
                "生成一个密钥文件。\n\nchain:经办、审批、管理员、操作员用;credential:签发、状态用。口令在终端输入,"
                "或取自 ECERT_PASSWORD_FILE。",
                "Make a key file.\n\nchain: for maker, approver, admins, operator; credential: for signing "
                "credentials and lists. The password is asked, or taken from ECERT_PASSWORD_FILE.",
            ),
            params=[
                Option(
                    ["--kind"],
                    type=click.Choice(["chain", "credential"]),
                    required=True,
                    text=Text("密钥种类。", "Kind of key."),
                ),
                Option(
                    ["--out"],
                    type=click.Path(path_type=Path, file_okay=False),
                    required=True,
                    metavar="DIR",
                    text=Text("密钥的目录(不能已有密钥)。", "Its folder (no key may be there yet)."),
                ),
            ],
            examples=("ecert key new --kind chain --out /media/maker/keys/maker2",),
        )(_new),
    ]


def _registering() -> list[click.Command]:
    return [
        command(
            "register",
            Text(
                "登记并启用一个签发或状态密钥(两名管理员)。\n\n还没有证书时,用 --ca 指定的机关 CA 签发。",
                "Register a credential or status key and use it (two admins).\n\n"
                "A key without a certificate gets one from the agency's CA (--ca).",
            ),
            params=[
                ISSUER,
                Option(
                    ["--key"],
                    required=True,
                    metavar="file:PATH",
                    text=Text("要登记的密钥。", "The key to register."),
                ),
                Option(
                    ["--purpose"],
                    type=click.Choice(PURPOSES),
                    default="credential",
                    text=Text("用途(默认 credential)。", "Purpose (default credential)."),
                ),
                ADMINS,
                Option(
                    ["--until"],
                    callback=parse_day,
                    metavar="YYYY-MM-DD",
                    text=Text("到哪天为止(默认 40 年)。", "Valid until that day (default 40 years)."),
                ),
                Option(
                    ["--ca"],
                    metavar="file:PATH",
                    text=Text(
                        "机关 CA 的密钥(默认在本安装里)。",
                        "The agency CA's key (default: this installation's).",
                    ),
                ),
            ],
            examples=(
                "ecert key register --issuer USCC --key file:/media/new/signing.key \\\n"
                "      --admin file:/media/a1/signing.key --admin file:/media/a2/signing.key",
            ),
        )(_register),
    ]


def _ending() -> list[click.Command]:
    return [
        command(
            "retire",
            Text(
                "停用一个密钥(两名管理员)。\n\n以前签发的证照不受影响。",
                "Retire a key (two admins).\n\nWhat it signed before stays good.",
            ),
            params=[
                ISSUER,
                NUMBER,
                ADMINS,
                Option(
                    ["--at"],
                    callback=parse_day,
                    metavar="YYYY-MM-DD",
                    text=Text("从哪天起停用(默认现在)。", "From that day (default now)."),
                ),
                BY_OWN,
            ],
            examples=("ecert key retire --issuer USCC --number 1 --admin file:… --admin file:…",),
        )(_retire),
        command(
            "compromise",
            Text(
                "报告密钥失密(两名管理员)。\n\n从该日起上链的证照全部失效,不能撤销。",
                "Report a key as compromised (two admins).\n\n"
                "Everything anchored since that day breaks; this cannot be undone.",
            ),
            params=[
                ISSUER,
                NUMBER,
                ADMINS,
                Option(
                    ["--since"],
                    callback=parse_day,
                    required=True,
                    metavar="YYYY-MM-DD",
                    text=Text("从哪天起失密。", "Since that day."),
                ),
                BY_OWN,
                DO_NOT_ASK,
            ],
            examples=(
                "ecert key compromise --issuer USCC --number 1 --since 2026-11-01 --admin file:… --admin file:…",
            ),
        )(_compromise),
    ]


KEY = BilingualGroup(
    "key",
    text=Text("密钥:生成、登记、停用、列出。", "Keys: make, register, retire, list."),
    params=common_options(),
    commands=[*_making(), *_registering(), *_ending()],
    examples=("ecert key list", "ecert key new --kind chain --out /media/approver2"),
)
