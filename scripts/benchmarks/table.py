"""Runs the cases, prints the table, writes the JSON, judges the goals."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path

from scripts.benchmarks import office
from scripts.benchmarks.measure import Figure

CASES = (
    "merkle", "chain", "verify", "issue", "memory", "paper", "start", "page", "desk", "single", "visit",
    "snapshot", "restart", "public_list", "mirror", "anchors",
)  # fmt: skip


def print_table(figures: list[Figure]) -> None:
    """One line a figure: goal, value, range, what both sides did."""
    print(f"{'work':<52} {'value':>9} {'goal':>10} {'min–max':>17}  met  behind it")
    for figure in figures:
        theirs = "" if figure.theirs is None else f" vs {figure.theirs:,.4g} ({figure.baseline})"
        print(
            f"{figure.work:<52} {figure.value:>7.3g} {figure.unit:<2}"
            f"{figure.bound:>3} {figure.goal:<6g} {figure.low:>8.3g}–{figure.high:<8.3g}"
            f"  {'yes' if figure.is_met else 'NO ':<3}  {figure.ours:,.4g}{theirs} {figure.detail_unit}"
        )


def save(figures: list[Figure], rounds: int, path: Path, loads: dict[str, list[float]]) -> None:
    """The JSON form of what was measured so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rounds": rounds,
        "load_before_and_after": loads,
        "figures": [figure.as_json() for figure in figures],
    }
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Returns 1 when a goal was missed and --strict was given, else 0."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--demo", type=Path, help="a home that ecert demo made: not served meanwhile")
    options = parser.parse_args()
    if options.demo is not None:
        office.use_demo(options.demo)
    figures: list[Figure] = []
    loads: dict[str, list[float]] = {}
    for name in options.only:
        before = os.getloadavg()[0]
        print(f"… {name}", file=sys.stderr, flush=True)
        figures.extend(importlib.import_module(f"scripts.benchmarks.{name}").run(options.rounds))
        loads[name] = [round(before, 1), round(os.getloadavg()[0], 1)]
        save(figures, options.rounds, options.json, loads)  # a later case that breaks loses nothing
    print_table(figures)
    cases = ", ".join(f"{name} {before}–{after}" for name, (before, after) in loads.items())
    print(f"load average of the machine, before and after a case: {cases}")
    missed = [figure.work for figure in figures if not figure.is_met]
    if missed:
        print(f"goals missed: {len(missed)}: " + "; ".join(missed))
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
