"""What slither says of the contracts, less the findings that are kept for a reason.

slither runs in an environment of its own (scripts/setup slither) over the syntax trees that the compiler
gives without making code, which takes seconds instead of a minute. A finding that is kept is named in
contracts/slither.json with its reason and the test that stands for it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.contracts import build, forge

TREES = build.ROOT / "build" / "slither"
KEPT = build.CONTRACTS / "slither.json"
_FOLDER = "node_modules/"


@dataclass(frozen=True, order=True)
class Finding:
    """`check` is slither's name of the detector; `where` the function or variable, with what holds it."""

    check: str
    where: str


@dataclass(frozen=True)
class Kept:
    """What stays of one detector: `where` all its places, `reason` in a sentence, `test` below tests/contracts."""

    check: str
    where: tuple[str, ...]
    reason: str
    test: str


def kept() -> list[Kept]:
    """What contracts/slither.json names."""
    entries = json.loads(KEPT.read_text("utf-8"))
    return [Kept(entry["check"], tuple(entry["where"]), entry["reason"], entry["test"]) for entry in entries]


def syntax_trees() -> dict[str, Any]:
    """The compiler's answer for the two contracts and all they import, in the form that builders keep.

    Raises: CompilerError if a source does not compile.
    """
    sources = {_place(name): text for name, text in build.read_sources(build.DEPLOYABLES.values()).items()}
    request = {
        "language": "Solidity",
        "sources": sources,
        "settings": {
            **build.SETTINGS,
            "remappings": [f"@openzeppelin/={_FOLDER}@openzeppelin/"],
            "outputSelection": {"*": {"*": ["abi"], "": ["ast"]}},
        },
    }
    done = subprocess.run(
        [str(build.compiler()), "--standard-json"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    errors = [entry["formattedMessage"] for entry in answer.get("errors", ()) if entry["severity"] == "error"]
    if errors:
        raise build.CompilerError("\n".join(errors))
    code = {"object": "", "sourceMap": "", "linkReferences": {}, "opcodes": ""}
    for contracts in answer["contracts"].values():
        for contract in contracts.values():
            contract["evm"] = {"bytecode": code, "deployedBytecode": code, "methodIdentifiers": {}}
    return {"solcVersion": build.solc_version(), "input": request, "output": answer}


def _place(name: str) -> str:
    return f"{_FOLDER}{name}" if name.startswith("@") else name


def findings(slither: Path) -> list[Finding]:
    """All findings of low impact and above in our own sources, by the executable `slither`.

    Raises: CompilerError if it does not get to a result; ForgeError without forge, which it asks for our folders.
    """
    folder = TREES / "build-info"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "contracts.json").write_text(json.dumps(syntax_trees()), "utf-8")
    answer = TREES / "answer.json"
    answer.unlink(missing_ok=True)
    answer = TREES / "answer.json"
    answer.unlink(missing_ok=True)
    done = subprocess.run(
        [str(slither), ".", "--foundry-ignore-compile", "--foundry-out-directory", str(TREES),
         "--filter-paths", "node_modules", "--exclude-informational", "--exclude-optimization",
         "--json", str(answer)],
        cwd=build.CONTRACTS, env=forge.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not answer.exists():
        raise build.CompilerError((done.stdout + done.stderr)[-2_000:])
    said: Mapping[str, Any] = json.loads(answer.read_text("utf-8"))
    if not said["success"]:
        raise build.CompilerError(str(said["error"]))
    return sorted({_finding(entry) for entry in said["results"].get("detectors", ())})


def _finding(entry: Mapping[str, Any]) -> Finding:
    """The detector and the element that it points to first, with whatever holds that."""
    return Finding(entry["check"], _name(entry["elements"][0]))


def _name(element: Mapping[str, Any]) -> str:
    parent = element.get("type_specific_fields", {}).get("parent")
    return f"{_name(parent)}.{element['name']}" if parent else str(element["name"])
