"""`ecert serve` on a demo that is made already: from the command to the first answer of the page."""

from __future__ import annotations

import time

from scripts.benchmarks.measure import Figure, plain_figure
from scripts.benchmarks.office import demo_copy
from scripts.benchmarks.rest import served

MOST_ROUNDS = 5


def run(rounds: int) -> list[Figure]:
    """The address is printed once the page answers; that ends a round."""
    took = []
    with demo_copy() as home:
        for _ in range(min(rounds, MOST_ROUNDS)):
            begin = time.perf_counter()
            with served(home):
                took.append(time.perf_counter() - begin)
    return [plain_figure("ecert serve: until the page answers", took, "s", "<=", 5)]
