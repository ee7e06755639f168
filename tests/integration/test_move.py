"""A ledger with a past moves to other contracts: every verdict stays, the old ledger is closed, the new one works.

Both chains are embedded ones in memory: what a node adds is for test_migrate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from ledger.adapters.abi import issuer_id, keccak256
from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.deploy import deploy_contracts
from ledger.adapters.chain_embedded.store import MEMORY
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.system import ManualClock, SeededEntropy
from ledger.core import eip712
from ledger.core.checks.binding import directory_hashes_of
from ledger.core.errors import ConflictError, RefusedError
from ledger.core.grants import grant_state
from ledger.core.migration import Held
from ledger.core.model import Batch, WithdrawalCause
from ledger.core.status import Status
from ledger.ports import ChainSigner, ContractCall
from ledger.services.governed import GovernedBook
from ledger.services.migrate import Admins, Migration, Side, require_people
from tests.ports.chain_world import (
    CHILD,
    FAR,
    GOVERNANCE,
    GRANDCHILD,
    ROOT,
    START,
    World,
    crew,
    embedded,
    founding,
    lane,
    signer,
)

DAY_S = 86_400


class Crews:
    """Everybody's keys, but for the agencies named (People)."""

    def __init__(self, *absent: str) -> None:
        self._absent = absent

    def admins(self, issuer: str, roles: Sequence[Held]) -> Admins | None:
        del roles
        people = crew(issuer)
        return None if issuer in self._absent else (people.admin1, people.admin2)

    def signer(self, signer_id: bytes) -> ChainSigner | None:
        approvers = [crew(issuer).approver for issuer in (ROOT, CHILD, GRANDCHILD)]
        return next((one for one in approvers if one.signer_id == signer_id), None)


@dataclass
class Story:
    """An old ledger with a past, and what was issued there by name."""

    world: World
    batches: dict[str, Batch]

    @classmethod
    def tell(cls) -> Story:
        chain, clock = embedded()
        world = World(chain, clock).found(ROOT, CHILD, GRANDCHILD, types=(1, 2))
        made = {
            name: world.anchor(world.batch(issuer, number, pending=name == "waiting"))
            for number, (name, issuer) in enumerate(
                (("plain", ROOT), ("before", CHILD), ("waiting", CHILD), ("below", GRANDCHILD)), start=1
            )
        }
        child, grandchild = issuer_id(CHILD), issuer_id(GRANDCHILD)
        world.must("registerKey", CHILD, child, keccak256(b"second key"), 1, START, FAR)
        clock.advance(DAY_S)
        world.must("withdrawGrant", ROOT, child, 1, clock.now(), WithdrawalCause.ADMINISTRATIVE)
        clock.advance(DAY_S)
        world.must("grantType", ROOT, child, 1, clock.now(), FAR - 5)
        world.must("compromiseKey", CHILD, child, 1, clock.now())
        world.must("retireKey", GRANDCHILD, grandchild, 1, clock.now() + 10)
        made["after"] = world.anchor(world.batch(CHILD, 5, key=2))
        world.must("setDirectory", ROOT, child, keccak256(b"another name"))
        clock.advance(DAY_S)
        world.must("withdrawGrant", CHILD, grandchild, 1, clock.now() - DAY_S, WithdrawalCause.MISCONDUCT)
        world.must("withdrawGrant", ROOT, child, 2, clock.now(), WithdrawalCause.REORGANISATION)
        root = made["plain"].root
        for leaf, status in ((3, Status.REVOKED), (70, Status.VOID)):
            assert world.try_change(ROOT, root, [lane(leaf, status)]).state == "final"
        assert world.try_suspend(CHILD, made["before"].root, [lane(0, Status.SUSPENDED)]).state == "final"
        assert world.try_withdraw(CHILD, made["waiting"].root).state == "final"
        cls._approve_standing(world)
        world.must("dissolveIssuer", CHILD, grandchild, child)
        clock.advance(DAY_S)
        return cls(world, made)

    @staticmethod
    def _approve_standing(world: World) -> None:
        approver = crew(CHILD).approver
        now = world.now
        struct = (issuer_id(CHILD), 1, 1, 500, 0, 0, now, now + 20 * DAY_S, approver.signer_id, 7)
        world.do("ledger", "registerStanding", (struct, b""), approver)


def side(world: World) -> Side:
    view = MemoryView()
    follower = Follower(world.chain, view, world.clock, "test")

    def pause(_seconds: float) -> None:
        world.clock.advance(1)

    chain = world.chain
    assert isinstance(chain, EmbeddedChain)
    return Side(chain, DirectCarrier(chain, pause), view, follower.advance, world.clock.now)


def new_world(now: int) -> World:
    clock = ManualClock(now)
    chain = EmbeddedChain.create(MEMORY, clock, SeededEntropy(9))
    first = founding()
    first = replace(first, directory_hash=keccak256(b"root directory"))
    deploy_contracts(chain, signer(3), first, lambda: clock.advance(1))
    return World(chain, clock)


