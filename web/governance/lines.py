"""Acts of governance in words: what happened, to whom, by whom, and where it stands on the ledger.

The public reads agencies, dates and the ends of keys; those who govern an agency also read the names of
its people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, g

from ledger.core.eip712 import signer_text
from ledger.core.governed import Deed
from ledger.core.model import BlockRef, Purpose, Role, WithdrawalCause
from ledger.services.registry import Act
from web.frame import spell_day, spell_number, spell_time
from web.language import chosen_language
from web.texts import has, text

NO_END = 2**40 - 1
TAIL = 4
NO_ISSUER = bytes(18)
SignerName = Callable[[str, bytes], str]
"""From an agency and a signer id to words."""


@dataclass(frozen=True, slots=True)
class DeedLine:
    """One act as people read it. `who` proposed and accepted it, or signed it."""

    at: int
    name: str
    words: str
    agency: str
    issuer: str
    by: str
    who: tuple[str, ...]
    block: BlockRef
    tx_hash: bytes
    tone: str


BAD = frozenset({"KeyCompromised", "BatchWithdrawn", "GrantWithdrawn", "IssuerDissolved", "RolesReset"})
PAUSED = frozenset({"ResetScheduled", "KeyRetired", "StandingRevoked", "LedgerHandedOver"})
EVENT_OF_ACT = {
    "admitIssuer": "IssuerAdmitted",
    "setDirectory": "DirectorySet",
    "grantType": "TypeGranted",
    "withdrawGrant": "GrantWithdrawn",
    "registerKey": "KeyRegistered",
    "retireKey": "KeyRetired",
    "compromiseKey": "KeyCompromised",
    "setRole": "RoleSet",
    "dissolveIssuer": "IssuerDissolved",
    "scheduleReset": "ResetScheduled",
    "cancelReset": "ResetCancelled",
}


def say(key: str, **values: object) -> str:
    """A sentence in the reader's language."""
    return text(key, chosen_language(), **values)


def agency(uscc: str) -> str:
    """Name of an agency out of its signed directory entry; its code where that is not at hand."""
    known: dict[str, str] = g.setdefault("agency_names", {})
    if uscc not in known:
        name = current_app.extensions["ledger"].directory.name(uscc)
        known[uscc] = uscc if name is None else str(name.get(chosen_language()) or name["zh"])
    return known[uscc]


def kind(type_id: int) -> str:
    """Name of a registered type."""
    if type_id == 0:
        return say("explorer.documents")
    known: dict[int, str] = g.setdefault("type_names", {})
    if type_id not in known:
        name = current_app.extensions["ledger"].directory.type_name(type_id)
        known[type_id] = f"#{type_id}" if name is None else str(name.get(chosen_language()) or name["zh"])
    return known[type_id]


def purpose(number: int) -> str:
    """What a key is for."""
    return say(f"directory.purpose_{Purpose(number).name.lower()}")


def role(number: int) -> str:
    """What a signer may do."""
    return say(f"signing.role_{Role(number).name.lower()}")


def cause(number: int | None) -> str:
    """Why a right was withdrawn."""
    known = {int(one): one.name.lower() for one in WithdrawalCause}
    return say(f"governance.cause_{known[number]}") if number in known else ""


def end_day(seconds: int) -> str:
    """The last day of an interval; the contracts' highest number means that none is set."""
    return say("directory.no_end") if seconds >= NO_END else spell_day(seconds)


def key_end(uscc: str, signer_id: bytes) -> str:
    """A signer for the public: its role in the agency, if it has one now, and the end of its number."""
    roles = current_app.extensions["ledger"].oversight.book.roles.roles(uscc)
    held = next((one.role for one in roles if one.signer_id == signer_id and one.valid_until), None)
    tail = signer_id.hex()[-TAIL:]
    if held is None:
        return say("governance.signer", tail=tail)
    return say("governance.signer_role", role=role(held), tail=tail)


def deed_line(deed: Deed, name_of: SignerName = key_end, own: str = "") -> DeedLine:
    """One deed in words; on the page of `own` that agency is not named again and again."""
    acting = deed.by or deed.issuer
    return DeedLine(
        at=deed.block.time,
        name=deed.name,
        words=sentence(deed.name, deed.args, deed.issuer, name_of, own),
        agency=agency(deed.issuer),
        issuer=deed.issuer,
        by="" if deed.by is None else agency(deed.by),
        who=tuple(name_of(acting, signer) for signer in deed.signers),
        block=deed.block,
        tx_hash=deed.tx_hash,
        tone="bad" if deed.name in BAD else "paused" if deed.name in PAUSED else "info",
    )


