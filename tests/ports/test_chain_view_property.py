"""Random acts: the view says what rules and contracts say, and a rebuild gives the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.adapters.abi import issuer_id, keccak256
from ledger.adapters.chain_memory import MemoryChain
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.chain_view_reading import RowsView
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.system import ManualClock
from ledger.core.status import Status
from tests.ports.chain_world import (
    CHILD,
    FAR,
    GRANDCHILD,
    ROOT,
    START,
    World,
    embedded,
    founding,
    lane,
)

# property: whatever is done, the view says what the contracts say, and a rebuild gives the same rows

ISSUERS = [ROOT, CHILD, GRANDCHILD]
ACTS = st.one_of(
    st.tuples(st.just("anchor"), st.sampled_from(ISSUERS), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("change"), st.integers(0, 5), st.integers(0, 99), st.sampled_from(list(Status))),
    st.tuples(st.just("suspend"), st.integers(0, 5), st.integers(0, 99)),
    st.tuples(st.just("withdraw"), st.integers(0, 5)),
    st.tuples(st.just("retire"), st.sampled_from(ISSUERS)),
    st.tuples(st.just("compromise"), st.sampled_from(ISSUERS), st.integers(0, 60)),
    st.tuples(st.just("ungrant"), st.sampled_from(ISSUERS), st.integers(0, 60)),
    st.tuples(st.just("grant"), st.sampled_from(ISSUERS)),
    st.tuples(st.just("dissolve"), st.sampled_from(ISSUERS)),
    st.tuples(st.just("directory"), st.sampled_from(ISSUERS)),
    st.tuples(st.just("key"), st.sampled_from(ISSUERS), st.integers(0, 9)),
)


class Acting:
    """Does random acts; refused ones are part of the story."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.roots: dict[int, tuple[str, bytes]] = {}  # the newest of each number: what later acts are about
        self.anchored: list[tuple[str, bytes]] = []  # two issuers may anchor one root

    def do(self, act: tuple[Any, ...]) -> None:
        kind, *rest = act
        getattr(self, f"_{kind}")(*rest)

    def _anchor(self, issuer: str, number: int, pending: bool) -> None:
        batch = self.world.batch(issuer, number, pending=pending)
        if self.world.try_anchor(batch).state == "final":
            self.roots[number] = (issuer, batch.root)
            self.anchored.append((issuer, batch.root))

    def _change(self, number: int, leaf: int, status: Status) -> None:
        if number in self.roots:
            self.world.try_change(*self.roots[number], [lane(leaf, status)])

    def _suspend(self, number: int, leaf: int) -> None:
        if number in self.roots:
            self.world.try_suspend(*self.roots[number], [lane(leaf, Status.SUSPENDED)])

    def _withdraw(self, number: int) -> None:
        if number in self.roots:
            self.world.try_withdraw(*self.roots[number])

    def _try(self, function: str, by: str, *args: Any) -> None:
        """Acts of a dissolved issuer's admins are refused already when proposed."""
        try:
            self.world.act(function, by, *args)
        except AssertionError:
            self.world.nonces.clear()

    def _retire(self, issuer: str) -> None:
        self._try("retireKey", issuer, issuer_id(issuer), 1, 0)

    def _compromise(self, issuer: str, ago: int) -> None:
        self._try("compromiseKey", issuer, issuer_id(issuer), 1, self.world.now - ago)

    def _ungrant(self, issuer: str, ago: int) -> None:
        self._try("withdrawGrant", ROOT, issuer_id(issuer), 1, self.world.now - ago, 129)

    def _grant(self, issuer: str) -> None:
        above = ISSUERS[max(0, ISSUERS.index(issuer) - 1)]
        self._try("grantType", above, issuer_id(issuer), 1, self.world.now, FAR - 1)

    def _dissolve(self, issuer: str) -> None:
        self._try("dissolveIssuer", ROOT, issuer_id(issuer), issuer_id(ROOT))

    def _directory(self, issuer: str) -> None:
        self._try("setDirectory", ROOT, issuer_id(issuer), keccak256(b"%d" % self.world.now))

    def _key(self, issuer: str, number: int) -> None:
        self._try("registerKey", issuer, issuer_id(issuer), keccak256(b"k%d" % number), 2, START, FAR)


