"""The tracked files of this project as the house rules see them."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """One Python file: dotted name, text, syntax tree."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def where(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @functools.cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree: a dozen rules look through them all."""
        return tuple(ast.walk(self.tree))


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that git has or would add; without git (an unpacked archive) every file outside hidden folders."""
    asked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if asked.returncode == 0:
        names = asked.stdout.decode().split("\0")
        return tuple(path for name in sorted(set(names)) if name and (path := ROOT / name).is_file())
    skipped = {"__pycache__", "node_modules"}
    return tuple(
        path
        for path in sorted(ROOT.rglob("*"))
        if path.is_file()
        and not any(
            (part.startswith(".") and part != ".ci") or part in skipped
            for part in path.relative_to(ROOT).parts
        )
    )


@functools.cache
def text_files() -> tuple[tuple[str, str], ...]:
    """(path from the root, text) of every tracked file that is text."""
    found = []
    for path in tracked_files():
        try:
            found.append((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return tuple(found)


@functools.cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Python files below these top folders (all of them when none is named)."""
    return tuple(
        module
        for module in _all_modules()
        if not folders or module.path.relative_to(ROOT).parts[0] in folders
    )


@functools.cache
def _all_modules() -> tuple[Module, ...]:
    found = []
    for path in tracked_files():
        parts = path.relative_to(ROOT).parts
        text = None
        if path.suffix == ".py":
            text = path.read_text(encoding="utf-8")
        elif parts[0] == "scripts" and not path.suffix:
            text = path.read_text(encoding="utf-8")
            text = text if text.startswith("#!") and "python" in text.splitlines()[0] else None
        if text is None:
            continue
        names = [*parts[:-1], path.stem]
        if names[-1] == "__init__":
            names.pop()
        found.append(Module(".".join(names), path, text, ast.parse(text)))
    return tuple(found)


def imported_names(module: Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported anywhere in a file, TYPE_CHECKING and functions included."""
    package = module.name if module.path.name == "__init__.py" else module.name.rpartition(".")[0]
    for node in module.nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base]).strip(".")
            yield node.lineno, base
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def documents() -> str:
    """All words of docs/**/*.md and the README together."""
    return "\n".join(
        text
        for where, text in text_files()
        if where.endswith(".md") and (where.startswith("docs/") or "/" not in where)
    )


def fail_with(problems: list[str]) -> None:
    """Fail with one line per problem."""
    assert not problems, "\n" + "\n".join(problems)
