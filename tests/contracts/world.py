"""A founded world for the contract tests: a tree of five levels, staff, keys, types, one anchored batch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledger.core.model import Batch, Purpose
from scripts.contracts.lab import (
    FOREVER,
    ROOT,
    Lab,
    Person,
    Refused,
    Staff,
    demo_uscc,
    issuer_id,
    load_artifact,
    person,
    root_of,
)

HARNESSES = Path(__file__).resolve().parent / "artifacts"
BUREAU, CITY, COUNTY, TOWN, SIBLING = (demo_uscc(number) for number in range(2, 7))
SIZE = 200


@dataclass(frozen=True)
class World:
    """`staff[issuer]` for the root and the levels 2 to 5 of one branch, and for a sibling at level 2."""

    lab: Lab
    staff: dict[str, Staff]
    plain: int
    single_use: int
    batch: Batch
    tickets: Batch

    @property
    def bureau(self) -> Staff:
        return self.staff[BUREAU]

    @property
    def registry(self) -> Any:
        return self.lab.registry.functions

    @property
    def ledger(self) -> Any:
        return self.lab.ledger.functions

    def admins(self, issuer: str) -> tuple[Person, Person]:
        return self.staff[issuer].admins

    def act(self, name: str, by: str, *arguments: Any) -> Any:
        """An act by the two admins of `by`."""
        return self.lab.act(self.admins(by), name, by, *arguments)

    def refuses(self, call: Any, name: str, *values: Any, sender: Person | None = None) -> None:
        """This call reverts with exactly this custom error."""
        with pytest.raises(Refused) as caught:
            self.lab.call(call, sender)
        refusal = caught.value.refusal
        assert (refusal.name, refusal.values) == (name, values)

    def refuses_act(self, error: tuple[Any, ...], name: str, by: str, *arguments: Any) -> None:
        """The second admin's acceptance of this act reverts with exactly this custom error."""
        first, second = self.admins(by)
        data = self.lab.encode_act(name, by, *arguments)
        self.lab.send(self.registry.propose(issuer_id(by), data, self.lab.own(first)), first)
        accept = self.registry.accept(self.lab.proposals(), data, self.lab.own(second))
        self.refuses(accept, *error, sender=second)

    def status(self, index: int, batch: Batch | None = None) -> int:
        batch = batch or self.batch
        return int(self.ledger.statusOf(issuer_id(batch.issuer), batch.root, index).call())

    def anchor(self, staff: Staff, batch: Batch) -> Any:
        return self.lab.send(self.lab.anchor_call(staff, batch), staff.operator)

    def deploy(self, name: str, *arguments: Any) -> Any:
        return self.lab.deploy(load_artifact(name, HARNESSES), *arguments)


def found() -> World:
    """Everything up to one anchored batch of each type at level 2."""
    lab = Lab()
    lab.send(lab.ledger.functions.open(), lab.governance)
    plain = lab.register_type("HPF")
    single_use = lab.register_type("TICKET", single_use=True)
    admins = {ROOT: lab.root_admins}
    for type_id in (plain, single_use):
        lab.grant(ROOT, admins[ROOT], ROOT, type_id)
    for parent, issuer in ((ROOT, BUREAU), (BUREAU, CITY), (CITY, COUNTY), (COUNTY, TOWN), (ROOT, SIBLING)):
        admins[issuer] = lab.admit(parent, admins[parent], issuer)
        for type_id in (plain, single_use):
            lab.grant(parent, admins[parent], issuer, type_id)
    staff = {issuer: lab.staff(issuer, pair) for issuer, pair in admins.items()}
    for issuer in (ROOT, BUREAU, TOWN, SIBLING):
        lab.register_key(issuer, admins[issuer])
        lab.register_key(issuer, admins[issuer], Purpose.SEAL)
    batch = lab.batch(staff[BUREAU], plain, root_of("founding batch"), SIZE)
    tickets = lab.batch(staff[BUREAU], single_use, root_of("founding tickets"), SIZE, first_word=4)
    for one in (batch, tickets):
        lab.send(lab.anchor_call(staff[BUREAU], one), staff[BUREAU].operator)
    return World(lab, staff, plain, single_use, batch, tickets)


def newcomer(name: str) -> Person:
    """Somebody without any role."""
    return person(f"newcomer {name}")


__all__ = [
    "BUREAU",
    "CITY",
    "COUNTY",
    "FOREVER",
    "ROOT",
    "SIBLING",
    "SIZE",
    "TOWN",
    "World",
    "found",
    "issuer_id",
    "newcomer",
    "root_of",
]
