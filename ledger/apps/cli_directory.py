"""`ecert directory`: an agency's name as everybody sees it; a new entry is signed by it and vouched for above it."""

from __future__ import annotations

from pathlib import Path

import click

from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.apps.cli_govern import ADMINS, BY_ABOVE, ISSUER, finish

PUBLISHED = Text(
    "{name} 的名录条目已生效,此后上链的批次使用新条目。",
    "The directory entry of {name} is in force; batches anchored from now on bear it.",
)
MADE = Text("名录条目已签好:{path}", "The directory entry is signed: {path}")


def _publish(
    session: Session,
    issuer: str,
    name: str | None,
    name_en: str | None,
    division: str | None,
    phone: str | None,
    entry: Path | None,
    admins: tuple[str, ...],
    by: str | None,
) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.governing import set_directory
    from ledger.bootstrap import read_bundle
    from ledger.bootstrap_directory import foreign_entry, next_entry, use_entry

    here = open_installation(session)
    wanted = (
        next_entry(here, issuer, name_zh=name, name_en=name_en, division=division, phone=phone)
        if entry is None
        else foreign_entry(here, issuer, read_bundle(entry), has_keys=True)
    )
    waiting = set_directory(here, issuer, wanted.hash, admins, by)
    if not waiting:
        use_entry(here, wanted)
    value = {"issuer": issuer, "name": wanted.name["zh"], "hash": "0x" + wanted.hash.hex()}
    finish(session, waiting, value, PUBLISHED.format(name=Text(wanted.name["zh"], wanted.name.get("en", ""))))


def _sign(
    session: Session,
    issuer: str,
    out: Path,
    name: str | None,
    name_en: str | None,
    division: str | None,
    phone: str | None,
) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.bootstrap_directory import next_entry
    from ledger.bootstrap_work import write_private

    here = open_installation(session)
    made = next_entry(here, issuer, name_zh=name, name_en=name_en, division=division, phone=phone)
    write_private(out.absolute(), made.text.encode("ascii"))
    session.emit({"issuer": issuer, "file": str(out.absolute()), "hash": "0x" + made.hash.hex()})
    session.show(MADE.format(path=out.absolute()))


def _changes() -> list[click.Parameter]:
    return [
        Option(["--name"], metavar="NAME", text=Text("新的法定名称。", "Its new Chinese name.")),
        Option(["--name-en"], metavar="NAME", text=Text("新的英文名称。", "Its new English name.")),
        Option(["--division"], metavar="CODE", text=Text("新的行政区划代码。", "Its new division code.")),
        Option(["--phone"], metavar="PHONE", text=Text("新的咨询电话。", "Its new telephone for questions.")),
    ]


def _commands() -> list[click.Command]:
    return [
        command(
            "publish",
            Text(
                "发布新的名录条目(更名、电话、区划)。\n\n"
                "由机关自己的签发密钥签名,上级机关两名管理员把其散列值上链。网址(iss)不能更改。",
                "Publish a new directory entry (name, telephone, division).\n\n"
                "The agency's credential key signs it; two admins of an agency above put its hash on chain. The URL\n"
                "(iss) never changes.",
            ),
            params=[
                ISSUER,
                *_changes(),
                Option(
                    ["--entry"],
                    type=click.Path(path_type=Path),
                    metavar="FILE",
                    text=Text(
                        "别的安装里的机关签好的条目(ecert directory sign)。",
                        "An entry that an agency of another installation signed (`ecert directory sign`).",
                    ),
                ),
                ADMINS,
                BY_ABOVE,
            ],
            examples=(
                "ecert directory publish --issuer USCC --name 某某市住房公积金中心 \\\n"
                "      --admin file:/media/a1 --admin file:/media/a2",
            ),
        )(_publish),
        command(
            "sign",
            Text(
                "签好新的名录条目,交给上级机关发布。\n\n不改变任何东西。",
                "Sign a new directory entry for the agency above to publish.\n\nChanges nothing.",
            ),
            params=[
                ISSUER,
                Option(
                    ["--out"],
                    required=True,
                    type=click.Path(path_type=Path),
                    metavar="FILE",
                    text=Text("写到哪里。", "Where to."),
                ),
                *_changes(),
            ],
            examples=("ecert directory sign --issuer USCC --name 某某市住房公积金中心 --out entry.jws",),
        )(_sign),
    ]


DIRECTORY = BilingualGroup(
    "directory",
    text=Text("机构名录:签名、发布。", "Directory entries: sign, publish."),
    params=common_options(),
    commands=_commands(),
    examples=("ecert directory publish --issuer USCC --phone 12329 --admin file:… --admin file:…",),
)
