"""Documents that cannot rot: every public name is in them, generated pages are fresh, their code runs."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import re
import resource
import subprocess
import sys

import pytest

import ledger.ports
from ledger.core.checks.codes import Code
from ledger.core.report import CheckId
from ledger.settings import Settings
from tests.house.tree import ROOT, documents, fail_with, modules, text_files


def named(word: str, text: str) -> bool:
    return re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", text) is not None


def test_reference_page_is_fresh():
    done = subprocess.run(
        [sys.executable, "scripts/docs", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_check_and_code_is_documented():
    text = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    fail_with([f"docs/checks.md lacks {name}" for name in (*Code, *CheckId) if not named(str(name), text)])


def test_every_setting_is_documented():
    text = documents()
    variables = set(
        re.findall(
            r'"(ECERT_[A-Z_]+|CREDENTIALS_DIRECTORY)"',
            (ROOT / "ledger" / "settings.py").read_text(encoding="utf-8"),
        )
    )
    assert len(variables) >= 4
    assert len(dataclasses.fields(Settings)) >= len(variables) - 1
    fail_with([f"no document names {name}" for name in variables if not named(name, text)])


def test_every_error_code_is_documented():
    text = documents()
    classes = {"InputError", "RefusedError", "NotFoundError", "ConflictError", "UnavailableError"}
    codes = {
        node.args[0].value
        for module in modules("ledger", "web")
        for node in module.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in classes
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(codes) > 100
    words = set(re.findall(r"\w+", text))
    fail_with([f"no document names {code}" for code in sorted(map(str, codes)) if code not in words])


def test_every_command_and_option_is_documented():
    import click

    from ledger.apps import cli

    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    problems: list[str] = []

    def visit(command: click.Command, path: str, context: click.Context) -> None:
        if not named(path, text):
            problems.append(f"docs/cli.md lacks `{path}`")
        for parameter in command.params:
            problems.extend(
                f"docs/cli.md lacks {path} {option}"
                for option in parameter.opts
                if option.startswith("--") and option not in text
            )
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                visit(child, f"{path} {name}", click.Context(child, context, name))

    visit(cli.ROOT, "ecert", click.Context(cli.ROOT, None, "ecert"))
    fail_with(problems)


def test_help_comes_at_once():
    """Under half a second of processor time: what a person waits for on a machine that is not busy."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-c", "from ledger.apps.cli import main; main(['--help'])"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0, done.stderr
        assert "verify" in done.stdout
    assert 0 < min(spent) < 0.5


def test_links_between_documents_lead_somewhere():
    problems = []
    for where, text in text_files():
        if not where.endswith(".md"):
            continue
        problems += [
            f"{where}: {target} is not there"
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
            if "://" not in target and not (ROOT / where).parent.joinpath(target).exists()
        ]
    fail_with(problems)


def test_decisions_have_their_four_parts():
    problems = []
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert len(records) >= 8
    for number, path in enumerate(records, 1):
        text = path.read_text(encoding="utf-8")
        if int(path.name[:4]) != number:
            problems.append(f"{path.name}: number {number} expected")
        problems += [
            f"{path.name}: no part {part!r}"
            for part in ("Context", "Options", "Choice", "What we lose")
            if f"## {part}" not in text
        ]
    fail_with(problems)


def test_every_port_has_two_implementations():
    """A class of ledger/adapters (or a fake of tests/) that has every method of the port."""
    ports = [
        port
        for _, port in inspect.getmembers(ledger.ports, inspect.isclass)
        if port.__module__.startswith("ledger.ports") and getattr(port, "_is_protocol", False)
    ]
    assert len(ports) >= 6
    classes = {}
    for module in modules("ledger", "tests"):
        for node in module.nodes:
            if isinstance(node, ast.ClassDef) and module.name not in {"ledger.ports", "ledger.core.schema"}:
                names = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                names |= {
                    target.id
                    for part in node.body
                    if isinstance(part, ast.Assign)
                    for target in part.targets
                    if isinstance(target, ast.Name)
                }
                names |= {
                    part.target.id
                    for part in node.body
                    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
                }
                names |= {
                    target.attr
                    for part in ast.walk(node)
                    if isinstance(part, ast.Assign | ast.AnnAssign)
                    for target in (part.targets if isinstance(part, ast.Assign) else [part.target])
                    if isinstance(target, ast.Attribute)
                    and isinstance(target.value, ast.Name)
                    and target.value.id == "self"
                }
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                classes[(module.where, node.name)] = (names, bases)

    by_name: dict[str, list[tuple[str, str]]] = {}
    for key in classes:
        by_name.setdefault(key[1], []).append(key)

    @functools.cache
    def members(key: tuple[str, str]) -> frozenset[str]:
        names, bases = classes[key]
        inherited = [members(other) for base in bases for other in by_name.get(base, []) if other != key]
        return frozenset(names).union(*inherited)

    problems = []
    for port in ports:
        wanted = {
            name for name in vars(port) if not name.startswith("_") and not name.startswith("abc")
        } | set(getattr(port, "__annotations__", {}))
        found = [key for key in classes if wanted and wanted <= members(key)]
        if len(found) < 2:
            problems.append(f"{port.__name__}: {found}")
    fail_with(problems)


def test_every_route_has_an_access_decision_and_typed_parameters():
    from tests.web_world import ScriptedServices
    from web import WebSettings, create_app

    app = create_app(WebSettings("demo"), ScriptedServices())
    problems = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue  # Flask's own: files of web/static, public
        if not getattr(app.view_functions[rule.endpoint], "access", None):
            problems.append(f"{rule.rule}: who may call it?")
        problems += [
            f"{rule.rule}: <{name}> has no type" for name in rule.arguments if f":{name}>" not in rule.rule
        ]
        words = re.sub(r"<[^>]*>", "", rule.rule)  # parameters have Python's names
        if words != words.lower() or "_" in words:
            problems.append(f"{rule.rule}: addresses are kebab-case")
    fail_with(problems)


def test_addresses_stay_where_they_are():
    """Each address that was ever published; one may only go with a redirect in its place."""
    from tests.web_world import ScriptedServices
    from web import WebSettings, create_app

    published = {
        ("/", "GET"),
        ("/verify", "POST"),
        ("/healthz", "GET"),
        ("/status/<string:ledger>/<int:number>", "GET"),
    }
    app = create_app(WebSettings("demo"), ScriptedServices())
    there = {(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods or ()}
    assert published <= there


@pytest.mark.parametrize("word", ["scripts/run", "scripts/test"])
def test_readme_names_the_two_commands(word):
    assert word in (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_example_has_five_lines_and_is_python():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 1
    lines = [line for line in blocks[0].splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) == 5
    ast.parse(blocks[0])  # tests/integration/test_readme.py runs it
