"""Moving a ledger: import with original times before opening, then opening, then handing over."""

from __future__ import annotations

from typing import Any

from scripts.contracts.lab import LEDGER_ID, demo_uscc, load_artifact, root_of, set_statuses
from tests.contracts.world import BUREAU, SIBLING, World, issuer_id, newcomer

SUCCESSOR = "0x" + "11" * 20
ANCHOR = (2, 1, 70, 1_600_000_000, 2, 9, 0)


def second_ledger(world: World) -> Any:
    return world.lab.deploy(load_artifact("CredentialLedger"), LEDGER_ID, world.lab.registry.address)


def record(
    anchor: tuple[int, ...] = ANCHOR, words: tuple[int, ...] = (), name: str = "old"
) -> tuple[Any, ...]:
    return (issuer_id(BUREAU), root_of(name), anchor, list(words))


def test_anchors_are_imported_with_their_times_and_statuses(world: World) -> None:
    ledger = second_ledger(world).functions
    withdrawn = (1, 1, 64, 1_500_000_000, 2, 1, 3)
    records = [
        record(words=(0x9C, 0x2 << 20)),
        record(withdrawn, name="gone"),
        record(name="quiet", words=(0, 1)),
    ]
    world.lab.send(ledger.importAnchors(records), world.lab.governance)
    assert ledger.anchorOf(issuer_id(BUREAU), root_of("old")).call() == ANCHOR
    assert ledger.anchorOf(issuer_id(BUREAU), root_of("gone")).call() == withdrawn
    read = [ledger.statusOf(issuer_id(BUREAU), root_of("old"), index).call() for index in (0, 1, 2, 69)]
    assert read == [12, 9, 0, 2]
    assert ledger.statusWord(issuer_id(BUREAU), root_of("quiet"), 1).call() == 1
    receipt = world.lab.send(ledger.open(), world.lab.governance)
    event = second_ledger(world).events.LedgerOpened().process_receipt(receipt)[0]["args"]
    assert event["imported"] == 3


def test_an_import_is_refused_with_the_reason(world: World) -> None:
    ledger = second_ledger(world).functions
    governance = world.lab.fund(world.lab.governance)

    def refuse(given: tuple[Any, ...], name: str, *values: Any) -> None:
        world.refuses(ledger.importAnchors([given]), name, *values, sender=governance)

    stranger = newcomer("importer")
    world.refuses(ledger.importAnchors([]), "LedgerOnlyGovernance", stranger.address, sender=stranger)
    refuse(record((1, 1, 0, 5, 0, 0, 0)), "LedgerBadSize", 0)
    refuse(record((1, 1, 70, 0, 0, 0, 0)), "LedgerExpired", 0, world.lab.now)
    later = world.lab.now + 500
    refuse(record((1, 1, 70, later, 0, 0, 0)), "LedgerExpired", later, world.lab.now)
    refuse(record((1, 1, 70, 5, 3, 2**32 - 1, 0)), "LedgerBadRange", 3, 2**32 - 1, 70)
    refuse(record((1, 1, 70, 5, 0, 0, 6)), "LedgerBadReason", 6)
    refuse(record((0, 1, 70, 5, 1, 0, 0)), "LedgerBadDocumentBatch", 1, 0, False)
    refuse(record((0, 1, 70, 5, 0, 0, 0), (0,)), "LedgerBadDocumentBatch", 0, 0, False)
    refuse(record(words=(0, 1 << 24)), "LedgerBadWord", 1, 0xFFFFFF, 1 << 24)
    refuse(record(words=(0, 0, 0)), "LedgerBadWord", 2, 0, 0)
    refuse(record(words=(3,)), "LedgerBadWord", 0, 2**256 - 1, 3)
    for words in ((0, 12), (12 << 252,)):
        refuse(record((world.plain, *ANCHOR[1:]), words), "LedgerNotSingleUse", world.plain)
    refuse(record((3, *ANCHOR[1:])), "RegistryUnknownType", 3)
    nobody = (issuer_id(demo_uscc(99)), *record()[1:])
    refuse(nobody, "RegistryUnknownIssuer", nobody[0])
    world.lab.send(ledger.importAnchors([record()]), governance)
    refuse(record(), "LedgerRootAlreadyAnchored", issuer_id(BUREAU), root_of("old"), ANCHOR[3])
    world.lab.send(ledger.open(), governance)
    refuse(record(name="late"), "LedgerAlreadyOpen")


