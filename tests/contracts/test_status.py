"""Statuses: the transition table in every lane, masks, two writers of one word, who may write what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.core import eip712
from ledger.core.model import WordChange
from ledger.core.status import TRANSITIONS, Status
from scripts.contracts.lab import Staff, change_tuples, person, root_of, set_statuses
from tests.contracts.world import BUREAU, ROOT, SIBLING, SIZE, World, issuer_id, newcomer

DEFINED = {int(status) for status in Status}
ALLOWED = {(int(old), int(new)) for old, news in TRANSITIONS.items() for new in news}
ONES = int("1" * 64, 16)
DIRTY = int("0c9b28a1" * 8, 16)


# ---- the table ----


@pytest.fixture(scope="module")
def harness(founded: World) -> Any:
    return founded.deploy("StatusWordHarness").functions


def steps_found(harness: Any, lane: int, others: tuple[int, int]) -> set[tuple[int, int]]:
    table = harness.transitions(lane, *others).call({"gas": 25_000_000})
    found = {(bit // 16, bit % 16) for bit in range(256) if table >> bit & 1}
    # An undefined status is never stored, so only rows of defined ones count.
    return {step for step in found if step[0] in DEFINED}


def test_every_step_in_every_lane_is_that_of_the_table(harness: Any) -> None:
    for lane in range(64):
        assert steps_found(harness, lane, (DIRTY, 2**256 - 1)) == ALLOWED, lane


@pytest.mark.parametrize("others", [(0, 0), (2**256 - 1, DIRTY)], ids=["empty", "full"])
def test_the_neighbours_of_a_lane_do_not_matter(harness: Any, others: tuple[int, int]) -> None:
    for lane in (0, 1, 30, 63):
        assert steps_found(harness, lane, others) == ALLOWED, lane


def test_one_bad_lane_among_many_is_enough(harness: Any) -> None:
    good = ONES * Status.SUSPENDED
    assert harness.isAllowed(0, good, ONES).call()
    for lane in (0, 31, 63):
        final = Status.REVOKED << 4 * lane
        assert not harness.isAllowed(final, good, ONES).call()
        assert harness.isAllowed(final, good, ONES & ~(1 << 4 * lane)).call()


@pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 127, 128, 2**32 - 1])
def test_lanes_end_with_the_batch(harness: Any, size: int) -> None:
    last = (size - 1) // 64
    for word in {0, max(last - 1, 0), last, last + 1, 2**32 - 1, 2**256 - 1}:
        expected = sum(1 << 4 * lane for lane in range(64) if word * 64 + lane < size)
        assert harness.lanesBelow(word, size).call() == expected


def test_lanes_are_counted(harness: Any) -> None:
    for lanes in (0, 1, ONES, ONES >> 4, 1 << 252, ONES & DIRTY):
        assert harness.count(lanes).call() == lanes.bit_count()


def test_a_word_is_defined_when_each_nibble_is(harness: Any) -> None:
    for status in range(16):
        for lane in (0, 17, 63):
            assert harness.isDefined(status << 4 * lane).call() is (status in DEFINED)


# ---- through the contract ----


def apply(world: World, changes: list[WordChange], **others: Any) -> Any:
    return world.lab.change_call(world.bureau, world.tickets.root, changes, **others)


@pytest.mark.parametrize("old", sorted(DEFINED))
def test_the_ledger_walks_the_table_and_no_step_more(world: World, old: int) -> None:
    paths = {0: (), 1: None, 2: (2,), 8: (8,), 9: (9,), 10: (10,), 11: (11,), 12: (12,)}
    lane = 5 * old % 64
    batch, steps = world.tickets, paths[old]
    if steps is None:
        batch = world.lab.batch(world.bureau, world.single_use, root_of("pending"), 64, pending=True)
        world.anchor(world.bureau, batch)
    for status in steps or ():
        world.lab.send(apply(world, set_statuses([lane], status)), world.bureau.operator)
    for new in range(16):
        changes = set_statuses([lane], new)
        call = world.lab.change_call(world.bureau, batch.root, changes)
        if (old, new) in ALLOWED:
            world.lab.call(call, world.bureau.operator)
            continue
        mask = changes[0].mask
        error = ("LedgerBadTransition", 0, old << 4 * lane, mask, new << 4 * lane)
        world.refuses(call, *error, sender=world.bureau.operator)


def test_two_writers_of_one_word_both_have_their_effect(world: World) -> None:
    operator, second = world.bureau.operator, person("second operator")
    world.lab.set_role(BUREAU, world.bureau.admins, second.signer, 2)
    one = world.lab.suspend_call(BUREAU, world.batch.root, set_statuses([3, 5], 2))
    two = world.lab.suspend_call(BUREAU, world.batch.root, set_statuses([4, 63], 2))
    three = world.lab.change_call(world.bureau, world.batch.root, set_statuses([5, 6], 8))
    assert world.lab.send_together([(one, operator), (two, second), (three, operator)]) == [True] * 3
    found = {index: world.status(index) for index in (2, 3, 4, 5, 6, 7, 63)}
    assert found == {2: 0, 3: 2, 4: 2, 5: 8, 6: 8, 7: 0, 63: 2}


def test_many_words_change_together_and_each_keeps_its_rest(world: World) -> None:
    operator = world.bureau.operator
    world.lab.send(world.lab.suspend_call(BUREAU, world.batch.root, set_statuses([0, 70, 199], 2)), operator)
    mixed = [
        WordChange(0, 0xFF, Status.VALID | Status.REVOKED << 4),
        WordChange(3, 0xF << 28, 0),
        WordChange(0, 0xF00, Status.VOID << 8),
    ]
    receipt = world.lab.send(world.lab.change_call(world.bureau, world.batch.root, mixed), operator)
    assert [world.status(index) for index in (0, 1, 2, 70, 199)] == [0, 8, 11, 2, 0]
    event = world.lab.ledger.events.StatusChanged().process_receipt(receipt)[0]["args"]
    assert event["words"] == [0, 3, 0]
    assert event["values"] == [0x80, 0, 0xB80]
    assert (event["issuer"], event["root"], event["by"]) == (
        issuer_id(BUREAU),
        world.batch.root,
        issuer_id(BUREAU),
    )
    assert event["operator"] == operator.signer
    assert (event["maker"], event["approver"]) == (world.bureau.maker.signer, world.bureau.approver.signer)
    assert (event["standingId"], event["reasonClass"]) == (bytes(32), 2)


def test_a_suspension_is_the_operators_alone_and_reversible(world: World) -> None:
    operator = world.bureau.operator
    receipt = world.lab.send(
        world.lab.suspend_call(BUREAU, world.batch.root, set_statuses([SIZE - 1], 2)), operator
    )
    event = world.lab.ledger.events.StatusChanged().process_receipt(receipt)[0]["args"]
    assert (event["maker"], event["approver"], event["reasonClass"]) == (bytes(32), bytes(32), 4)
    assert (event["words"], event["values"]) == ([3], [2 << 28])
    world.lab.send(
        world.lab.change_call(world.bureau, world.batch.root, set_statuses([SIZE - 1], 0)), operator
    )
    assert world.status(SIZE - 1) == 0


def suspend(world: World, changes: list[WordChange], **others: Any) -> Any:
    fields = {"issuer": BUREAU, "root": world.batch.root, "by": BUREAU, "reason": 4, **others}
    return world.ledger.suspend(
        issuer_id(fields["issuer"]),
        fields["root"],
        issuer_id(fields["by"]),
        fields["reason"],
        change_tuples(changes),
    )


def test_a_suspension_is_refused_with_the_reason(world: World) -> None:
    operator, stranger = world.bureau.operator, newcomer("operator")
    one = set_statuses([1], 2)

    def refuse(call: Any, name: str, *values: Any, sender: Any = operator) -> None:
        world.refuses(call, name, *values, sender=sender)

    refuse(suspend(world, one), "LedgerMissingRole", issuer_id(BUREAU), stranger.signer, sender=stranger)
    refuse(suspend(world, one, by=ROOT), "RegistryNotOwnAct", issuer_id(ROOT), issuer_id(BUREAU))
    refuse(suspend(world, one, reason=0), "LedgerBadReason", 0)
    refuse(suspend(world, one, reason=6), "LedgerBadReason", 6)
    refuse(suspend(world, []), "LedgerNoChanges")
    refuse(suspend(world, one, root=root_of("no")), "LedgerNotAnchored", issuer_id(BUREAU), root_of("no"))
    for change in (
        WordChange(0, 0, 0),
        WordChange(0, 0x7, 0x2),
        WordChange(0, 0x1E, 0x2),
        WordChange(0, 0xF, 0x22),
        WordChange(4, 0xF, 0x2),
        WordChange(3, 0xF << 32, 2 << 32),
        WordChange(3, 0xF << 28 | 0xF << 32, 2 << 28 | 2 << 32),
        WordChange(2**32 - 1, 0xF, 0x2),
    ):
        refuse(suspend(world, [change]), "LedgerBadWord", change.word, change.mask, change.value)
    for change in (WordChange(0, 0xF, 8), WordChange(0, 0xF, 0), WordChange(0, 0xFF, 0x20)):
        refuse(suspend(world, [change]), "LedgerNotSuspension", change.word, change.mask, change.value)
    world.lab.send(suspend(world, one), operator)
    refuse(suspend(world, one), "LedgerBadTransition", 0, 0x20, 0xF0, 0x20)


def test_a_change_is_refused_with_the_reason(world: World) -> None:
    staff = world.bureau
    one = set_statuses([1], 8)

    def refuse(
        name: str, *values: Any, changes: list[WordChange] = one, by: Staff = staff, **others: Any
    ) -> None:
        call = world.lab.change_call(by, world.batch.root, changes, **others)
        world.refuses(call, name, *values, sender=by.operator)

    refuse("LedgerNoChanges", changes=[])
    refuse("LedgerBadReason", 6, reason_class=6)
    late = world.lab.now - 1
    refuse("LedgerExpired", late, world.lab.now, deadline=late)
    wrong = root_of("other changes")
    refuse("LedgerChangesMismatch", eip712.changes_hash(one), wrong, changes_hash=wrong)
    refuse("LedgerSameSigner", staff.maker.signer, approver=staff.maker.signer)
    refuse("LedgerBadSignature", bytes(32), maker=bytes(32))
    refuse("LedgerBadWord", 4, 0xF, 8, changes=[WordChange(4, 0xF, 8)])
    refuse("LedgerNotSingleUse", world.plain, changes=set_statuses([1], 12))
    stranger = newcomer("maker")
    refuse("RegistryMissingRole", issuer_id(BUREAU), stranger.signer, 3, maker=stranger.signer)
    refuse(
        "LedgerBadSignature", staff.maker.signer, by=replace(staff, maker=stranger), maker=staff.maker.signer
    )
    refuse("RegistryNotOwnAct", issuer_id(SIBLING), issuer_id(BUREAU), by=world.staff[SIBLING], issuer=BUREAU)
    final = set_statuses([1], 0)
    world.lab.send(world.lab.change_call(staff, world.batch.root, one), staff.operator)
    refuse("LedgerBadTransition", 0, 0x80, 0xF0, 0, changes=final)


def test_a_consent_to_a_change_is_used_once(world: World) -> None:
    staff, carrier = world.bureau, newcomer("carrier")
    call = world.lab.change_call(staff, world.batch.root, set_statuses([1], 2), nonce=300)
    back = world.lab.change_call(staff, world.batch.root, set_statuses([1], 0), nonce=3)
    assert not world.ledger.nonceUsed(issuer_id(BUREAU), 300).call()
    world.lab.send(call, carrier)
    world.lab.send(back, carrier)
    assert world.ledger.nonceUsed(issuer_id(BUREAU), 300).call()
    assert not world.ledger.nonceUsed(issuer_id(BUREAU), 44).call(), "300 - 256: another word"
    world.refuses(call, "LedgerNonceUsed", issuer_id(BUREAU), 300, sender=carrier)


def test_the_successors_people_write_the_lists_of_a_dissolved_issuer(world: World) -> None:
    world.act("dissolveIssuer", ROOT, issuer_id(BUREAU), issuer_id(SIBLING))
    heir = world.staff[SIBLING]
    old = suspend(world, set_statuses([1], 2))
    error = ("LedgerMissingRole", issuer_id(BUREAU), world.bureau.operator.signer)
    world.refuses(old, *error, sender=world.bureau.operator)
    world.lab.send(suspend(world, set_statuses([1], 2), by=SIBLING), heir.operator)
    call = world.lab.change_call(heir, world.batch.root, set_statuses([1], 8), issuer=BUREAU)
    world.lab.send(call, heir.operator)
    assert world.status(1) == 8
    own = world.lab.change_call(world.bureau, world.batch.root, set_statuses([2], 8))
    error = ("RegistryNotOwnAct", issuer_id(BUREAU), issuer_id(BUREAU))
    world.refuses(own, *error, sender=world.bureau.operator)


def test_a_redeemer_uses_tickets_and_nothing_else(world: World) -> None:
    counter = newcomer("counter")
    redeem = world.ledger.redeem
    used = change_tuples(set_statuses([9, 70], 12))
    call = redeem(issuer_id(BUREAU), world.tickets.root, used)
    world.refuses(call, "LedgerMissingRole", issuer_id(BUREAU), counter.signer, sender=counter)
    world.lab.set_role(BUREAU, world.bureau.admins, counter.signer, 5, world.single_use)
    revoked = change_tuples(set_statuses([9], 8))
    wrong = redeem(issuer_id(BUREAU), world.tickets.root, revoked)
    world.refuses(wrong, "LedgerNotAct", 0, 4, sender=counter)
    none = redeem(issuer_id(BUREAU), world.tickets.root, [])
    world.refuses(none, "LedgerNoChanges", sender=counter)
    world.lab.send(call, counter)
    assert [world.status(index, world.tickets) for index in (9, 70, 71)] == [12, 12, 0]
    world.refuses(call, "LedgerBadTransition", 0, 12 << 36, 0xF << 36, 12 << 36, sender=counter)
    other = redeem(issuer_id(BUREAU), world.batch.root, used)
    world.refuses(other, "LedgerMissingRole", issuer_id(BUREAU), counter.signer, sender=counter)


def test_the_successors_redeemers_use_the_tickets_of_a_dissolved_issuer(world: World) -> None:
    own, heir = newcomer("own counter"), newcomer("heir's counter")
    world.lab.set_role(BUREAU, world.bureau.admins, own.signer, 5, world.single_use)
    world.lab.set_role(SIBLING, world.admins(SIBLING), heir.signer, 5, world.single_use)
    use = world.ledger.redeem(issuer_id(BUREAU), world.tickets.root, change_tuples(set_statuses([3], 12)))
    world.refuses(use, "LedgerMissingRole", issuer_id(BUREAU), heir.signer, sender=heir)
    with world.lab.snapshot():
        world.act("dissolveIssuer", ROOT, issuer_id(BUREAU), b"\0" * 18)
        assert world.registry.heirOf(issuer_id(BUREAU)).call() == issuer_id(BUREAU)
        world.lab.send(use, own)
    world.act("dissolveIssuer", ROOT, issuer_id(BUREAU), issuer_id(SIBLING))
    assert world.registry.heirOf(issuer_id(BUREAU)).call() == issuer_id(SIBLING)
    world.refuses(use, "LedgerMissingRole", issuer_id(SIBLING), own.signer, sender=own)
    receipt = world.lab.send(use, heir)
    assert world.status(3, world.tickets) == 12
    (event,) = world.lab.ledger.events.StatusChanged().process_receipt(receipt)
    assert (event["args"]["by"], event["args"]["operator"]) == (issuer_id(SIBLING), heir.signer)


def test_a_status_is_read_behind_its_anchor_only(world: World) -> None:
    read = world.ledger.statusOf
    unknown = root_of("no such batch")
    world.refuses(read(issuer_id(BUREAU), unknown, 0), "LedgerNotAnchored", issuer_id(BUREAU), unknown)
    wrong = ("LedgerNotAnchored", issuer_id(SIBLING), world.batch.root)
    world.refuses(read(issuer_id(SIBLING), world.batch.root, 0), *wrong)
    for index in (SIZE, 2**32 - 1):
        world.refuses(read(issuer_id(BUREAU), world.batch.root, index), "LedgerIndexOutOfRange", index, SIZE)
