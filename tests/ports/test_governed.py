"""Timelines, proposals and resets out of the events of every chain, and the act inside a proposal."""

from __future__ import annotations

import pytest

from ledger.adapters.abi import issuer_id
from ledger.core.errors import NotFoundError
from ledger.services.governed import GovernedBook
from ledger.services.registry import Act
from tests.ports.chain_world import CHILD, FAR, ROOT, START, crew


def test_a_proposal_waits_for_the_other_admin_and_tells_its_act(world):
    book = GovernedBook(world.chain)
    people, stranger = crew(ROOT), crew(CHILD)
    world.act("setRole", ROOT, issuer_id(ROOT), stranger.maker.signer_id, 3, 0, START, FAR, accept=False)
    (waiting,) = book.waiting_for(people.admin2.signer_id, world.now)
    assert (waiting.number, waiting.by, waiting.proposer) == (1, ROOT, people.admin1.signer_id)
    assert waiting.expires_at - waiting.made_at == 7 * 86_400
    assert book.waiting_for(people.admin1.signer_id, world.now) == ()  # nobody accepts what they proposed
    assert book.waiting_for(stranger.admin1.signer_id, world.now) == ()
    found = book.act_of(waiting)
    assert found is not None
    act, data = found
    args = (issuer_id(ROOT), issuer_id(ROOT), stranger.maker.signer_id, 3, 0, START, FAR)
    assert act == Act("setRole", args)
    assert data == world.chain.encode(act.call)
    auth = (people.admin2.signer_id, 0, 0, b"")
    world.do("registry", "accept", (waiting.number, data, auth), people.admin2)
    assert book.waiting_for(people.admin2.signer_id, world.now) == ()
    assert book.proposal(1).state == "accepted"
    *_, accepted, role = book.timeline(ROOT)
    assert (accepted.name, accepted.signers) == ("ActAccepted", (people.admin2.signer_id,))
    assert (role.name, role.by) == ("RoleSet", ROOT)
    assert role.signers == (people.admin1.signer_id, people.admin2.signer_id)
    assert role.block.time == world.now


def test_a_proposal_ends_after_seven_days_or_with_its_proposers_role_or_when_cancelled(world):
    book = GovernedBook(world.chain)
    people = crew(ROOT)
    for _ in range(2):
        world.act("setDirectory", ROOT, issuer_id(ROOT), bytes(32), accept=False)
    world.do("registry", "cancel", (1, (people.admin2.signer_id, 0, 0, b"")), people.admin2)
    assert [one.state for one in book.proposals()] == ["cancelled", "open"]
    assert [one.number for one in book.waiting(world.now)] == [2]
    cancelled = next(deed for deed in book.timeline(ROOT) if deed.name == "ActCancelled")
    assert cancelled.signers == (people.admin2.signer_id,)
    world.clock.advance(7 * 86_400)
    assert book.waiting(world.now) == ()
    with pytest.raises(NotFoundError, match="PROPOSAL_UNKNOWN"):
        book.proposal(3)


def test_a_reset_is_announced_carried_out_and_ends_what_the_old_admins_proposed(world):
    book = GovernedBook(world.chain)
    world.admit(CHILD, ROOT)
    world.act("setDirectory", CHILD, issuer_id(CHILD), bytes(32), accept=False)
    new1, new2 = crew(CHILD).maker, crew(CHILD).approver
    world.must("scheduleReset", ROOT, issuer_id(CHILD), new1.signer_id, new2.signer_id)
    (announced,) = book.resets()
    assert (announced.issuer, announced.by, announced.admin1) == (CHILD, ROOT, new1.signer_id)
    assert announced.ready_at - announced.announced_at == 86_400
    assert len(book.waiting(world.now, CHILD)) == 1
    world.clock.advance(86_400)
    world.do("registry", "executeReset", (issuer_id(CHILD),), crew(ROOT).operator)
    assert book.resets() == ()
    assert book.waiting(world.now, CHILD) == ()
    names = [deed.name for deed in book.timeline(CHILD)]
    assert names.count("RolesReset") == 1
    assert names.index("ResetScheduled") < names.index("RolesReset")
