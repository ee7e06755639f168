"""Issuers, types and grants: who may do what to whom, and every refusal with its values."""

from __future__ import annotations

import pytest

from scripts.contracts.lab import FOREVER, demo_uscc, person, root_of
from tests.contracts.world import BUREAU, CITY, COUNTY, ROOT, SIBLING, TOWN, World, issuer_id, newcomer

ZERO = b"\0" * 32
NEW = demo_uscc(99)


def test_the_constructor_founds_the_root(world: World) -> None:
    parent, level, epoch, admitted, dissolved = world.registry.issuerOf(issuer_id(ROOT)).call()
    assert (parent, level, epoch, dissolved) == (issuer_id(ROOT), 1, 0, 0)
    assert 0 < admitted <= world.lab.now
    assert world.registry.rootIssuer().call() == issuer_id(ROOT)
    assert world.registry.governance().call() == world.lab.governance.address
    assert world.registry.directoryOf(issuer_id(ROOT)).call() == root_of("root directory")
    for admin in world.admins(ROOT):
        assert world.registry.hasRole(issuer_id(ROOT), admin.signer, 1, 0).call()


def test_an_admitted_child_stands_one_level_below(world: World) -> None:
    for level, issuer in enumerate((ROOT, BUREAU, CITY, COUNTY, TOWN), start=1):
        assert world.registry.issuerOf(issuer_id(issuer)).call()[1] == level
    assert world.registry.issuerOf(issuer_id(CITY)).call()[0] == issuer_id(BUREAU)
    assert world.registry.directoryOf(issuer_id(CITY)).call() == root_of(CITY)


@pytest.mark.parametrize(
    ("ancestor", "issuer", "expected"),
    [
        (ROOT, TOWN, True),
        (BUREAU, TOWN, True),
        (ROOT, ROOT, True),
        (TOWN, TOWN, False),
        (TOWN, BUREAU, False),
        (SIBLING, TOWN, False),
        (ROOT, NEW, False),
        (NEW, NEW, False),
    ],
)
def test_ancestors_are_found_over_any_number_of_levels(
    world: World, ancestor: str, issuer: str, expected: bool
) -> None:
    assert world.registry.isAncestor(issuer_id(ancestor), issuer_id(issuer)).call() is expected


def test_admission_is_refused_with_the_reason(world: World) -> None:
    one, two = person("one").signer, person("two").signer
    admit = "admitIssuer"
    world.refuses_act(("RegistryTooDeep", issuer_id(TOWN), 6), admit, TOWN, issuer_id(NEW), one, two, ZERO)
    world.refuses_act(("RegistryIssuerExists", issuer_id(CITY)), admit, ROOT, issuer_id(CITY), one, two, ZERO)
    world.refuses_act(("RegistryZeroSigner",), admit, ROOT, issuer_id(NEW), ZERO, two, ZERO)
    world.refuses_act(("RegistryZeroSigner",), admit, ROOT, issuer_id(NEW), one, ZERO, ZERO)
    world.refuses_act(("RegistrySameSigner", one), admit, ROOT, issuer_id(NEW), one, one, ZERO)


@pytest.mark.parametrize(
    "text", ["11990000mb0000001X", "1199000000000000 X", "\0" * 18, "11990000MB000000\x7fX"]
)
def test_an_issuer_id_has_digits_and_capitals_only(world: World, text: str) -> None:
    one, two = person("one").signer, person("two").signer
    bad = text.encode("ascii")
    world.refuses_act(("RegistryBadIssuerId", bad), "admitIssuer", ROOT, bad, one, two, ZERO)


def test_an_unknown_issuer_is_named(world: World) -> None:
    world.refuses(world.registry.issuerOf(issuer_id(NEW)), "RegistryUnknownIssuer", issuer_id(NEW))
    world.refuses_act(("RegistryUnknownIssuer", issuer_id(NEW)), "setDirectory", ROOT, issuer_id(NEW), ZERO)


