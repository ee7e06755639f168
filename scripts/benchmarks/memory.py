"""100,000 rows through the whole path in a process of its own: its peak must stay bounded."""

from __future__ import annotations

import resource
import subprocess
import sys

from scripts.benchmarks.measure import Figure
from scripts.benchmarks.world import deposit_file, installation, issue_file

ROWS = 100_000


def run(_rounds: int) -> list[Figure]:
    """One round: a peak does not vary as times do."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.benchmarks.memory"],
        check=True,
        capture_output=True,
        text=True,
    )
    peak_mb = float(done.stdout)
    work = f"{ROWS:,} rows, file to bundles: peak"
    return [Figure(work, "", peak_mb, "MB", "<=", 350, peak_mb, peak_mb, peak_mb, None, "MB")]


def main() -> None:
    """Prints the peak of this process in MB."""
    with installation() as world:
        path = deposit_file(world.folder, ROWS)
        if issue_file(world, path, b"memory".ljust(32, b"-")) != ROWS:
            raise RuntimeError("not every row was issued")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