def test_a_ledger_opens_once_and_anchors_only_then(world: World) -> None:
    ledger = second_ledger(world)
    batch = world.lab.batch(world.bureau, world.plain, root_of("x"), 5)
    anchor = ledger.functions.anchor(
        world.lab.anchor_call(world.bureau, batch).args[0], (b"", b"", bytes(32))
    )
    world.refuses(anchor, "LedgerNotOpen", sender=world.bureau.operator)
    mine = issuer_id(BUREAU)
    world.lab.send(ledger.functions.importAnchors([record()]), world.lab.fund(world.lab.governance))
    redeem = ledger.functions.redeem(mine, root_of("old"), [(0, 0xF, 12)])
    world.refuses(redeem, "LedgerNotOpen", sender=world.bureau.operator)
    withdrawal = (mine, root_of("old"), 2, mine, b"m" * 32, b"a" * 32, 2**40)
    undone = ledger.functions.withdrawBatch(withdrawal, b"", b"")
    world.refuses(undone, "LedgerNotOpen", sender=world.bureau.operator)
    stranger = newcomer("opener")
    world.refuses(ledger.functions.open(), "LedgerOnlyGovernance", stranger.address, sender=stranger)
    assert not ledger.functions.isOpen().call()
    world.lab.send(ledger.functions.open(), world.lab.governance)
    assert ledger.functions.isOpen().call()
    world.refuses(ledger.functions.open(), "LedgerAlreadyOpen", sender=world.lab.governance)
    world.refuses(anchor, "LedgerBadSignature", world.bureau.maker.signer, sender=world.bureau.operator)


def test_after_a_handover_only_suspensions_are_written_here(world: World) -> None:
    governance, staff = world.lab.fund(world.lab.governance), world.bureau
    mine = issuer_id(BUREAU)
    hand_over = world.ledger.handover(mine, SUCCESSOR)
    stranger = newcomer("mover")
    world.refuses(hand_over, "LedgerOnlyGovernance", stranger.address, sender=stranger)
    for nobody in ("0x" + "00" * 20, world.lab.ledger.address):
        world.refuses(world.ledger.handover(mine, nobody), "LedgerBadSuccessor", nobody, sender=governance)
    counter = newcomer("counter")
    world.lab.set_role(BUREAU, staff.admins, counter.signer, 5, world.single_use)
    world.lab.send(hand_over, governance)
    assert world.ledger.handedOverTo(mine).call() == SUCCESSOR
    gone = ("LedgerIsHandedOver", mine, SUCCESSOR)
    world.refuses(hand_over, *gone, sender=governance)
    batch = world.lab.batch(staff, world.plain, root_of("x"), 5)
    world.refuses(world.lab.anchor_call(staff, batch), *gone, sender=staff.operator)
    revoke = world.lab.change_call(staff, world.batch.root, set_statuses([1], 8))
    world.refuses(revoke, *gone, sender=staff.operator)
    tickets = [(0, 0xF, 12)]
    world.refuses(world.ledger.redeem(mine, world.tickets.root, tickets), *gone, sender=counter)
    withdrawal = (mine, world.batch.root, 2, mine, staff.maker.signer, staff.approver.signer, 2**40)
    world.refuses(world.ledger.withdrawBatch(withdrawal, b"", b""), *gone, sender=counter)
    world.lab.send(world.lab.suspend_call(BUREAU, world.batch.root, set_statuses([1], 2)), staff.operator)
    assert world.status(1) == 2
    sibling = world.staff[SIBLING]
    world.lab.send(
        world.lab.anchor_call(sibling, world.lab.batch(sibling, world.plain, root_of("y"), 5)),
        sibling.operator,
    )