def compare(world: World, view: RowsView, roots: list[tuple[str, bytes]]) -> None:
    """Everything that the contracts can be asked, beside what the view says."""
    for issuer in view.issuers():
        stored = world.read("registry", "issuerOf", issuer_id(issuer.issuer))
        parent = stored[0].decode()
        assert issuer.parent == (None if parent == issuer.issuer else parent)
        assert (issuer.level, issuer.admitted_at) == (stored[1], stored[3])
        assert (issuer.dissolved_at or 0) == stored[4]
        heir = world.read("registry", "successorOf", issuer_id(issuer.issuer))
        assert (issuer.successor or "").encode() == heir.strip(b"\0")
        directory = world.read("registry", "directoryOf", issuer_id(issuer.issuer))
        assert issuer.directory[-1][0] == directory
        keys = view.keys(issuer.issuer)
        assert len(keys) == world.read("registry", "keyCount", issuer_id(issuer.issuer))
        for key in keys:
            assert world.read("registry", "keyOf", issuer_id(issuer.issuer), key.number) == (
                key.valid_from, key.valid_until, key.compromised_since or 0, key.purpose,
                key.thumbprint,
            )  # fmt: skip
        grants = view.grants(issuer.issuer, 1)
        assert len(grants) == world.read("registry", "grantCount", issuer_id(issuer.issuer), 1)
        last = grants[-1]
        assert world.read("registry", "grantOf", issuer_id(issuer.issuer), 1) == (
            last.valid_from, last.valid_until, last.withdrawn_since or 0, last.withdrawn_at or 0,
            last.cause or 0,
        )  # fmt: skip
    assert len(list(view.anchors())) == len(roots)
    for issuer_name, root in roots:
        stored = world.read("ledger", "anchorOf", issuer_id(issuer_name), root)
        found = view.evidence(issuer_name, root, 0)
        assert found is not None
        anchor = found.anchor
        assert anchor is not None
        assert stored == (
            anchor.type_id, anchor.key, anchor.size, anchor.anchored_at, anchor.list,
            anchor.first_word, anchor.withdrawn_reason or 0,
        )  # fmt: skip
        for leaf in range(0, anchor.size, 3):
            look = view.evidence(issuer_name, root, leaf)
            assert look is not None
            assert look.status == world.read("ledger", "statusOf", issuer_id(issuer_name), root, leaf)


def play(world: World, acts: list[tuple[Any, ...]]) -> None:
    acting, view = Acting(world), MemoryView()
    follower = Follower(world.chain, view, world.clock, "a")
    for act in acts:
        acting.do(act)
        follower.advance()
    follower.advance()
    compare(world, view, acting.anchored)
    rebuilt = MemoryView()
    Follower(world.chain, rebuilt, world.clock, "a").advance()
    assert rebuilt.dump() == view.dump()


@given(st.lists(ACTS, max_size=12))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_the_view_says_what_the_rules_say(acts: list[tuple[Any, ...]]) -> None:
    clock = ManualClock(START)
    play(World(MemoryChain(clock, founding()), clock).found(*ISSUERS), acts)


@given(st.lists(ACTS, min_size=4, max_size=8))
@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.slow
def test_the_view_says_what_the_contracts_say(acts: list[tuple[Any, ...]]) -> None:
    chain, clock = embedded()
    play(World(chain, clock).found(*ISSUERS), acts)
    chain.close()


def test_a_full_story_in_sqlite_is_the_same_as_in_memory(tmp_path: Path) -> None:
    clock = ManualClock(START)
    world = World(MemoryChain(clock, founding()), clock).found(*ISSUERS)
    acting = Acting(world)
    memory, stored = MemoryView(), SqlView(tmp_path / "view.db")
    followers = [Follower(world.chain, view, clock, "a") for view in (memory, stored)]
    for act in (
        ("anchor", CHILD, 1, True), ("change", 1, 3, Status.VALID), ("suspend", 1, 3),
        ("anchor", ROOT, 2, False), ("withdraw", 2), ("ungrant", CHILD, 5), ("retire", CHILD),
        ("dissolve", GRANDCHILD), ("directory", CHILD), ("key", ROOT, 1), ("compromise", ROOT, 3),
    ):  # fmt: skip
        acting.do(act)
        for follower in followers:
            follower.advance()
    assert stored.dump() == memory.dump()
    assert followers[1].rebuild().state == "confirmed"
    assert stored.dump() == memory.dump()
    stored.close()
