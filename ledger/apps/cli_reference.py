"""docs/cli.md out of the commands themselves; `scripts/docs_cli` writes it, a test compares."""

from __future__ import annotations

from collections.abc import Iterator

import click

from ledger.apps.cli import ROOT
from ledger.apps.cli_frame import LANGUAGE, Bilingual, BilingualGroup, Option
from ledger.settings import Language

HEAD = """# Command line

Made by `scripts/docs_cli` from the commands; do not edit. Every command takes `--home DIR`, `--json`,
`--lang zh|en`, `--debug` and `--help`.

Exit codes: `verify` 0 accepted, 1 refused, 2 unreadable or wrong usage, 3 cannot tell (several files: the
worst, refused before unreadable before cannot-tell). Every other command 0 done, 1 not done or something
is wrong, 2 wrong usage (also a type, agency or key that is not there) or unreadable input. Any command 70
an error in the program itself: one sentence with its kind and place, the traceback only with `--debug` or
`ECERT_DEBUG=1`.

With `--json` the result is one JSON object on standard output; an error is
`{"error": {"code", "message": {"zh", "en"}, "detail"}}`. The shapes are in `docs/cli/*.schema.json`.
"""
COMMON = ("home", "as_json", "json", "lang", "debug", "help")


def reference() -> str:
    """The whole page."""
    return HEAD + "".join(_group(ROOT, "ecert"))


def _group(group: BilingualGroup, path: str) -> Iterator[str]:
    ctx = click.Context(group, info_name=path)
    for name in group.list_commands(ctx):
        member = group.get_command(ctx, name)
        if isinstance(member, BilingualGroup):
            yield f"\n## {path} {name}\n\n{_texts(member)}"
            yield from _group(member, f"{path} {name}")
        elif isinstance(member, Bilingual):
            yield from _command(member, f"{path} {name}")


def _command(found: Bilingual, path: str) -> Iterator[str]:
    ctx = click.Context(found, info_name=path)
    yield f"\n### {path}\n\n{_texts(found)}"
    usage = " ".join(found.collect_usage_pieces(ctx))
    yield f"\n```\n{path} {usage}\n```\n"
    options = [param for param in found.params if isinstance(param, Option) and param.name not in COMMON]
    if options:
        yield "\n| option | 说明 | meaning |\n|---|---|---|\n"
        for option in options:
            names, _ = option.get_help_record(ctx) or ("", "")
            text = option.text
            zh, en = ("", "") if text is None else (text.zh, text.en)
            shown = names.replace("|", "\\|")
            yield f"| `{shown}` | {zh} | {en} |\n"
    if found.examples:
        yield "\n```sh\n" + "\n".join(found.examples) + "\n```\n"


def _texts(found: Bilingual) -> str:
    return f"{found.text.zh}\n\n{found.text.en}\n"


def in_language(language: Language, group: BilingualGroup = ROOT) -> Iterator[tuple[str, str]]:
    """(command path, help text) of every command in one language."""
    token = LANGUAGE.set(language)
    try:
        yield from _helps(group, "ecert")
    finally:
        LANGUAGE.reset(token)


def _helps(group: BilingualGroup, path: str) -> Iterator[tuple[str, str]]:
    ctx = click.Context(group, info_name=path)
    yield path, group.get_help(ctx)
    for name in group.list_commands(ctx):
        member = group.get_command(ctx, name)
        if isinstance(member, BilingualGroup):
            yield from _helps(member, f"{path} {name}")
        elif member is not None:
            yield f"{path} {name}", member.get_help(click.Context(member, info_name=f"{path} {name}"))
