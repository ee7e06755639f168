"""`ecert trust`: look at a trust file, make its next version, sign it, take it into use."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.apps.cli_ask import password_asker
from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.apps.cli_shapes import FILE, FILES

if TYPE_CHECKING:
    from ledger.core.trust import KeySet, RestoreNotice, Trust
    from ledger.core.trust_next import KeyChange, Signatures

HEAD = Text(
    "信任文件 第 {version} 版({mode})\n  账本 {ledger}\n  链 {chain}\n  有效至 {until}\n  指纹 {fingerprint}",
    "Trust file, version {version} ({mode})\n  ledger {ledger}\n  chain {chain}\n  in use until {until}\n"
    "  fingerprint {fingerprint}",
)
SETS = {
    "keys": Text("签署密钥", "Keys that sign it"),
    "witnesses": Text("见证机构", "Witnesses"),
    "snapshots": Text("快照签署者", "Snapshot signers"),
}
SET_LINE = Text("{what}:{threshold} / {count}", "{what}: {threshold} of {count}")
SINGLE = Text("  (0:单方账本,没有见证)", "  (0: single-operator ledger, nobody bears witness)")
NOTICE_LINE = Text("恢复声明:区块 {first}–{last},{at}", "Restored: blocks {first} to {last}, {at}")
LINK_LINE = Text("前一账本:{ledger}", "Moved here from ledger {ledger}")
SIGNED_LINE = Text(
    "签名:本版 {own}/{own_needed},上一版 {before}/{before_needed}",
    "Signatures: of this version {own} of {own_needed}, of the one before {before} of {before_needed}",
)
WRITTEN = Text(
    "第 {version} 版(未签名)已写入 {path}。下一步:由各密钥持有人依次运行「ecert trust sign {path} --key …」。",
    "Version {version}, unsigned, written to {path}. Next: each holder of a key runs `ecert trust sign {path} --key …`.",
)
SIGNED_ENOUGH = Text(
    "签名已够:请用「ecert trust take {path}」启用,并分发给核验单位。",
    "Signed by enough keys: take it with `ecert trust take {path}` and hand it to verifiers.",
)
SIGNED_NOT_YET = Text(
    "签名还不够,请交给下一位密钥持有人。", "More signatures are needed: hand it to the next key's holder."
)
TAKEN = Text("正在使用第 {version} 版。", "Version {version} is in use now.")
KEY_WRITTEN = Text("公钥已写入 {path}", "Public key written to {path}")
FROM = Option(
    ["--trust", "source"],
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    text=Text(
        "现用的信任文件(默认 ECERT_HOME/trust.json)。",
        "The trust file in use (default ECERT_HOME/trust.json).",
    ),
)


def _show(session: Session, file: Path | None) -> None:
    from ledger.bootstrap_trust import before, trust_place
    from ledger.core.trust import parse_trust
    from ledger.core.trust_next import signatures_of

    trust = parse_trust(trust_place(session.settings, file).newest())
    signed = signatures_of(trust, before(session.settings, trust))
    session.emit(_json(trust, signed))
    _tell(session, trust, signed)


def _json(trust: Trust, signed: Signatures) -> dict[str, Any]:
    return {
        "version": trust.version,
        "mode": trust.mode,
        "ledger_id": "0x" + trust.ledger_id.hex(),
        "chain_id": trust.chain_id,
        "fingerprint": "0x" + trust.fingerprint.hex(),
        "not_after": trust.raw["not_after"],
        "sets": {name: _set_json(keys) for name, keys in _sets(trust).items()},
        "restore_notices": [
            {"first_block": one.first_block, "last_block": one.last_block, "restored_at": one.restored_at}
            for one in trust.restore_notices
        ],
        "links": ["0x" + one.ledger_id.hex() for one in trust.links],
        "signed": {
            "own": list(signed.own), "own_needed": signed.own_needed,
            "before": list(signed.before), "before_needed": signed.before_needed,
            "enough": signed.are_enough,
        },
    }  # fmt: skip


def _set_json(keys: KeySet) -> dict[str, Any]:
    from ledger.core.jose import kid_of

    return {
        "threshold": keys.threshold,
        "keys": [{"kid": kid_of(one), "name": keys.names.get(one)} for one in keys.keys],
    }


def _sets(trust: Trust) -> dict[str, KeySet]:
    return {"keys": trust.keys, "witnesses": trust.witnesses, "snapshots": trust.snapshots}


def _tell(session: Session, trust: Trust, signed: Signatures) -> None:
    from ledger.apps.cli_time import say_time
    from ledger.core.jose import kid_of

    session.show(
        HEAD.format(
            version=trust.version,
            mode=trust.mode,
            ledger=f"0x{trust.ledger_id.hex()}",
            chain=f"eip155:{trust.chain_id}",
            until=trust.raw["not_after"],
            fingerprint=trust.fingerprint.hex(),
        )
    )
    for name, keys in _sets(trust).items():
        what = SETS[name]
        line = SET_LINE.format(threshold=keys.threshold, count=len(keys.keys), what="{what}")
        session.show(Text(line.zh.format(what=what.zh), line.en.format(what=what.en)))
        if name == "witnesses" and keys.threshold == 0:
            session.show(SINGLE)
        for thumbprint in keys.keys:
            session.show(f"  {kid_of(thumbprint)}  {keys.names.get(thumbprint, '')}".rstrip())
    for notice in trust.restore_notices:
        when = say_time(notice.restored_at)
        session.show(NOTICE_LINE.format(first=notice.first_block, last=notice.last_block, at=when))
    for link in trust.links:
        session.show(LINK_LINE.format(ledger=f"0x{link.ledger_id.hex()}"))
    _tell_signed(session, signed)


def _tell_signed(session: Session, signed: Signatures) -> None:
    session.show(
        SIGNED_LINE.format(
            own=len(signed.own),
            own_needed=signed.own_needed,
            before=len(signed.before),
            before_needed=signed.before_needed,
        )
    )


def _next(session: Session, out: Path, source: Path | None, until: str | None, **named: Any) -> None:
    from ledger.bootstrap_trust import read_authority, trusted, write_next
    from ledger.core.trust_next import Changes

    _, trust = trusted(source, session.settings)
    notices = [_notice(text) for text in named["restore_notices"]]
    changes = Changes(
        witnesses=_change("witness", named, named["witnesses"]),
        snapshots=_change("signer", named, named["signers"]),
        keys=_change("key", named, named["keys"]),
        restore_notices=notices,
        x509_anchors=[read_authority(path) for path in named["add_authority"]],
        not_after=None if until is None else _day(until),
    )
    made = write_next(trust, changes, out.absolute())
    session.emit(
        {"file": str(out.absolute()), "version": made.version, "fingerprint": "0x" + made.fingerprint.hex()}
    )
    session.show(WRITTEN.format(version=made.version, path=out))


def _change(what: str, named: dict[str, Any], threshold: int | None) -> KeyChange:
    from ledger.bootstrap_trust import read_public_key
    from ledger.core.trust_next import KeyChange

    added = [read_public_key(path) for path in named[f"add_{what}"]]
    return KeyChange(add=added, remove=named[f"remove_{what}"], threshold=threshold)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("YYYY-MM-DD", param_hint="--until") from error


def _notice(text: str) -> RestoreNotice:
    """`FIRST-LAST@SECONDS`."""
    from ledger.core.trust import RestoreNotice

    blocks, _, at = text.partition("@")
    first, _, last = blocks.partition("-")
    if not all(part.isascii() and part.isdecimal() for part in (first, last, at)) or int(last) < int(first):
        raise click.BadParameter("FIRST-LAST@SECONDS", param_hint="--restore-notice")
    return RestoreNotice(int(first), int(last), int(at))


def _sign(session: Session, file: Path, keys: tuple[str, ...], source: Path | None) -> None:
    from ledger.apps.cli_open import key_uri
    from ledger.bootstrap_trust import sign_file, trust_place
    from ledger.core.errors import NotFoundError

    try:
        previous = trust_place(session.settings, source).trust()
    except NotFoundError:
        if source is not None:
            raise
        previous = None
    signed, how_far = sign_file(
        session.settings, file.absolute(), [key_uri(key) for key in keys], previous, password_asker()
    )
    session.emit(_json(signed, how_far))
    _tell_signed(session, how_far)
    session.show(SIGNED_ENOUGH.format(path=file) if how_far.are_enough else SIGNED_NOT_YET)


def _take(session: Session, files: tuple[Path, ...], source: Path | None) -> None:
    from ledger.bootstrap_trust import take_files, trust_place

    taken = take_files(trust_place(session.settings, source), files)
    session.emit({"version": taken.version, "fingerprint": "0x" + taken.fingerprint.hex()})
    session.show(TAKEN.format(version=taken.version))


def _public(session: Session, key: str, name: str | None, out: Path | None) -> None:
    from ledger.apps.cli_open import key_uri
    from ledger.bootstrap_trust import public_key, write_public_key
    from ledger.core.jose import jwk_thumbprint, kid_of

    jwk = public_key(key_uri(key), name, session.settings, password_asker())
    kid = kid_of(jwk_thumbprint(jwk))
    if out is not None:
        write_public_key(out.absolute(), jwk)
        session.show(KEY_WRITTEN.format(path=out))
    session.emit({"jwk": jwk, "kid": kid, "file": None if out is None else str(out.absolute())})
    session.show(f"kid  {kid}")


def _set_options(what: str, threshold: str, zh: str, en: str) -> list[click.Parameter]:
    """Add, remove, and how many are needed."""
    return [
        Option(
            [f"--add-{what}"],
            multiple=True,
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="JWKFILE",
            text=Text(f"增加{zh}(公钥文件)。", f"Add {en} (public key file)."),
        ),
        Option(
            [f"--remove-{what}"],
            multiple=True,
            metavar="KID",
            text=Text(f"去掉{zh}(kid)。", f"Remove {en} (kid)."),
        ),
        Option(
            [f"--{threshold}"],
            type=click.IntRange(0, 100),
            metavar="N",
            text=Text(f"至少需要几个{zh}。", f"How many of them are needed ({en})."),
        ),
    ]


def _making() -> list[click.Command]:
    return [
        command(
            "show",
            Text(
                "查看信任文件:版本、账本、见证、签名。",
                "Show a trust file: version, ledger, witnesses, signatures.",
            ),
            params=[
                click.Argument(
                    ["file"],
                    required=False,
                    type=click.Path(path_type=Path, dir_okay=False),
                    metavar="[FILE]",
                )
            ],
            examples=("ecert trust show", "ecert trust show trust-2.json"),
        )(_show),
        command(
            "next",
            Text(
                "写出下一版信任文件(未签名,离线即可)。\n\n"
                "见证机构、快照签署者和签署密钥以公钥文件加入。由上一版的密钥签名后才生效。",
                "Write the next version of the trust file (unsigned; works offline).\n\n"
                "Witnesses, snapshot signers and signing keys are added as public key files. It counts once\n"
                "keys of the version before have signed it.",
            ),
            params=[
                Option(
                    ["--out"],
                    required=True,
                    type=click.Path(path_type=Path, dir_okay=False),
                    metavar="FILE",
                    text=Text("写到哪里。", "Where to write it."),
                ),
                FROM,
                *_set_options("witness", "witnesses", "见证机构", "a witness"),
                *_set_options("signer", "signers", "快照签署者", "a snapshot signer"),
                *_set_options("key", "keys", "签署密钥", "a key that signs trust files"),
                Option(
                    ["--add-authority"],
                    multiple=True,
                    type=click.Path(path_type=Path, dir_okay=False),
                    metavar="FILE",
                    text=Text(
                        "加入一家机关自己的证书颁发根证书(DER,可重复)。",
                        "Trust the root certificate (DER) of an agency's own authority (repeatable).",
                    ),
                ),
                Option(
                    ["--restore-notice", "restore_notices"],
                    multiple=True,
                    metavar="FIRST-LAST@SECONDS",
                    text=Text(
                        "声明这些区块因恢复备份而丢失。", "Declare that these blocks were lost by a restore."
                    ),
                ),
                Option(
                    ["--until"],
                    metavar="YYYY-MM-DD",
                    text=Text("最后使用日。", "Last day of use."),
                ),
            ],
            examples=(
                "ecert trust next --out trust-2.json --add-witness bank.jwk --add-witness court.jwk --witnesses 2",
                "ecert trust next --out trust-3.json --remove-key KID --add-key new.jwk --keys 2",
            ),
        )(_next),
    ]


def _using() -> list[click.Command]:
    return [
        command(
            "sign",
            Text(
                "给信任文件加上签名(在各密钥所在处依次进行)。\n\n不写 --key 时用本安装的密钥。",
                "Add signatures to a trust file; in several places one after the other.\n\n"
                "Without --key the installation's own key signs.",
            ),
            params=[
                FILE,
                Option(
                    ["--key", "keys"],
                    multiple=True,
                    metavar="file:PATH",
                    text=Text("签署密钥(可多次)。", "Key that signs (repeatable)."),
                ),
                FROM,
            ],
            examples=("ecert trust sign trust-2.json --key file:/media/keys/trust2/signing.key",),
        )(_sign),
        command(
            "take",
            Text(
                "启用新版信任文件,必须逐版衔接。\n\n旧版保留在 trust/ 目录。核验单位用 --trust 指定自己的文件。",
                "Take newer versions into use; each must follow the one before.\n\n"
                "Earlier ones are kept in trust/. A verifier names its own file with --trust.",
            ),
            params=[
                FILES,
                FROM,
            ],
            examples=("ecert trust take trust-2.json trust-3.json",),
        )(_take),
        command(
            "public",
            Text(
                "写出密钥的公钥文件,交给信任文件的保管人。",
                "Write a key's public half, to be handed to the trust file's keepers.",
            ),
            params=[
                Option(
                    ["--key"],
                    required=True,
                    metavar="file:PATH",
                    text=Text("P-256 密钥。", "P-256 key."),
                ),
                Option(
                    ["--name"],
                    metavar="NAME",
                    text=Text("机构名称,显示给人看。", "Name of its agency, shown to people."),
                ),
                Option(
                    ["--out"],
                    type=click.Path(path_type=Path, dir_okay=False),
                    metavar="FILE",
                    text=Text("写到哪里。", "Where to write it."),
                ),
            ],
            examples=("ecert trust public --key file:/media/keys/witness --name 某银行 --out bank.jwk",),
        )(_public),
    ]


TRUST = BilingualGroup(
    "trust",
    text=Text(
        "信任文件:查看、下一版、签名、启用。\n\n信任文件是核验单位唯一的依据;每一版都由上一版的密钥签名。",
        "Trust file: show, next version, sign, take.\n\n"
        "It is the only root of a verifier's trust; each version is signed by the keys of the one before.",
    ),
    params=common_options(),
    commands=[*_making(), *_using()],
    examples=("ecert trust show", "ecert trust next --out trust-2.json --add-witness bank.jwk --witnesses 1"),
)
