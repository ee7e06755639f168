"""The rest of the bad inputs: tree, anchor, chain, times, statuses, lists, content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.checks.codes import Code
from ledger.core.merkle import MerkleTree, hash_leaf
from ledger.core.model import BlockRef, IssuerRecord
from ledger.core.status import Status
from ledger.core.trust import Finality, KeySet, Link, RestoreNotice
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
    without_anchor,
    without_chain,
)
from tests.matrix.world import World

__all__ = ["CASES"]

# Tree


def _other_leaf(world: World) -> None:
    """The chain holds a tree in which another credential took this one's place."""
    leaves = [hash_leaf(sha256(b"neighbour %d" % i).digest()) for i in range(world.size)]
    tree = MerkleTree(leaves)
    world.anchored_root = tree.root
    world.alter_receipt = lambda receipt: {
        **receipt,
        "root": "0x" + tree.root.hex(),
        "path": ["0x" + item.hex() for item in tree.inclusion_path(world.index)],
    }


case("a leaf that is not in the anchored tree", **refused(6, C.INCLUSION, Code.ROOT_DIFFERS))(_other_leaf)


@case(
    "an inner node passed off as a leaf, with a smaller size",
    **refused(
        6,
        C.INCLUSION,
        Code.PROOF_SHAPE,
        {C.ANCHOR_FACTS: (F, Code.ANCHOR_SIZE_DIFFERS)},
    ),
)
def inner_node(world: World) -> None:
    """Claims the tree of half the size whose leaves are the real tree's first nodes."""
    world.alter_receipt = lambda receipt: {
        **receipt,
        "leaf_index": receipt["leaf_index"],
        "tree_size": receipt["tree_size"] // 2,
        "path": receipt["path"][1:],
    }


@case("a path one hash too long", **refused(6, C.INCLUSION, Code.PROOF_SHAPE))
def path_too_long(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "path": [*receipt["path"], receipt["root"]]}


@case("a path one hash too short", **refused(6, C.INCLUSION, Code.PROOF_SHAPE))
def path_too_short(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "path": receipt["path"][:-1]}


@case("a bit of the path flipped", **refused(6, C.INCLUSION, Code.ROOT_DIFFERS))
def path_bit(world: World) -> None:
    def flip(receipt: dict[str, Any]) -> dict[str, Any]:
        first = receipt["path"][0]
        return {**receipt, "path": [first[:-1] + ("0" if first[-1] != "0" else "1"), *receipt["path"][1:]]}

    world.alter_receipt = flip


@case(
    "an index of at least the size",
    **refused(
        6,
        C.INCLUSION,
        Code.PROOF_SHAPE,
        {
            C.REVOCATION: (U, Code.STATUS_MISSING),
            C.SUSPENSION: (U, Code.STATUS_MISSING),
            C.SUPERSESSION: (U, Code.STATUS_MISSING),
            C.STATUS_OWNER: (F, Code.INDEX_OF_OTHER),
        },
    ),
)
def index_too_large(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "leaf_index": w.SIZE}


@case(
    "the neighbour's leaf index",
    **refused(6, C.INCLUSION, Code.ROOT_DIFFERS, {C.STATUS_OWNER: (F, Code.INDEX_OF_OTHER)}),
)
def neighbours_index(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "leaf_index": w.INDEX + 1}


@case(
    "another size than the anchor's",
    **refused(6, C.ANCHOR_FACTS, Code.ANCHOR_SIZE_DIFFERS),
)
def size_differs(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "tree_size": w.SIZE + 1}


# Receipt and anchor


@case("no receipt", verdict=(4, Code.NO_RECEIPT, 3), expected=without_chain(Code.NO_RECEIPT))
def no_receipt(world: World) -> None:
    world.alter_bundle = lambda bundle: {name: item for name, item in bundle.items() if name != "receipt"}


@case(
    "a bare SD-JWT",
    verdict=(4, Code.NO_RECEIPT, 3),
    expected=without_chain(Code.NO_RECEIPT),
)
def bare_credential(world: World) -> None:
    world.alter_bundle = lambda bundle: bundle["credential"]
    world.alter_bytes = lambda data: data.strip(b'"')


@case(
    "a root that is not anchored",
    verdict=(5, Code.NOT_ANCHORED, 1),
    expected=without_anchor(Code.NOT_ANCHORED),
)
def not_anchored(world: World) -> None:
    world.anchor_exists = False