def test_an_ancestor_sets_the_directory_and_the_issuer_does_not(world: World) -> None:
    world.act("setDirectory", ROOT, issuer_id(TOWN), root_of("new entry"))
    assert world.registry.directoryOf(issuer_id(TOWN)).call() == root_of("new entry")
    world.act("setDirectory", ROOT, issuer_id(ROOT), root_of("root's own"))
    assert world.registry.directoryOf(issuer_id(ROOT)).call() == root_of("root's own")
    error = ("RegistryNotAncestor", issuer_id(TOWN), issuer_id(TOWN))
    world.refuses_act(error, "setDirectory", TOWN, issuer_id(TOWN), ZERO)


def test_governance_registers_types_once(world: World) -> None:
    code = b"11100000000013338X001"
    call = world.registry.registerType(code, 3, root_of("file"), True)
    assert world.lab.call(call, world.lab.governance) == world.single_use + 1
    world.lab.send(call, world.lab.governance)
    assert world.registry.typeCount().call() == world.single_use + 1
    assert world.registry.typeOf(world.single_use + 1).call() == (code, 3, True, root_of("file"))
    world.refuses(call, "RegistryTypeExists", code, 3, sender=world.lab.governance)
    stranger = newcomer("types")
    world.refuses(call, "RegistryOnlyGovernance", stranger.address, sender=stranger)
    for unknown in (0, world.single_use + 2):
        world.refuses(world.registry.typeOf(unknown), "RegistryUnknownType", unknown)


def test_governance_moves_in_two_steps(world: World) -> None:
    heir, stranger = newcomer("heir"), newcomer("stranger")
    give, take = world.registry.transferGovernance(heir.address), world.registry.acceptGovernance()
    world.refuses(give, "RegistryOnlyGovernance", stranger.address, sender=stranger)
    world.lab.send(give, world.lab.governance)
    assert world.registry.governance().call() == world.lab.governance.address
    world.refuses(take, "RegistryOnlyGovernance", stranger.address, sender=stranger)
    world.lab.send(take, heir)
    assert world.registry.governance().call() == heir.address
    world.refuses(take, "RegistryOnlyGovernance", heir.address, sender=heir)
    world.refuses(give, "RegistryOnlyGovernance", world.lab.governance.address, sender=world.lab.governance)


def test_a_grant_needs_the_parent_and_its_own_grant(world: World) -> None:
    other = world.lab.register_type("OTHER")
    grant, now = "grantType", world.lab.now
    world.refuses_act(
        ("RegistryGrantMissing", issuer_id(ROOT), other), grant, ROOT, issuer_id(BUREAU), other, now, FOREVER
    )
    world.act(grant, ROOT, issuer_id(ROOT), other, now, now + 10_000)
    error = ("RegistryGrantExceedsParent", issuer_id(ROOT), other, now + 10_000)
    world.refuses_act(error, grant, ROOT, issuer_id(BUREAU), other, now, now + 10_001)
    world.act(grant, ROOT, issuer_id(BUREAU), other, now, now + 10_000)
    error = ("RegistryNotAncestor", issuer_id(ROOT), issuer_id(CITY))
    world.refuses_act(error, grant, ROOT, issuer_id(CITY), other, now, now + 10)
    error = ("RegistryNotAncestor", issuer_id(BUREAU), issuer_id(BUREAU))
    world.refuses_act(error, grant, BUREAU, issuer_id(BUREAU), other, now, now + 10)
    world.refuses_act(("RegistryUnknownType", 77), grant, ROOT, issuer_id(BUREAU), 77, now, FOREVER)
    error = ("RegistryBadInterval", now + 5, now + 5)
    world.refuses_act(error, grant, ROOT, issuer_id(BUREAU), other, now + 5, now + 5)


