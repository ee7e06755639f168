"""`ecert doctor --chain`: what a chain has, lacks and costs, told before the ledger is put on it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ledger.adapters.chain_rpc.finality import parse_finality
from ledger.adapters.chain_rpc.node import Node
from ledger.adapters.chain_rpc.probe import Finding, compare, probe
from ledger.adapters.system import ManualClock
from ledger.apps.cli_doctor_chain import CHAIN_TEXTS
from tests.anvil import Anvil, running
from tests.cli.story import ecert
from tests.faulty_node import proxies

pytestmark = [pytest.mark.needs("anvil"), pytest.mark.xdist_group("rpc probe")]
NOW = 1_795_000_000


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with running(NOW, rules="osaka") as made:
        for second in range(1, 12):
            made.mine(NOW + second * 2)
        yield made


def told(node: Node, now: int = NOW + 25, rule: str = "immediate") -> list[Finding]:
    found = probe(node, ManualClock(now), parse_finality(rule))
    for finding in found:
        for text in CHAIN_TEXTS[finding.code]:
            text.format(**finding.detail)
    return found


def worse(found: list[Finding]) -> dict[str, str]:
    return {one.code: one.outcome for one in found if one.outcome != "ok"}


def test_a_chain_that_has_everything(anvil: Anvil) -> None:
    found = told(anvil.node, rule="3")
    assert worse(found) == {}
    has = {one.detail["what"] for one in found if one.code == "CHAIN_HAS"}
    assert has >= {"PUSH0", "MCOPY", "SHA-256", "P-256"}
    assert [one.detail["seconds"] for one in found if one.code == "CHAIN_PACE"] == [2.0]
    assert "CHAIN_FREE" in {one.code for one in found}


@pytest.mark.parametrize(
    ("rules", "lacks"),
    [("paris", {"PUSH0", "MCOPY"}), ("shanghai", {"MCOPY"}), ("cancun", set()), ("prague", set())],
)
def test_what_older_rules_lack(rules: str, lacks: set[str]) -> None:
    with running(NOW, rules=rules) as old:
        found = told(old.node, NOW)
    assert {one.detail["what"] for one in found if one.code == "CHAIN_LACKS"} == lacks
    assert worse(found)["CHAIN_LACKS_P256"] == "warning"
    assert worse(found)["CHAIN_YOUNG"] == "warning"


def test_clocks_prices_and_rules_of_finality(anvil: Anvil) -> None:
    assert worse(told(anvil.node, NOW - 200))["CHAIN_CLOCK_FAST"] == "problem"
    assert worse(told(anvil.node, NOW + 9_000))["CHAIN_QUIET"] == "warning"
    assert worse(told(anvil.node, rule="immediate")) == {"CHAIN_NOT_IMMEDIATE": "warning"}
    with running(NOW, priced=True) as dear:
        assert worse(told(dear.node, NOW))["CHAIN_PRICED"] == "warning"


def test_nodes_that_are_away_or_contradict_each_other(anvil: Anvil) -> None:
    with proxies(anvil.url, 2) as nodes:
        asked = [Node(node.url) for node in nodes]
        (agreed,) = compare(asked)
        assert (agreed.code, agreed.outcome, agreed.detail["apart"]) == ("CHAIN_NODES_AGREE", "ok", 0)
        for fault in ("lie", "other chain"):
            nodes[1].fail(fault)
            assert [one.code for one in compare(asked)] == ["CHAIN_NODES_DISAGREE"]
        nodes[1].fail("refuse")
        assert compare(asked) == []
        (silent,) = told(asked[1])
        assert (silent.code, silent.outcome) == ("CHAIN_NODE_SILENT", "problem")
        nodes[1].fail(None)


def test_the_command_needs_no_installation(tmp_path) -> None:
    with running(int(time.time()), rules="shanghai") as old:
        ran = ecert("doctor", "--chain", old.url, home=tmp_path / "none", ECERT_LANG="en")
    assert ran.code == 1
    assert "It lacks MCOPY" in ran.out
    assert "PUSH0" in ran.out
