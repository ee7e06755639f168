"""Asking people, and judging what they typed, before anything heavy is loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ledger.apps.cli_errors import BadValue, error_text
from ledger.apps.cli_frame import Text
from ledger.core.errors import InputError
from ledger.core.identifiers import parse_uscc
from ledger.ports import PasswordSource

ASK_PASSWORD = Text("密钥 {key} 的口令", "Password of the key {key}")
ASK_NEW_PASSWORD = Text("新密钥 {key} 的口令(输入两次)", "Password for the new key {key} (twice)")
ASK_AGAIN = Text("再输一次", "Again")


def is_terminal() -> bool:
    """True when a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_password(uri: str) -> str:
    """Ask the person at the terminal for the password of a key that exists."""
    answer: str = click.prompt(str(ASK_PASSWORD.format(key=_key_name(uri))), hide_input=True, err=True)
    return answer


def ask_new_password(uri: str) -> str:
    """Ask twice for the password of a key that is about to be made."""
    answer: str = click.prompt(
        str(ASK_NEW_PASSWORD.format(key=_key_name(uri))),
        hide_input=True,
        confirmation_prompt=str(ASK_AGAIN),
        err=True,
    )
    return answer


def is_agreed(question: Text, word: str) -> bool:
    """Whether a person at the terminal typed this word; False where nobody can be asked."""
    return is_terminal() and str(click.prompt(str(question), err=True)).strip() == word


def password_asker() -> PasswordSource | None:
    """`ask_password` at a terminal, None where nobody is there."""
    return ask_password if is_terminal() else None


def check_uscc(_ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """click callback: a USCC must be well formed before anything is opened."""
    if value is None:
        return None
    try:
        return parse_uscc(value.strip().upper()).value
    except InputError as error:
        raise BadValue(error_text(error), param) from error


def _key_name(uri: str) -> str:
    """As ledger.adapters.passwords.key_name, which this room may not import."""
    return "-".join(Path(uri.removeprefix("file:")).parent.parts[-2:])
