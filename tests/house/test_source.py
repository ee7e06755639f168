"""Rules about our own source: where the world may be touched, sizes, errors, patches, marks."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.tree import ROOT, Module, fail_with, modules, text_files

MAX_FUNCTION_LINES = 80
MAX_FILE_LINES = 600
ERROR_CLASSES = frozenset(
    {"LedgerError", "InputError", "RefusedError", "NotFoundError", "ConflictError", "UnavailableError"}
)
UPPER_SNAKE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*\Z")

# Calls that touch the world, and the only places for them.
WORLD_CALLS = {
    "clock": re.compile(
        r"(time\.(time|time_ns|monotonic|monotonic_ns|perf_counter|sleep|localtime|gmtime)|datetime\.(datetime\.)?(now|utcnow|today)|date\.today)\Z"
    ),
    "environment": re.compile(r"os\.(environ|getenv|putenv|environb)\b"),
    "randomness": re.compile(r"(secrets\.(?!compare_digest)\w+|random\.\w+|os\.urandom|uuid\.uuid[14])\Z"),
    "network": re.compile(r"(socket\.\w+|urllib\.request\.\w+|http\.client\.\w+|requests\.\w+)\Z"),
}
PLACES = {
    "clock": ("ledger/adapters/",),
    "environment": ("ledger/settings.py",),
    "randomness": ("ledger/adapters/",),
    "network": ("ledger/adapters/", "ledger/apps/serve.py", "ledger/apps/cli_serve.py"),
}
BARE_NAMES = {
    "clock": {"time": {"time", "monotonic", "sleep", "perf_counter"}},
    "randomness": {"secrets": None, "random": None, "os": {"urandom"}, "uuid": {"uuid1", "uuid4"}},
    "environment": {"os": {"environ", "getenv"}},
}
# Process edges: the only places where anything at all may be caught, each time with a comment.
EDGES = ("ledger/apps/", "ledger/adapters/pdf_reader_child.py", "web/problems.py")


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("kind", sorted(WORLD_CALLS))
def test_the_world_is_touched_only_in_its_places(kind):
    problems = []
    for module in modules("ledger", "web"):
        if module.where.startswith(PLACES[kind]):
            continue
        for node in module.nodes:
            if isinstance(node, ast.Attribute) and WORLD_CALLS[kind].match(dotted(node)):
                problems.append(f"{module.where}:{node.lineno}: {dotted(node)} ({kind}); ask a port")
            if isinstance(node, ast.ImportFrom) and node.module in BARE_NAMES.get(kind, {}):
                names = BARE_NAMES[kind][node.module]
                taken = [alias.name for alias in node.names if names is None or alias.name in names]
                problems += [
                    f"{module.where}:{node.lineno}: {node.module}.{name} ({kind})"
                    for name in taken
                    if name != "compare_digest"
                ]
    fail_with(problems)


def functions(module: Module):
    return (node for node in module.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_functions_and_files_fit():
    problems = []
    for module in modules("ledger", "web", "scripts", "tests"):
        if len(module.lines) > MAX_FILE_LINES:
            problems.append(f"{module.where}: {len(module.lines)} lines, {MAX_FILE_LINES} at most")
        for node in functions(module):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                problems.append(
                    f"{module.where}:{node.lineno}: {node.name} has {length} lines, {MAX_FUNCTION_LINES} at most"
                )
    for where, text in text_files():
        if where.startswith("contracts/") and where.endswith(".sol") and text.count("\n") > MAX_FILE_LINES:
            problems.append(f"{where}: {text.count(chr(10))} lines, {MAX_FILE_LINES} at most")
    fail_with(problems)


def test_median_sizes_stay_small():
    sizes = sorted(len(module.lines) for module in modules("ledger", "web") if len(module.lines) > 5)
    lengths = sorted(
        (node.end_lineno or 0) - node.lineno + 1
        for module in modules("ledger", "web")
        for node in functions(module)
    )
    assert sizes[len(sizes) // 2] <= 300, "median file"
    assert lengths[len(lengths) // 2] <= 20, "median function"
    assert lengths[len(lengths) * 9 // 10] <= 50, "nine functions in ten"


def test_nothing_is_swallowed():
    problems = []
    for module in modules("ledger", "web", "scripts", "tests"):
        for node in module.nodes:
            if not isinstance(node, ast.ExceptHandler):
                continue
            where = f"{module.where}:{node.lineno}"
            if node.type is None:
                problems.append(f"{where}: bare except")
                continue
            caught = {
                dotted(part).rpartition(".")[2]
                for part in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type])
            }
            if caught & {"Exception", "BaseException"}:
                if isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None:
                    continue  # tidies up and passes it on
                near = module.lines[max(0, node.lineno - 2) : node.lineno + 1]
                if module.where.startswith(("ledger/", "web/")) and not module.where.startswith(EDGES):
                    problems.append(f"{where}: catches everything away from the edge of a process")
                elif not any("#" in line for line in near):
                    problems.append(f"{where}: catches everything without a comment that says why")
            if (
                len(node.body) == 1
                and isinstance(node.body[0], ast.Pass)
                and not any("#" in line for line in module.lines[node.lineno - 1 : node.end_lineno])
            ):
                problems.append(f"{where}: swallows {caught} without a comment (or contextlib.suppress)")
    fail_with(problems)


def test_error_codes_are_stable_strings():
    problems = []
    for module in modules("ledger", "web"):
        for node in module.nodes:
            if (
                isinstance(node, ast.Call)
                and dotted(node.func).rpartition(".")[2] in ERROR_CLASSES
                and node.args
            ):
                code = node.args[0]
                if (
                    isinstance(code, ast.Constant)
                    and isinstance(code.value, str)
                    and not UPPER_SNAKE.match(code.value)
                ):
                    problems.append(f"{module.where}:{node.lineno}: {code.value!r} is no UPPER_SNAKE code")
                if isinstance(code, ast.JoinedStr):
                    problems.append(
                        f"{module.where}:{node.lineno}: a code is written out, so that a search finds it"
                    )
    fail_with(problems)


def test_patches_say_why():
    calls = re.compile(r"(mock\.)?patch(\.\w+)?\Z|(mocker|monkeypatch)\.(patch|setattr|setitem|delattr)\b.*")
    problems, patches, tests = [], 0, 0
    for module in modules("tests"):
        for node in module.nodes:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                tests += 1
            if (
                isinstance(node, ast.Call)
                and calls.match(dotted(node.func))
                and not dotted(node.func).startswith("subprocess")
            ):
                patches += 1
                if "# reason:" not in module.lines[node.lineno - 2]:
                    problems.append(
                        f"{module.where}:{node.lineno}: {dotted(node.func)} without '# reason: …' in the line above; prefer a fake"
                    )
    fail_with(problems)
    assert patches <= 0.05 * tests


def test_no_test_hides_behind_a_skip():
    hiding = re.compile(r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)\b|unittest\.skip")
    problems = [
        f"{module.where}:{number}: {line.strip()}; use pytest.mark.needs"
        for module in modules("tests")
        if module.where not in {"tests/house/test_source.py", "tests/house/test_not_run.py"}
        for number, line in enumerate(module.lines, 1)
        if hiding.search(line.split("#")[0])
    ]
    fail_with(problems)


def test_every_test_can_fail():
    """A test without an assertion, a raise or a call of a checking helper proves nothing."""
    problems = []
    for module in modules("tests"):
        for node in functions(module):
            if not node.name.startswith("test_"):
                continue
            body = list(ast.walk(node))
            asserts = any(isinstance(part, ast.Assert | ast.Raise | ast.With) for part in body)
            helpers = any(isinstance(part, ast.Call) for part in body)
            if not asserts and not helpers:
                problems.append(f"{module.where}:{node.lineno}: {node.name} cannot fail")
            problems += [
                f"{module.where}:{part.lineno}: asserts a constant"
                for part in body
                if isinstance(part, ast.Assert) and isinstance(part.test, ast.Constant) and part.test.value
            ]
    fail_with(problems)


def test_nothing_is_unfinished():
    marks = re.compile(
        r"\b("
        + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"])
        + r")\b|Not"
        + r"Implemented(Error)?\b|pass\s*#\s*stub"
    )
    problems = []
    for where, text in text_files():
        if where.startswith(("contracts/artifacts/", "tests/vectors/")) or where.endswith(
            (".lock", "package-lock.json", ".svg")
        ):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            found = marks.search(line)
            if found and "return NotImplemented" not in line:
                problems.append(f"{where}:{number}: {found[0]}")
    fail_with(problems)


def test_no_rooms_for_odds_and_ends():
    names = {"utils", "util", "helpers", "helper", "misc", "common", "manager"}
    fail_with([module.where for module in modules("ledger", "web", "scripts") if module.path.stem in names])


def test_every_module_says_what_it_is():
    fail_with(
        [
            f"{module.where}: no docstring"
            for module in modules("ledger", "web")
            if module.lines and not ast.get_docstring(module.tree)
        ]
    )


def test_each_noqa_and_ignore_names_its_rule():
    loose = re.compile(r"#\s*(noqa(?!:)|type:\s*ignore(?!\[)|pragma: no cover)")
    problems = [
        f"{module.where}:{number}: {line.strip()}"
        for module in modules("ledger", "web", "scripts", "tests")
        if module.where != "tests/house/test_source.py"
        for number, line in enumerate(module.lines, 1)
        if loose.search(line)
    ]
    fail_with(problems)


def test_every_exception_of_the_linter_has_a_reason():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text[text.index("ignore = [") : text.index("[tool.ruff.lint.pydocstyle]")]
    problems = [line for line in block.splitlines() if re.match(r'\s+"[A-Z]+\d*",', line) and "#" not in line]
    fail_with(problems)
