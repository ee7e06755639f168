"""Pages: sealed files with one lie each, and sheets of paper as far as somebody compared them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger.core.checks.codes import Code
from ledger.core.merkle import entry_of
from ledger.core.model import DOCUMENT_TYPE, AnchorRecord, KeyRecord, Purpose
from ledger.core.page import PaperPage, Seal, SealedPage, SealState
from ledger.core.paper import PageFacts, PrintKind
from ledger.core.receipt import parse_bundle
from tests.matrix import world as w
from tests.matrix.cases import C, P, U, accepted, case, refused, without_chain
from tests.matrix.world import World

PAGE_AT = w.ANCHORED_AT + 3_600


def seal_key(**changes: Any) -> KeyRecord:
    good = w.key_record(w.CITY, 9, w.authorities().seal_signer.thumbprint, Purpose.SEAL)
    return replace(good, **changes)


def facts_of(data: bytes, **changes: Any) -> PageFacts:
    bundle = parse_bundle(data)
    assert bundle.receipt is not None
    jwt = bundle.credential.partition("~")[0].encode("ascii")
    good = PageFacts(
        type="HPF_PERSONAL_DEPOSIT:1",
        issuer=bundle.receipt.issuer,
        root=bundle.receipt.root,
        leaf_index=bundle.receipt.leaf_index,
        entry=entry_of(jwt),
        kind=PrintKind.FULL,
        template="page/1",
        document=bytes(16),
    )
    return good._replace(**changes)


def page_anchor(world: World, **changes: Any) -> AnchorRecord:
    """The document batch that holds the file."""
    good = replace(
        world.anchor_record(), type_id=DOCUMENT_TYPE, root=b"\x05" * 32, key=9, size=3, anchored_at=PAGE_AT
    )
    return replace(good, **changes)


def sealed(
    world: World,
    *,
    state: SealState = SealState.WHOLE,
    key: KeyRecord | None = None,
    is_registered: bool = True,
    facts: dict[str, Any] | None = None,
    anchor: dict[str, Any] | None = None,
    is_anchored: bool = True,
    is_asked: bool = True,
    withdrawn_at: int | None = None,
) -> None:
    """The bundle comes inside a sealed page; each argument is one lie."""

    def page(world: World, data: bytes) -> SealedPage:
        return SealedPage(
            Seal(state, w.authorities().seal_signer.thumbprint),
            facts_of(data, **(facts or {})),
            None,
            (key or seal_key()) if is_registered else None,
            page_anchor(world, **(anchor or {})) if is_anchored else None,
            is_asked,
            withdrawn_at,
        )

    world.page = page


@case("A sealed page, anchored, its bundle inside.", **accepted({C.PAGE: (P, Code.PAGE_SEALED)}))
def page_sealed(world: World) -> None:
    sealed(world)


@case(
    "A PDF without a seal: the bundle is judged, the page is not.",
    **accepted({C.PAGE: (U, Code.PAGE_NOT_SEALED)}),
)
def page_without_seal(world: World) -> None:
    world.page = lambda _world, _data: SealedPage(Seal(SealState.NONE))


@case("A sealed page whose own anchor is not final yet.", **accepted({C.PAGE: (U, Code.PAGE_NOT_ANCHORED)}))
def page_not_anchored(world: World) -> None:
    sealed(world, is_anchored=False)


@case("A sealed page whose batch holds credentials.", **accepted({C.PAGE: (U, Code.PAGE_NOT_ANCHORED)}))
def page_in_other_batch(world: World) -> None:
    sealed(world, anchor={"type_id": w.TYPE_ID})


@case("A sealed page whose batch is another agency's.", **accepted({C.PAGE: (U, Code.PAGE_NOT_ANCHORED)}))
def page_in_foreign_batch(world: World) -> None:
    sealed(world, anchor={"issuer": w.OTHER})


@case(
    "A sealed page, its anchor in a block above the head.", **accepted({C.PAGE: (U, Code.PAGE_NOT_ANCHORED)})
)
def page_anchor_above_head(world: World) -> None:
    sealed(world, anchor={"block": w.block(w.HEAD_NUMBER + 1)})


@case("The ledger gives no answer about the seal.", **accepted({C.PAGE: (U, Code.CHAIN_UNAVAILABLE)}))
def page_ledger_silent(world: World) -> None:
    sealed(world, is_asked=False, is_registered=False)


@case("A byte of the sealed file was flipped.", **refused(6, C.PAGE, Code.PAGE_SEAL_BROKEN))
def page_seal_broken(world: World) -> None:
    sealed(world, state=SealState.BROKEN)


@case("The seal leaves a part out.", **refused(6, C.PAGE, Code.PAGE_SEAL_PARTIAL))
def page_seal_partial(world: World) -> None:
    sealed(world, state=SealState.PARTIAL)


@case("Something was added after the seal.", **refused(6, C.PAGE, Code.PAGE_CHANGED_LATER))
def page_changed_later(world: World) -> None:
    sealed(world, state=SealState.LATER)


@case("The seal permits changes.", **refused(6, C.PAGE, Code.PAGE_SEAL_LOOSE))
def page_seal_loose(world: World) -> None:
    sealed(world, state=SealState.LOOSE)


@case("The seal's key is registered nowhere.", **refused(6, C.PAGE, Code.PAGE_SEAL_FOREIGN))
def page_seal_unregistered(world: World) -> None:
    sealed(world, is_registered=False)


@case("The seal is another agency's.", **refused(6, C.PAGE, Code.PAGE_SEAL_FOREIGN))
def page_seal_of_other(world: World) -> None:
    sealed(world, key=seal_key(issuer=w.OTHER))


@case("Sealed with the agency's credential key.", **refused(6, C.PAGE, Code.PAGE_SEAL_PURPOSE))
def page_seal_purpose(world: World) -> None:
    sealed(world, key=seal_key(purpose=Purpose.CREDENTIAL))


@case("Sealed metadata without a meaning.", **refused(6, C.PAGE, Code.PAGE_FACTS))
def page_without_facts(world: World) -> None:
    world.page = lambda world, _data: SealedPage(
        Seal(SealState.WHOLE, bytes(32)), None, None, seal_key(), page_anchor(world)
    )


@case("The bundle of another credential lies inside.", **refused(6, C.PAGE, Code.PAGE_BUNDLE_SWAPPED))
def page_bundle_swapped(world: World) -> None:
    sealed(world, facts={"entry": b"\x07" * 32})


@case("The seal names another place in the tree.", **refused(6, C.PAGE, Code.PAGE_BUNDLE_SWAPPED))
def page_of_other_leaf(world: World) -> None:
    sealed(world, facts={"leaf_index": w.INDEX + 1})


@case("The seal key's term ended before the page was anchored.", **refused(6, C.PAGE, Code.PAGE_KEY_NOT_GOOD))
def page_key_retired(world: World) -> None:
    sealed(world, key=seal_key(valid_until=PAGE_AT))


@case("The seal key was retired after the page was anchored.", **accepted({C.PAGE: (P, Code.PAGE_SEALED)}))
def page_key_retired_later(world: World) -> None:
    sealed(world, key=seal_key(valid_until=PAGE_AT + 1))


@case(
    "The seal key was compromised when the page was anchored.",
    **refused(6, C.PAGE, Code.PAGE_KEY_COMPROMISED),
)
def page_key_compromised(world: World) -> None:
    sealed(world, key=seal_key(compromised_since=PAGE_AT))


@case(
    "The seal key was compromised after the page was anchored.", **accepted({C.PAGE: (P, Code.PAGE_SEALED)})
)
def page_key_compromised_later(world: World) -> None:
    sealed(world, key=seal_key(compromised_since=PAGE_AT + 1))


@case(
    "The seal key is compromised and nothing shows that the seal is older.",
    **refused(6, C.PAGE, Code.PAGE_KEY_COMPROMISED),
)
def page_key_compromised_unanchored(world: World) -> None:
    sealed(world, key=seal_key(compromised_since=w.NOW), is_anchored=False)


@case("The batch of documents was withdrawn.", **refused(3, C.PAGE, Code.PAGE_BATCH_WITHDRAWN))
def page_batch_withdrawn(world: World) -> None:
    sealed(world, anchor={"withdrawn_at": PAGE_AT + 1})


@case("A sealed page that the agency took back.", **refused(3, C.PAGE, Code.PAGE_PRINT_WITHDRAWN))
def page_withdrawn(world: World) -> None:
    sealed(world, withdrawn_at=PAGE_AT + 1)


@case(
    "A page that the agency took back, before its own anchor is final.",
    **refused(3, C.PAGE, Code.PAGE_PRINT_WITHDRAWN),
)
def page_withdrawn_early(world: World) -> None:
    sealed(world, withdrawn_at=PAGE_AT, is_anchored=False)


@case("A page that the agency took back, its seal left out.", **refused(3, C.PAGE, Code.PAGE_PRINT_WITHDRAWN))
def page_withdrawn_without_seal(world: World) -> None:
    sealed(world, state=SealState.NONE, withdrawn_at=PAGE_AT)


@case("A page that the agency took back, and changed.", **refused(6, C.PAGE, Code.PAGE_SEAL_BROKEN))
def page_withdrawn_and_changed(world: World) -> None:
    sealed(world, state=SealState.BROKEN, withdrawn_at=PAGE_AT)


@case(
    "A page that the agency took back; the ledger gives no answer about its seal.",
    **refused(3, C.PAGE, Code.PAGE_PRINT_WITHDRAWN),
)
def page_withdrawn_ledger_silent(world: World) -> None:
    sealed(world, is_asked=False, is_registered=False, withdrawn_at=PAGE_AT)


@case(
    "A sealed page without any copy of the ledger.",
    (4, Code.NO_CHAIN_VIEW, 3),
    {**without_chain(Code.NO_CHAIN_VIEW), C.PAGE: (U, Code.NO_CHAIN_VIEW)},
)
def page_without_ledger(world: World) -> None:
    sealed(world)
    world.has_view = False


@case("A sheet that nobody compared.", **accepted({C.PAGE: (U, Code.PAGE_NOT_COMPARED)}))
def sheet_not_compared(world: World) -> None:
    world.page = lambda _world, _data: PaperPage({}, 3)


@case("A sheet of which a part was compared.", **accepted({C.PAGE: (U, Code.PAGE_PARTLY_COMPARED)}))
def sheet_partly_compared(world: World) -> None:
    world.page = lambda _world, _data: PaperPage({"name": True}, 3)


@case("A sheet of which everything was compared.", **accepted({C.PAGE: (P, Code.PAGE_VALUES_MATCH)}))
def sheet_compared(world: World) -> None:
    world.page = lambda _world, _data: PaperPage({"name": True, "balance": True}, 2)


@case("A sheet whose balance is another one.", **refused(6, C.PAGE, Code.PAGE_VALUE_DIFFERS))
def sheet_differs(world: World) -> None:
    world.page = lambda _world, _data: PaperPage({"name": True, "balance": False}, 3)


@case("A sheet that the agency took back.", **refused(3, C.PAGE, Code.PAGE_PRINT_WITHDRAWN))
def sheet_withdrawn(world: World) -> None:
    world.page = lambda _world, _data: PaperPage({}, 0, is_withdrawn=True)
