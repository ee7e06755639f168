"""Batches of the caller's organisation, who has to sign them, and standing approvals. Nobody approves here."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from ledger.core.flow import BatchRecord, BatchState
from ledger.core.model import DOCUMENT_TYPE, StandingAct
from web.access import actor, must_own, token_allowed
from web.api.answers import hexed, hexed_or_none
from web.api.frame import services
from web.api.models import (
    ApprovalOut,
    ApprovalsOut,
    BatchesOut,
    BatchesQuery,
    BatchOut,
    BlockOut,
    PageQuery,
    SerialsOut,
    StandingOut,
    StandingsOut,
)
from web.api.paging import following, parse_cursor

API = APIBlueprint("batches", __name__, tag="Batches")
WAITING = (BatchState.SIGNED, BatchState.MADE, BatchState.APPROVED)
APPROVAL_STATES: dict[BatchState, Any] = {
    BatchState.SIGNED: "waits_for_maker",
    BatchState.MADE: "waits_for_approver",
    BatchState.APPROVED: "approved",
}


@API.get("/batches")
@API.input(BatchesQuery, location="query")
@API.output(BatchesOut)
@token_allowed("batches")
def batches(query_data: BatchesQuery) -> BatchesOut:
    """Batches, newest first."""
    states = () if query_data.state is None else (BatchState(query_data.state),)
    found, rest = _page(states, query_data)
    return BatchesOut(items=[_batch(one) for one in found], next=rest)


@API.get("/batches/<int:batch>")
@API.output(BatchOut)
@token_allowed("batches")
def one_batch(batch: int) -> BatchOut:
    """One batch."""
    return _batch(_own(batch))


@API.get("/batches/<int:batch>/issues")
@API.input(PageQuery, location="query")
@API.output(SerialsOut)
@token_allowed("batches")
def serials(batch: int, query_data: PageQuery) -> SerialsOut:
    """Serials of a batch, in the order in which its rows came."""
    found = _own(batch)
    after = parse_cursor(query_data.cursor) or 0
    rows = services().programs.pages.names(found.id, after, query_data.limit)
    rest = following(rows, query_data.limit, lambda row: row[0])
    return SerialsOut(items=[name.hex() for _, name in rows], next=rest)


@API.get("/approvals")
@API.input(PageQuery, location="query")
@API.output(ApprovalsOut)
@token_allowed("batches")
def approvals(query_data: PageQuery) -> ApprovalsOut:
    """Batches that wait for people, or for the chain after people signed.

    Approving needs a person with a key of their own: `page` is where they do it.
    """
    found, rest = _page(WAITING, query_data)
    return ApprovalsOut(items=[_approval(one) for one in found], next=rest)


@API.get("/standing-approvals")
@API.output(StandingsOut)
@token_allowed("batches")
def standing_approvals() -> StandingsOut:
    """Standing approvals of the organisation, with what is left of them today (Asia/Shanghai)."""
    parts = services()
    refs = {record.type_id: f"{record.code}:{record.version}" for record in parts.desk.view.types()}
    known = {(kind.type_code, kind.version): kind.ref for kind in parts.types}
    refs |= {
        record.type_id: known[record.code, record.version]
        for record in parts.desk.view.types()
        if (record.code, record.version) in known
    }
    refs[DOCUMENT_TYPE] = "DOCUMENT:0"
    return StandingsOut(
        items=[
            StandingOut(
                id=hexed(one.terms.id),
                issuer=one.terms.issuer,
                type=refs.get(one.terms.type_id, str(one.terms.type_id)),
                valid_from=one.terms.valid_from,
                valid_until=one.terms.valid_until,
                revoked_at=one.terms.revoked_at,
                approver=hexed(one.terms.approver),
                anchor_limit=one.terms.anchor_limit,
                anchor_left=one.rest(StandingAct.ANCHOR),
                supersede_limit=one.terms.supersede_limit,
                supersede_left=one.rest(StandingAct.SUPERSEDE),
            )
            for one in parts.programs.standing.standings(actor().uscc)
        ]
    )


def _page(states: tuple[BatchState, ...], query: PageQuery) -> tuple[tuple[BatchRecord, ...], str | None]:
    before = parse_cursor(query.cursor)
    found = services().programs.pages.batches(actor().uscc, states, before, query.limit)
    return found, following(found, query.limit, lambda batch: batch.id)


def _own(number: int) -> BatchRecord:
    found: BatchRecord = services().desk.approve.batch(number)
    must_own(found.issuer)
    return found


def _batch(batch: BatchRecord) -> BatchOut:
    block = batch.block
    return BatchOut(
        id=batch.id,
        issuer=batch.issuer,
        type=batch.type_code,
        state=str(batch.state),
        size=batch.size,
        created_at=batch.created_at,
        root=hexed_or_none(batch.root),
        list=batch.list,
        standing_approval=hexed_or_none(batch.standing_id),
        block=None
        if block is None
        else BlockOut(number=block.number, hash=hexed(block.hash), time=block.time),
        transaction=hexed_or_none(batch.tx_hash),
        reason=batch.reason,
    )


def _approval(batch: BatchRecord) -> ApprovalOut:
    return ApprovalOut(
        batch=batch.id,
        state=APPROVAL_STATES[batch.state],
        maker=hexed_or_none(batch.maker),
        approver=hexed_or_none(batch.approver),
        standing_approval=hexed_or_none(batch.standing_id),
        deadline=batch.deadline or None,
        page=f"/approve/{batch.id}",
    )
