"""What an installation remembers of a chain that others run: planned, completed, read back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.adapters.chain_rpc.reader import Place
from ledger.adapters.chain_rpc.record import parse_record, plan_chain
from ledger.adapters.system import SystemClock
from ledger.core.errors import InputError
from ledger.core.model import ChainInfo

PLACE = Place(20_261_122, b"l" * 32, b"r" * 20, b"c" * 20, 7)


def test_a_plan_and_its_completion_are_read_back() -> None:
    plan = plan_chain("rpc:http://a.example:8545, https://u:p@b.example/key", "12", 2, 50)
    assert plan.urls == ("http://a.example:8545", "https://u:p@b.example/key")
    assert plan.ceiling_wei == 50 * 10**9
    assert parse_record(plan.to_json()) == plan
    info = ChainInfo(PLACE.chain_id, PLACE.ledger_id, PLACE.registry, PLACE.ledger, b"1" * 32, b"2" * 32)
    done = replace(plan, place=PLACE).with_info(info)
    assert parse_record(done.to_json()) == done
    assert done.info() == info


def test_without_a_kind_the_chain_is_our_own() -> None:
    assert parse_record({}) is None
    assert parse_record({"chain_id": 1, "ledger_id": "0x", "registry": "0x", "ledger": "0x"}) is None


@pytest.mark.parametrize("missing", ["nodes", "finality", "quorum", "ceiling_wei", "since", "ledger"])
def test_a_record_with_a_hole_is_refused(missing: str) -> None:
    value = replace(plan_chain("rpc:http://a.example", "immediate", None, 0), place=PLACE).to_json()
    del value[missing]
    with pytest.raises(InputError) as caught:
        parse_record(value)
    assert caught.value.code == "HOME_BROKEN"


@pytest.mark.parametrize(
    ("chain", "finality", "quorum", "code"),
    [
        ("http://a.example", "immediate", None, "CHAIN_URL"),
        ("rpc:", "immediate", None, "CHAIN_URL"),
        ("rpc:http://a.example,", "immediate", None, "CHAIN_URL"),
        ("rpc:http://a.example,http://b.example,http://a.example", "immediate", None, "CHAIN_URL"),
        ("rpc:http://a.example", "soon", None, "CHAIN_FINALITY"),
        ("rpc:http://a.example", "immediate", 2, "CHAIN_QUORUM"),
        ("rpc:http://a.example", "immediate", 0, "CHAIN_QUORUM"),
    ],
)
def test_plans_that_cannot_be(chain: str, finality: str, quorum: int | None, code: str) -> None:
    with pytest.raises(InputError) as caught:
        plan_chain(chain, finality, quorum, 0)
    assert caught.value.code == code


def test_more_than_half_is_the_quorum() -> None:
    for count, expected in ((1, 1), (2, 2), (3, 2), (4, 3), (5, 3)):
        chain = "rpc:" + ",".join(f"http://n{number}.example" for number in range(count))
        nodes = plan_chain(chain, "immediate", None, 0).nodes(SystemClock())
        assert nodes.quorum == expected
        nodes.close()