def act_words(act: Act, name_of: SignerName = key_end) -> str:
    """What a proposed act would do, in the words of what it would be afterwards."""
    event = EVENT_OF_ACT.get(act.function)
    if event is None:
        return act.function
    args = act.named
    issuer = args["issuer"].decode("ascii")
    if event == "IssuerAdmitted":
        args["parent"] = args["by"]
    if event == "KeyRegistered":
        args["key"] = say("governance.next_number")
    return sentence(event, args, issuer, name_of)


def act_facts(act: Act) -> list[tuple[str, str]]:
    """The arguments of an act as they are, for those who compare."""
    return [(name, _plain(value)) for name, value in act.named.items()]


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("ascii") if len(value) == len(NO_ISSUER) and any(value) else "0x" + value.hex()
    return str(value)


def sentence(name: str, args: Mapping[str, Any], issuer: str, name_of: SignerName, own: str = "") -> str:
    """What one event says."""
    key = f"governance.deed_{name}"
    if name == "RoleSet" and not args["validUntil"]:
        key += "_removed"
    elif name == "IssuerDissolved" and not any(args["successor"]):
        key += "_alone"
    if not has(key):
        return say("explorer.event_unknown")
    here = say("governance.this_agency")
    values: dict[str, object] = {"agency": here if issuer == own else agency(issuer)}
    for argument, value in args.items():
        values |= _said(argument, value, issuer, name_of)
    return say(key, **values)


def _said(argument: str, value: Any, issuer: str, name_of: SignerName) -> dict[str, object]:
    """Values for the sentence out of one argument; none for those that no sentence says."""
    if argument in SIGNERS:
        return {argument: name_of(issuer, value)}
    if argument in AGENCIES:
        if len(value) != len(NO_ISSUER):  # a contract that a ledger was handed over to
            return {argument: "0x" + value.hex()}
        return {argument: agency(value.decode("ascii")) if any(value) else ""}
    if argument in SPELLED:
        name, spell = SPELLED[argument]
        return {name: spell(value)}
    return {}


def _short(root: bytes) -> str:
    return root.hex()[:8]


def _same(value: object) -> object:
    return value


SIGNERS = frozenset({"signer", "approver", "proposer", "accepter", "canceller"})
AGENCIES = frozenset({"parent", "successor", "by"})
SPELLED: Mapping[str, tuple[str, Callable[[Any], object]]] = {
    "typeId": ("kind", kind),
    "purpose": ("purpose", purpose),
    "role": ("role", role),
    "cause": ("cause", cause),
    "validFrom": ("start", spell_day),
    "since": ("start", spell_time),
    "validUntil": ("end", end_day),
    "readyAt": ("ready", spell_time),
    "anchorLimit": ("limit", spell_number),
    "key": ("number", _same),
    "proposalId": ("number", _same),
    "root": ("root", _short),
}
"""Argument of an event to its name in the sentences, and how it is spelled there."""


def person_names(uscc_and_signers: set[tuple[str, bytes]]) -> SignerName:
    """Names of people for these keys, asked for once; of keys that nobody enrolled here their ends."""
    room = current_app.extensions["ledger"].signing
    owners = {place: room.book.owner(*place) for place in uscc_and_signers}
    numbers = {key.person for key in owners.values() if key is not None}
    people = current_app.extensions["ledger"].people.names(numbers) if numbers else {}

    def name_of(uscc: str, signer_id: bytes) -> str:
        key = owners.get((uscc, signer_id))
        if key is not None and key.person in people:
            return str(people[key.person])
        server = room.desk.server_role(uscc, signer_id)
        return key_end(uscc, signer_id) if server is None else say(f"signing.server_{server.name.lower()}")

    return name_of


def signers_of(deeds: tuple[Deed, ...]) -> set[tuple[str, bytes]]:
    """Everybody whom these deeds name, with the agency that they act for."""
    found = {(deed.by or deed.issuer, signer) for deed in deeds for signer in deed.signers}
    for deed in deeds:
        for argument in ("signer", "approver"):
            if isinstance(value := deed.args.get(argument), bytes):
                found.add((deed.issuer, value))
    return found


def full_signer(signer_id: bytes) -> str:
    """All of a signer id, for the technical part."""
    return signer_text(signer_id)