@case(
    "a root that is not anchored, on a chain restored from an older copy",
    verdict=(4, Code.CHAIN_RESTORED, 3),
    expected={
        **without_anchor(Code.CHAIN_RESTORED, U),
        C.FINALITY: (U, Code.CHAIN_RESTORED),
    },
)
def restored(world: World) -> None:
    world.anchor_exists = False
    world.block_hashes[w.ANCHOR_NUMBER] = b"\x07" * 32
    world.trust = replace(
        world.trust, restore_notices=(RestoreNotice(w.ANCHOR_NUMBER - 5, w.ANCHOR_NUMBER + 5, w.NOW),)
    )


@case(
    "a batch that was withdrawn",
    verdict=(3, Code.BATCH_WITHDRAWN, 1),
    expected={C.ANCHOR: (F, Code.BATCH_WITHDRAWN)},
)
def batch_withdrawn(world: World) -> None:
    world.anchor = {"withdrawn_at": w.ANCHORED_AT + 60, "withdrawn_reason": 2}


@case(
    "the root of another issuer",
    verdict=(5, Code.NOT_ANCHORED, 1),
    expected=without_anchor(Code.NOT_ANCHORED),
)
def root_of_other_issuer(world: World) -> None:
    world.anchor = {"issuer": w.OTHER}


@case(
    "a batch that another issuer anchored, and a receipt that says so",
    **refused(
        6,
        C.ANCHOR_FACTS,
        Code.ANCHOR_ISSUER_DIFFERS,
        {C.ISSUER_BINDING: (F, Code.KEY_OF_OTHER_ISSUER)},
    ),
)
def batch_of_other_issuer(world: World) -> None:
    world.anchor = {"issuer": w.OTHER}
    world.issuer = IssuerRecord(w.OTHER, w.PROVINCE, 3, w.MIDNIGHT - w.YEAR, None, None, ())
    world.grants = {**world.grants, w.OTHER: (w.grant(w.OTHER),)}
    world.alter_receipt = lambda receipt: {**receipt, "issuer": w.OTHER}


@case(
    "a batch of another type",
    **refused(6, C.ANCHOR_FACTS, Code.ANCHOR_TYPE_DIFFERS, {C.SCHEMA: (U, Code.TYPE_UNKNOWN)}),
)
def batch_of_other_type(world: World) -> None:
    world.registered = w.registered_type(w.LICENCE_VCT, w.LICENCE_TYPE_ID)


@case("a batch of documents", **refused(6, C.ANCHOR_FACTS, Code.DOCUMENT_BATCH))
def document_batch(world: World) -> None:
    world.anchor = {"type_id": 0}


@case(
    "a receipt that names another block",
    **refused(6, C.ANCHOR_FACTS, Code.ANCHOR_BLOCK_DIFFERS),
)
def other_block(world: World) -> None:
    other = w.block(w.ANCHOR_NUMBER + 1)
    world.alter_receipt = lambda receipt: {
        **receipt,
        "block": {"number": other.number, "hash": "0x" + other.hash.hex(), "time": other.time},
    }


# Chain and contract


@case("a receipt of another chain", **refused(6, C.CONTRACT, Code.WRONG_CHAIN))
def other_chain(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "chain_id": "eip155:1"}


@case("a receipt of another contract", **refused(6, C.CONTRACT, Code.WRONG_CONTRACT))
def other_contract(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "contract": "0x" + "44" * 20}


@case("a receipt of another ledger", **refused(6, C.CONTRACT, Code.WRONG_LEDGER))
def other_ledger(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "ledger_id": "0x" + "44" * 32}


@case(
    "a receipt of a predecessor that the trust file links",
    **accepted({C.CONTRACT: (P, Code.LINKED_LEDGER)}),
)
def linked_ledger(world: World) -> None:
    world.trust = replace(world.trust, links=(Link(b"\x44" * 32, 77, b"\x55" * 20),))
    world.alter_receipt = lambda receipt: {
        **receipt,
        "ledger_id": "0x" + "44" * 32,
        "chain_id": "eip155:77",
        "contract": "0x" + "55" * 20,
        "block": {"number": 9_999_999, "hash": "0x" + "66" * 32, "time": 1},
    }


@case("contract code that differs", **refused(6, C.CONTRACT, Code.CODE_HASH_DIFFERS))
def code_differs(world: World) -> None:
    world.info = replace(world.info, ledger_code_hash=b"\x0c" * 32)


@case("registry code that differs", **refused(6, C.CONTRACT, Code.CODE_HASH_DIFFERS))
def registry_code_differs(world: World) -> None:
    world.info = replace(world.info, registry_code_hash=b"\x0c" * 32)


