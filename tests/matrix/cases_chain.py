"""Lies about tree, batch and chain."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

from ledger.core.checks.codes import Code
from ledger.core.merkle import MerkleTree, hash_leaf
from ledger.core.model import IssuerRecord, WitnessHead
from ledger.core.trust import Finality, KeySet, Link, RestoreNotice
from tests.matrix import world as w
from tests.matrix.cases import (
    C,
    F,
    P,
    U,
    accepted,
    case,
    doubtful,
    refused,
    without_anchor,
    without_chain,
)
from tests.matrix.world import World

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


@case(
    "a receipt of a restored chain whose batch was anchored again in another block",
    **doubtful(C.FINALITY, Code.CHAIN_RESTORED, {C.ANCHOR_FACTS: (U, Code.CHAIN_RESTORED)}),
)
def anchored_again(world: World) -> None:
    old = w.block(w.ANCHOR_NUMBER - 2)
    world.alter_receipt = lambda receipt: {
        **receipt,
        "block": {"number": old.number, "hash": "0x" + "07" * 32, "time": old.time - 60},
    }
    world.trust = replace(world.trust, restore_notices=(RestoreNotice(old.number, old.number, w.NOW),))


@case("a source that contradicted itself", **refused(6, C.FINALITY, Code.CHAIN_FORKED))
def source_forked(world: World) -> None:
    world.head = replace(world.head, forked=True)


@case(
    "a mirror whose source told two stories",
    **doubtful(C.FINALITY, Code.SOURCE_FORKED),
)
def source_torn(world: World) -> None:
    world.head = replace(world.head, forked=True, kind="mirror")


@case(
    "a mirror whose source told two stories, and the receipt is of the other one",
    verdict=(4, Code.SOURCE_FORKED, 3),
    expected={**without_anchor(Code.SOURCE_FORKED, U), C.FINALITY: (U, Code.SOURCE_FORKED)},
)
def source_torn_other_story(world: World) -> None:
    world.anchor_exists = False
    world.block_hashes[w.ANCHOR_NUMBER] = b"\x07" * 32
    world.head = replace(world.head, forked=True, kind="mirror")


@case(
    "a mirror whose source told two stories, with the batch in another block",
    **doubtful(C.FINALITY, Code.SOURCE_FORKED, {C.ANCHOR_FACTS: (U, Code.SOURCE_FORKED)}),
)
def source_torn_other_block(world: World) -> None:
    old = w.block(w.ANCHOR_NUMBER - 2)
    world.alter_receipt = lambda receipt: {
        **receipt,
        "block": {"number": old.number, "hash": "0x" + "07" * 32, "time": old.time - 60},
    }
    world.head = replace(world.head, forked=True, kind="mirror")


@case("anchored, not yet final", **doubtful(C.FINALITY, Code.NOT_FINAL))
def not_final(world: World) -> None:
    world.trust = replace(world.trust, finality=Finality("depth", w.HEAD_NUMBER - w.ANCHOR_NUMBER + 1))


def _witnesses(threshold: int) -> KeySet:
    return KeySet(threshold, {bytes([number]) * 32: {} for number in (1, 2, 3)})


@case("fewer witnesses than the threshold", **doubtful(C.FINALITY, Code.WITNESS_MISSING))
def witness_missing(world: World) -> None:
    world.trust = replace(world.trust, witnesses=_witnesses(2))
    seen = [WitnessHead(bytes([number]) * 32, w.HEAD_NUMBER, w.NOW) for number in (1, 1, 9)]
    late = WitnessHead(b"\x02" * 32, w.ANCHOR_NUMBER - 1, w.NOW)
    world.head = replace(world.head, witnessed=(*seen, late))


@case("as many witnesses as the threshold", **accepted({C.FINALITY: (P, Code.WITNESSED)}))
def witnessed(world: World) -> None:
    world.trust = replace(world.trust, witnesses=_witnesses(2))
    seen = (
        WitnessHead(b"\x01" * 32, w.ANCHOR_NUMBER, w.NOW),
        WitnessHead(b"\x02" * 32, w.HEAD_NUMBER, w.NOW),
    )
    world.head = replace(world.head, witnessed=seen)


@case("a ledger of many operators", **accepted({C.FINALITY: (P, Code.FINAL)}))
def consortium(world: World) -> None:
    world.trust = replace(world.trust, finality=Finality("consensus"))
    world.head = replace(world.head, kind="consortium")
