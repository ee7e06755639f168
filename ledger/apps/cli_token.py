"""`ecert token`: tokens by which programs call the API."""

from __future__ import annotations

from typing import Any

import click

from ledger.apps.cli_ask import check_uscc
from ledger.apps.cli_frame import BilingualGroup, Option, Session, Text, command, common_options
from ledger.core.tokens import LONGEST_DAYS, Scope

DEFAULT_DAYS = 90
BY = "command line"
HEADER = (
    Text("编号", "Number"),
    Text("机构", "Organisation"),
    Text("用途", "For"),
    Text("权限", "Scopes"),
    Text("有效至", "Until"),
    Text("状态", "State"),
)
GOOD = Text("有效", "good")
ENDED = Text("已到期", "ended")
REVOKED = Text("已撤销", "revoked")
MADE = Text(
    "令牌 {number} 已生成,只显示这一次:\n{secret}",
    "Token {number} is made; it is shown this once:\n{secret}",
)
GONE = Text("令牌 {number} 已撤销。", "Token {number} is revoked.")


def _tokens(session: Session) -> Any:
    from ledger.apps.cli_open import open_installation
    from ledger.bootstrap_programs import open_tokens

    here = open_installation(session)
    return here, open_tokens(here)


def _add(session: Session, organisation: str, label: str, scopes: tuple[str, ...], days: int) -> None:
    here, tokens = _tokens(session)
    here.record.agency(organisation)
    token, secret = tokens.add(organisation, label, [Scope(scope) for scope in scopes], days, BY)
    session.emit({**_json(token), "secret": secret})
    session.show(MADE.format(number=token.id, secret=secret))


def _list(session: Session, organisation: str | None) -> None:
    from ledger.apps.cli_time import say_time

    here, tokens = _tokens(session)
    found = tokens.tokens(organisation)
    now = here.clock.now()
    session.emit({"tokens": [_json(token) for token in found]})
    session.table(
        HEADER,
        [
            (
                token.id,
                token.uscc,
                token.label,
                " ".join(sorted(token.scopes)),
                say_time(token.expires_at),
                REVOKED if token.revoked_at is not None else GOOD if token.is_good(now) else ENDED,
            )
            for token in found
        ],
    )


def _json(token: Any) -> dict[str, Any]:
    return {
        "id": token.id,
        "organisation": token.uscc,
        "label": token.label,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
    }


def _revoke(session: Session, number: int) -> None:
    _, tokens = _tokens(session)
    tokens.revoke(number, BY)
    session.emit({"id": number, "revoked": True})
    session.show(GONE.format(number=number))


ORGANISATION = Option(
    ["--issuer", "organisation"],
    callback=check_uscc,
    metavar="USCC",
    text=Text("哪个机构。", "Of which organisation."),
)


def _commands() -> list[click.Command]:
    needed = Option(
        ["--issuer", "organisation"],
        required=True,
        callback=check_uscc,
        metavar="USCC",
        text=Text("为哪个机构。", "For which organisation."),
    )
    return [
        command(
            "add",
            Text("生成令牌;只显示一次。", "Make a token; it is shown once."),
            params=[
                needed,
                Option(
                    ["--label"],
                    required=True,
                    metavar="TEXT",
                    text=Text("用途,例如业务系统的名称。", "What it is for, e.g. the system's name."),
                ),
                Option(
                    ["--scope", "scopes"],
                    required=True,
                    multiple=True,
                    type=click.Choice([str(scope) for scope in Scope]),
                    text=Text("允许做什么(可重复)。", "What it allows (repeatable)."),
                ),
                Option(
                    ["--days"],
                    type=click.IntRange(1, LONGEST_DAYS),
                    default=DEFAULT_DAYS,
                    metavar="N",
                    text=Text("有效多少天(默认 90)。", "For how many days (default 90)."),
                ),
            ],
            examples=('ecert token add --issuer USCC --label "core system" --scope issue --scope bundles',),
        )(_add),
        command(
            "list",
            Text("列出令牌。", "List tokens."),
            params=[ORGANISATION],
            examples=("ecert token list",),
        )(_list),
        command(
            "revoke",
            Text("立即撤销令牌。", "Revoke a token at once."),
            params=[click.Argument(["number"], type=click.IntRange(min=1), metavar="NUMBER")],
            examples=("ecert token revoke 3",),
        )(_revoke),
    ]


TOKEN = BilingualGroup(
    "token",
    text=Text("接口令牌:生成、查看、撤销。", "API tokens: make, list, revoke."),
    params=common_options(),
    commands=_commands(),
    examples=("ecert token list",),
)