@case("a trust file past its last day", **doubtful(C.CONTRACT, Code.TRUST_EXPIRED))
def trust_expired(world: World) -> None:
    world.trust = replace(world.trust, not_after=world.now)


@case(
    "no chain view",
    verdict=(4, Code.NO_CHAIN_VIEW, 3),
    expected=without_chain(Code.NO_CHAIN_VIEW),
)
def no_view(world: World) -> None:
    world.has_view = False


@case(
    "the node gone, nothing to read",
    verdict=(4, Code.CHAIN_UNAVAILABLE, 3),
    expected=without_chain(Code.CHAIN_UNAVAILABLE),
)
def node_gone(world: World) -> None:
    world.view_is_down = True


@case("the node gone for less than the maximum age", **accepted())
def node_gone_lately(world: World) -> None:
    world.head = replace(world.head, confirmed_at=world.now - 60)


@case("a view that is stale", **doubtful(C.STATUS_AGE, Code.VIEW_STALE))
def view_stale(world: World) -> None:
    world.head = replace(world.head, confirmed_at=world.now - 61)


@case("a view from the future", **doubtful(C.STATUS_AGE, Code.VIEW_FROM_FUTURE))
def view_from_future(world: World) -> None:
    world.head = replace(world.head, confirmed_at=world.now + 121)


@case(
    "an empty view",
    verdict=(4, Code.CHAIN_VIEW_EMPTY, 3),
    expected=without_chain(Code.CHAIN_VIEW_EMPTY),
)
def view_empty(world: World) -> None:
    world.view_is_empty = True


@case(
    "a view of another ledger",
    verdict=(4, Code.VIEW_OTHER_LEDGER, 3),
    expected=without_chain(Code.VIEW_OTHER_LEDGER),
)
def view_of_other_ledger(world: World) -> None:
    world.info = replace(world.info, ledger_id=b"\x44" * 32)


@case(
    "a receipt above the view's head",
    verdict=(4, Code.CHAIN_BEHIND, 3),
    expected={**without_anchor(Code.CHAIN_BEHIND, U), C.FINALITY: (U, Code.CHAIN_BEHIND)},
)
def chain_behind(world: World) -> None:
    world.anchor_exists = False
    world.head = replace(world.head, block=w.block(w.ANCHOR_NUMBER - 1))


@case("another hash at the receipt's height", **refused(6, C.FINALITY, Code.CHAIN_FORKED))
def forked(world: World) -> None:
    world.block_hashes[w.ANCHOR_NUMBER] = b"\x07" * 32


@case(
    "another hash at that height, covered by a restore notice",
    **doubtful(C.FINALITY, Code.CHAIN_RESTORED),
)
def forked_but_restored(world: World) -> None:
    world.block_hashes[w.ANCHOR_NUMBER] = b"\x07" * 32
    world.trust = replace(
        world.trust, restore_notices=(RestoreNotice(w.ANCHOR_NUMBER, w.ANCHOR_NUMBER, w.NOW),)
    )


@case("a source that contradicted itself", **refused(6, C.FINALITY, Code.CHAIN_FORKED))
def source_forked(world: World) -> None:
    world.head = replace(world.head, forked=True)


@case("anchored, not yet final", **doubtful(C.FINALITY, Code.NOT_FINAL))
def not_final(world: World) -> None:
    world.trust = replace(world.trust, finality=Finality("depth", w.HEAD_NUMBER - w.ANCHOR_NUMBER + 1))


def _witnesses(threshold: int) -> KeySet:
    return KeySet(threshold, {bytes([number]) * 32: {} for number in (1, 2, 3)})


@case("fewer witnesses than the threshold", **doubtful(C.FINALITY, Code.WITNESS_MISSING))
def witness_missing(world: World) -> None:
    world.trust = replace(world.trust, witnesses=_witnesses(2))
    world.head = replace(world.head, cosigned_by=(b"\x01" * 32, b"\x01" * 32, b"\x09" * 32))


@case("as many witnesses as the threshold", **accepted({C.FINALITY: (P, Code.WITNESSED)}))
def witnessed(world: World) -> None:
    world.trust = replace(world.trust, witnesses=_witnesses(2))
    world.head = replace(world.head, cosigned_by=(b"\x01" * 32, b"\x02" * 32))


@case("a ledger of many operators", **accepted({C.FINALITY: (P, Code.FINAL)}))
def consortium(world: World) -> None:
    world.trust = replace(world.trust, finality=Finality("consensus"))
    world.head = replace(world.head, kind="consortium")


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
