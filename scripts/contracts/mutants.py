"""Breaks the contracts on purpose, one rule at a time, and looks whether forge's invariants notice.

Each mutant is one edit of a source. It is compiled with little optimising (the rules stay, the gas does not)
and attacked by the suite of the law that it breaks; a mutant that lives is a law that nobody guards.
Usage: python -m scripts.contracts.mutants [NAME ...].
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from scripts.contracts import build, forge

SETTINGS = {
    **build.SETTINGS,
    "optimizer": {"enabled": False, "details": {"yul": True, "yulDetails": {"optimizerSteps": ":"}}},
}
TWINS = build.ROOT / "build" / "forge" / "broken"


@dataclass(frozen=True)
class Mutant:
    """`old` occurs once in `source` and becomes `new`; `contract` holds it; `suite` must fail."""

    name: str
    contract: str
    source: str
    old: str
    new: str
    suite: str


_LEDGER, _REGISTRY = "CredentialLedger", "IssuerRegistry"
_LEDGER_SOURCE, _REGISTRY_SOURCE = build.DEPLOYABLES[_LEDGER], build.DEPLOYABLES[_REGISTRY]
MUTANTS = (
    Mutant(
        "a root may be anchored again", _LEDGER, _LEDGER_SOURCE,
        "        if (earlier != 0) revert LedgerRootAlreadyAnchored(issuer, batch.root, earlier);\n", "",
        "ARootIsStoredOnce",
    ),
    Mutant(
        "final statuses may be left", _LEDGER, "src/libraries/StatusWord.sol",
        "uint256 stays = ~(from >> 3) & ~(from >> 2);", "uint256 stays = type(uint256).max;",
        "AFinalStatusStays",
    ),
    Mutant(
        "a write takes the whole word", _LEDGER, _LEDGER_SOURCE,
        "statuses = (statuses & ~mask) | value;", "statuses = value;",
        "MaskedWritesKeepToTheirMask",
    ),
    Mutant(
        "anybody may carry a batch", _REGISTRY, _REGISTRY_SOURCE,
        "        _requireRoleIn(issuer, 0, operator, _ROLE_OPERATOR);\n        _requireRoleIn(issuer, node.epoch, maker",
        "        _requireRoleIn(issuer, node.epoch, maker",
        "NobodyWithoutTheRole",
    ),
    Mutant(
        "one person is maker and approver", _LEDGER, "src/bases/LedgerState.sol",
        "        if (maker == approver) revert LedgerSameSigner(maker);\n", "",
        "MakerIsNotApprover",
    ),
    Mutant(
        "a standing approval has no limit", _LEDGER, "src/bases/LedgerState.sol",
        "        if (wanted > limit) revert LedgerStandingLimit(standingId, act, limit, wanted);\n", "",
        "StandingApprovalsKeepTheirLimits",
    ),
    Mutant(
        "a standing approval allows every act", _LEDGER, _LEDGER_SOURCE,
        "        if (standing.acts & act == 0) revert LedgerStandingWrongAct(standingId, act);\n", "",
        "StandingApprovalsKeepTheirLimits",
    ),
    Mutant(
        "a grant may last longer than the parent's", _REGISTRY, _REGISTRY_SOURCE,
        "            if (validUntil > limit) revert RegistryGrantExceedsParent(parent, typeId, limit);\n", "",
        "GrantsStayWithin",
    ),
    Mutant(
        "ancestors' grants are not asked", _REGISTRY, _REGISTRY_SOURCE,
        "            issuer = node.parent;\n            _requireGrant(issuer, typeId, time);\n",
        "            issuer = node.parent;\n",
        "GrantsStayWithin",
    ),
    Mutant(
        "a compromise may move later", _REGISTRY, _REGISTRY_SOURCE,
        "        if (current != 0 && since >= current) revert RegistryKeyOnlyEarlier(current, since);\n", "",
        "CompromisesMoveEarlier",
    ),
    Mutant(
        "an event tells the word of before", _LEDGER, _LEDGER_SOURCE,
        "StatusLog.put(log, count, i, word, statuses | value);", "StatusLog.put(log, count, i, word, statuses);",
        "StateFromEventsIsStorage",
    ),
)  # fmt: skip


def broken(mutant: Mutant | None) -> Mapping[str, str]:
    """Texts of all sources with this edit.

    Raises: ValueError if what it replaces is not there exactly once.
    """
    sources = {name: text["content"] for name, text in build.read_sources(build.DEPLOYABLES.values()).items()}
    if mutant is not None:
        if sources[mutant.source].count(mutant.old) != 1:
            message = f"{mutant.name}: its place in {mutant.source} is not there exactly once"
            raise ValueError(message)
        sources[mutant.source] = sources[mutant.source].replace(mutant.old, mutant.new)
    return sources


def attack(mutant: Mutant, runs: int) -> forge.Result:
    """What the suite says of the contracts with this edit."""
    TWINS.mkdir(parents=True, exist_ok=True)
    sources = {name: {"content": text} for name, text in broken(mutant).items()}
    deployable = {mutant.contract: build.DEPLOYABLES[mutant.contract]}
    artifacts = {
        name: json.loads((build.ARTIFACTS / f"{name}.json").read_text("utf-8")) for name in build.DEPLOYABLES
    }
    artifacts.update(build.compile_sources(sources, deployable, SETTINGS, fatal="error"))
    for name, artifact in artifacts.items():
        (TWINS / f"{name}.json").write_text(build.render(artifact), "utf-8")
    results = forge.run(
        ["--match-contract", f"^{mutant.suite}$", "--match-test", "invariant_"],
        ECERT_CODE=f"{TWINS}/%.json",
        FOUNDRY_INVARIANT_RUNS=str(runs),
        FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT="20",  # that it died counts, not how briefly it can be told
    )
    return results[0]


def main(arguments: list[str] | None = None) -> int:
    """Attack each mutant and tell how it died; 1 when one lives."""
    parser = argparse.ArgumentParser(prog="python -m scripts.contracts.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="mutants to try; all when none is named")
    parser.add_argument(
        "--runs", type=int, default=25, help="runs of each suite, 100 calls each (default: 25)"
    )
    options = parser.parse_args(arguments)
    alive = 0
    for mutant in MUTANTS:
        if options.names and mutant.name not in options.names:
            continue
        began = time.monotonic()
        result = attack(mutant, options.runs)
        alive += result.passed
        said = "LIVES" if result.passed else f"dies: {result.reason.partition(';')[0]}"
        sys.stdout.write(f"{mutant.name}: {said} ({mutant.suite}, {time.monotonic() - began:.0f} s)\n")
        sys.stdout.flush()
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
