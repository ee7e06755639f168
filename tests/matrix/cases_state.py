"""Times, statuses, status lists, content, and several faults at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.checks.codes import Code
from ledger.core.model import BlockRef
from ledger.core.status import Status
from tests.matrix import world as w
from tests.matrix.cases import (
    CASES,
    OF_CHAIN,
    Answer,
    C,
    Case,
    F,
    P,
    U,
    accepted,
    all_unknown,
    case,
    doubtful,
    refused,
)
from tests.matrix.world import World

# Times


@case(
    "expired by a second",
    verdict=(3, Code.EXPIRED, 1),
    expected={C.EXPIRY: (F, Code.EXPIRED)},
)
def expired(world: World) -> None:
    _at(world, world.payload["exp"])


@case("the last second before it expires", **accepted())
def last_second(world: World) -> None:
    _at(world, world.payload["exp"] - 1)


@case("without an end date", **accepted({C.EXPIRY: (P, Code.NO_EXPIRY)}))
def permanent(world: World) -> None:
    del world.payload["exp"]


@case(
    "not yet valid by a second",
    verdict=(1, Code.NOT_YET_VALID, 1),
    expected={C.NOT_BEFORE: (F, Code.NOT_YET_VALID)},
)
def not_yet_valid(world: World) -> None:
    world.payload["nbf"] = world.now + 1


@case("valid from this second", **accepted())
def just_valid(world: World) -> None:
    world.payload["nbf"] = world.now


def _at(world: World, now: int) -> None:
    world.now = now
    world.head = replace(world.head, confirmed_at=now - 5)


def _issued(world: World, issued_at: int) -> None:
    world.payload["iat"] = issued_at


@case(
    "issued eight days before the anchor",
    **refused(6, C.ISSUED_BEFORE_ANCHOR, Code.ISSUED_TOO_EARLY),
)
def issued_8_days_before(world: World) -> None:
    _issued(world, w.MIDNIGHT - 8 * w.DAY)


@case("issued at 00:00:00 +08:00 seven days before the anchor", **accepted())
def issued_7_days_before(world: World) -> None:
    _issued(world, w.MIDNIGHT - 7 * w.DAY)


@case(
    "issued at 23:59:59 +08:00, a second before the seventh day",
    **refused(6, C.ISSUED_BEFORE_ANCHOR, Code.ISSUED_TOO_EARLY),
)
def issued_second_too_early(world: World) -> None:
    _issued(world, w.MIDNIGHT - 7 * w.DAY - 1)


@case("issued at 23:59:59 +08:00 of the anchor's day", **accepted())
def issued_end_of_day(world: World) -> None:
    _issued(world, w.MIDNIGHT + w.DAY - 1)


@case(
    "issued at 00:00:00 +08:00, the day after the anchor",
    **refused(6, C.ISSUED_BEFORE_ANCHOR, Code.ISSUED_AFTER_ANCHOR),
)
def issued_day_after(world: World) -> None:
    _issued(world, w.MIDNIGHT + w.DAY)


@case("anchored at 23:59:00, dated the next day by a clock two minutes ahead", **accepted())
def issued_by_a_fast_clock(world: World) -> None:
    _anchored(world, w.MIDNIGHT + w.DAY - 120)
    _issued(world, w.MIDNIGHT + w.DAY)


@case(
    "anchored at 23:57:59, dated the next day",
    **refused(6, C.ISSUED_BEFORE_ANCHOR, Code.ISSUED_AFTER_ANCHOR),
)
def issued_by_a_too_fast_clock(world: World) -> None:
    _anchored(world, w.MIDNIGHT + w.DAY - 121)
    _issued(world, w.MIDNIGHT + w.DAY)


def _anchored(world: World, at: int) -> None:
    there = BlockRef(w.ANCHOR_NUMBER, w.block(w.ANCHOR_NUMBER).hash, at)
    world.anchor = {"anchored_at": at, "block": there}
    world.alter_receipt = lambda receipt: {**receipt, "block": {**receipt["block"], "time": at}}


# Statuses


def _status(
    name: str, sentence: str, status: int, verdict: tuple[int, Code, int], expected: Mapping[Any, Answer]
) -> None:
    def change(world: World) -> None:
        world.status = status

    CASES.append(Case(name, sentence, change, verdict, dict(expected)))


for _word, _value, _national, _check in (
    ("revoked", Status.REVOKED, 3, C.REVOCATION),
    ("cancelled", Status.CANCELLED, 3, C.REVOCATION),
    ("void", Status.VOID, 3, C.REVOCATION),
    ("superseded", Status.SUPERSEDED, 3, C.SUPERSESSION),
    ("suspended", Status.SUSPENDED, 2, C.SUSPENSION),
    ("pending", Status.PENDING, 1, C.SUSPENSION),
):
    _code = Code(_value.name)
    _status(_word, f"status {_value.name}", _value, (_national, _code, 1), {_check: (F, _code)})


@case(
    "a batch in which every credential is still PENDING",
    verdict=(1, Code.PENDING, 1),
    expected={C.SUSPENSION: (F, Code.PENDING)},
)
def pending_only(world: World) -> None:
    world.anchor = {"pending": True}
    world.status = Status.PENDING


@case(
    "USED on a single-use type",
    verdict=(3, Code.USED, 1),
    expected={C.REVOCATION: (F, Code.USED)},
)
def used(world: World) -> None:
    world.status = Status.USED
    world.registered = w.registered_type(w.VCT, w.TYPE_ID, single_use=True)


@case(
    "USED on a type that is not single-use",
    verdict=(3, Code.USED_NOT_SINGLE_USE, 1),
    expected={C.REVOCATION: (F, Code.USED_NOT_SINGLE_USE)},
)
def used_not_single_use(world: World) -> None:
    world.status = Status.USED


_UNDEFINED = dict.fromkeys((C.REVOCATION, C.SUSPENSION, C.SUPERSESSION), (U, Code.STATUS_UNDEFINED))
_status("undefined", "a status that is not defined", 5, (4, Code.STATUS_UNDEFINED, 3), _UNDEFINED)


# Status list


def _list(world: World, **changes: Any) -> None:
    world.payload["status"]["status_list"].update(changes)


@case(
    "an idx outside the batch's range",
    **refused(
        6,
        C.ANCHOR_FACTS,
        Code.ANCHOR_RANGE_DIFFERS,
        {C.STATUS_OWNER: (F, Code.INDEX_OF_OTHER)},
    ),
)
def idx_outside(world: World) -> None:
    _list(world, idx=w.FIRST_WORD * 64 + 128)


@case("the idx of the neighbour's leaf", **refused(6, C.STATUS_OWNER, Code.INDEX_OF_OTHER))
def idx_of_neighbour(world: World) -> None:
    _list(world, idx=w.FIRST_WORD * 64 + w.INDEX + 1)


@case(
    "another list number than the anchor's",
    **refused(6, C.STATUS_LIST, Code.LIST_NUMBER_DIFFERS),
)
def list_number(world: World) -> None:
    _list(world, uri=f"{w.ISS}/status/{w.LEDGER_ID.hex()}/{w.LIST + 1}")


@case("a status list at another agency's address", **refused(6, C.STATUS_LIST, Code.LIST_ISSUER_DIFFERS))
def list_of_other(world: World) -> None:
    _list(world, uri=f"{w.OTHER_ISS}/status/{w.LEDGER_ID.hex()}/{w.LIST}")


@case("a status list of another ledger", **refused(6, C.STATUS_LIST, Code.LIST_LEDGER_DIFFERS))
def list_of_other_ledger(world: World) -> None:
    _list(world, uri=f"{w.ISS}/status/{'44' * 32}/{w.LIST}")


@case("a status list address of another form", **refused(6, C.STATUS_LIST, Code.STATUS_URI))
def list_uri(world: World) -> None:
    _list(world, uri="https://gjj.city.example/list")


@case("a good status list token", **accepted({C.STATUS_LIST: (P, Code.LIST_TOKEN_GOOD)}))
def token_good(world: World) -> None:
    world.list_token = world.make_list_token()


@case(
    "a status list token with a bad signature",
    **refused(6, C.STATUS_LIST, Code.LIST_TOKEN_SIGNATURE),
)
def token_signature(world: World) -> None:
    text = world.make_list_token()
    world.list_token = text[:-10] + ("A" if text[-10] != "A" else "B") + text[-9:]


@case(
    "a status list token signed with the credential key",
    **refused(6, C.STATUS_LIST, Code.LIST_TOKEN_PURPOSE),
)
def token_purpose(world: World) -> None:
    world.list_token = world.make_list_token(signer=w.authorities().city.signer)


@case("a status list token that has expired", **doubtful(C.STATUS_LIST, Code.LIST_TOKEN_EXPIRED))
def token_expired(world: World) -> None:
    world.list_token = world.make_list_token(iat=world.now - 600, exp=world.now)


@case("a status list token of another list", **refused(6, C.STATUS_LIST, Code.LIST_TOKEN_URI))
def token_of_other_list(world: World) -> None:
    world.list_token = world.make_list_token(sub=f"{w.ISS}/status/{w.LEDGER_ID.hex()}/{w.LIST + 1}")


@case("a status list token that is none", **refused(6, C.STATUS_LIST, Code.LIST_TOKEN_SHAPE))
def token_rubbish(world: World) -> None:
    world.list_token = "rubbish"


@case(
    "a status list token too short for the index",
    **refused(6, C.STATUS_LIST, Code.STATUS_INDEX_RANGE),
)
def token_short(world: World) -> None:
    world.list_token = world.make_list_token(values=bytes(64))


@case(
    "a good token that says INVALID where the chain says VALID",
    **doubtful(C.STATUS_LIST, Code.LIST_DISAGREES),
)
def token_disagrees(world: World) -> None:
    world.list_token = world.make_list_token(values=bytes([1]) * (w.FIRST_WORD * 64 + 128))


# Content


@case("a value that its type forbids", **refused(6, C.SCHEMA, Code.SCHEMA_INVALID))
def schema_invalid(world: World) -> None:
    world.disclosures["balance"] = "viel"


@case("a claim that its type does not have", **refused(6, C.SCHEMA, Code.SCHEMA_INVALID))
def schema_extra(world: World) -> None:
    world.disclosures["shoe_size"] = "43"


@case("a required value that was never there", **refused(6, C.SCHEMA, Code.SCHEMA_INVALID))
def schema_missing(world: World) -> None:
    del world.disclosures["balance"]


@case(
    "a type that nobody knows",
    **doubtful(C.SCHEMA, Code.TYPE_UNKNOWN, {C.ANCHOR_FACTS: (F, Code.ANCHOR_TYPE_DIFFERS)})
    | {"verdict": (6, Code.ANCHOR_TYPE_DIFFERS, 1)},
)
def type_of_other_name(world: World) -> None:
    world.payload["vct"] = "urn:ecert:type:FISHING_LICENCE:1"


@case(
    "a type that is registered and that we do not hold",
    **doubtful(C.SCHEMA, Code.TYPE_UNKNOWN, {C.ANCHOR_FACTS: (U, Code.TYPE_UNKNOWN)}),
)
def type_unknown(world: World) -> None:
    world.payload["vct"] = "urn:ecert:type:FISHING_LICENCE:1"
    world.registered = w.registered_type(w.VCT, 9, code="11100000000013338W999", file_hash=b"\x0f" * 32)


@case(
    "a type file whose hash differs from the registered one",
    **doubtful(C.SCHEMA, Code.TYPE_UNKNOWN),
)
def type_hash_differs(world: World) -> None:
    world.registered = w.registered_type(w.VCT, w.TYPE_ID, file_hash=b"\x0f" * 32)


@case(
    "a type file whose hash differs from the trust file's",
    **doubtful(C.SCHEMA, Code.TYPE_UNKNOWN),
)
def type_not_trusted(world: World) -> None:
    world.trust = replace(world.trust, types={**world.trust.types, "HPF_PERSONAL_DEPOSIT:1": b"\x0f" * 32})


# Several at once: the worst one decides, and nothing hides the others


@case(
    "forged and expired",
    verdict=(6, Code.SIGNATURE_INVALID, 1),
    expected={C.SIGNATURE: (F, Code.SIGNATURE_INVALID), C.EXPIRY: (F, Code.EXPIRED)},
)
def forged_and_expired(world: World) -> None:
    stranger = MemoryCredentialSigner.from_private_number(99)
    world.signature = stranger.sign
    _at(world, world.payload["exp"])


@case(
    "expired, and no chain view",
    verdict=(3, Code.EXPIRED, 1),
    expected={**all_unknown(OF_CHAIN, Code.NO_CHAIN_VIEW), C.EXPIRY: (F, Code.EXPIRED)},
)
def expired_without_view(world: World) -> None:
    world.has_view = False
    _at(world, world.payload["exp"])


@case(
    "revoked, and the view is stale",
    verdict=(3, Code.REVOKED, 1),
    expected={C.REVOCATION: (F, Code.REVOKED), C.STATUS_AGE: (U, Code.VIEW_STALE)},
)
def revoked_and_stale(world: World) -> None:
    world.status = Status.REVOKED
    world.head = replace(world.head, confirmed_at=world.now - 3600)
