"""100,000 rows through the whole path in a process of its own: its peak must stay bounded."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.benchmarks.measure import Figure, peak_mb
from scripts.benchmarks.world import deposit_file, installation, issue_file

ROWS = 100_000


def run(_rounds: int) -> list[Figure]:
    """One round: a peak does not vary as times do."""
    with tempfile.TemporaryDirectory() as folder:
        path = deposit_file(Path(folder), ROWS)  # made here: inventing rows takes memory of its own
        done = subprocess.run(
            [sys.executable, "-m", "scripts.benchmarks.memory", str(path)],
            check=True,
            capture_output=True,
            text=True,
        )
    peak = float(done.stdout)
    work = f"{ROWS:,} rows, file to bundles: peak"
    return [Figure(work, "", peak, "MB", "<=", 350, peak, peak, peak, None, "MB")]


def main() -> None:
    """Prints the peak of this process in MB."""
    with installation() as world:
        if issue_file(world, Path(sys.argv[1]), b"memory".ljust(32, b"-")) != ROWS:
            raise RuntimeError("not every row was issued")
    print(peak_mb())


if __name__ == "__main__":
    main()
