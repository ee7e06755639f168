"""Standing approvals: listed acts, daily limits of Asia/Shanghai, an end, and revocation at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.core import eip712
from scripts.contracts.lab import Person, Staff, batch_tuple, root_of, set_statuses
from tests.contracts.world import BUREAU, CITY, ROOT, SIBLING, World, issuer_id, newcomer

DAY = 86_400
SHANGHAI = 8 * 3600


def standing(world: World, **others: Any) -> eip712.StandingApproval:
    fields: dict[str, Any] = {
        "issuer": BUREAU,
        "type_id": world.single_use,
        "acts": 7,
        "anchor_limit": 100,
        "supersede_limit": 3,
        "use_limit": 2,
        "valid_from": world.lab.now,
        "valid_until": world.lab.now + 31 * DAY,
        "approver": world.bureau.approver.signer,
        "nonce": 1,
    }
    return eip712.StandingApproval(**{**fields, **others})


def terms(wanted: eip712.StandingApproval) -> tuple[Any, ...]:
    return (
        issuer_id(wanted.issuer),
        wanted.type_id,
        wanted.acts,
        wanted.anchor_limit,
        wanted.supersede_limit,
        wanted.use_limit,
        wanted.valid_from,
        wanted.valid_until,
        wanted.approver,
        wanted.nonce,
    )


def identity(world: World, wanted: eip712.StandingApproval) -> bytes:
    return eip712.standing_digest(world.lab.ledger_domain, wanted)


def register(world: World, wanted: eip712.StandingApproval) -> bytes:
    call = world.ledger.registerStanding(terms(wanted), b"")
    world.lab.send(call, world.bureau.approver)
    return identity(world, wanted)


def revoke(world: World, number: bytes, by: str, who: Person) -> Any:
    return world.ledger.revokeStanding(number, issuer_id(by), world.lab.own(who))


def to_shanghai_morning(world: World) -> None:
    """A minute after midnight there, so that a test does not straddle two days."""
    today = (world.lab.now + SHANGHAI) // DAY
    world.lab.travel((today + 1) * DAY - SHANGHAI + 60)


def test_a_standing_approval_is_registered_by_its_approver(world: World) -> None:
    wanted = standing(world)
    number = identity(world, wanted)
    world.refuses(world.ledger.standingOf(number), "LedgerUnknownStanding", number)
    world.refuses(world.ledger.standingUsed(number), "LedgerUnknownStanding", number)
    carrier = newcomer("carrier")
    unsigned = world.ledger.registerStanding(terms(wanted), b"")
    world.refuses(unsigned, "LedgerBadSignature", wanted.approver, sender=carrier)
    forged = world.ledger.registerStanding(terms(wanted), world.bureau.maker.sign(number))
    world.refuses(forged, "LedgerBadSignature", wanted.approver, sender=carrier)
    call = world.ledger.registerStanding(terms(wanted), world.bureau.approver.sign(number))
    assert world.lab.call(call, carrier) == number
    world.lab.send(call, carrier)
    assert world.ledger.standingOf(number).call() == [terms(wanted), False]
    assert world.ledger.standingUsed(number).call() == [0, 0, 0]
    world.refuses(call, "LedgerStandingExists", number, sender=carrier)


def test_a_standing_approval_is_refused_with_the_reason(world: World) -> None:
    approver = world.lab.fund(world.bureau.approver)
    start = world.lab.now

    def refuse(name: str, *values: Any, **others: Any) -> None:
        wanted = standing(world, **others)
        shown = tuple(identity(world, wanted) if value == "id" else value for value in values)
        world.refuses(world.ledger.registerStanding(terms(wanted), b""), name, *shown, sender=approver)

    refuse("LedgerStandingTooLong", start, start + 31 * DAY + 1, valid_until=start + 31 * DAY + 1)
    refuse("LedgerStandingTooLong", start, start, valid_until=start)
    refuse("LedgerStandingNotGood", "id", start, valid_from=start - DAY, valid_until=start)
    refuse("LedgerStandingNotGood", "id", start, valid_from=2**40, valid_until=2**40 + 5)
    refuse("LedgerStandingWrongAct", "id", 0, acts=0)
    refuse("LedgerStandingWrongAct", "id", 8, acts=8)
    refuse("RegistryUnknownType", 99, type_id=99)
    maker = world.bureau.maker.signer
    refuse("RegistryMissingRole", issuer_id(BUREAU), maker, 4, approver=maker)
    refuse("RegistryMissingRole", issuer_id(SIBLING), approver.signer, 4, issuer=SIBLING)
    refuse("LedgerMissingRole", issuer_id(BUREAU), bytes(32), approver=bytes(32))


def anchor(world: World, number: bytes, name: str, size: int, **others: Any) -> Any:
    batch = world.lab.batch(world.bureau, world.single_use, root_of(name), size, **others)
    return world.lab.anchor_call(world.bureau, batch, number)


def test_leaves_are_counted_a_day_of_shanghai(world: World) -> None:
    operator = world.bureau.operator
    to_shanghai_morning(world)
    number = register(world, standing(world))
    world.lab.send(anchor(world, number, "a", 60), operator)
    world.lab.send(anchor(world, number, "b", 40), operator)
    assert world.ledger.standingUsed(number).call() == [100, 0, 0]
    limit = ("LedgerStandingLimit", number, 1, 100, 101)
    world.refuses(anchor(world, number, "c", 1), *limit, sender=operator)
    midnight = ((world.lab.now + SHANGHAI) // DAY + 1) * DAY - SHANGHAI
    world.lab.travel(midnight - 1)
    world.refuses(anchor(world, number, "c", 1), *limit, sender=operator)
    world.lab.travel(midnight)
    assert world.ledger.standingUsed(number).call() == [0, 0, 0]
    world.refuses(anchor(world, number, "c", 101), *limit, sender=operator)
    world.lab.send(anchor(world, number, "c", 100), operator)
    assert world.ledger.standingUsed(number).call() == [100, 0, 0]


def change(world: World, number: bytes, indices: list[int], status: int, **others: Any) -> Any:
    return world.lab.change_call(
        world.bureau, world.tickets.root, set_statuses(indices, status), number, **others
    )


def test_supersede_and_use_have_limits_of_their_own(world: World) -> None:
    operator = world.bureau.operator
    to_shanghai_morning(world)
    number = register(world, standing(world))
    receipt = world.lab.send(change(world, number, [0, 64, 199], 9), operator)
    event = world.lab.ledger.events.StatusChanged().process_receipt(receipt)[0]["args"]
    assert event["standingId"] == number
    world.refuses(change(world, number, [1], 9), "LedgerStandingLimit", number, 2, 3, 4, sender=operator)
    world.lab.send(change(world, number, [1, 2], 12), operator)
    world.refuses(change(world, number, [3], 12), "LedgerStandingLimit", number, 4, 2, 3, sender=operator)
    assert world.ledger.standingUsed(number).call() == [0, 3, 2]


def test_no_other_act_hides_under_a_standing_approval(world: World) -> None:
    operator = world.bureau.operator
    number = register(world, standing(world))
    for status in (0, 2, 8, 10, 11):
        world.refuses(change(world, number, [1], status), "LedgerNotAct", 0, 2, sender=operator)
    mixed = [*set_statuses([1], 9), *set_statuses([65], 8)]
    call = world.lab.change_call(world.bureau, world.tickets.root, mixed, number)
    world.refuses(call, "LedgerNotAct", 1, 2, sender=operator)
    mixed = [*set_statuses([1], 12), *set_statuses([65], 9)]
    call = world.lab.change_call(world.bureau, world.tickets.root, mixed, number)
    world.refuses(call, "LedgerNotAct", 1, 4, sender=operator)
    call = world.lab.change_call(world.bureau, world.tickets.root, [], number)
    world.refuses(call, "LedgerNoChanges", sender=operator)


def test_a_standing_approval_covers_what_it_says(world: World) -> None:
    operator, staff = world.bureau.operator, world.bureau
    number = register(world, standing(world, acts=1))
    world.refuses(change(world, number, [1], 9), "LedgerStandingWrongAct", number, 2, sender=operator)
    only_use = register(world, standing(world, acts=4, nonce=2))
    world.refuses(anchor(world, only_use, "x", 1), "LedgerStandingWrongAct", only_use, 1, sender=operator)
    other_type = world.lab.batch(staff, world.plain, root_of("x"), 1)
    call = world.lab.anchor_call(staff, other_type, number)
    world.refuses(call, "LedgerStandingWrongType", number, world.plain, sender=operator)
    second = newcomer("second approver")
    world.lab.set_role(BUREAU, staff.admins, second.signer, 4)
    call = anchor(world, number, "x", 1, approver=second.signer)
    world.refuses(call, "LedgerStandingWrongApprover", number, second.signer, sender=operator)
    world.refuses(anchor(world, root_of("?"), "x", 1), "LedgerUnknownStanding", root_of("?"), sender=operator)
    heir = world.staff[SIBLING]
    world.lab.grant(ROOT, world.admins(ROOT), SIBLING, world.single_use)
    foreign = world.lab.anchor_call(heir, world.lab.batch(heir, world.single_use, root_of("x"), 1), number)
    world.refuses(foreign, "LedgerStandingWrongIssuer", number, issuer_id(SIBLING), sender=heir.operator)


def test_the_approvers_place_stays_empty(world: World) -> None:
    staff = world.bureau
    number = register(world, standing(world))
    batch = world.lab.batch(staff, world.single_use, root_of("x"), 1)
    digest = eip712.batch_digest(world.lab.ledger_domain, batch)
    full = (staff.maker.sign(digest), staff.approver.sign(digest), number)
    call = world.ledger.anchor(batch_tuple(batch), full)
    world.refuses(call, "LedgerBadSignature", staff.approver.signer, sender=staff.operator)
    without_maker = (b"", b"", number)
    call = world.ledger.anchor(batch_tuple(batch), without_maker)
    world.refuses(call, "LedgerBadSignature", staff.maker.signer, sender=staff.operator)


def test_a_standing_approval_begins_and_ends(world: World) -> None:
    operator = world.bureau.operator
    start = world.lab.now + 1000
    number = register(world, standing(world, valid_from=start, valid_until=start + 100))
    for time, good in ((start - 1, False), (start, True), (start + 99, True), (start + 100, False)):
        world.lab.travel(time)
        call = anchor(world, number, "x", 1)
        if good:
            world.lab.call(call, operator)
        else:
            world.refuses(call, "LedgerStandingNotGood", number, time, sender=operator)


def test_a_standing_approval_ends_with_the_approvers_role(world: World) -> None:
    approver = world.bureau.approver
    number = register(world, standing(world))
    world.act("setRole", BUREAU, issuer_id(BUREAU), approver.signer, 4, 0, 0, 0)
    error = ("RegistryMissingRole", issuer_id(BUREAU), approver.signer, 4)
    world.refuses(anchor(world, number, "x", 1), *error, sender=world.bureau.operator)


@pytest.mark.parametrize("who", ["approver", "admin", "ancestor"])
def test_it_is_revoked_at_once_by_approver_admin_or_ancestor(world: World, who: str) -> None:
    number = register(world, standing(world))
    by, person = {
        "approver": (BUREAU, world.bureau.approver),
        "admin": (BUREAU, world.admins(BUREAU)[1]),
        "ancestor": (ROOT, world.admins(ROOT)[0]),
    }[who]
    before, later = anchor(world, number, "before", 1), anchor(world, number, "later", 1)
    operator = world.bureau.operator
    stopped = revoke(world, number, by, person)
    assert world.lab.send_together([(before, operator), (stopped, person), (later, operator)]) == [
        True,
        True,
        False,
    ]
    assert world.ledger.standingOf(number).call()[1] is True
    error = ("LedgerStandingNotGood", number, world.lab.now)
    world.refuses(later, *error, sender=operator)
    world.refuses(stopped, *error, sender=person)
    again = world.ledger.registerStanding(terms(standing(world)), b"")
    world.lab.call(again, world.bureau.approver)


def test_nobody_else_revokes(world: World) -> None:
    number = register(world, standing(world))
    stranger = newcomer("stranger")
    for by, who in (
        (BUREAU, stranger),
        (BUREAU, world.bureau.maker),
        (SIBLING, world.admins(SIBLING)[0]),
        (CITY, world.admins(CITY)[0]),
        (ROOT, world.admins(BUREAU)[0]),
    ):
        error = ("LedgerMissingRole", issuer_id(by), who.signer)
        world.refuses(revoke(world, number, by, who), *error, sender=who)
    approver = world.bureau.approver
    posing = world.ledger.revokeStanding(number, issuer_id(BUREAU), world.lab.own(approver))
    world.refuses(posing, "LedgerBadSignature", approver.signer, sender=stranger)
    unknown = revoke(world, root_of("?"), BUREAU, approver)
    world.refuses(unknown, "LedgerUnknownStanding", root_of("?"), sender=approver)


def signed_revocation(world: World, number: bytes, who: Person, **others: Any) -> Any:
    fields: dict[str, Any] = {
        "issuer": BUREAU,
        "call_hash": eip712.revoke_standing_hash(number, BUREAU),
        "signer": who.signer,
        "nonce": 5,
        "deadline": world.lab.now + 100,
    }
    consent = eip712.Authorisation(**{**fields, **others})
    signature = who.sign(eip712.authorisation_digest(world.lab.ledger_domain, consent))
    auth = (who.signer, consent.nonce, consent.deadline, signature)
    return world.ledger.revokeStanding(number, issuer_id(BUREAU), auth)


def test_anybody_carries_a_signed_revocation(world: World) -> None:
    number, carrier = register(world, standing(world)), newcomer("carrier")
    approver = world.bureau.approver
    other = eip712.revoke_standing_hash(root_of("?"), BUREAU)
    bad = ("LedgerBadSignature", approver.signer)
    world.refuses(signed_revocation(world, number, approver, call_hash=other), *bad, sender=carrier)
    world.refuses(signed_revocation(world, number, approver, issuer=CITY), *bad, sender=carrier)
    late = world.lab.now - 1
    expired = ("LedgerExpired", late, world.lab.now)
    world.refuses(signed_revocation(world, number, approver, deadline=late), *expired, sender=carrier)
    world.lab.send(signed_revocation(world, number, approver), carrier)
    assert world.ledger.standingOf(number).call()[1] is True


def test_the_successor_needs_a_standing_approval_of_its_own(world: World) -> None:
    old = register(world, standing(world))
    world.act("dissolveIssuer", ROOT, issuer_id(BUREAU), issuer_id(SIBLING))
    heir: Staff = world.staff[SIBLING]
    superseded = set_statuses([1], 9)
    call = world.lab.change_call(heir, world.tickets.root, superseded, old, issuer=BUREAU)
    world.refuses(call, "LedgerStandingWrongIssuer", old, issuer_id(SIBLING), sender=heir.operator)
    own = standing(world, issuer=SIBLING, approver=heir.approver.signer)
    world.lab.send(world.ledger.registerStanding(terms(own), b""), heir.approver)
    call = world.lab.change_call(heir, world.tickets.root, superseded, identity(world, own), issuer=BUREAU)
    world.lab.send(call, heir.operator)
    assert world.status(1, world.tickets) == 9


def test_a_later_term_is_another_approval(world: World) -> None:
    wanted = standing(world)
    assert identity(world, wanted) != identity(world, replace(wanted, nonce=2))