@pytest.fixture(scope="module")
def moved() -> tuple[Story, World, Side, Side]:
    story = Story.tell()
    new = new_world(story.world.now)
    old_side, new_side = side(story.world), side(new)
    new.clock.set(story.world.now)

    def migration() -> Migration:
        return Migration(old_side, new_side, Crews(), GOVERNANCE, story.world.now, lambda _step, _count: None)

    first = migration()
    first.carry()
    height = new.chain.head().number
    again = migration()
    again.carry()
    assert new.chain.head().number == height, "carried twice"
    again.hand_over()
    again.hand_over()
    again.open()
    again.open()
    new_side.advance()
    return story, new, old_side, new_side


@pytest.mark.parametrize("name", ["plain", "before", "waiting", "below", "after"])
def test_every_batch_keeps_its_verdict(moved: tuple[Story, World, Side, Side], name: str) -> None:
    story, _, old, new = moved
    batch = story.batches[name]
    for leaf in (0, 3, 70, 99):
        before = old.view.evidence(batch.issuer, batch.root, leaf)
        after = new.view.evidence(batch.issuer, batch.root, leaf)
        assert before is not None
        assert after is not None
        assert before.anchor is not None
        assert after.anchor is not None
        at = before.anchor.anchored_at
        assert after.anchor.anchored_at == at < after.anchor.block.time
        assert after.anchor.withdrawn_reason == before.anchor.withdrawn_reason
        assert (after.status, after.key, after.credential_type) == (
            before.status,
            before.key,
            before.credential_type,
        )
        assert {name: grant_state(some, at) for name, some in after.grants.items()} == {
            name: grant_state(some, at) for name, some in before.grants.items()
        }
        assert before.issuer is not None
        assert after.issuer is not None
        assert set(directory_hashes_of(before.issuer, before.anchor)) <= set(
            directory_hashes_of(after.issuer, after.anchor)
        )


def test_the_past_had_all_of_it(moved: tuple[Story, World, Side, Side]) -> None:
    """Else the test above would compare nothing with nothing."""
    story, _, old, _ = moved
    seen = {
        name: old.view.evidence(batch.issuer, batch.root, 3 if name == "plain" else 0)
        for name, batch in story.batches.items()
    }
    found = {name: one for name, one in seen.items() if one is not None}
    assert found["plain"].status == Status.REVOKED
    assert found["before"].status == Status.SUSPENDED
    assert found["waiting"].status == Status.PENDING
    assert found["before"].key is not None
    assert found["before"].key.compromised_since is not None
    assert len(found["before"].grants[CHILD]) == 2
    assert found["below"].issuer is not None
    assert found["below"].issuer.successor == CHILD


def test_the_old_ledger_takes_nothing_more(moved: tuple[Story, World, Side, Side]) -> None:
    story, new, _, _ = moved
    refused = story.world.try_anchor(story.world.batch(CHILD, 50, key=2))
    assert refused.error is not None
    assert refused.error[0] == "LedgerIsHandedOver"
    assert refused.error[1][1] == new.chain.info().ledger


def test_the_new_ledger_goes_on(moved: tuple[Story, World, Side, Side]) -> None:
    """The same people with the same keys; a successor writes what its predecessor left."""
    story, new, _, new_side = moved
    new.anchor(new.batch(CHILD, 60, key=2))
    assert (
        new.try_change(GRANDCHILD, story.batches["below"].root, [lane(5, Status.REVOKED)], by=CHILD).state
        == "final"
    )
    (standing,) = new_side.view.standings(CHILD)
    batch = new.batch(CHILD, 61, key=2)
    digest = eip712.batch_digest(new.ledger_domain(), batch)
    maker = eip712.ecdsa_signature(crew(CHILD).maker.sign_digest(digest))
    done = new.try_(
        "ledger", "anchor", (new.anchor_args(batch)[0], (maker, b"", standing.id)), crew(CHILD).operator
    )
    assert done.state == "final", done
    again = new.try_anchor(replace(story.batches["plain"], deadline=new.now + DAY_S))
    assert again.error is not None
    assert again.error[0] == "LedgerRootAlreadyAnchored"


@dataclass(frozen=True)
class WoundUp:
    """A ledger with odd ends, moved: what was there, and what came of it."""

    world: World
    new: World
    side: Side
    batch: Batch
    begins_at: int


