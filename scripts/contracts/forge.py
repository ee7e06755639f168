"""Runs forge over contracts/test/attack and reads what it says.

forge comes by npm into .tools (scripts/setup forge). It finds the compiler through contracts/foundry.toml and
asks nobody over the network.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.contracts import build

PACKAGES = build.ROOT / ".tools" / "forge" / "node_modules" / "@foundry-rs"


class ForgeError(Exception):
    """forge is missing, or did not come to a result."""


@dataclass(frozen=True)
class Result:
    """One test: its suite (the contract), its name with types; when it failed why, with what it was fed.

    `calls` counts calls of an invariant or runs of a fuzz test, `reverts` those that failed inside an invariant's
    own handler.
    """

    suite: str
    test: str
    passed: bool
    reason: str
    calls: int
    reverts: int


def executable() -> Path | None:
    """Path of forge, None if it is not installed; npm installs only what runs on this machine."""
    return next(PACKAGES.glob("forge-*/bin/forge"), None)


def environment(**more: str) -> dict[str, str]:
    """Ours with forge and Node on PATH, and `more`; the compiler's packages are installed when this returns.

    Raises: ForgeError if there is no forge; CompilerError if there is no compiler.
    """
    path = executable()
    if path is None:
        message = "no forge (scripts/setup forge installs it)"
        raise ForgeError(message)
    build.install_packages()
    build.compiler()  # puts Node on PATH where it is not
    return {**os.environ, "PATH": f"{path.parent}{os.pathsep}{os.environ['PATH']}", **more}


def command(arguments: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
    """forge in contracts/ with these words; `more` comes on top of our environment.

    Raises: as environment.
    """
    places = environment(**more)
    return subprocess.run(
        [str(executable()), *arguments],
        cwd=build.CONTRACTS,
        env=places,
        capture_output=True,
        text=True,
        check=False,
    )


def run(arguments: Sequence[str] = (), **more: str) -> list[Result]:
    """All tests, or those that `arguments` pick, in the order of their names.

    Raises: ForgeError if nothing compiled or nothing ran.
    """
    done = command(["test", "--json", *arguments], **more)
    try:
        suites: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise ForgeError((done.stdout + done.stderr)[-4_000:]) from error
    results = [
        _result(suite.rpartition(":")[2], test, said)
        for suite, entry in suites.items()
        for test, said in entry["test_results"].items()
    ]
    if not results:
        message = "forge ran no test"
        raise ForgeError(message)
    return sorted(results, key=lambda result: (result.suite, result.test))


def _result(suite: str, test: str, said: dict[str, Any]) -> Result:
    counted = next(iter(said["kind"].values()))
    fed = said.get("counterexample")
    reason = "; ".join(str(part) for part in (said.get("reason"), fed) if part)
    calls = counted.get("calls") or counted.get("runs") or 1
    return Result(suite, test, said["status"] == "Success", reason, calls, counted.get("reverts", 0))
