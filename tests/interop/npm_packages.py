"""Installs the locked npm packages once, into a folder that git ignores, and asks them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.core.jose import b64url_encode
from tests.needs import ROOT, node_command, npm_command

HERE = Path(__file__).resolve().parent


def installed_packages() -> Path:
    """A folder with `node_modules` as package-lock.json says; made where missing.

    Raises: RuntimeError if there is no npm; subprocess.CalledProcessError if npm fails.
    """
    lock = HERE / "package-lock.json"
    folder = ROOT / ".tools" / f"interop-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # several test processes may come at once
        if not (folder / "complete").exists():
            npm = npm_command()
            if npm is None:
                raise RuntimeError("npm is needed")
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder / name)
            environment = {
                **os.environ,
                "PATH": f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            }
            subprocess.run(
                [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
                env=environment,
                check=True,
                capture_output=True,
                timeout=300,
            )
            (folder / "complete").touch()
    return folder


def run_node(
    credentials: Mapping[str, str], *, root: bytes, iss: str, base: str, status_jwk: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Answers of @sd-jwt/sd-jwt-vc to each credential (see verify.mjs), all from one process."""
    folder = installed_packages()
    script = folder / "verify.mjs"  # modules are looked for beside the script
    shutil.copy(HERE / "verify.mjs", script)
    node = node_command()
    if node is None:
        raise RuntimeError("Node is needed")
    question = {
        "root": b64url_encode(root),
        "iss": iss,
        "base": base,
        "statusJwk": dict(status_jwk),
        "cases": [{"name": name, "credential": text} for name, text in credentials.items()],
    }
    answer = subprocess.run(
        [*node, str(script)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return {item["name"]: item for item in json.loads(answer.stdout)}


if __name__ == "__main__":
    print(installed_packages())  # noqa: T201 (for scripts/setup)
