"""Plays transcripts: `$ command`, then what it prints; `…` stands for anything, `[exit N]` for its code."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tests.cli.nursery import NURSERY
from tests.cli.nursery import ROOT as ROOT

STARTER = "import sys; from ledger.apps.cli import main; main(sys.argv[1:])"
PATIENCE_S = 240.0
EXIT = re.compile(r"^\[exit (\d+)\]$")


@dataclass(frozen=True)
class Ran:
    """What a command line printed."""

    code: int
    out: str
    err: str


def schema(name: str) -> Any:
    """The documented shape of a command's JSON; `report` is that of `ecert verify`."""
    folder = ROOT / "docs" if name == "report" else ROOT / "docs" / "cli"
    return json.loads((folder / f"{name}.schema.json").read_text(encoding="utf-8"))


def ecert(*argv: str, home: Path | None = None, **environ: str) -> Ran:
    """Run the program as a user would, in a process of its own."""
    known = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "ECERT_LANG": "zh", "PYTHONUTF8": "1"}
    if home is not None:
        known["ECERT_HOME"] = str(home)
    with TemporaryFile("w+", encoding="utf-8") as out, TemporaryFile("w+", encoding="utf-8") as err:
        child = NURSERY.start(argv, {**known, **environ}, out, err)
        try:
            code = child.wait(PATIENCE_S)
        finally:
            child.kill()
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read())
    return Ran(code, *said)


def play(path: Path, values: Mapping[str, str], home: Path | None) -> None:
    """Run every command of a story and compare what it prints, line by line."""
    text = path.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    for block in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
        if block.startswith("$ "):
            _play_one(path.name, block, home)


def _play_one(story: str, block: str, home: Path | None) -> None:
    line, _, expected = block.partition("\n")
    words = shlex.split(line.removeprefix("$ "))
    assert words[0] == "ecert", line
    wanted_code, wanted = 0, []
    for row in expected.rstrip("\n").splitlines():
        code = EXIT.match(row)
        if code:
            wanted_code = int(code.group(1))
        elif not row.startswith("#"):
            wanted.append(row)
    ran = ecert(*words[1:], home=home)
    shown = (ran.out + ran.err).rstrip("\n")
    pattern = re.escape("\n".join(wanted)).replace("…", "(?s:.*?)")
    assert re.fullmatch(pattern, shown), (
        f"{story}: {line}\n--- wanted\n{chr(10).join(wanted)}\n--- shown\n{shown}"
    )
    assert ran.code == wanted_code, f"{story}: {line}: exit {ran.code}\n{shown}"
