"""What commands of governance share: options for admins, and how an act ends: done, or proposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from ledger.apps.cli_ask import check_uscc, is_agreed
from ledger.apps.cli_frame import Option, Session, Text

if TYPE_CHECKING:
    from ledger.core.governed import Proposal

DONE = Text("已完成。", "Done.")
PROPOSED = Text(
    "已提议,编号 {number},等待 {issuer} 的另一名管理员在 {until} 前接受:\n"
    "  ecert role accept {number} --key file:…",
    "Proposed as number {number}. Another admin of {issuer} accepts it by {until}:\n"
    "  ecert role accept {number} --key file:…",
)
FINAL = Text("{what}不能撤销。输入 {word} 以继续", "{what} This cannot be undone. Type {word} to go on")
ADMINS = Option(
    ["--admin", "admins"],
    multiple=True,
    required=True,
    metavar="file:PATH",
    text=Text(
        "管理员密钥。给两个:提议并接受,立即生效;给一个:只提议,另一名管理员 7 天内用 ecert role accept 接受。",
        "An admin's key. Two: proposed and accepted at once. One: proposed; another admin accepts it within "
        "7 days with `ecert role accept`.",
    ),
)
ISSUER = Option(
    ["--issuer"],
    required=True,
    callback=check_uscc,
    metavar="USCC",
    text=Text("发证机关。", "The issuing agency."),
)
OF_ISSUER = Option(
    ["--issuer"],
    callback=check_uscc,
    metavar="USCC",
    text=Text("只看一个机关。", "Of one agency only."),
)
DO_NOT_ASK = Option(["--yes"], is_flag=True, text=Text("不再询问。", "Do not ask."))
BY_ABOVE = Option(
    ["--by"],
    callback=check_uscc,
    metavar="USCC",
    text=Text(
        "由哪个上级机关的管理员办理(默认直接上级)。",
        "Which agency above it acts, whose admins these are (default: its parent).",
    ),
)
BY_OWN = Option(
    ["--by"],
    callback=check_uscc,
    metavar="USCC",
    text=Text(
        "由上级机关的管理员办理时,写明该机关(默认本机关)。",
        "The agency above it, if its admins do this (default: the agency's own).",
    ),
)


def proposal_json(proposal: Proposal, now: int) -> dict[str, Any]:
    """Documented shape of one proposal."""
    from ledger.core.eip712 import signer_text

    return {
        "number": proposal.number,
        "by": proposal.by,
        "proposer": signer_text(proposal.proposer),
        "made_at": proposal.made_at,
        "expires_at": proposal.expires_at,
        "state": "expired" if proposal.state == "open" and not proposal.is_open(now) else proposal.state,
        "decided_by": None if proposal.decided_by is None else signer_text(proposal.decided_by),
        "decided_at": proposal.decided_at,
        "transaction": "0x" + proposal.tx_hash.hex(),
    }


def finish(
    session: Session,
    waiting: tuple[Proposal, ...],
    value: Mapping[str, Any],
    done: Text = DONE,
) -> None:
    """Say that it is done, or which proposals wait for whom until when."""
    from ledger.apps.cli_time import say_time

    result = {**value, "done": not waiting}
    if waiting:
        result["proposals"] = [proposal_json(one, one.made_at) for one in waiting]
    session.emit(result)
    for one in waiting:
        session.show(PROPOSED.format(number=one.number, issuer=one.by, until=say_time(one.expires_at)))
    if not waiting:
        session.show(done)


def require_agreed(question: Text, word: str, *, yes: bool) -> None:
    """Go on only if a person at the terminal types this word, or said --yes beforehand.

    Raises:
        RefusedError: NOT_CONFIRMED.
    """
    from ledger.core.errors import RefusedError

    if not yes and not is_agreed(question, word):
        raise RefusedError(
            "NOT_CONFIRMED", "Nothing was done: confirm at a terminal, or add --yes.", word=word
        )


def require_final(what: Text, word: str, admins: tuple[str, ...], *, yes: bool) -> None:
    """Ask before an act that nothing undoes. With one admin it is only proposed: who accepts is asked.

    Args:
        what: would be done.
        word: to be typed.
        admins: keys as they were named.
        yes: --yes.

    Raises:
        RefusedError: NOT_CONFIRMED.
    """
    if len(admins) > 1:
        question = Text(FINAL.zh.format(what=what.zh, word=word), FINAL.en.format(what=what.en, word=word))
        require_agreed(question, word, yes=yes)


def two_addresses(_ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """click callback: exactly two, or none."""
    if len(value) not in (0, 2):
        raise click.BadParameter(
            str(Text("要么不写,要么写两个。", "Name two of them, or none.")), param=param
        )
    return value
