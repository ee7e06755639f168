"""Anchoring batches: who, what, when; every refusal with its values; approvals replayed elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.core import eip712
from scripts.contracts.lab import (
    FOREVER,
    LEDGER_ID,
    NO_STANDING,
    Staff,
    batch_tuple,
    load_artifact,
    root_of,
)
from scripts.contracts.passkey import Passkey
from tests.contracts.world import BUREAU, CITY, ROOT, SIBLING, SIZE, TOWN, World, issuer_id, newcomer


def test_an_anchor_stores_what_was_signed_in_one_slot(world: World) -> None:
    staff = world.bureau
    batch = world.lab.batch(staff, world.plain, root_of("b"), 130, list=3, first_word=2**32 - 3)
    assert not world.ledger.isAnchored(issuer_id(BUREAU), batch.root).call()
    world.refuses(
        world.ledger.anchorOf(issuer_id(BUREAU), batch.root),
        "LedgerNotAnchored",
        issuer_id(BUREAU),
        batch.root,
    )
    world.anchor(staff, batch)
    stored = world.ledger.anchorOf(issuer_id(BUREAU), batch.root).call()
    assert stored == (world.plain, 1, 130, world.lab.now, 3, 2**32 - 3, 0)
    assert world.ledger.isAnchored(issuer_id(BUREAU), batch.root).call()
    assert not world.ledger.isAnchored(issuer_id(SIBLING), batch.root).call()
    assert [world.status(index, batch) for index in (0, 64, 129)] == [0, 0, 0]


def test_the_deepest_issuer_anchors_with_every_grant_above_it(world: World) -> None:
    world.anchor(world.staff[TOWN], world.lab.batch(world.staff[TOWN], world.plain, root_of("t"), 5))


def test_a_pending_batch_starts_pending_and_nothing_beyond_its_size(world: World) -> None:
    batch = world.lab.batch(world.bureau, world.plain, root_of("p"), 70, pending=True)
    world.anchor(world.bureau, batch)
    word = world.ledger.statusWord
    assert word(issuer_id(BUREAU), batch.root, 0).call() == int("1" * 64, 16)
    assert word(issuer_id(BUREAU), batch.root, 1).call() == 0x111111
    assert word(issuer_id(BUREAU), batch.root, 2).call() == 0
    assert world.status(69, batch) == 1
    full = world.lab.batch(world.bureau, world.plain, root_of("p64"), 64, pending=True)
    world.anchor(world.bureau, full)
    assert word(issuer_id(BUREAU), full.root, 1).call() == 0


def test_many_batches_go_in_one_call_or_none(world: World) -> None:
    staff = world.bureau
    batches = [world.lab.batch(staff, world.plain, root_of(f"m{i}"), 10 + i) for i in range(3)]

    def call(approved: int) -> Any:
        approvals = [
            world.lab.approvals(staff, eip712.batch_digest(world.lab.ledger_domain, batch))
            for batch in batches[:approved]
        ]
        return world.ledger.anchorMany([batch_tuple(batch) for batch in batches], approvals)

    world.refuses(call(2), "LedgerLengthMismatch", 3, 2, sender=staff.operator)
    with world.lab.snapshot():
        world.anchor(staff, batches[2])
        again = ("LedgerRootAlreadyAnchored", issuer_id(BUREAU), batches[2].root, world.lab.now)
        world.refuses(call(3), *again, sender=staff.operator)
    world.lab.send(call(3), staff.operator)
    assert all(world.ledger.isAnchored(issuer_id(BUREAU), batch.root).call() for batch in batches)


def test_a_document_batch_needs_a_seal_key_and_no_grant(world: World) -> None:
    staff = world.bureau
    world.act("withdrawGrant", ROOT, issuer_id(BUREAU), world.plain, world.lab.now, 129)
    sealed = world.lab.batch(staff, 0, root_of("pdfs"), 9, key=2, list=0)
    world.anchor(staff, sealed)
    document = ("LedgerBadDocumentBatch", 0, 0, False)
    world.refuses(world.ledger.statusOf(issuer_id(BUREAU), sealed.root, 0), *document)
    world.refuses(world.lab.suspend_call(BUREAU, sealed.root, []), *document, sender=staff.operator)

    def refuse(error: tuple[Any, ...], **others: Any) -> None:
        batch = world.lab.batch(staff, 0, root_of("x"), 9, **{"key": 2, "list": 0, **others})
        world.refuses(world.lab.anchor_call(staff, batch), *error, sender=staff.operator)

    refuse(("LedgerBadDocumentBatch", 1, 0, False), list=1)
    refuse(("LedgerBadDocumentBatch", 0, 1, False), first_word=1)
    refuse(("LedgerBadDocumentBatch", 0, 0, True), pending=True)
    refuse(("RegistryKeyNotGood", issuer_id(BUREAU), 1, 3, world.lab.now), key=1)


def test_an_anchor_is_refused_with_the_reason(world: World) -> None:
    staff = world.bureau
    mine = issuer_id(BUREAU)
    stranger = newcomer("signer")

    def refuse(name: str, *values: Any, by: Staff = staff, **others: Any) -> None:
        batch = world.lab.batch(by, world.plain, root_of("x"), SIZE)
        batch = replace(batch, **others)
        world.refuses(world.lab.anchor_call(by, batch), name, *values, sender=by.operator)

    refuse("LedgerBadSize", 0, size=0)
    refuse("LedgerBadRange", 1, 2**32 - 3, SIZE, first_word=2**32 - 3)
    refuse("LedgerRootAlreadyAnchored", mine, world.batch.root, anchored_at(world), root=world.batch.root)
    refuse("LedgerSameSigner", staff.maker.signer, approver=staff.maker.signer)
    refuse("LedgerBadSignature", bytes(32), approver=bytes(32))
    late = world.lab.now - 1
    refuse("LedgerExpired", late, world.lab.now, deadline=late)
    refuse("RegistryMissingRole", mine, stranger.signer, 3, maker=stranger.signer)
    refuse("RegistryMissingRole", mine, stranger.signer, 4, approver=stranger.signer)
    refuse("RegistryKeyNotGood", mine, 9, 1, world.lab.now, key=9)
    refuse("RegistryKeyNotGood", mine, 2, 1, world.lab.now, key=2)
    refuse("RegistryGrantMissing", mine, 77, type_id=77)
    other = world.staff[SIBLING]
    refuse(
        "RegistryMissingRole",
        issuer_id(SIBLING),
        staff.operator.signer,
        2,
        by=replace(other, operator=staff.operator),
    )
    refuse("RegistryUnknownIssuer", b"1" * 18, issuer="1" * 18)


def anchored_at(world: World) -> int:
    return int(world.ledger.anchorOf(issuer_id(BUREAU), world.batch.root).call()[3])


def test_a_key_that_is_not_good_now_anchors_nothing(world: World) -> None:
    call = world.lab.anchor_call(world.bureau, world.lab.batch(world.bureau, world.plain, root_of("x"), 5))
    for act in (("retireKey", 0), ("compromiseKey", world.registry.keyOf(issuer_id(BUREAU), 1).call()[0])):
        with world.lab.snapshot():
            world.act(act[0], BUREAU, issuer_id(BUREAU), 1, act[1])
            error = ("RegistryKeyNotGood", issuer_id(BUREAU), 1, 1, world.lab.now)
            world.refuses(call, *error, sender=world.bureau.operator)


@pytest.mark.parametrize("ancestor", [ROOT, BUREAU, CITY, TOWN])
def test_a_withdrawn_grant_stops_everybody_below(world: World, ancestor: str) -> None:
    staff = world.staff[TOWN]
    call = world.lab.anchor_call(staff, world.lab.batch(staff, world.plain, root_of("x"), 5))
    world.lab.call(call, staff.operator)
    world.act("withdrawGrant", ROOT, issuer_id(ancestor), world.plain, world.lab.now, 1)
    error = ("RegistryGrantNotGood", issuer_id(ancestor), world.plain, world.lab.now)
    world.refuses(call, *error, sender=staff.operator)


def test_a_dissolved_issuer_anchors_nothing_and_its_children_go_on(world: World) -> None:
    call = world.lab.anchor_call(world.bureau, world.lab.batch(world.bureau, world.plain, root_of("x"), 5))
    world.act("dissolveIssuer", ROOT, issuer_id(BUREAU), issuer_id(SIBLING))
    error = ("RegistryDissolved", issuer_id(BUREAU), world.lab.now)
    world.refuses(call, *error, sender=world.bureau.operator)
    town = world.staff[TOWN]
    world.anchor(town, world.lab.batch(town, world.plain, root_of("t"), 5))


def test_a_contract_wallet_and_a_passkey_approve(world: World) -> None:
    staff = world.bureau
    wallet = world.deploy("TestWallet", staff.approver.address)
    wallet_signer = eip712.address_signer(bytes.fromhex(wallet.address[2:]))
    passkeys = (Passkey(11), Passkey(22))
    for signer, role in ((wallet_signer, 4), (passkeys[0].signer, 3), (passkeys[1].signer, 4)):
        world.lab.set_role(BUREAU, staff.admins, signer, role)
    domain = world.lab.ledger_domain
    by_wallet = world.lab.batch(staff, world.plain, root_of("w"), 5, approver=wallet_signer)
    digest = eip712.batch_digest(domain, by_wallet)
    second = eip712.contract_signature(staff.approver.sign(digest)[1:])
    call = world.ledger.anchor(batch_tuple(by_wallet), (staff.maker.sign(digest), second, NO_STANDING))
    world.lab.send(call, staff.operator)
    by_passkeys = replace(by_wallet, root=root_of("k"), maker=passkeys[0].signer, approver=passkeys[1].signer)
    digest = eip712.batch_digest(domain, by_passkeys)
    signatures = (passkeys[0].sign(digest), passkeys[1].sign(digest), NO_STANDING)
    unverified = (passkeys[0].sign(digest), passkeys[1].lying(flags=1).sign(digest), NO_STANDING)
    bad = ("LedgerBadSignature", passkeys[1].signer)
    world.refuses(world.ledger.anchor(batch_tuple(by_passkeys), unverified), *bad, sender=staff.operator)
    world.lab.send(world.ledger.anchor(batch_tuple(by_passkeys), signatures), staff.operator)


def test_signatures_are_not_swapped_left_out_or_doubled(world: World) -> None:
    staff = world.bureau
    batch = world.lab.batch(staff, world.plain, root_of("x"), 5)
    maker, approver, _ = world.lab.approvals(staff, eip712.batch_digest(world.lab.ledger_domain, batch))
    for signatures, guilty in (
        ((approver, maker, NO_STANDING), staff.maker),
        ((maker, maker, NO_STANDING), staff.approver),
        ((b"", approver, NO_STANDING), staff.maker),
        ((maker, b"", NO_STANDING), staff.approver),
    ):
        call = world.ledger.anchor(batch_tuple(batch), signatures)
        world.refuses(call, "LedgerBadSignature", guilty.signer, sender=staff.operator)


def test_the_registry_answers_for_an_anchor_by_itself(world: World) -> None:
    staff, mine = world.bureau, issuer_id(BUREAU)
    people = (staff.operator.signer, staff.maker.signer, staff.approver.signer)
    world.lab.call(world.registry.requireAnchor(mine, world.plain, 1, *people))
    world.lab.call(world.registry.requireAnchor(mine, 0, 2, *people))
    swapped = world.registry.requireAnchor(mine, world.plain, 1, people[0], people[2], people[1])
    world.refuses(swapped, "RegistryMissingRole", mine, people[2], 3)


# ---- approvals replayed ----

ELSEWHERE = {
    "another chain": lambda domain: replace(domain, chain_id=domain.chain_id + 1),
    "another contract": lambda domain: replace(domain, contract=b"\x11" * 20),
    "another ledger id": lambda domain: replace(domain, ledger_id=root_of("another ledger")),
    "the registry": lambda domain: replace(domain, name="ecert IssuerRegistry"),
}


@pytest.mark.parametrize("place", sorted(ELSEWHERE))
def test_an_approval_for_another_place_counts_nothing_here(world: World, place: str) -> None:
    staff = world.bureau
    batch = world.lab.batch(staff, world.plain, root_of("x"), 5)
    digest = eip712.batch_digest(ELSEWHERE[place](world.lab.ledger_domain), batch)
    call = world.ledger.anchor(batch_tuple(batch), world.lab.approvals(staff, digest))
    world.refuses(call, "LedgerBadSignature", staff.maker.signer, sender=staff.operator)


def test_an_approval_given_here_counts_nothing_in_a_second_ledger(world: World) -> None:
    staff = world.bureau
    second = world.lab.deploy(load_artifact("CredentialLedger"), LEDGER_ID, world.lab.registry.address)
    world.lab.send(second.functions.open(), world.lab.governance)
    batch = world.lab.batch(staff, world.plain, root_of("x"), 5)
    approvals = world.lab.approvals(staff, eip712.batch_digest(world.lab.ledger_domain, batch))
    call = second.functions.anchor(batch_tuple(batch), approvals)
    world.refuses(call, "LedgerBadSignature", staff.maker.signer, sender=staff.operator)


@pytest.mark.parametrize(
    "change",
    [
        {"size": 6},
        {"size": 4},
        {"type_id": "single use"},
        {"root": root_of("y")},
        {"list": 2},
        {"first_word": 1},
        {"pending": True},
        {"deadline": 2**40},
    ],
    ids=lambda change: next(iter(change)) + str(next(iter(change.values())))[:6],
)
def test_an_approval_counts_for_the_signed_batch_only(world: World, change: dict[str, Any]) -> None:
    staff = world.bureau
    batch = world.lab.batch(staff, world.plain, root_of("x"), 5)
    approvals = world.lab.approvals(staff, eip712.batch_digest(world.lab.ledger_domain, batch))
    if change.get("type_id"):
        change = {"type_id": world.single_use}
    call = world.ledger.anchor(batch_tuple(replace(batch, **change)), approvals)
    world.refuses(call, "LedgerBadSignature", staff.maker.signer, sender=staff.operator)


def test_an_approval_ends_with_the_role_and_with_its_deadline(world: World) -> None:
    staff = world.bureau
    batch = world.lab.batch(staff, world.plain, root_of("x"), 5)
    call = world.lab.anchor_call(staff, batch)
    for who, role in ((staff.maker, 3), (staff.approver, 4), (staff.operator, 2)):
        with world.lab.snapshot():
            world.act("setRole", BUREAU, issuer_id(BUREAU), who.signer, role, 0, 0, 0)
            error = ("RegistryMissingRole", issuer_id(BUREAU), who.signer, role)
            world.refuses(call, *error, sender=staff.operator)
    world.lab.travel(batch.deadline)
    world.lab.call(call, staff.operator)
    world.lab.travel(batch.deadline + 1)
    world.refuses(call, "LedgerExpired", batch.deadline, batch.deadline + 1, sender=staff.operator)


def test_an_approval_is_used_once(world: World) -> None:
    staff = world.bureau
    batch = world.lab.batch(staff, world.plain, root_of("x"), 5)
    call = world.lab.anchor_call(staff, batch)
    assert world.lab.send_together([(call, staff.operator), (call, staff.operator)]) == [True, False]
    world.refuses(
        call, "LedgerRootAlreadyAnchored", issuer_id(BUREAU), batch.root, world.lab.now, sender=staff.operator
    )


# ---- withdrawing ----


def withdrawal(world: World, staff: Staff, **others: Any) -> Any:
    fields: dict[str, Any] = {
        "issuer": BUREAU,
        "root": world.batch.root,
        "reason_class": 2,
        "by": staff.issuer,
        "maker": staff.maker.signer,
        "approver": staff.approver.signer,
        "deadline": world.lab.now + 100,
    }
    wanted = eip712.BatchWithdrawal(**{**fields, **others})
    digest = eip712.withdrawal_digest(world.lab.ledger_domain, wanted)
    struct = (
        issuer_id(wanted.issuer),
        wanted.root,
        wanted.reason_class,
        issuer_id(wanted.by),
        wanted.maker,
        wanted.approver,
        wanted.deadline,
    )
    return world.ledger.withdrawBatch(struct, staff.maker.sign(digest), staff.approver.sign(digest))


@pytest.mark.parametrize("by", [BUREAU, ROOT])
def test_a_batch_is_withdrawn_for_good_by_the_issuer_or_an_ancestor(world: World, by: str) -> None:
    carrier = newcomer("carrier")
    world.lab.send(withdrawal(world, world.staff[by], reason_class=4), carrier)
    stored = world.ledger.anchorOf(issuer_id(BUREAU), world.batch.root).call()
    assert stored[6] == 4
    assert stored[:3] == (world.plain, 1, SIZE)
    gone = ("LedgerAlreadyWithdrawn", issuer_id(BUREAU), world.batch.root, 4)
    world.refuses(withdrawal(world, world.bureau), *gone, sender=carrier)
    world.refuses(world.lab.suspend_call(BUREAU, world.batch.root, []), *gone, sender=world.bureau.operator)


def test_a_withdrawal_is_refused_with_the_reason(world: World) -> None:
    carrier = world.lab.fund(newcomer("carrier"))
    staff = world.bureau

    def refuse(name: str, *values: Any, by: Staff = staff, **others: Any) -> None:
        world.refuses(withdrawal(world, by, **others), name, *values, sender=carrier)

    for reason in (0, 6):
        refuse("LedgerBadReason", reason, reason_class=reason)
    late = world.lab.now - 1
    refuse("LedgerExpired", late, world.lab.now, deadline=late)
    refuse("LedgerNotAnchored", issuer_id(BUREAU), root_of("no"), root=root_of("no"))
    refuse("LedgerSameSigner", staff.maker.signer, approver=staff.maker.signer)
    refuse("RegistryNotOwnAct", issuer_id(SIBLING), issuer_id(BUREAU), by=world.staff[SIBLING])
    refuse("RegistryNotOwnAct", issuer_id(CITY), issuer_id(BUREAU), by=world.staff[CITY])
    stranger = newcomer("maker")
    refuse("RegistryMissingRole", issuer_id(BUREAU), stranger.signer, 3, by=replace(staff, maker=stranger))
    forged = replace(staff, approver=stranger)
    refuse("LedgerBadSignature", staff.approver.signer, by=forged, approver=staff.approver.signer)


def test_the_successor_withdraws_for_a_dissolved_issuer(world: World) -> None:
    world.act("dissolveIssuer", ROOT, issuer_id(BUREAU), issuer_id(SIBLING))
    carrier = newcomer("carrier")
    world.refuses(
        withdrawal(world, world.bureau),
        "RegistryNotOwnAct",
        issuer_id(BUREAU),
        issuer_id(BUREAU),
        sender=carrier,
    )
    world.lab.send(withdrawal(world, world.staff[SIBLING]), carrier)


def test_forever_is_the_last_moment_of_forty_bits() -> None:
    assert FOREVER == 2**40 - 1
