"""forge attacks the contracts: fuzzed calls, crowds that obey no order, each refusal once.

The suites lie in contracts/test/attack and attack the committed bytecode. What a crowd does is judged by
what the events alone say (Laws.sol), so that a hole cannot hide itself. Longer attacks, and attacks on
contracts that are broken on purpose: scripts/attack.
"""

from __future__ import annotations

import re
import tomllib

import pytest

from scripts.contracts import attack, build, forge, mutants

FOLDER = build.CONTRACTS / "test" / "attack"
SUITES = sorted(
    name
    for path in FOLDER.glob("*.t.sol")
    for name in re.findall(r"^contract (\w+) is (?:Crowded|World) \{", path.read_text("utf-8"), re.MULTILINE)
)
LAWS = 9

attacked = [
    pytest.mark.needs("node", "forge"),
    pytest.mark.xdist_group("compiler"),
    pytest.mark.timeout(600),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def results() -> list[forge.Result]:
    return forge.run()


@pytest.mark.parametrize("suite", [pytest.param(suite, marks=attacked) for suite in SUITES])
def test_the_contracts_withstand(results: list[forge.Result], suite: str) -> None:
    ran = [result for result in results if result.suite == suite]
    assert ran, "the suite has no test"
    assert not [f"{result.test}: {result.reason}" for result in ran if not result.passed]


@pytest.mark.parametrize("suite", [pytest.param("all", marks=attacked)])
def test_no_crowd_stumbles_over_itself(results: list[forge.Result], suite: str) -> None:
    """Every invariant had as many calls as the settings say, none of which failed inside the test's own code."""
    del suite
    settings = tomllib.loads((build.CONTRACTS / "foundry.toml").read_text("utf-8"))
    invariant = settings["profile"]["default"]["invariant"]
    ran = [result for result in results if result.test.startswith("invariant_")]
    assert [result.calls for result in ran] == [invariant["runs"] * invariant["depth"]] * LAWS
    assert [result.reverts for result in ran] == [0] * LAWS


def test_forge_compiles_as_we_do() -> None:
    profiles = tomllib.loads((build.CONTRACTS / "foundry.toml").read_text("utf-8"))["profile"]
    default = profiles["default"]
    assert default["evm_version"] == build.SETTINGS["evmVersion"]
    assert default["bytecode_hash"] == build.SETTINGS["metadata"]["bytecodeHash"]
    assert (build.CONTRACTS / default["solc"]).resolve() == build.ROOT / "scripts" / "contracts" / "solc"
    assert default["offline"]


def test_each_law_has_a_contract_that_breaks_it() -> None:
    suites = {mutant.suite for mutant in mutants.MUTANTS}
    laws = [suite for suite in SUITES if f"contract {suite} is Crowded" in text_of_invariants()]
    assert sorted(suites) == sorted(laws)
    assert len(laws) == LAWS


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.name)
def test_each_break_still_finds_its_place(mutant: mutants.Mutant) -> None:
    assert mutants.broken(mutant) != mutants.broken(None)


def test_coverage_leaves_assembly_out_and_nothing_else() -> None:
    source = "src/libraries/StatusLog.sol"
    text = (build.CONTRACTS / source).read_text("utf-8")
    numbers = range(1, len(text.splitlines()) + 1)
    left_out = attack.assembly_lines(text)
    assert {line.strip() for line in text.splitlines() if ":=" in line or "mstore" in line} == {
        text.splitlines()[number - 1].strip()
        for number in left_out
        if "log3" not in text.splitlines()[number - 1]
    }
    report = [
        f"SF:{source}",
        *(f"DA:{number},{number % 2}" for number in numbers),
        "BRDA:3,0,0,-",
        "BRDA:3,0,1,2",
    ]
    reach = attack.read_coverage("\n".join(report))[source]
    assert reach.lines == {number: number % 2 for number in numbers if number not in left_out}
    assert reach.missed == sorted({3, *(number for number in reach.lines if number % 2 == 0)})
    assert attack.share(list(reach.branches.values())) == 50


def text_of_invariants() -> str:
    return (FOLDER / "Invariants.t.sol").read_text("utf-8")
