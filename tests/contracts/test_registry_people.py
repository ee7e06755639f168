"""Proposals, authorisations, roles, keys and recovery: every refusal with its values."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.core import eip712
from scripts.contracts.lab import FOREVER, Person, person, root_of
from tests.contracts.world import BUREAU, CITY, ROOT, SIBLING, World, issuer_id, newcomer

DAY = 86_400
ZERO = b"\0" * 32


def key_act(world: World, name: str = "a key") -> bytes:
    return world.lab.encode_act("registerKey", BUREAU, issuer_id(BUREAU), root_of(name), 1, 0, FOREVER)


def signed(world: World, who: Person, call_hash: bytes, **others: Any) -> tuple[bytes, int, int, bytes]:
    """Auth of `who` over this call hash; `others` are fields of Authorisation."""
    fields = {"issuer": BUREAU, "call_hash": call_hash, "signer": who.signer, "nonce": 7}
    consent = eip712.Authorisation(**{**fields, "deadline": world.lab.now + 100, **others})
    digest = eip712.authorisation_digest(world.lab.registry_domain, consent)
    return (who.signer, consent.nonce, consent.deadline, who.sign(digest))


def proposed(world: World, act: bytes) -> int:
    first = world.admins(BUREAU)[0]
    world.lab.send(world.registry.propose(issuer_id(BUREAU), act, world.lab.own(first)), first)
    return world.lab.proposals()


def test_a_proposal_is_kept_until_another_admin_accepts(world: World) -> None:
    first, second = world.admins(BUREAU)
    act = key_act(world)
    number = proposed(world, act)
    stored = world.registry.proposalOf(number).call()
    assert stored == (issuer_id(BUREAU), world.lab.now + 7 * DAY, first.signer, eip712.keccak(act))
    accept = world.registry.accept(number, act, world.lab.own(second))
    world.refuses(
        world.registry.accept(number, act, world.lab.own(first)),
        "RegistrySameSigner",
        first.signer,
        sender=first,
    )
    other = key_act(world, "another key")
    mismatch = ("RegistryActMismatch", number, eip712.keccak(act), eip712.keccak(other))
    world.refuses(world.registry.accept(number, other, world.lab.own(second)), *mismatch, sender=second)
    before = world.registry.keyCount(issuer_id(BUREAU)).call()
    world.lab.send(accept, second)
    assert world.registry.keyCount(issuer_id(BUREAU)).call() == before + 1
    world.refuses(accept, "RegistryUnknownProposal", number, sender=second)


def test_a_proposal_ends_after_seven_days(world: World) -> None:
    second = world.lab.fund(world.admins(BUREAU)[1])
    act = key_act(world)
    number = proposed(world, act)
    expires = world.registry.proposalOf(number).call()[1]
    accept = world.registry.accept(number, act, world.lab.own(second))
    world.lab.travel(expires - 1)
    world.lab.call(accept, second)
    world.lab.travel(expires)
    world.refuses(accept, "RegistryExpired", expires, expires, sender=second)


def test_a_proposal_dies_with_its_proposers_role(world: World) -> None:
    first, second = world.admins(BUREAU)
    third = world.lab.fund(person("third admin"))
    world.lab.set_role(BUREAU, (first, second), third.signer, 1)
    act = key_act(world)
    number = proposed(world, act)
    world.act("setRole", BUREAU, issuer_id(BUREAU), first.signer, 1, 0, 0, 0)
    accept = world.registry.accept(number, act, world.lab.own(third))
    world.refuses(accept, "RegistryMissingRole", issuer_id(BUREAU), first.signer, 1, sender=third)


def test_any_admin_cancels(world: World) -> None:
    second = world.admins(BUREAU)[1]
    number = proposed(world, key_act(world))
    stranger = newcomer("canceller")
    cancel = world.registry.cancel(number, world.lab.own(stranger))
    world.refuses(cancel, "RegistryMissingRole", issuer_id(BUREAU), stranger.signer, 1, sender=stranger)
    world.lab.send(world.registry.cancel(number, world.lab.own(second)), second)
    world.refuses(
        world.registry.cancel(number, world.lab.own(second)), "RegistryUnknownProposal", number, sender=second
    )


def test_only_acts_of_ones_own_are_proposed(world: World) -> None:
    admin = world.admins(BUREAU)[0]

    def propose(act: bytes) -> Any:
        return world.registry.propose(issuer_id(BUREAU), act, world.lab.own(admin))

    governing = bytes.fromhex(world.lab.registry.encode_abi("acceptGovernance")[2:])
    world.refuses(propose(governing), "RegistryNotAnAct", governing[:4], sender=admin)
    world.refuses(propose(b"\x01\x02"), "RegistryNotAnAct", b"\0" * 4, sender=admin)
    whole = key_act(world)
    world.refuses(propose(whole[:30]), "RegistryNotAnAct", whole[:4], sender=admin)
    foreign = world.lab.encode_act("registerKey", CITY, issuer_id(BUREAU), root_of("k"), 1, 0, FOREVER)
    world.refuses(propose(foreign), "RegistryNotOwnAct", issuer_id(BUREAU), issuer_id(CITY), sender=admin)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("admitIssuer", (issuer_id(CITY), ZERO, ZERO, ZERO)),
        ("setDirectory", (issuer_id(CITY), ZERO)),
        ("grantType", (issuer_id(CITY), 1, 0, 1)),
        ("withdrawGrant", (issuer_id(CITY), 1, 0, 1)),
        ("registerKey", (issuer_id(CITY), ZERO, 1, 0, 1)),
        ("retireKey", (issuer_id(CITY), 1, 0)),
        ("compromiseKey", (issuer_id(CITY), 1, 0)),
        ("setRole", (issuer_id(CITY), ZERO, 1, 0, 0, 1)),
        ("dissolveIssuer", (issuer_id(CITY), issuer_id(CITY))),
        ("scheduleReset", (issuer_id(CITY), ZERO, ZERO)),
        ("cancelReset", (issuer_id(CITY),)),
    ],
)
def test_no_act_is_called_from_outside(world: World, name: str, arguments: tuple[Any, ...]) -> None:
    admin = world.admins(ROOT)[0]
    call = world.registry[name](issuer_id(ROOT), *arguments)
    world.refuses(call, "RegistryOnlySelf", admin.address, sender=admin)


def test_anybody_carries_what_admins_signed(world: World) -> None:
    first, second = world.admins(BUREAU)
    carrier = newcomer("carrier")
    act = key_act(world)
    consent = signed(world, first, eip712.propose_hash(BUREAU, act))
    world.lab.send(world.registry.propose(issuer_id(BUREAU), act, consent), carrier)
    assert world.registry.nonceUsed(first.signer, 7).call()
    assert not world.registry.nonceUsed(first.signer, 8).call()
    number = world.lab.proposals()
    again = world.registry.propose(issuer_id(BUREAU), act, consent)
    world.refuses(again, "RegistryNonceUsed", first.signer, 7, sender=carrier)
    with world.lab.snapshot():
        cancel = world.registry.cancel(number, signed(world, second, eip712.cancel_hash(number)))
        world.lab.send(cancel, carrier)
    accept = signed(world, second, eip712.accept_hash(number, act), nonce=2**255)
    world.lab.send(world.registry.accept(number, act, accept), carrier)
    assert world.registry.nonceUsed(second.signer, 2**255).call()


def test_an_authorisation_counts_for_one_call_only(world: World) -> None:
    first, second = world.admins(BUREAU)
    carrier = world.lab.fund(newcomer("carrier"))
    act = key_act(world)
    good = eip712.propose_hash(BUREAU, act)

    def refuse(consent: tuple[bytes, int, int, bytes], *error: Any) -> None:
        world.refuses(world.registry.propose(issuer_id(BUREAU), act, consent), *error, sender=carrier)

    bad = ("RegistryBadSignature", first.signer)
    refuse(world.lab.own(first), *bad)
    refuse(signed(world, first, eip712.propose_hash(BUREAU, act + b"\0")), *bad)
    refuse(signed(world, first, good, issuer=CITY), *bad)
    refuse((first.signer, 7, world.lab.now + 100, second.sign(good)), *bad)
    late = world.lab.now - 1
    refuse(signed(world, first, good, deadline=late), "RegistryExpired", late, world.lab.now)
    stranger = newcomer("stranger")
    refuse(signed(world, stranger, good), "RegistryMissingRole", issuer_id(BUREAU), stranger.signer, 1)
    consent = signed(world, first, good)
    other_nonce = (consent[0], consent[1] + 1, consent[2], consent[3])
    refuse(other_nonce, *bad)


def test_roles_have_intervals_and_end(world: World) -> None:
    clerk = newcomer("clerk").signer
    start = world.lab.now + 1000
    world.act("setRole", BUREAU, issuer_id(BUREAU), clerk, 3, 0, start, start + 10)
    has = world.registry.hasRole(issuer_id(BUREAU), clerk, 3, 0)
    assert world.registry.roleOf(issuer_id(BUREAU), clerk, 3, 0).call() == [start, start + 10]
    assert not has.call()
    for time, expected in ((start - 1, False), (start, True), (start + 9, True), (start + 10, False)):
        world.lab.travel(time)
        assert has.call() is expected
    world.act("setRole", BUREAU, issuer_id(BUREAU), clerk, 3, 0, 0, 0)
    assert world.registry.roleOf(issuer_id(BUREAU), clerk, 3, 0).call() == [0, 0]


def test_a_role_is_refused_with_the_reason(world: World) -> None:
    clerk, mine = newcomer("clerk").signer, issuer_id(BUREAU)
    for role, type_id in ((0, 0), (6, 0), (3, 1), (5, world.plain)):
        world.refuses_act(
            ("RegistryBadRole", role, type_id), "setRole", BUREAU, mine, clerk, role, type_id, 0, 1
        )
    world.refuses_act(("RegistryUnknownType", 0), "setRole", BUREAU, mine, clerk, 5, 0, 0, 1)
    world.refuses_act(("RegistryZeroSigner",), "setRole", BUREAU, mine, ZERO, 3, 0, 0, 1)
    world.refuses_act(("RegistryBadInterval", 9, 9), "setRole", BUREAU, mine, clerk, 3, 0, 9, 9)
    error = ("RegistryNotOwnAct", issuer_id(ROOT), mine)
    world.refuses_act(error, "setRole", ROOT, mine, clerk, 3, 0, 0, 1)


def test_an_issuer_has_at_most_32_operators(world: World) -> None:
    for number in range(31):
        world.lab.set_role(BUREAU, world.admins(BUREAU), person(f"service {number}").signer, 2)
    one_more = newcomer("service").signer
    error = ("RegistryTooManyOperators", issuer_id(BUREAU), 32)
    world.refuses_act(error, "setRole", BUREAU, issuer_id(BUREAU), one_more, 2, 0, 0, FOREVER)
    world.act("setRole", BUREAU, issuer_id(BUREAU), person("service 3").signer, 2, 0, 0, 0)
    world.act("setRole", BUREAU, issuer_id(BUREAU), one_more, 2, 0, 0, FOREVER)
    assert world.registry.isOperatorNow(one_more, issuer_id(BUREAU)).call()
    assert not world.registry.isOperatorNow(person("service 3").signer, issuer_id(BUREAU)).call()


def test_required_roles_name_who_lacks_which(world: World) -> None:
    staff, stranger = world.bureau, newcomer("nobody").signer
    mine = issuer_id(BUREAU)
    require = world.registry.requireRoles
    world.lab.call(require(mine, staff.operator.signer, staff.maker.signer, staff.approver.signer))
    world.lab.call(require(mine, ZERO, ZERO, ZERO))
    world.refuses(require(mine, stranger, ZERO, ZERO), "RegistryMissingRole", mine, stranger, 2)
    world.refuses(require(mine, ZERO, stranger, ZERO), "RegistryMissingRole", mine, stranger, 3)
    world.refuses(require(mine, ZERO, ZERO, stranger), "RegistryMissingRole", mine, stranger, 4)
    acting = world.registry.requireActing
    world.lab.call(acting(mine, mine, staff.maker.signer, staff.approver.signer))
    world.refuses(
        acting(mine, mine, stranger, staff.approver.signer), "RegistryMissingRole", mine, stranger, 3
    )
    other = issuer_id(SIBLING)
    world.refuses(acting(other, mine, stranger, stranger), "RegistryNotOwnAct", other, mine)


def test_keys_are_numbered_and_found_by_thumbprint(world: World) -> None:
    mine, now = issuer_id(BUREAU), world.lab.now
    world.act("registerKey", BUREAU, mine, root_of("k"), 6, now, now + 100)
    number = world.registry.keyCount(mine).call()
    key = (now, now + 100, 0, 6, root_of("k"))
    assert world.registry.keyOf(mine, number).call() == key
    look = world.registry.keyAt
    for time, good in ((now - 1, False), (now, True), (now + 99, True), (now + 100, False)):
        assert look(root_of("k"), time).call() == [good, mine, number, key]
    assert look(root_of("unknown"), now).call()[:3] == [False, b"\0" * 18, 0]
    error = ("RegistryKeyExists", root_of("k"), mine, number)
    world.refuses_act(error, "registerKey", SIBLING, issuer_id(SIBLING), root_of("k"), 1, now, now + 1)
    for purpose in (0, 7):
        error = ("RegistryBadPurpose", purpose)
        world.refuses_act(error, "registerKey", BUREAU, mine, root_of("p"), purpose, now, now + 1)
    world.refuses_act(("RegistryBadInterval", 5, 4), "registerKey", BUREAU, mine, root_of("p"), 1, 5, 4)
    error = ("RegistryNotAncestor", issuer_id(SIBLING), mine)
    world.refuses_act(error, "registerKey", SIBLING, mine, root_of("p"), 1, now, now + 1)
    for unknown in (0, number + 1):
        world.refuses(world.registry.keyOf(mine, unknown), "RegistryUnknownKey", mine, unknown)


def test_a_retired_key_ends_now_at_the_earliest_and_stays_good_before(world: World) -> None:
    mine = issuer_id(BUREAU)
    thumbprint = world.registry.keyOf(mine, 1).call()[4]
    world.act("retireKey", BUREAU, mine, 1, 5)
    end = world.registry.keyOf(mine, 1).call()[1]
    assert end == world.lab.now
    assert world.registry.keyAt(thumbprint, end - 1).call()[0]
    assert not world.registry.keyAt(thumbprint, end).call()[0]
    first, second = world.admins(BUREAU)
    data = world.lab.encode_act("retireKey", BUREAU, mine, 1, end + 50)
    world.lab.send(world.registry.propose(mine, data, world.lab.own(first)), first)
    accept = world.registry.accept(world.lab.proposals(), data, world.lab.own(second))
    world.refuses(accept, "RegistrySinceOutOfRange", end + 50, world.lab.now, end, sender=second)
    world.refuses_act(("RegistryUnknownKey", mine, 9), "retireKey", BUREAU, mine, 9, end)


def test_a_compromise_only_moves_earlier_and_never_before_the_key(world: World) -> None:
    mine = issuer_id(BUREAU)
    start, _, _, _, thumbprint = world.registry.keyOf(mine, 1).call()
    first, second = world.admins(BUREAU)

    def refuse(since: int, name: str, *values: int) -> None:
        data = world.lab.encode_act("compromiseKey", BUREAU, mine, 1, since)
        world.lab.send(world.registry.propose(mine, data, world.lab.own(first)), first)
        accept = world.registry.accept(world.lab.proposals(), data, world.lab.own(second))
        now = [world.lab.now] if name == "RegistrySinceOutOfRange" else []
        world.refuses(accept, name, *values, *now, sender=second)

    refuse(start - 1, "RegistrySinceOutOfRange", start - 1, start)
    refuse(world.lab.now + 500, "RegistrySinceOutOfRange", world.lab.now + 500, start)
    world.act("compromiseKey", BUREAU, mine, 1, start + 5)
    assert world.registry.keyAt(thumbprint, start + 4).call()[0]
    assert not world.registry.keyAt(thumbprint, start + 5).call()[0]
    refuse(start + 5, "RegistryKeyOnlyEarlier", start + 5, start + 5)
    refuse(start + 6, "RegistryKeyOnlyEarlier", start + 5, start + 6)
    world.act("compromiseKey", ROOT, mine, 1, start)
    assert world.registry.keyOf(mine, 1).call()[2] == start
    world.refuses_act(("RegistryUnknownKey", mine, 9), "compromiseKey", BUREAU, mine, 9, start)
    error = ("RegistryNotAncestor", issuer_id(SIBLING), mine)
    world.refuses_act(error, "compromiseKey", SIBLING, mine, 1, start)


def test_a_parent_resets_the_roles_after_a_day(world: World) -> None:
    mine = issuer_id(BUREAU)
    pair = [world.lab.fund(person(f"fresh admin {number}")) for number in (1, 2)]
    reset = ("scheduleReset", ROOT, mine, pair[0].signer, pair[1].signer)
    world.refuses(world.registry.executeReset(mine), "RegistryNoReset", mine)
    error = ("RegistryNotAncestor", issuer_id(BUREAU), mine)
    world.refuses_act(error, "scheduleReset", BUREAU, mine, pair[0].signer, pair[1].signer)
    world.refuses_act(("RegistrySameSigner", pair[0].signer), *reset[:3], pair[0].signer, pair[0].signer)
    world.act(*reset)
    ready = world.lab.now + DAY
    assert world.registry.resetOf(mine).call() == [pair[0].signer, pair[1].signer, ready, issuer_id(ROOT)]
    carrier = world.lab.fund(newcomer("carrier"))
    world.lab.travel(ready - 1)
    world.refuses(world.registry.executeReset(mine), "RegistryResetTooEarly", mine, ready, sender=carrier)
    proposed(world, key_act(world))
    left_over = world.lab.proposals()
    world.lab.send(world.registry.executeReset(mine), carrier)
    assert world.registry.issuerOf(mine).call()[2] == 1
    old = world.bureau
    gone = [(old.admins[0], 1), (old.admins[1], 1), (old.operator, 2), (old.maker, 3), (old.approver, 4)]
    assert [world.registry.hasRole(mine, who.signer, role, 0).call() for who, role in gone] == [False] * 5
    accept = world.registry.accept(left_over, key_act(world), world.lab.own(pair[0]))
    world.refuses(accept, "RegistryMissingRole", mine, old.admins[0].signer, 1, sender=pair[0])
    world.lab.act(pair, "registerKey", BUREAU, mine, root_of("after the reset"), 1, 0, FOREVER)
    world.refuses(world.registry.executeReset(mine), "RegistryNoReset", mine)


def test_a_reset_is_cancelled_by_the_issuer_or_who_scheduled_it(world: World) -> None:
    mine = issuer_id(CITY)
    schedule = ("scheduleReset", BUREAU, mine, person("x").signer, person("y").signer)
    world.refuses_act(("RegistryNoReset", mine), "cancelReset", CITY, mine)
    for canceller in (CITY, BUREAU):
        world.act(*schedule)
        error = ("RegistryNotOwnAct", issuer_id(ROOT), mine)
        world.refuses_act(error, "cancelReset", ROOT, mine)
        world.act("cancelReset", canceller, mine)
        assert world.registry.resetOf(mine).call()[2] == 0


def test_two_admins_without_an_end_always_stay(world: World) -> None:
    mine, (first, second) = issuer_id(BUREAU), world.admins(BUREAU)
    third, now = world.lab.fund(newcomer("third admin")), world.lab.now
    few = ("RegistryTooFewAdmins", mine)
    world.refuses_act(few, "setRole", BUREAU, mine, first.signer, 1, 0, 0, 0)
    world.refuses_act(few, "setRole", BUREAU, mine, first.signer, 1, 0, now, FOREVER - 1)
    later = now + 1000
    error = ("RegistryBadInterval", later, FOREVER)
    world.refuses_act(error, "setRole", BUREAU, mine, third.signer, 1, 0, later, FOREVER)
    world.act("setRole", BUREAU, mine, third.signer, 1, 0, now, later)
    world.refuses_act(few, "setRole", BUREAU, mine, first.signer, 1, 0, 0, 0)
    for _ in range(2):
        world.act("setRole", BUREAU, mine, third.signer, 1, 0, now, FOREVER)
    world.act("setRole", BUREAU, mine, first.signer, 1, 0, 0, 0)
    assert not world.registry.hasRole(mine, first.signer, 1, 0).call()
    remove = world.lab.encode_act("setRole", BUREAU, mine, second.signer, 1, 0, 0, 0)
    world.lab.send(world.registry.propose(mine, remove, world.lab.own(second)), second)
    accept = world.registry.accept(world.lab.proposals(), remove, world.lab.own(third))
    world.refuses(accept, *few, sender=third)


def test_a_reset_counts_its_two_admins_afresh(world: World) -> None:
    mine, fresh = issuer_id(BUREAU), [world.lab.fund(person(f"fresh admin {number}")) for number in (1, 2)]
    world.lab.set_role(BUREAU, world.admins(BUREAU), newcomer("third admin").signer, 1)
    world.act("scheduleReset", ROOT, mine, fresh[0].signer, fresh[1].signer)
    world.lab.travel(world.lab.now + DAY)
    world.lab.send(world.registry.executeReset(mine), newcomer("carrier"))
    remove = world.lab.encode_act("setRole", BUREAU, mine, fresh[0].signer, 1, 0, 0, 0)
    world.lab.send(world.registry.propose(mine, remove, world.lab.own(fresh[0])), fresh[0])
    accept = world.registry.accept(world.lab.proposals(), remove, world.lab.own(fresh[1]))
    world.refuses(accept, "RegistryTooFewAdmins", mine, sender=fresh[1])


def test_governance_resets_the_root_after_a_day_unless_the_root_cancels(world: World) -> None:
    root, governance = issuer_id(ROOT), world.lab.governance
    fresh = [world.lab.fund(person(f"fresh root admin {number}")) for number in (1, 2)]
    schedule = world.registry.scheduleRootReset(fresh[0].signer, fresh[1].signer)
    stranger = newcomer("usurper")
    world.refuses(schedule, "RegistryOnlyGovernance", stranger.address, sender=stranger)
    alone = world.registry.scheduleRootReset(fresh[0].signer, fresh[0].signer)
    world.refuses(alone, "RegistrySameSigner", fresh[0].signer, sender=governance)
    world.lab.send(schedule, governance)
    world.act("cancelReset", ROOT, root)
    world.refuses(world.registry.executeReset(root), "RegistryNoReset", root)
    world.lab.send(schedule, governance)
    ready = world.lab.now + DAY
    assert world.registry.resetOf(root).call() == [fresh[0].signer, fresh[1].signer, ready, b"\0" * 18]
    world.refuses(world.registry.executeReset(root), "RegistryResetTooEarly", root, ready)
    world.lab.travel(ready)
    world.lab.send(world.registry.executeReset(root), stranger)
    for admin in world.admins(ROOT):
        assert not world.registry.hasRole(root, admin.signer, 1, 0).call()
    world.lab.act(fresh, "registerKey", ROOT, root, root_of("after the root's reset"), 1, 0, FOREVER)
