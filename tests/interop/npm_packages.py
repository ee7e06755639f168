"""Installs the locked npm packages once, into a folder that git ignores."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.needs import ROOT, npm_command

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


if __name__ == "__main__":
    print(installed_packages())  # noqa: T201 (for scripts/setup)
