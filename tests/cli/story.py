"""Plays transcripts: `$ command`, then what it prints; `…` stands for anything, `[exit N]` for its code."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
STARTER = "import sys; from ledger.apps.cli import main; main(sys.argv[1:])"
EXIT = re.compile(r"^\[exit (\d+)\]$")


@dataclass(frozen=True)
class Ran:
    """What a command line printed."""

    code: int
    out: str
    err: str


def ecert(*argv: str, home: Path | None = None, **environ: str) -> Ran:
    """Run the program as a user would, in a process of its own."""
    known = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "ECERT_LANG": "zh", "PYTHONUTF8": "1"}
    if home is not None:
        known["ECERT_HOME"] = str(home)
    done = subprocess.run(
        [sys.executable, "-c", STARTER, *argv],
        cwd=ROOT,
        env={**known, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        stdin=subprocess.DEVNULL,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


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
