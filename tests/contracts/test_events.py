"""Events are enough: state rebuilt from them alone equals what the contracts answer, after random acts."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from ledger.core.model import Batch
from scripts.contracts.lab import (
    FOREVER,
    LEDGER_ID,
    ROOT,
    Refused,
    load_artifact,
    person,
    root_of,
    set_statuses,
)
from tests.contracts.test_anchor import withdrawal
from tests.contracts.test_standing import change as standing_change
from tests.contracts.test_standing import identity, register, revoke, standing, terms
from tests.contracts.world import BUREAU, CITY, COUNTY, SIBLING, TOWN, World, issuer_id, newcomer

BREAKING = 0x80


@dataclass
class Rebuilt:
    """What somebody knows who read nothing but events."""

    issuers: dict[bytes, list[Any]] = field(default_factory=dict)
    successors: dict[bytes, bytes] = field(default_factory=dict)
    directories: dict[bytes, bytes] = field(default_factory=dict)
    types: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    grants: dict[tuple[bytes, int], list[list[int]]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[tuple[bytes, int], list[Any]] = field(default_factory=dict)
    roles: dict[tuple[Any, ...], tuple[int, int]] = field(default_factory=dict)
    proposals: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    resets: dict[bytes, list[Any]] = field(default_factory=dict)
    governance: str = ""
    is_open: bool = False
    imported: int = 0
    handed_over: dict[bytes, str] = field(default_factory=dict)
    anchors: dict[tuple[bytes, bytes], list[int]] = field(default_factory=dict)
    words: dict[tuple[bytes, bytes, int], int] = field(default_factory=lambda: defaultdict(int))
    standings: dict[bytes, list[Any]] = field(default_factory=dict)

    def take(self, event: Any, time: int) -> None:
        getattr(self, f"_on_{event['event']}")(event["args"], time)

    def _on_IssuerAdmitted(self, a: Any, time: int) -> None:  # noqa: N802 - the event's own name
        self.issuers[a["issuer"]] = [a["parent"], a["level"], 0, time, 0]

    def _on_IssuerDissolved(self, a: Any, time: int) -> None:  # noqa: N802
        self.issuers[a["issuer"]][4] = time
        self.successors[a["issuer"]] = a["successor"]

    def _on_DirectorySet(self, a: Any, _: int) -> None:  # noqa: N802
        self.directories[a["issuer"]] = a["directoryHash"]

    def _on_TypeRegistered(self, a: Any, _: int) -> None:  # noqa: N802
        self.types[a["typeId"]] = (a["code"], a["version"], a["singleUse"], a["fileHash"])

    def _on_TypeGranted(self, a: Any, _: int) -> None:  # noqa: N802
        self.grants[a["issuer"], a["typeId"]].append([a["validFrom"], a["validUntil"], 0, 0, 0])

    def _on_GrantWithdrawn(self, a: Any, time: int) -> None:  # noqa: N802
        self.grants[a["issuer"], a["typeId"]][-1][2:] = [a["since"], time, a["cause"]]

    def _on_KeyRegistered(self, a: Any, _: int) -> None:  # noqa: N802
        key = [a["validFrom"], a["validUntil"], 0, a["purpose"], a["thumbprint"]]
        self.keys[a["issuer"], a["key"]] = key

    def _on_KeyRetired(self, a: Any, _: int) -> None:  # noqa: N802
        self.keys[a["issuer"], a["key"]][1] = a["validUntil"]

    def _on_KeyCompromised(self, a: Any, _: int) -> None:  # noqa: N802
        self.keys[a["issuer"], a["key"]][2] = a["since"]

    def _on_RoleSet(self, a: Any, _: int) -> None:  # noqa: N802
        self.roles[a["issuer"], a["signer"], a["role"], a["typeId"]] = (a["validFrom"], a["validUntil"])

    def _on_RolesReset(self, a: Any, _: int) -> None:  # noqa: N802
        self.issuers[a["issuer"]][2] = a["epoch"]
        for scope in self.roles:
            if scope[0] == a["issuer"]:
                self.roles[scope] = (0, 0)
        del self.resets[a["issuer"]]

    def _on_ResetScheduled(self, a: Any, _: int) -> None:  # noqa: N802
        self.resets[a["issuer"]] = [a["admin1"], a["admin2"], a["readyAt"], a["by"]]

    def _on_ResetCancelled(self, a: Any, _: int) -> None:  # noqa: N802
        del self.resets[a["issuer"]]

    def _on_ActProposed(self, a: Any, _: int) -> None:  # noqa: N802
        self.proposals[a["proposalId"]] = (a["by"], a["expiresAt"], a["proposer"], a["actHash"])

    def _on_ActAccepted(self, a: Any, _: int) -> None:  # noqa: N802
        del self.proposals[a["proposalId"]]

    def _on_ActCancelled(self, a: Any, _: int) -> None:  # noqa: N802
        del self.proposals[a["proposalId"]]

    def _on_GovernanceTransferStarted(self, a: Any, _: int) -> None:  # noqa: N802
        assert a["from"] == self.governance

    def _on_GovernanceTransferred(self, a: Any, _: int) -> None:  # noqa: N802
        self.governance = a["to"]

    def _on_LedgerOpened(self, a: Any, _: int) -> None:  # noqa: N802
        assert a["imported"] == self.imported
        self.is_open = True

    def _on_LedgerHandedOver(self, a: Any, _: int) -> None:  # noqa: N802
        self.handed_over[a["issuer"]] = a["successor"]

    def _on_BatchAnchored(self, a: Any, time: int) -> None:  # noqa: N802
        assert a["anchoredAt"] == time
        names = ("typeId", "key", "size", "anchoredAt", "list", "firstWord")
        self.anchors[a["issuer"], a["root"]] = [*(a[name] for name in names), 0]
        for index in range(a["size"] if a["pending"] else 0):
            self.words[a["issuer"], a["root"], index // 64] |= 1 << 4 * (index % 64)

    def _on_BatchImported(self, a: Any, _: int) -> None:  # noqa: N802
        self.imported += 1
        self.anchors[a["issuer"], a["root"]] = list(a["anchor"].values())
        for number, word in enumerate(a["words"]):
            self.words[a["issuer"], a["root"], number] = word

    def _on_BatchWithdrawn(self, a: Any, _: int) -> None:  # noqa: N802
        self.anchors[a["issuer"], a["root"]][6] = a["reasonClass"]

    def _on_StatusChanged(self, a: Any, _: int) -> None:  # noqa: N802
        for number, value in zip(a["words"], a["values"], strict=True):
            self.words[a["issuer"], a["root"], number] = value

    def _on_StandingRegistered(self, a: Any, _: int) -> None:  # noqa: N802
        names = (
            "issuer",
            "typeId",
            "acts",
            "anchorLimit",
            "supersedeLimit",
            "useLimit",
            "validFrom",
            "validUntil",
        )
        self.standings[a["standingId"]] = [*(a[name] for name in names), a["approver"], False]

    def _on_StandingRevoked(self, a: Any, _: int) -> None:  # noqa: N802
        self.standings[a["standingId"]][-1] = True


def rebuild(world: World, *contracts: Any) -> Rebuilt:
    """State from all logs of these contracts, oldest first."""
    state, w3 = Rebuilt(), world.lab.w3
    for number in range(w3.eth.block_number + 1):
        block = w3.eth.get_block(number)
        for one in block["transactions"]:
            for log in w3.eth.get_transaction_receipt(one)["logs"]:
                for contract in contracts:
                    if log["address"] == contract.address:
                        topics = {event.topic: event for event in contract.events}
                        state.take(
                            topics["0x" + bytes(log["topics"][0]).hex()]().process_log(log),
                            block["timestamp"],
                        )
    return state


def compare(world: World, state: Rebuilt, ledger: Any) -> None:
    """Every view gives what the events gave."""
    views = world.registry
    assert views.governance().call() == state.governance
    assert views.typeCount().call() == len(state.types)
    for issuer, expected in state.issuers.items():
        assert list(views.issuerOf(issuer).call()) == expected
        assert views.directoryOf(issuer).call() == state.directories[issuer]
        assert views.successorOf(issuer).call() == state.successors.get(issuer, b"\0" * 18)
        assert views.keyCount(issuer).call() == sum(key[0] == issuer for key in state.keys)
        reset = state.resets.get(issuer, [bytes(32), bytes(32), 0, b"\0" * 18])
        assert list(views.resetOf(issuer).call()) == reset
    for number, kind in state.types.items():
        assert tuple(views.typeOf(number).call()) == kind
    for (issuer, number), grants in state.grants.items():
        assert views.grantCount(issuer, number).call() == len(grants)
        assert list(views.grantOf(issuer, number).call()) == grants[-1]
        for time in {
            moment + shift for grant in grants for moment in grant[:4] for shift in (-1, 0) if moment
        }:
            if 0 <= time < 2**40:
                good, _ = views.grantAt(issuer, number, time).call()
                assert good is is_good(grants, time), (grants, time)
    for (issuer, number), key in state.keys.items():
        assert list(views.keyOf(issuer, number).call()) == key
    for (issuer, signer, role, number), interval in state.roles.items():
        assert tuple(views.roleOf(issuer, signer, role, number).call()) == interval
    for number, proposal in state.proposals.items():
        assert tuple(views.proposalOf(number).call()) == proposal
    compare_ledger(state, ledger)


def is_good(grants: list[list[int]], time: int) -> bool:
    """The rule that verification follows, in other words."""
    begun = [grant for grant in grants if grant[0] <= time]
    if not begun or time >= begun[-1][1] or (begun[-1][3] and time >= begun[-1][3]):
        return False
    return not any(grant[4] & BREAKING and grant[2] <= time < grant[3] for grant in grants)


def compare_ledger(state: Rebuilt, ledger: Any) -> None:
    views = ledger.functions
    assert views.isOpen().call() is state.is_open
    for issuer, successor in state.handed_over.items():
        assert views.handedOverTo(issuer).call() == successor
    for (issuer, root), anchor in state.anchors.items():
        assert list(views.anchorOf(issuer, root).call()) == anchor
        for number in range((anchor[2] + 63) // 64 + 1):
            assert views.statusWord(issuer, root, number).call() == state.words[issuer, root, number]
    for number, expected in state.standings.items():
        found, revoked = views.standingOf(number).call()
        assert [*found[:9], revoked] == expected


def random_acts(world: World, seed: int) -> None:  # noqa: C901 - one small function for each kind of act
    """Some forty acts of all kinds in a random order; what is refused by then changes nothing."""
    dice = random.Random(seed)
    bureau, mine = world.bureau, issuer_id(BUREAU)
    batches: list[Batch] = [world.batch, world.tickets]

    def anchor() -> None:
        batch = world.lab.batch(
            bureau, dice.choice([world.plain, world.single_use]), root_of(f"{dice.random()}"),
            dice.randint(1, 150), pending=dice.random() < 0.5, list=dice.randint(0, 3),
        )  # fmt: skip
        world.anchor(bureau, batch)
        batches.append(batch)

    def suspend() -> None:
        batch = dice.choice(batches)
        leaves = dice.sample(range(batch.size), dice.randint(1, min(batch.size, 20)))
        world.lab.send(world.lab.suspend_call(BUREAU, batch.root, set_statuses(leaves, 2)), bureau.operator)

    def change() -> None:
        batch = dice.choice(batches)
        leaves = dice.sample(range(batch.size), dice.randint(1, min(batch.size, 3)))
        changes = set_statuses(leaves, dice.choice([0, 8, 9, 10, 11]))
        world.lab.send(world.lab.change_call(bureau, batch.root, changes), bureau.operator)

    def renew() -> None:
        until = dice.choice([FOREVER, world.lab.now + dice.randint(5, 60)])
        world.act("grantType", ROOT, mine, world.plain, world.lab.now - dice.randint(0, 9), until)

    def withdraw_grant() -> None:
        world.act(
            "withdrawGrant",
            ROOT,
            mine,
            world.plain,
            world.lab.now - dice.randint(0, 30),
            dice.choice([1, 130]),
        )

    def key() -> None:
        number = world.lab.register_key(BUREAU, bureau.admins, dice.randint(1, 6))
        if dice.random() < 0.5:
            world.act("retireKey", BUREAU, mine, number, 0)
        if dice.random() < 0.5:
            world.act("compromiseKey", ROOT, mine, number, world.registry.keyOf(mine, number).call()[0])

    def role() -> None:
        clerk = person(f"clerk {dice.randint(1, 4)}").signer
        until = dice.choice([0, FOREVER])
        world.act("setRole", BUREAU, mine, clerk, dice.randint(2, 4), 0, min(until, 1), until)

    def standing_approval() -> None:
        wanted = standing(world, nonce=dice.randint(10, 10**6))
        number = register(world, wanted)
        assert number == identity(world, wanted)
        world.lab.send(
            standing_change(world, number, [dice.randrange(150, 200)], dice.choice([9, 12])), bureau.operator
        )
        if dice.random() < 0.5:
            world.lab.send(revoke(world, number, BUREAU, bureau.approver), bureau.approver)

    def directory() -> None:
        world.act("setDirectory", ROOT, issuer_id(dice.choice([CITY, TOWN])), root_of(f"{dice.random()}"))

    verbs: list[Callable[[], None]] = [
        anchor,
        suspend,
        change,
        renew,
        withdraw_grant,
        key,
        role,
        standing_approval,
        directory,
    ]
    for _ in range(40):
        # What the chain refuses by then changes nothing but the time.
        with suppress(Refused):
            dice.choice(verbs)()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_state_from_events_is_the_state_of_the_contracts_after_random_acts(world: World, seed: int) -> None:
    random_acts(world, seed)
    compare(world, rebuild(world, world.lab.registry, world.lab.ledger), world.lab.ledger)


def test_state_from_events_survives_the_rare_acts(world: World) -> None:
    lab = world.lab
    admin = world.admins(COUNTY)[0]
    lab.send(withdrawal(world, world.staff[ROOT]), newcomer("carrier"))
    world.act("scheduleReset", ROOT, issuer_id(CITY), person("n1").signer, person("n2").signer)
    world.act("scheduleReset", ROOT, issuer_id(COUNTY), person("n1").signer, person("n2").signer)
    world.act("scheduleReset", ROOT, issuer_id(TOWN), person("n1").signer, person("n2").signer)
    world.act("cancelReset", COUNTY, issuer_id(COUNTY))
    data = lab.encode_act("registerKey", COUNTY, issuer_id(COUNTY), root_of("k"), 1, 0, FOREVER)
    for _ in range(2):
        lab.send(world.registry.propose(issuer_id(COUNTY), data, lab.own(admin)), admin)
    lab.send(world.registry.cancel(lab.proposals(), lab.own(admin)), admin)
    lab.travel(lab.now + 86_400)
    lab.send(world.registry.executeReset(issuer_id(CITY)), newcomer("carrier"))
    world.act("dissolveIssuer", ROOT, issuer_id(BUREAU), issuer_id(SIBLING))
    counter = newcomer("counter")
    lab.set_role(SIBLING, world.admins(SIBLING), counter.signer, 5, world.single_use)
    lab.send(world.ledger.handover(issuer_id(TOWN), "0x" + "22" * 20), lab.governance)
    lab.send(world.registry.scheduleRootReset(person("n1").signer, person("n2").signer), lab.governance)
    lab.send(world.registry.transferGovernance(counter.address), lab.governance)
    lab.send(world.registry.acceptGovernance(), counter)
    compare(world, rebuild(world, lab.registry, lab.ledger), lab.ledger)


def test_imported_state_comes_from_events_too(world: World) -> None:
    ledger = world.lab.deploy(load_artifact("CredentialLedger"), LEDGER_ID, world.lab.registry.address)
    records = [
        (issuer_id(BUREAU), root_of(f"{n}"), (2, 1, 70, 1_600_000_000, 2, n, n), [0x9C, n]) for n in range(3)
    ]
    world.lab.send(ledger.functions.importAnchors(records), world.lab.governance)
    state = rebuild(world, ledger)
    assert state.imported == 3
    compare_ledger(state, ledger)
    world.lab.send(ledger.functions.open(), world.lab.governance)
    compare_ledger(rebuild(world, ledger), ledger)


def test_terms_are_in_the_events_order(world: World) -> None:
    assert terms(standing(world))[0] == issuer_id(BUREAU)
