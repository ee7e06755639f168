"""Where things lie: the slot tables of the contracts against raw storage, and the compiler's own layout."""

from __future__ import annotations

import re
from typing import Any

from ledger.core.eip712 import keccak
from scripts.contracts.lab import ARTIFACTS, LEDGER_ID, ROOT, load_artifact, root_of, set_statuses
from tests.contracts.test_standing import register, standing
from tests.contracts.world import BUREAU, CITY, SIBLING, World, issuer_id


def at(*keys: bytes, slot: int) -> int:
    """Slot of a nested mapping's entry: keccak(key ‖ slot) per level."""
    place = slot.to_bytes(32, "big")
    for key in keys:
        place = keccak(key, place)
    return int.from_bytes(place, "big")


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def issuer_key(uscc: str) -> bytes:
    return issuer_id(uscc).ljust(32, b"\0")


def fields(raw: bytes, *widths: int) -> list[int]:
    """Numbers packed from the lowest bit upwards; what remains above them must be zero."""
    value, found = int.from_bytes(raw, "big"), []
    for width in widths:
        found.append(value & (1 << width) - 1)
        value >>= width
    assert value == 0
    return found


class Slots:
    def __init__(self, world: World, contract: Any) -> None:
        self._get = world.lab.w3.eth.get_storage_at
        self._address = contract.address

    def __call__(self, slot: int) -> bytes:
        return bytes(self._get(self._address, slot))


def test_registry_slots_hold_what_the_table_says(world: World) -> None:
    slot, functions = Slots(world, world.lab.registry), world.registry
    assert slot(0)[12:].hex() == world.lab.governance.address[2:].lower()
    assert fields(slot(1), 160, 32, 64) == [0, world.single_use, world.lab.proposals()]
    parent, level, epoch, admitted, dissolved = functions.issuerOf(issuer_id(CITY)).call()
    packed = fields(slot(at(issuer_key(CITY), slot=2)), 144, 8, 24, 40, 40)
    assert packed == [int.from_bytes(parent, "big"), level, epoch, admitted, dissolved]
    assert slot(at(issuer_key(CITY), slot=4)) == root_of(CITY)
    code, version, single_use, file_hash = functions.typeOf(world.plain).call()
    first = at(word(world.plain), slot=5)
    assert fields(slot(first), 168, 16, 8) == [int.from_bytes(code, "big"), version, int(single_use)]
    assert slot(first + 1) == file_hash
    name = keccak(code.ljust(32, b"\0"), word(version))
    assert fields(slot(at(name, slot=6)), 32) == [world.plain]
    grant = functions.grantOf(issuer_id(CITY), world.plain).call()
    assert fields(slot(at(issuer_key(CITY), word(world.plain), slot=7)), 40, 40, 40, 40, 8) == list(grant)
    assert fields(slot(at(issuer_key(BUREAU), slot=9)), 32) == [2]
    key = functions.keyOf(issuer_id(BUREAU), 2).call()
    first = at(issuer_key(BUREAU), word(2), slot=10)
    assert fields(slot(first), 40, 40, 40, 8) == list(key[:4])
    assert slot(first + 1) == key[4]
    assert fields(slot(at(key[4], slot=11)), 144, 32) == [int.from_bytes(issuer_id(BUREAU), "big"), 2]
    maker = world.bureau.maker.signer
    scope = issuer_id(BUREAU) + word(3 << 32)[18:]
    interval = functions.roleOf(issuer_id(BUREAU), maker, 3, 0).call()
    assert fields(slot(at(scope, maker, slot=12)), 40, 40) == list(interval)
    assert int.from_bytes(slot(at(issuer_key(BUREAU), slot=17)), "big") == 2, "both admins have no end"


def test_registry_slots_that_events_bring(world: World) -> None:
    slot, functions = Slots(world, world.lab.registry), world.registry
    now = world.lab.now
    world.act("grantType", ROOT, issuer_id(BUREAU), world.plain, now, now + 100)
    assert int.from_bytes(slot(at(issuer_key(BUREAU), word(world.plain), slot=8)), "big") == 1
    assert int.from_bytes(slot(at(issuer_key(BUREAU), slot=13)), "big") == 1, "one operator"
    one, two = root_of("one"), root_of("two")
    world.act("scheduleReset", ROOT, issuer_id(CITY), one, two)
    first = at(issuer_key(CITY), slot=15)
    ready = functions.resetOf(issuer_id(CITY)).call()[2]
    assert (slot(first), slot(first + 1)) == (one, two)
    assert fields(slot(first + 2), 144, 40) == [int.from_bytes(issuer_id(ROOT), "big"), ready]
    world.act("dissolveIssuer", ROOT, issuer_id(BUREAU), issuer_id(SIBLING))
    assert slot(at(issuer_key(BUREAU), slot=3))[14:] == issuer_id(SIBLING)
    admin = world.admins(CITY)[0]
    data = world.lab.encode_act("registerKey", CITY, issuer_id(CITY), one, 1, 0, 1)
    world.lab.send(functions.propose(issuer_id(CITY), data, world.lab.own(admin)), admin)
    first = at(word(world.lab.proposals()), slot=14)
    expires = functions.proposalOf(world.lab.proposals()).call()[1]
    assert fields(slot(first), 144, 40) == [int.from_bytes(issuer_id(CITY), "big"), expires]
    assert (slot(first + 1), slot(first + 2)) == (admin.signer, keccak(data))