def test_a_parent_whose_grant_is_over_grants_nothing(world: World) -> None:
    world.act("withdrawGrant", ROOT, issuer_id(BUREAU), world.plain, world.lab.now, 1)
    first, second = world.admins(BUREAU)
    data = world.lab.encode_act("grantType", BUREAU, issuer_id(CITY), world.plain, world.lab.now, FOREVER)
    world.lab.send(world.registry.propose(issuer_id(BUREAU), data, world.lab.own(first)), first)
    accept = world.registry.accept(world.lab.proposals(), data, world.lab.own(second))
    error = ("RegistryGrantNotGood", issuer_id(BUREAU), world.plain, world.lab.now)
    world.refuses(accept, *error, sender=second)


def test_a_withdrawal_names_a_date_and_a_cause(world: World) -> None:
    withdraw, plain = "withdrawGrant", world.plain
    since = world.registry.grantOf(issuer_id(BUREAU), plain).call()[0]
    for cause in (0, 3, 128, 131, 255):
        world.refuses_act(("RegistryBadCause", cause), withdraw, ROOT, issuer_id(BUREAU), plain, since, cause)
    first, second = world.admins(ROOT)
    for wrong in (since - 1, world.lab.now + 1000):
        data = world.lab.encode_act(withdraw, ROOT, issuer_id(BUREAU), plain, wrong, 1)
        world.lab.send(world.registry.propose(issuer_id(ROOT), data, world.lab.own(first)), first)
        accept = world.registry.accept(world.lab.proposals(), data, world.lab.own(second))
        world.lab.fund(second)
        world.refuses(accept, "RegistrySinceOutOfRange", wrong, since, world.lab.now, sender=second)
    error = ("RegistryNotAncestor", issuer_id(BUREAU), issuer_id(BUREAU))
    world.refuses_act(error, withdraw, BUREAU, issuer_id(BUREAU), plain, since, 1)
    world.refuses_act(
        ("RegistryGrantMissing", issuer_id(BUREAU), 99), withdraw, ROOT, issuer_id(BUREAU), 99, since, 1
    )
    world.act(withdraw, ROOT, issuer_id(BUREAU), plain, since, 129)
    at = world.registry.grantOf(issuer_id(BUREAU), plain).call()[3]
    assert world.registry.grantOf(issuer_id(BUREAU), plain).call() == (since, FOREVER, since, at, 129)
    error = ("RegistryAlreadyWithdrawn", issuer_id(BUREAU), plain, at)
    world.refuses_act(error, withdraw, ROOT, issuer_id(BUREAU), plain, since, 1)


def good(world: World, time: int) -> bool:
    return bool(world.registry.grantAt(issuer_id(BUREAU), world.plain, time).call()[0])


def test_a_breaking_withdrawal_reaches_back_a_plain_one_does_not(world: World) -> None:
    start = world.registry.grantOf(issuer_id(BUREAU), world.plain).call()[0]
    with world.lab.snapshot():
        world.act("withdrawGrant", ROOT, issuer_id(BUREAU), world.plain, start + 2, 1)
        at = world.registry.grantOf(issuer_id(BUREAU), world.plain).call()[3]
        assert [good(world, time) for time in (start - 1, start, at - 1, at, at + 9)] == [
            False,
            True,
            True,
            False,
            False,
        ]
    world.act("withdrawGrant", ROOT, issuer_id(BUREAU), world.plain, start + 2, 129)
    at = world.registry.grantOf(issuer_id(BUREAU), world.plain).call()[3]
    assert [good(world, time) for time in (start, start + 1, start + 2, at)] == [True, True, False, False]


def test_a_new_grant_never_heals_what_was_withdrawn(world: World) -> None:
    start = world.registry.grantOf(issuer_id(BUREAU), world.plain).call()[0]
    world.act("withdrawGrant", ROOT, issuer_id(BUREAU), world.plain, start + 2, 130)
    at = world.registry.grantOf(issuer_id(BUREAU), world.plain).call()[3]
    again = ("grantType", ROOT, issuer_id(BUREAU), world.plain)
    world.refuses_act(("RegistryBadInterval", at - 1, FOREVER), *again, at - 1, FOREVER)
    world.act(*again, at, FOREVER)
    assert [good(world, time) for time in (start, start + 2, at - 1, at)] == [True, False, False, True]
    assert world.registry.grantCount(issuer_id(BUREAU), world.plain).call() == 2
    assert world.registry.grantCount(issuer_id(BUREAU), 99).call() == 0


