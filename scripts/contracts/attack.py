"""Longer attacks than the tests have time for: scripts/attack deep | broken | coverage.

`deep` plays the suites of contracts/test/attack with another seed each time and prints it, so that what it
finds can be played again. `broken` attacks contracts with one rule taken out (mutants.py). `coverage` compiles
the sources with as little optimising as they allow and says which lines and branches the refusals reach.
"""

from __future__ import annotations

import argparse
import re
import secrets
import sys
from collections import defaultdict
from dataclasses import dataclass, field

from scripts.contracts import build, forge, mutants

COVERAGE = build.ROOT / "build" / "forge" / "lcov.info"
DEPTH = 200


@dataclass
class Reach:
    """Lines and branches of one source: how often each was reached."""

    lines: dict[int, int] = field(default_factory=dict)
    branches: dict[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def missed(self) -> list[int]:
        """Numbers of lines that nothing reached, or of which a branch was never taken."""
        never = {int(branch[0]) for branch, hits in self.branches.items() if hits == 0}
        return sorted({line for line, hits in self.lines.items() if hits == 0} | never)


def assembly_lines(source: str) -> set[int]:
    """Numbers, from 1, of the lines inside assembly blocks of this text.

    What the compiler makes of them through the IR is placed at the block as a whole, so that none of them
    ever counts as reached: they are left out. Tests that decode what they write stand for them.
    """
    found: set[int] = set()
    inside = False
    for number, line in enumerate(source.splitlines(), 1):
        if inside and line.strip() == "}":
            inside = False
        elif inside:
            found.add(number)
        elif line.strip().startswith("assembly "):
            inside = True
    return found


def read_coverage(text: str) -> dict[str, Reach]:
    """Reach of each source of ours, assembly left out, from the text of an lcov file."""
    found: dict[str, Reach] = defaultdict(Reach)
    source, left_out = "", set[int]()
    for line in text.splitlines():
        kind, _, rest = line.partition(":")
        if kind == "SF":
            source = rest
            left_out = assembly_lines((build.CONTRACTS / source).read_text("utf-8"))
        elif kind == "DA":
            number, hits = rest.split(",")[:2]
            if int(number) not in left_out:
                found[source].lines[int(number)] = int(hits)
        elif kind == "BRDA":
            *branch, hits = rest.split(",")
            found[source].branches[tuple(branch)] = 0 if hits == "-" else int(hits)
    return {name: reach for name, reach in sorted(found.items()) if name.startswith("src/")}


def share(counts: list[int]) -> float:
    """Percentage of counts that are not zero; 100 of nothing."""
    return 100.0 if not counts else 100.0 * sum(count > 0 for count in counts) / len(counts)


def coverage(least: float) -> int:
    """Print what is reached; 1 when lines or branches fall below `least` percent."""
    done = forge.command(
        ["coverage", "--ir-minimum", "--report", "lcov", "--report-file", str(COVERAGE)],
        FOUNDRY_PROFILE="coverage",
        ECERT_CODE="%.sol",
    )
    if done.returncode != 0:
        raise forge.ForgeError((done.stdout + done.stderr)[-4_000:])
    reached = read_coverage(COVERAGE.read_text("utf-8"))
    lines = [hits for reach in reached.values() for hits in reach.lines.values()]
    branches = [hits for reach in reached.values() for hits in reach.branches.values()]
    for name, reach in reached.items():
        missed = ", ".join(map(str, reach.missed)) or "none"
        figures = f"{share(list(reach.lines.values())):.1f} % lines, {share(list(reach.branches.values())):.1f} % branches"
        sys.stdout.write(f"{name}: {figures}, missed {missed}\n")
    sys.stdout.write(
        f"all: {share(lines):.1f} % of {len(lines)} lines, {share(branches):.1f} % of {len(branches)} branches\n"
    )
    return int(min(share(lines), share(branches)) < least)


def deep(runs: int, seed: str) -> int:
    """Attack `runs` times as long sequences by chance; 1 when something gives way."""
    sys.stdout.write(f"seed {seed}\n")
    results = forge.run(
        FOUNDRY_FUZZ_SEED=seed,
        FOUNDRY_FUZZ_RUNS=str(100 * runs),
        FOUNDRY_INVARIANT_RUNS=str(runs),
        FOUNDRY_INVARIANT_DEPTH=str(DEPTH),
    )
    failed = [result for result in results if not result.passed]
    for result in failed:
        sys.stdout.write(f"{result.suite}.{result.test}: {result.reason}\n")
    calls = sum(result.calls for result in results)
    sys.stdout.write(f"{len(results)} tests, {calls} calls, {len(failed)} failed\n")
    return int(bool(failed))


def main(arguments: list[str] | None = None) -> int:
    """One of the three attacks; 1 when it found something."""
    parser = argparse.ArgumentParser(prog="scripts/attack", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    long = kinds.add_parser("deep", help="by chance, for long")
    long.add_argument("--runs", type=int, default=100, help="sequences of 200 calls a law (default: 100)")
    long.add_argument("--seed", type=_seed, default=None, help="0x and hex digits: plays an attack again")
    twins = kinds.add_parser("broken", help="contracts with a rule taken out")
    twins.add_argument("names", nargs="*", help="mutants to try; all when none is named")
    counted = kinds.add_parser("coverage", help="lines and branches that forge's tests reach")
    counted.add_argument(
        "--least", type=float, default=98.0, help="percent that must be reached (default: 98)"
    )
    options = parser.parse_args(arguments)
    if options.kind == "deep":
        return deep(options.runs, options.seed or f"0x{secrets.token_hex(8)}")
    if options.kind == "broken":
        return mutants.main(options.names)
    return coverage(options.least)


def _seed(text: str) -> str:
    if re.fullmatch("0x[0-9a-f]{1,64}", text) is None:
        message = f"not a seed: {text}"
        raise argparse.ArgumentTypeError(message)
    return text


if __name__ == "__main__":
    sys.exit(main())
