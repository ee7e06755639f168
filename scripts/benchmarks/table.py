"""Runs the cases, prints the table, writes the JSON, judges the goals."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path

from scripts.benchmarks.measure import Figure

CASES = ("merkle", "chain", "verify", "issue", "memory", "paper")


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


def save(figures: list[Figure], rounds: int, path: Path) -> None:
    """The JSON form of what was measured so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rounds": rounds,
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
    options = parser.parse_args()
    figures: list[Figure] = []
    for name in options.only:
        print(f"… {name}", file=sys.stderr, flush=True)
        figures.extend(importlib.import_module(f"scripts.benchmarks.{name}").run(options.rounds))
        save(figures, options.rounds, options.json)  # a later case that breaks loses nothing
    print_table(figures)
    missed = [figure.work for figure in figures if not figure.is_met]
    if missed:
        print(f"goals missed: {len(missed)}: " + "; ".join(missed))
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
