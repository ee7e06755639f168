"""What went wrong, in words: where, what, what to do. Texts by code are in cli_texts."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ledger.apps.cli_frame import Text
from ledger.apps.cli_texts import ERRORS
from ledger.core.errors import LedgerError
from ledger.core.row_messages import ROW_MESSAGES

INTERRUPTED = Text(
    "已中断。已写入的内容不会丢失,重新运行同一命令即可继续。",
    "Interrupted. Nothing that was written is lost; run the same command again to continue.",
)
INTERNAL = Text(
    "程序内部错误:{kind},位置 {place}。这是程序的缺陷,不是您的错误;已写入的内容不会丢失。"
    "请把这一行和所用命令报告给维护者;加 --debug 可显示详情。",
    "Internal error: {kind} at {place}. This is a fault of the program, not yours; nothing that was written is "
    "lost. Report this line and the command to the maintainers; --debug shows more.",
)
UNTRANSLATED = Text("出错({code}):{message}", "{message} ({code})")
SEE_HELP = Text("查看用法:{command} --help", "See: {command} --help")


class BadValue(click.BadParameter):
    """A parameter that one of our own checks refused, with its sentence in both languages."""

    def __init__(self, text: Text, param: click.Parameter) -> None:
        super().__init__(text.en, param=param)
        self.text = text


def error_text(error: LedgerError) -> Text:
    """Both languages of an error; codes without a text show the error's own English sentence."""
    found = ERRORS.get(error.code)
    if found is None and error.code in ROW_MESSAGES:
        zh, en = ROW_MESSAGES[error.code]
        return Text(f"{zh}。{_where(error)}", f"{en}. {_where(error)}".strip())
    if found is None:
        return UNTRANSLATED.format(code=error.code, message=error.message)
    values: dict[str, Any] = {"message": error.message, "code": error.code, **error.detail}
    try:
        return Text(found.zh.format(**_joined(values, "、")), found.en.format(**_joined(values, ", ")))
    except (KeyError, IndexError):
        # the same code may be raised with other details elsewhere
        return UNTRANSLATED.format(code=error.code, message=error.message)


def _joined(values: Mapping[str, Any], comma: str) -> dict[str, Any]:
    """The values with lists written as people write them."""
    return {
        name: comma.join(str(each) for each in value) if isinstance(value, list | tuple) else value
        for name, value in values.items()
    }


def _where(error: LedgerError) -> str:
    """Row or byte of a file error, as far as the reader knew."""
    return " ".join(f"{name}={error.detail[name]}" for name in ("row", "byte") if name in error.detail)


def error_json(error: LedgerError) -> dict[str, Any]:
    """The shape that every command prints under --json when it fails."""
    return {
        "error": {
            "code": error.code,
            "message": error_text(error).to_json(),
            "detail": {name: _plain(value) for name, value in error.detail.items()},
        }
    }


def show_ledger_error(error: LedgerError, *, as_json: bool) -> None:
    """Print an error of the ledger."""
    if as_json:
        click.echo(json.dumps(error_json(error), ensure_ascii=False, indent=2))
        return
    label = Text("错误", "Error")
    click.echo(f"{label} [{error.code}] {error_text(error)}", err=True)


def show_internal_error(error: Exception, *, as_json: bool, debug: bool) -> None:
    """One sentence about a fault of the program itself.

    The error's own message is left to --debug: it may repeat a value of somebody's row.
    """
    kind, place = type(error).__name__, _place(error)
    text = INTERNAL.format(kind=kind, place=place)
    if debug:
        click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    if as_json:
        detail = {"type": kind, "place": place}
        value = {"error": {"code": "INTERNAL", "message": text.to_json(), "detail": detail}}
        click.echo(json.dumps(value, ensure_ascii=False, indent=2))
        return
    click.echo(str(text), err=True)


def _place(error: Exception) -> str:
    """File and line of our own code that were reached last; of any code when ours was not."""
    root = Path(__file__).resolve().parents[2]
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(root / "ledger")]
    if not own:
        return "?" if not frames else f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return f"{Path(own[-1].filename).relative_to(root).as_posix()}:{own[-1].lineno}"


def show_usage_error(error: click.ClickException, *, as_json: bool) -> None:
    """Print what was wrong with the command line, and where its help is."""
    text = _usage_text(error)
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if as_json:
        value = {"error": {"code": "USAGE", "message": text.to_json(), "detail": {}}}
        click.echo(json.dumps(value, ensure_ascii=False, indent=2))
        return
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return
    click.echo(f"{Text('用法错误:', 'Usage error: ')}{text}", err=True)
    if ctx is not None:
        click.echo(str(SEE_HELP.format(command=ctx.command_path)), err=True)


def _usage_text(error: click.ClickException) -> Text:
    english = error.format_message()
    if isinstance(error, BadValue):
        return Text(f"参数 {_hint(error)} 的值不对:{error.text.zh}", english)
    if isinstance(error, click.exceptions.NoSuchOption):
        return Text(f"没有选项 {error.option_name}。", english)
    if isinstance(error, click.exceptions.MissingParameter):
        return Text(f"缺少参数 {_hint(error)}。", english)
    if isinstance(error, click.BadParameter):
        return Text(f"参数 {_hint(error)} 的值不对:{error.message}", english)
    if isinstance(error, click.exceptions.NoSuchCommand):
        return Text(f"没有命令 {error.command_name}。", english)
    if isinstance(error, click.exceptions.BadOptionUsage):
        return Text(f"选项 {error.option_name} 用法不对:{english}", english)
    return Text(f"{english}", english)


def _hint(error: click.BadParameter) -> str:
    if error.param is not None:
        return error.param.get_error_hint(error.ctx).replace("'", "")
    hint = error.param_hint
    return hint if isinstance(hint, str) else ""


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