def test_a_renewal_leaves_no_hole_in_a_running_grant(world: World) -> None:
    start = world.registry.grantOf(issuer_id(BUREAU), world.plain).call()[0]
    renew = ("grantType", ROOT, issuer_id(BUREAU), world.plain)
    later = world.lab.now + 1000
    world.refuses_act(("RegistryBadInterval", later, FOREVER), *renew, later, FOREVER)
    world.refuses_act(("RegistryBadInterval", start - 1, FOREVER), *renew, start - 1, FOREVER)
    now = world.lab.now
    world.act(*renew, now, now + 500)
    assert world.registry.grantOf(issuer_id(BUREAU), world.plain).call()[:2] == (now, now + 500)
    assert world.registry.grantAt(issuer_id(BUREAU), world.plain, now - 1).call()[1][0] == start
    assert world.registry.grantAt(issuer_id(BUREAU), world.plain, now).call()[1][0] == now


def test_a_shorter_renewal_ends_the_grant(world: World) -> None:
    now = world.lab.now
    world.act("grantType", ROOT, issuer_id(BUREAU), world.plain, now, now + 500)
    assert [good(world, time) for time in (now, now + 499, now + 500, now + 600)] == [
        True,
        True,
        False,
        False,
    ]
    assert world.registry.grantAt(issuer_id(BUREAU), world.plain, now + 600).call()[1] == (0, 0, 0, 0, 0)
    world.lab.travel(now + 600)
    refused = ("RegistryGrantNotGood", issuer_id(BUREAU), world.plain, world.lab.now)
    batch = world.lab.batch(world.bureau, world.plain, root_of("after the shorter grant"), 5)
    world.refuses(world.lab.anchor_call(world.bureau, batch), *refused, sender=world.bureau.operator)


def test_a_withdrawal_of_a_renewed_grant_counts(world: World) -> None:
    start = world.registry.grantOf(issuer_id(BUREAU), world.plain).call()[0]
    now = world.lab.now
    world.act("grantType", ROOT, issuer_id(BUREAU), world.plain, now, FOREVER)
    world.act("withdrawGrant", ROOT, issuer_id(BUREAU), world.plain, start + 2, 129)
    at = world.registry.grantOf(issuer_id(BUREAU), world.plain).call()[3]
    times = (start, start + 1, start + 2, now, at - 1, at, at + 600)
    assert [good(world, time) for time in times] == [True, True, *[False] * 5]


def test_a_renewal_takes_nothing_back(world: World) -> None:
    start = world.registry.grantOf(issuer_id(BUREAU), world.plain).call()[0]
    renew = ("grantType", ROOT, issuer_id(BUREAU), world.plain)
    over = world.lab.now
    world.refuses_act(("RegistryBadInterval", start, over), *renew, start, over)
    assert good(world, over)
    ending = world.lab.now + 500
    world.act(*renew, start, ending)
    world.lab.travel(ending + 5)
    world.refuses_act(("RegistryBadInterval", start, ending - 1), *renew, start, ending - 1)
    world.act(*renew, start, ending + 1)
    assert [good(world, time) for time in (start, ending, ending + 1)] == [True, True, False]


