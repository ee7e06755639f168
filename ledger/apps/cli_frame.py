"""What every `ecert` command shares: two languages, output for people and machines, the session.

Texts are `Text(zh, en)` pairs chosen when they are shown, so one command object serves both
languages. JSON output is one object on one standard-output document; progress and remarks go to
standard error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import click

from ledger.settings import Language, Settings

LANGUAGE: ContextVar[Language] = ContextVar("ecert_language", default="zh")


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages of the interface."""

    zh: str
    en: str

    def __str__(self) -> str:
        return self.zh if LANGUAGE.get() == "zh" else self.en

    def format(self, **values: object) -> Text:
        """Both languages with the same values filled in."""
        return Text(self.zh.format(**values), self.en.format(**values))

    def to_json(self) -> dict[str, str]:
        return {"zh": self.zh, "en": self.en}


USAGE = Text("用法:", "Usage:")
OPTIONS = Text("选项", "Options")
COMMANDS = Text("命令", "Commands")
EXAMPLES = Text("示例", "Examples")
HELP_OF_HELP = Text("显示本帮助。", "Show this help.")
REQUIRED = Text("必填", "required")


class Option(click.Option):
    """An option whose help has two languages."""

    def __init__(self, *args: Any, text: Text | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.text = text

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        if self.hidden:
            return None
        spec = self.get_help_spec(ctx)
        help_text = str(self.text) if self.text else ""
        if self.required:
            help_text += f"  [{REQUIRED}]"
        return spec, help_text


class Bilingual(click.Command):
    """A command that explains itself in the chosen language, with examples.

    Args:
        text: what the command does; the first sentence is its short help.
        examples: command lines, shown below the options; each starts with `ecert`.
    """

    def __init__(
        self,
        *args: Any,
        text: Text = Text("", ""),
        examples: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.text = text
        self.examples = tuple(examples)

    def get_short_help_str(self, limit: int = 45) -> str:
        del limit  # the first line is written to be short
        return str(self.text).split("\n", 1)[0]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = self.collect_usage_pieces(ctx)
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix=f"{USAGE} ")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        formatter.write("\n")
        for line in str(self.text).splitlines():
            formatter.write(f"  {line}\n" if line else "\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None or isinstance(param, click.Argument):
                continue
            is_help = not isinstance(param, Option)
            records.append((record[0], str(HELP_OF_HELP)) if is_help else record)
        with formatter.section(str(OPTIONS)):
            formatter.write_dl(records)
        if isinstance(self, click.Group):
            self._format_commands(ctx, formatter)

    def _format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        raise RuntimeError("only groups list commands")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        if self.examples:
            with formatter.section(str(EXAMPLES)):
                for example in self.examples:
                    formatter.write(f"  {example}\n")


class BilingualGroup(Bilingual, click.Group):
    """A group whose members may be loaded when first used.

    Args:
        lazy: command name → (short text, "module:attribute"); listing commands imports nothing.
    """

    def __init__(
        self,
        *args: Any,
        lazy: Mapping[str, tuple[Text, Callable[[], click.Command]]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [*self.lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.lazy:
            return self.lazy[cmd_name][1]()
        return super().get_command(ctx, cmd_name)

    def _format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            if name in self.lazy:
                rows.append((name, str(self.lazy[name][0])))
                continue
            command = self.commands[name]
            if not command.hidden:
                rows.append((name, command.get_short_help_str()))
        if rows:
            with formatter.section(str(COMMANDS)):
                formatter.write_dl(rows)


@dataclass(slots=True)
class Session:
    """One run of the program: settings, output form, and the exit code it will end with.

    Args:
        settings: already with `--home` and `--lang` applied.
        as_json: machine-readable output was asked for.
    """

    settings: Settings
    as_json: bool = False
    exit_code: int = 0
    notes: list[Text] = field(default_factory=list)

    def show(self, text: Text | str) -> None:
        """A line for a person; silent in JSON mode."""
        if not self.as_json:
            click.echo(str(text))

    def remark(self, text: Text | str) -> None:
        """A line beside the result, on standard error, in both modes."""
        click.echo(str(text), err=True)

    def emit(self, value: Mapping[str, Any]) -> None:
        """The result for a machine; silent for people."""
        if self.as_json:
            click.echo(json.dumps(value, ensure_ascii=False, indent=2))

    def table(self, header: Sequence[Text], rows: Sequence[Sequence[object]]) -> None:
        """Columns for a person, Chinese characters counted as two cells."""
        if self.as_json:
            return
        cells = [[str(text) for text in header], *[[str(cell) for cell in row] for row in rows]]
        widths = [max(_cell_width(row[i]) for row in cells) for i in range(len(header))]
        for row in cells:
            padded = (cell + " " * (widths[i] - _cell_width(cell)) for i, cell in enumerate(row))
            click.echo("  ".join(padded).rstrip())


def _cell_width(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _set_home(ctx: click.Context, _param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        session = ctx.ensure_object(Session)
        session.settings = replace(session.settings, home=value.absolute())


def _set_json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if value:
        ctx.ensure_object(Session).as_json = True


def _set_language(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        language: Language = "zh" if value == "zh" else "en"
        session = ctx.ensure_object(Session)
        session.settings = replace(session.settings, language=language)


def _set_debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if value:
        session = ctx.ensure_object(Session)
        session.settings = replace(session.settings, debug=True)


def common_options() -> list[click.Parameter]:
    """`--home`, `--json`, `--lang`, `--debug`: the same on every command."""
    return [
        Option(
            ["--home"],
            type=click.Path(path_type=Path),
            expose_value=False,
            callback=_set_home,
            metavar="DIR",
            text=Text("数据目录(默认 ECERT_HOME)。", "Data directory (default: ECERT_HOME)."),
        ),
        Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=_set_json,
            text=Text("输出 JSON,供程序读取。", "Print JSON for programs."),
        ),
        Option(
            ["--lang"],
            type=click.Choice(["zh", "en"]),
            expose_value=False,
            is_eager=True,
            callback=_set_language,
            text=Text(
                "界面语言(默认 ECERT_LANG 或系统语言)。",
                "Language of texts (default: ECERT_LANG or the locale).",
            ),
        ),
        Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            callback=_set_debug,
            text=Text(
                "程序内部出错时显示调用栈(可能含个人信息)。",
                "Show the traceback of an internal error (may hold personal data).",
            ),
        ),
    ]


def command(
    name: str,
    text: Text,
    *,
    params: Sequence[click.Parameter] = (),
    examples: Sequence[str] = (),
) -> Callable[[Callable[..., None]], Bilingual]:
    """A command made of a function `f(session, **params)`."""

    def decorate(function: Callable[..., None]) -> Bilingual:
        def run(**values: Any) -> None:
            session = click.get_current_context().find_object(Session)
            if session is None:
                raise RuntimeError("commands run under main(), which makes the session")
            function(session, **values)

        return Bilingual(
            name,
            callback=run,
            params=[*params, *common_options()],
            text=text,
            examples=examples,
        )

    return decorate
