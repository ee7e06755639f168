"""Sealed PDFs a second of one core: the whole way of a print, from stored credential to durable file.

Every page is another person's; the worker runs it as in production (jobs, leases, encryption, fsync),
in a process of its own, so that its peak of memory is that of printing.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from scripts.benchmarks.measure import Figure, cpu_seconds, peak_mb
from scripts.benchmarks.world import deposit_file, installation, issue_file

PAGES = 200
GOAL = 18.0
MOST_MB = 450.0


def run(rounds: int) -> list[Figure]:
    """Rate and peak."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.benchmarks.paper", str(rounds)],
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout)
    rates, peak = told["rates"], told["peak_mb"]
    middle = statistics.median(rates)
    return [
        Figure(
            "pages drawn, sealed, kept (one core)", "", middle, "/s", ">=", GOAL, min(rates), max(rates),
            middle, None, "/s",
        ),
        Figure("printing: peak", "", peak, "MB", "<=", MOST_MB, peak, peak, peak, None, "MB"),
    ]  # fmt: skip


def main() -> None:
    """Prints pages a CPU second of each round, and the peak of this process."""
    rates = []
    with installation() as world:
        for batch in range(int(sys.argv[1])):
            rows = deposit_file(world.folder, PAGES, batch * PAGES)
            issue_file(world, rows, b"paper-%d".ljust(32, b"-") % batch)
            numbers = [found.id for found in world.store.batches.batches() if found.type_id]
            run_of_batch = world.documents.order_batch(max(numbers), language="zh", by="bench")
            rates.append(PAGES / cpu_seconds(world.work))
            made = world.documents.run(run_of_batch.id)
            if made.made != PAGES:
                raise RuntimeError(f"{made.made} of {PAGES} pages were made")
    print(json.dumps({"rates": rates, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
