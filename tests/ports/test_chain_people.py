"""Admins, heirs, redeemers and imports: every implementation of the chain decides alike."""

from __future__ import annotations

from ledger.adapters.abi import issuer_id
from ledger.core.model import Role
from ledger.core.status import Status
from tests.ports.chain_world import CHILD, FAR, GOVERNANCE, GRANDCHILD, ROOT, START, World, crew, signer

FOREVER = 2**40 - 1
NO_ISSUER = bytes(18)
DAY = 86_400


def test_two_admins_without_an_end_stay(world: World) -> None:
    root, people, third = issuer_id(ROOT), crew(ROOT), signer(96).signer_id
    few = ("RegistryTooFewAdmins", (root,))
    gone = (people.admin1.signer_id, Role.ADMIN, 0, 0, 0)
    assert world.act("setRole", ROOT, root, *gone).error == few
    assert world.act("setRole", ROOT, root, third, Role.ADMIN, 0, START, FAR).error is None
    assert world.act("setRole", ROOT, root, *gone).error == few
    later = world.now + 100
    planned = world.act("setRole", ROOT, root, third, Role.ADMIN, 0, later, FOREVER)
    assert planned.error == ("RegistryBadInterval", (later, FOREVER))
    world.must("setRole", ROOT, root, third, Role.ADMIN, 0, START, FOREVER)
    world.must("setRole", ROOT, root, *gone)
    assert not world.read("registry", "hasRole", root, people.admin1.signer_id, 1, 0)


def test_governance_resets_the_root_unless_the_root_cancels(world: World) -> None:
    root, first, second = issuer_id(ROOT), signer(96).signer_id, signer(97).signer_id
    stranger = signer(98)
    refused = world.try_("registry", "scheduleRootReset", (first, second), stranger)
    assert refused.error == ("RegistryOnlyGovernance", (stranger.address,))
    world.do("registry", "scheduleRootReset", (first, second), GOVERNANCE)
    assert world.read("registry", "resetOf", root)[3] == NO_ISSUER
    world.must("cancelReset", ROOT, root)
    world.do("registry", "scheduleRootReset", (first, second), GOVERNANCE)
    world.clock.advance(DAY)
    world.do("registry", "executeReset", (root,), stranger)
    assert world.read("registry", "hasRole", root, first, 1, 0)
    assert not world.read("registry", "hasRole", root, crew(ROOT).admin1.signer_id, 1, 0)


def test_an_heir_is_the_decider_or_below_it(world: World) -> None:
    world.admit(CHILD, ROOT)
    world.admit(GRANDCHILD, CHILD)
    upward = world.act("dissolveIssuer", CHILD, issuer_id(GRANDCHILD), issuer_id(ROOT))
    assert upward.error == ("RegistryNotAncestor", (issuer_id(CHILD), issuer_id(ROOT)))
    world.must("dissolveIssuer", CHILD, issuer_id(GRANDCHILD), issuer_id(CHILD))
    assert world.read("registry", "heirOf", issuer_id(GRANDCHILD)) == issuer_id(CHILD)


def test_the_heirs_redeemers_redeem(world: World) -> None:
    world.found(ROOT, CHILD, single_use=True)
    batch = world.anchor(world.batch(CHILD, 1))
    for issuer in (ROOT, CHILD):
        world.must("setRole", issuer, issuer_id(issuer), crew(issuer).redeemer.signer_id, 5, 1, START, FAR)
    world.must("dissolveIssuer", ROOT, issuer_id(CHILD), issuer_id(ROOT))
    use = (issuer_id(CHILD), batch.root, [(0, 0xF, int(Status.USED))])
    own = world.try_("ledger", "redeem", use, crew(CHILD).redeemer)
    assert own.error == ("LedgerMissingRole", (issuer_id(ROOT), crew(CHILD).redeemer.signer_id))
    block = world.do("ledger", "redeem", use, crew(ROOT).redeemer)
    (event,) = world.events(block)
    assert event.args["by"] == issuer_id(ROOT)


def test_an_import_names_what_the_registry_knows(world: World) -> None:
    world.register_type(1)
    world.register_type(2, single_use=True)

    def error(issuer: str, type_id: int, *words: int) -> object:
        record = (issuer_id(issuer), bytes([type_id]) * 32, (type_id, 1, 70, START, 0, 0, 0), list(words))
        return world.try_("ledger", "importAnchors", ([record],), GOVERNANCE).error

    assert error(CHILD, 1) == ("RegistryUnknownIssuer", (issuer_id(CHILD),))
    assert error(ROOT, 3) == ("RegistryUnknownType", (3,))
    assert error(ROOT, 1, 0, int(Status.USED)) == ("LedgerNotSingleUse", (1,))
    assert error(ROOT, 1, int(Status.REVOKED)) is None
    assert error(ROOT, 2, 0, int(Status.USED)) is None
    assert error(ROOT, 0) is None