def test_a_dissolved_issuer_acts_no_more_and_its_successor_does(world: World) -> None:
    dissolve = "dissolveIssuer"
    error = ("RegistryNotAncestor", issuer_id(ROOT), issuer_id(ROOT))
    world.refuses_act(error, dissolve, ROOT, issuer_id(ROOT), issuer_id(BUREAU))
    error = ("RegistryNotAncestor", issuer_id(SIBLING), issuer_id(CITY))
    world.refuses_act(error, dissolve, SIBLING, issuer_id(CITY), issuer_id(SIBLING))
    world.refuses_act(
        ("RegistryUnknownIssuer", issuer_id(NEW)), dissolve, ROOT, issuer_id(BUREAU), issuer_id(NEW)
    )
    error = ("RegistryNotAncestor", issuer_id(BUREAU), issuer_id(SIBLING))
    world.refuses_act(error, dissolve, BUREAU, issuer_id(CITY), issuer_id(SIBLING))
    error = ("RegistryNotAncestor", issuer_id(BUREAU), issuer_id(ROOT))
    world.refuses_act(error, dissolve, BUREAU, issuer_id(CITY), issuer_id(ROOT))
    for heir in (BUREAU, TOWN):
        with world.lab.snapshot():
            world.act(dissolve, BUREAU, issuer_id(CITY), issuer_id(heir))
            assert world.registry.heirOf(issuer_id(CITY)).call() == issuer_id(heir)
    world.act(dissolve, ROOT, issuer_id(BUREAU), issuer_id(SIBLING))
    at = world.registry.issuerOf(issuer_id(BUREAU)).call()[4]
    assert at == world.lab.now
    assert world.registry.successorOf(issuer_id(BUREAU)).call() == issuer_id(SIBLING)
    error = ("RegistryDissolved", issuer_id(BUREAU), at)
    world.refuses_act(error, dissolve, ROOT, issuer_id(BUREAU), issuer_id(SIBLING))
    world.refuses_act(error, dissolve, ROOT, issuer_id(SIBLING), issuer_id(BUREAU))
    world.refuses_act(error, "registerKey", ROOT, issuer_id(BUREAU), root_of("k"), 1, 0, FOREVER)
    admin = world.admins(BUREAU)[0]
    act = world.lab.encode_act("registerKey", BUREAU, issuer_id(CITY), root_of("k"), 1, 0, FOREVER)
    world.refuses(world.registry.propose(issuer_id(BUREAU), act, world.lab.own(admin)), *error, sender=admin)
    assert not world.registry.hasRole(issuer_id(BUREAU), world.bureau.operator.signer, 2, 0).call()


def test_the_successor_grants_to_the_children_it_took_over(world: World) -> None:
    now = world.lab.now
    world.act("dissolveIssuer", ROOT, issuer_id(BUREAU), issuer_id(SIBLING))
    world.act("grantType", SIBLING, issuer_id(CITY), world.plain, now, now + 9_999)
    assert world.registry.grantOf(issuer_id(CITY), world.plain).call()[1] == now + 9_999
    error = ("RegistryNotAncestor", issuer_id(ROOT), issuer_id(CITY))
    world.refuses_act(error, "grantType", ROOT, issuer_id(CITY), world.plain, now, now + 9)
    world.act("grantType", ROOT, issuer_id(BUREAU), world.plain, now, FOREVER)


def test_who_acts_for_whom_follows_the_chain_of_successors(world: World) -> None:
    acts_for = world.registry.requireActsFor
    world.lab.call(acts_for(issuer_id(CITY), issuer_id(CITY)))
    world.act("dissolveIssuer", ROOT, issuer_id(CITY), issuer_id(BUREAU))
    world.act("dissolveIssuer", ROOT, issuer_id(BUREAU), issuer_id(SIBLING))
    world.lab.call(acts_for(issuer_id(SIBLING), issuer_id(CITY)))
    for wrong in (CITY, BUREAU, ROOT):
        world.refuses(
            acts_for(issuer_id(wrong), issuer_id(CITY)),
            "RegistryNotOwnAct",
            issuer_id(wrong),
            issuer_id(CITY),
        )
    world.refuses(acts_for(issuer_id(NEW), issuer_id(NEW)), "RegistryUnknownIssuer", issuer_id(NEW))


def test_without_a_successor_the_own_people_keep_the_lists(world: World) -> None:
    world.act("dissolveIssuer", ROOT, issuer_id(BUREAU), b"\0" * 18)
    world.lab.call(world.registry.requireActsFor(issuer_id(BUREAU), issuer_id(BUREAU)))
    assert world.registry.hasRole(issuer_id(BUREAU), world.bureau.operator.signer, 2, 0).call()