@pytest.fixture(scope="module")
def wound_up() -> WoundUp:
    """A grant that begins next month above children with grants; an agency dissolved alone; an approver who left."""
    chain, clock = embedded()
    world = World(chain, clock).found(ROOT, CHILD, GRANDCHILD)
    batch = world.anchor(world.batch(GRANDCHILD, 1))
    child, begins_at = issuer_id(CHILD), world.now + 30 * DAY_S
    clock.advance(DAY_S)
    world.must("withdrawGrant", ROOT, child, 1, clock.now(), WithdrawalCause.ADMINISTRATIVE)
    world.must("grantType", ROOT, child, 1, begins_at, FAR - 5)
    Story._approve_standing(world)
    world.must("setRole", CHILD, child, crew(CHILD).approver.signer_id, 4, 0, 0, 0)
    world.must("dissolveIssuer", CHILD, issuer_id(GRANDCHILD), bytes(18))
    clock.advance(DAY_S)
    new = new_world(clock.now())
    new.act("setDirectory", ROOT, issuer_id(ROOT), keccak256(b"of a run that died"), accept=False)
    old_side, new_side = side(world), side(new)
    migration = Migration(old_side, new_side, Crews(), GOVERNANCE, clock.now(), lambda _step, _count: None)
    migration.carry()
    migration.hand_over()
    migration.open()
    new_side.advance()
    return WoundUp(world, new, new_side, batch, begins_at)


def test_a_grant_that_has_not_begun_comes_along(wound_up: WoundUp) -> None:
    old = side(wound_up.world)
    old.advance()
    before, after = old.view.grants(CHILD, 1), wound_up.side.view.grants(CHILD, 1)
    assert (after[-1].valid_from, after[-1].valid_until) == (wound_up.begins_at, FAR - 5)
    assert after[-1].withdrawn_at is None
    at = next(wound_up.side.view.anchors(GRANDCHILD)).anchored_at
    assert grant_state(after, at) is grant_state(before, at)


def test_who_was_dissolved_alone_keeps_its_statuses(wound_up: WoundUp) -> None:
    done = wound_up.new.try_change(GRANDCHILD, wound_up.batch.root, [lane(5, Status.REVOKED)])
    assert done.state == "final", done
    refused = wound_up.new.try_anchor(wound_up.new.batch(GRANDCHILD, 9))
    assert refused.error is not None
    assert refused.error[0] == "RegistryDissolved"


def test_a_standing_approval_of_who_is_no_approver_stays_behind(wound_up: WoundUp) -> None:
    assert wound_up.side.view.standings() == ()


def test_what_a_run_that_died_proposed_cannot_be_accepted(wound_up: WoundUp) -> None:
    assert GovernedBook(wound_up.new.chain).waiting(wound_up.new.now) == ()


def test_two_dissolutions_of_one_second_are_told_in_their_order() -> None:
    """The one who took over the first was dissolved in the same block."""
    chain, clock = embedded()
    world = World(chain, clock).found(ROOT, CHILD)
    world.admit(GRANDCHILD, ROOT)
    first, second, root = crew(ROOT).admin1, crew(ROOT).admin2, issuer_id(ROOT)
    waiting = []
    for issuer, heir in ((GRANDCHILD, CHILD), (CHILD, ROOT)):
        act = chain.encode(
            ContractCall("registry", "dissolveIssuer", (root, issuer_id(issuer), issuer_id(heir)))
        )
        block = world.do("registry", "propose", (root, act, (first.signer_id, 0, 0, b"")), first)
        (proposed,) = [event for event in world.events(block) if event.name == "ActProposed"]
        waiting.append((proposed.args["proposalId"], act))
    for number, act in waiting:
        world.submit("registry", "accept", (number, act, (second.signer_id, 0, 0, b"")), second)
    world.seal()
    clock.advance(DAY_S)
    new = side(new_world(clock.now()))
    Migration(side(world), new, Crews(), GOVERNANCE, clock.now(), lambda _step, _count: None).carry()
    found = {record.issuer: record for record in new.view.issuers()}
    assert (found[GRANDCHILD].successor, found[CHILD].successor) == (CHILD, ROOT)


def test_absent_admins_are_named(moved: tuple[Story, World, Side, Side]) -> None:
    _, _, old, _ = moved
    with pytest.raises(RefusedError) as missing:
        require_people(old.state(), Crews(CHILD, GRANDCHILD))
    assert missing.value.code == "MIGRATE_KEYS_MISSING"
    assert missing.value.detail["issuers"] == [CHILD]  # the other one is dissolved: nobody acts for it


def test_a_ledger_that_says_something_else_is_not_opened(moved: tuple[Story, World, Side, Side]) -> None:
    """A batch that came to the old ledger after it was carried over, by whoever went around the lock."""
    story, _, _, new_side = moved
    world, _ = embedded()
    other = side(World(world, ManualClock(story.world.now)))
    migration = Migration(new_side, other, Crews(), GOVERNANCE, story.world.now, lambda _step, _count: None)
    with pytest.raises(ConflictError) as differs:
        migration.compare()
    assert differs.value.code == "MIGRATE_DIFFERS"
    assert differs.value.detail["count"] > 5
