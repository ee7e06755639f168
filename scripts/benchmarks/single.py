"""Single issues by REST under a standing approval: half a minute at each of two rates.

The long run, ten minutes at 70 a second, is `python -m scripts.benchmarks.rest --seconds 600`.
"""

from __future__ import annotations

import sys

from scripts.benchmarks.measure import Figure, percentile, plain_figure, spread_figure
from scripts.benchmarks.office import SETTINGS, demo_copy
from scripts.benchmarks.rest import Outcome, prepare, send, served, settle, tell

STEADY, STEADY_S = 70, 30
BURST, BURST_S = 300, 30


def run(_rounds: int) -> list[Figure]:
    """What was lost, how soon, how many writes."""
    with demo_copy() as home:
        secret = prepare(home)
        with served(home, **SETTINGS) as port:
            steady = settle(home, send(port, secret, STEADY, STEADY_S, first=100_000))
            burst = settle(home, send(port, secret, BURST, BURST_S, first=200_000))
    for outcome in (steady, burst):
        print(tell(outcome), file=sys.stderr)
    return [
        _lost(f"{STEADY} issues a second, {STEADY_S} s: lost or refused", steady),
        spread_figure("durable 202: p95", percentile(steady.answers, 0.95) * 1000,
                      [one * 1000 for one in steady.answers], "ms", 150),
        spread_figure("released bundle: p95", percentile(steady.releases, 0.95), steady.releases, "s", 4),
        plain_figure("chain writes a batch", [steady.writes / max(1, steady.batches)], "", "<=", 1),
        _lost(f"{BURST} issues a second, {BURST_S} s: lost or refused", burst),
    ]  # fmt: skip


def _lost(work: str, outcome: Outcome) -> Figure:
    return plain_figure(work, [outcome.sent - len(outcome.accepted) + outcome.lost], "rows", "<=", 0)
