"""Our scripts and sheets run in Chromium 86: office machines (UOS, Kylin) are not updated by themselves.

Scripts are parsed as ECMAScript 2020 by acorn; what parses but is not there yet (calls, selectors,
properties) is searched for by name. Vendored files are their makers' and are not read here.
"""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.interop.npm_packages import installed_packages
from tests.needs import ROOT, node_command

STATIC = ROOT / "web" / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
SHEETS = sorted(STATIC.glob("*.css"))
PARSE = """
import {parse} from "acorn";
import {readFileSync} from "node:fs";
for (const path of process.argv.slice(2)) {
    try {
        parse(readFileSync(path, "utf8"), {ecmaVersion: 2020, sourceType: "module"});
    } catch (problem) {
        console.log(path + ": " + problem.message);
    }
}
"""
# what came after Chromium 86, and with which version
LATER_CALLS = {
    r"\.at\(": 92,
    r"\bstructuredClone\(": 98,
    r"\bObject\.hasOwn\(": 93,
    r"\brandomUUID\(": 92,
    r"\.findLast(Index)?\(": 97,
    r"\.to(Sorted|Reversed|Spliced)\(": 110,
    r"\.checkVisibility\(": 105,
    r"\bAbortSignal\.(timeout|any)\(": 103,
    r"\.showPicker\(": 99,
    r"\bparse(Request|Creation)OptionsFromJSON\(": 129,
    r"\.(from|to)(Base64|Hex)\(": 140,
    r"\bArray\.fromAsync\(": 121,
    r"\bIntl\.Segmenter\b": 87,
}
LATER_STYLE = {
    r":has\(": 105,
    r":(is|where)\(": 88,
    r"(?<![-\w])inset(-block|-inline)?\s*:": 87,
    r"(?<![-\w])(margin|padding|border)-(block|inline)\s*:": 87,
    r"aspect-ratio\s*:": 88,
    r"::file-selector-button": 89,
    r"@(container|layer|scope|starting-style)\b": 99,
    r"color-mix\(": 111,
    r"accent-color\s*:": 93,
    r"\d(d|s|l)v[hw]\b": 108,
    r"text-wrap\s*:": 114,
    r"overflow(-x|-y)?\s*:\s*clip": 90,
    r"subgrid": 117,
    r"^\s*&": 112,
}


def without_comments(source):
    return re.sub(r"/\*.*?\*/", lambda found: re.sub(r"[^\n]", " ", found[0]), source, flags=re.DOTALL)


@pytest.mark.needs("node")
def test_scripts_parse_as_es2020():
    node = node_command()
    assert node is not None
    assert SCRIPTS
    folder = installed_packages()
    script = folder / "parse_es2020.mjs"
    script.write_text(PARSE, "utf-8")
    done = subprocess.run([*node, script, *SCRIPTS], capture_output=True, text=True, check=True)
    assert done.stdout == ""


@pytest.mark.parametrize(("files", "later"), [(SCRIPTS, LATER_CALLS), (SHEETS, LATER_STYLE)])
def test_nothing_is_used_that_came_later(files, later):
    assert files
    found = [
        f"{path.name}:{number}: {line.strip()[:60]} (Chromium {version})"
        for path in files
        for number, line in enumerate(without_comments(path.read_text("utf-8")).splitlines(), 1)
        for pattern, version in later.items()
        if re.search(pattern, line)
    ]
    assert found == []
