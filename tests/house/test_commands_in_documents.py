"""Every command line that a document shows is one that the program has, with options that it knows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from ledger.apps import cli
from tests.house.tree import fail_with, text_files

SPAN = re.compile(r"`(ecert [^`\n]+)`")
LINE = re.compile(r"^(?:\$ |ExecStart=\S*/)?(ecert .*)$")


def command_lines(text: str) -> Iterator[str]:
    """Those in code spans, and those that begin a line; prose behind two spaces does not belong to one."""
    joined = text.replace("\\\n", " ")
    yield from SPAN.findall(joined)
    in_block = False
    for line in joined.splitlines():
        if line.startswith("```"):
            in_block = not in_block
        elif in_block and (found := LINE.match(line.strip())):
            words = found.group(1)
            yield words if "--" in words.split("  ", 1)[-1] else words.split("  ", 1)[0]


def fault(line: str) -> str | None:
    """What the program would not understand; values and missing ones are not looked at."""
    words = shlex.split(line.replace("[OPTIONS]", "").replace("'", ""), comments=True)[1:]
    command: click.Command = cli.ROOT
    context = click.Context(command, None, "ecert")
    while True:
        is_group = isinstance(command, click.Group)
        parser = command.make_parser(context)
        parser.allow_interspersed_args = not is_group
        try:
            _, rest, _ = parser.parse_args(list(words))
        except click.UsageError as error:
            return error.format_message()
        if not isinstance(command, click.Group) or not rest:
            return f"too many words: {rest}" if rest else None
        child = command.get_command(context, rest[0])
        if child is None:
            return f"no command {rest[0]}"
        context, command, words = click.Context(child, context, rest[0]), child, rest[1:]


def test_every_command_line_of_a_document_is_understood() -> None:
    lines = [
        (where, line)
        for where, text in text_files()
        if where.endswith(".md") and (where.startswith("docs/") or where == "README.md")
        for line in command_lines(text)
    ]
    assert len(lines) > 40
    fail_with([f"{where}: {line}: {why}" for where, line in lines if (why := fault(line)) is not None])


@pytest.mark.parametrize(
    "line",
    [
        "ecert batch aprove 3",
        "ecert forget 3",
        "ecert issue --isuer USCC file.csv",
        "ecert init now",
        "ecert verify a.json --trust",
        "ecert --hom x verify",
    ],
)
def test_a_wrong_one_is_found(line: str) -> None:
    assert fault(line) is not None
    assert list(command_lines(f"Run `{line}`, then wait.")) == [line]


def test_the_pages_say_what_is_there_and_what_is_not() -> None:
    texts = dict(text_files())
    assert (
        "`APPROVAL_EXPIRED`\nis asked again with `ecert batch ask-again`"
        in texts["docs/operations/running.md"]
    )
    assert "`ecert erase" in texts["docs/operations/running.md"]
    assert "../shared" in texts["README.md"]
    assert "../shared" in texts[".ci/run"]
