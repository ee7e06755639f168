"""Random histories of a grant: contract, memory chain and the rule of verification say the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ledger.adapters.abi import issuer_id
from ledger.adapters.chain_memory import MemoryChain
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.system import ManualClock
from ledger.core.grants import GrantState, covering_grant, grant_state
from tests.ports.chain_world import FAR, ROOT, START, World, embedded, founding

# Seconds before now that an act names, and after now that a grant ends; None: at the far end.
ACTS = st.one_of(
    st.tuples(st.just("grant"), st.integers(-30, 60), st.sampled_from([None, -5, 1, 20, 60])),
    st.tuples(st.just("withdraw"), st.integers(-5, 60), st.sampled_from([1, 2, 129, 130])),
    st.tuples(st.just("wait"), st.integers(1, 40), st.none()),
)
HISTORIES = st.lists(ACTS, min_size=2, max_size=6)
RENEWED_THEN_BROKEN = [("grant", 0, None), ("wait", 9, None), ("grant", 0, None), ("withdraw", 5, 129)]
SHORTENED = [("grant", 0, None), ("wait", 9, None), ("grant", 0, 20)]
AGAIN = [("grant", 0, 60), ("withdraw", 0, 130), ("grant", 0, None), ("withdraw", 1, 1), ("grant", 0, 1)]


def play(world: World, acts: list[Any]) -> list[tuple[Any, ...]]:
    """Do them, compare the chain's answers with the rule at every edge; returns the answers."""
    world.register_type()
    outcomes = []
    for name, ago, rest in acts:
        if name == "wait":
            world.clock.advance(ago)
        elif name == "grant":
            until = FAR if rest is None else world.now + rest
            start = min(world.now - ago, until - 1)
            outcomes.append(world.act("grantType", ROOT, issuer_id(ROOT), 1, start, until).error)
        else:
            since = world.now - ago
            outcomes.append(world.act("withdrawGrant", ROOT, issuer_id(ROOT), 1, since, rest).error)
    view = MemoryView()
    Follower(world.chain, view, world.clock, "a").advance()
    history = view.grants(ROOT, 1)
    edges = {START, world.now, FAR}
    for grant in history:
        times = (grant.valid_from, grant.valid_until, grant.withdrawn_since, grant.withdrawn_at)
        edges |= {time + shift for time in times if time is not None for shift in (-1, 0, 1)}
    answers: list[tuple[Any, ...]] = list(outcomes)
    for at in sorted(edges):
        good, covering = world.read("registry", "grantAt", issuer_id(ROOT), 1, at)
        assert good is (grant_state(history, at) is GrantState.GOOD), (history, at)
        expected = covering_grant(history, at)
        start_and_end = (0, 0) if expected is None else (expected.valid_from, expected.valid_until)
        assert tuple(covering[:2]) == start_and_end, (history, at)
        answers.append((at, good, tuple(covering)))
    return answers


@given(HISTORIES)
@example(RENEWED_THEN_BROKEN)
@example(SHORTENED)
@example(AGAIN)
@settings(max_examples=60, deadline=None)
def test_the_memory_chain_and_the_rule_agree(acts: list[Any]) -> None:
    clock = ManualClock(START)
    play(World(MemoryChain(clock, founding()), clock), acts)


@given(HISTORIES)
@example(RENEWED_THEN_BROKEN)
@example(SHORTENED)
@example(AGAIN)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.slow
def test_the_contract_and_the_memory_chain_agree(acts: list[Any]) -> None:
    chain, clock = embedded()
    real = play(World(chain, clock), acts)
    chain.close()
    twin_clock = ManualClock(START)
    twin = MemoryChain(twin_clock, founding())
    twin_clock.advance(clock_lead())
    assert play(World(twin, twin_clock), acts) == real


def clock_lead() -> int:
    """How far deploying moves the clock before the first act."""
    chain, clock = embedded()
    chain.close()
    return clock.now() - START