def test_ledger_slots_hold_what_the_table_says(world: World) -> None:
    slot = Slots(world, world.lab.ledger)
    assert fields(slot(0), 8, 64, 64) == [1, 0, 0]
    first = at(issuer_key(BUREAU), world.tickets.root, slot=2)
    stored = world.ledger.anchorOf(issuer_id(BUREAU), world.tickets.root).call()
    assert fields(slot(first), 32, 32, 32, 40, 32, 32, 8) == list(stored)
    call = world.lab.change_call(world.bureau, world.tickets.root, set_statuses([64, 66], 8), nonce=257)
    world.lab.send(call, world.bureau.operator)
    statuses = int.from_bytes(slot(int.from_bytes(keccak(word(1), word(first + 1)), "big")), "big")
    assert statuses == 0x808 == world.ledger.statusWord(issuer_id(BUREAU), world.tickets.root, 1).call()
    assert int.from_bytes(slot(at(issuer_key(BUREAU), word(1), slot=4)), "big") == 2
    wanted = standing(world)
    first = at(register(world, wanted), slot=3)
    duration = wanted.valid_until - wanted.valid_from
    issuer = int.from_bytes(issuer_id(BUREAU), "big")
    expected = [issuer, wanted.type_id, wanted.acts, 0, wanted.valid_from, duration]
    assert fields(slot(first), 144, 32, 8, 8, 40, 24) == expected
    assert slot(first + 1) == wanted.approver
    assert fields(slot(first + 2), 32, 32, 32) == [100, 3, 2]
    assert int.from_bytes(slot(first + 3), "big") == wanted.nonce
    world.lab.send(world.ledger.handover(issuer_id(CITY), "0x" + "11" * 20), world.lab.governance)
    assert slot(at(issuer_key(CITY), slot=1))[12:] == b"\x11" * 20
    assert fields(slot(0), 8, 64, 64) == [1, 0, 1]


def test_the_committed_layouts_are_those_of_the_slot_tables() -> None:
    layouts = {
        name: load_artifact(name)["storageLayout"]["storage"]
        for name in ("IssuerRegistry", "CredentialLedger")
    }
    assert {name: [(entry["label"], entry["slot"], entry["offset"]) for entry in layout] for name, layout in layouts.items()} == {
        "IssuerRegistry": [
            ("_governance", "0", 0),
            ("_pendingGovernance", "1", 0),
            ("_typeCount", "1", 20),
            ("_proposalCount", "1", 24),
            *(
                (label, str(number), 0)
                for number, label in enumerate(
                    (
                        "_issuers", "_successors", "_directories", "_types", "_typeIds", "_grants", "_earlierGrants",
                        "_keyCounts", "_keys", "_keyRefs", "_roles", "_operators", "_proposals", "_resets", "_nonces",
                        "_lastingAdmins",
                    ),
                    start=2,
                )
            ),
        ],
        "CredentialLedger": [
            (label, str(number), 0)
            for number, label in enumerate(("_switches", "_handedOver", "_batches", "_standings", "_nonces"))
        ],
    }  # fmt: skip


def test_each_contract_has_a_slot_table_of_the_right_length() -> None:
    for name, last in (("RegistryState", 17), ("LedgerState", 4)):
        source = (ARTIFACTS.parent / "src" / "bases" / f"{name}.sol").read_text("utf-8")
        rows = [int(number) for number in re.findall(r"^/// \| (\d+) \|", source, re.MULTILINE)]
        assert rows == list(range(last + 1))


def test_one_base_alone_of_each_contract_has_storage() -> None:
    """Its order can then be read in one place, whatever else is cut into files of their own."""
    state = re.compile(
        r"^    (?!event|error|using|struct)[^ /}].*(internal|private|public) (_\w+);$", re.MULTILINE
    )
    places = {
        path.stem: [name for _, name in state.findall(path.read_text("utf-8"))]
        for folder in ("", "bases")
        for path in (ARTIFACTS.parent / "src" / folder).glob("*.sol")
    }
    for contract, base in (("IssuerRegistry", "RegistryState"), ("CredentialLedger", "LedgerState")):
        layout = [entry["label"] for entry in load_artifact(contract)["storageLayout"]["storage"]]
        assert [name for name in places.pop(base) if name in layout] == layout
    assert not any(places.values()), places


def test_the_ledger_id_is_no_storage(world: World) -> None:
    assert world.ledger.ledgerId().call() == LEDGER_ID
