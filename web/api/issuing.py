"""Rows in, certificates out: one by one or in bulk, durable before they are answered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, request, url_for

from ledger.core.errors import ConflictError, NotFoundError
from ledger.core.flow import BatchState, Place
from ledger.core.receipt import encode_receipt, parse_bundle
from ledger.core.singles import RequestKey, SingleResult
from ledger.services.checking import IssuePlan
from web.access import must_own, token_allowed
from web.api.answers import accepted, file_answer, request_key
from web.api.frame import BUNDLE_TYPE, note, services
from web.api.models import (
    AcceptedManyOut,
    AcceptedOut,
    IssueIn,
    IssueOut,
    IssuesIn,
    PersonalQuery,
    ReceiptOut,
)

API = APIBlueprint("issues", __name__, tag="Issuing")
BUNDLE_ANSWERS: Any = file_answer(
    "The whole certificate, for its holder (docs/formats.md)", BUNDLE_TYPE, {"type": "object"}
)
STATES: dict[BatchState, Any] = {
    BatchState.OPEN: "gathering",
    BatchState.CLOSED: "signing",
    BatchState.SIGNED: "waiting",
    BatchState.MADE: "waiting",
    BatchState.APPROVED: "anchoring",
    BatchState.ANCHORED: "anchoring",
    BatchState.RELEASED: "released",
    BatchState.REFUSED: "refused",
    BatchState.DEAD: "refused",
}


@API.post("/issues")
@API.input(IssueIn)
@API.output(AcceptedOut, status_code=202)
@token_allowed("issue")
def issue(json_data: IssueIn) -> tuple[AcceptedOut, int, dict[str, str]]:
    """Issue one certificate.

    Answered when the row is durable. Under a standing approval it is released within seconds; without one
    its batch waits for people. `href` (also in Location) tells how far it is.
    """
    g.single_row = True
    (result,) = _issue(json_data, [json_data.fields])
    return accepted(_accepted(result))


@API.post("/issues/bulk")
@API.input(IssuesIn)
@API.output(AcceptedManyOut, status_code=202)
@token_allowed("issue")
def issue_many(json_data: IssuesIn) -> AcceptedManyOut:
    """Issue up to 1,000 certificates of one type; all rows are taken or none."""
    return AcceptedManyOut(results=[_accepted(result) for result in _issue(json_data, json_data.rows)])


@API.get("/issues/<serial:serial>")
@API.output(IssueOut)
@token_allowed("issue")
def one_issue(serial: str) -> IssueOut:
    """How far a certificate is."""
    place = own_place(serial)
    is_released = place.batch_state is BatchState.RELEASED
    return IssueOut(
        serial=serial,
        type=place.type_code,
        state=STATES[place.batch_state],
        batch=place.batch_id,
        bundle=url_for("issues.bundle", serial=serial) if is_released else None,
        receipt=url_for("issues.receipt", serial=serial) if is_released else None,
    )


@API.get("/issues/<serial:serial>/bundle")
@API.input(PersonalQuery, location="query")
@API.doc(responses=BUNDLE_ANSWERS)
@token_allowed("bundles")
def bundle(serial: str, query_data: PersonalQuery) -> Response:
    """Fetch a released certificate. Personal data: purpose and item code are kept in the audit log."""
    data = _bundle(serial)
    note("api.bundle", f"credential/{serial}", purpose=query_data.purpose, item=query_data.item_code)
    return Response(data, mimetype=BUNDLE_TYPE)


@API.get("/issues/<serial:serial>/receipt")
@API.output(ReceiptOut)
@token_allowed("bundles")
def receipt(serial: str) -> ReceiptOut:
    """Where a released certificate lies in the ledger: nothing personal."""
    found = parse_bundle(_bundle(serial)).receipt
    if found is None:
        raise RuntimeError("released bundles have receipts")
    return receipt_out(encode_receipt(found))


def receipt_out(document: Mapping[str, Any]) -> ReceiptOut:
    """Members of docs/formats.md that a caller needs to compute the root anew."""
    return ReceiptOut.model_validate({name: document[name] for name in ReceiptOut.model_fields})


def own_place(serial: str) -> Place:
    """Where a certificate of the caller's organisation lies. Raises NotFoundError(NOT_HERE)."""
    place: Place | None = services().here.store.batches.place(bytes.fromhex(serial))
    if place is None:
        raise NotFoundError("NOT_HERE", "There is nothing here that you may see.")
    must_own(place.issuer)
    return place


def _bundle(serial: str) -> bytes:
    place = own_place(serial)
    if place.batch_state is not BatchState.RELEASED or place.leaf_index is None:
        raise ConflictError("NOT_RELEASED", "Nothing leaves before its anchor is final.")
    data: bytes = services().desk.export.bundle(place.batch_id, place.leaf_index)
    return data


def _issue(asked: IssueIn | IssuesIn, rows: Sequence[Mapping[str, Any]]) -> tuple[SingleResult, ...]:
    parts = services()
    kind = parts.here.credential_type(asked.type).type
    plan = IssuePlan(
        issuer=g.token.uscc,
        credential_type=kind,
        mode=parts.mode,
        supersede=asked.supersede,
        pending=asked.pending,
    )
    results: tuple[SingleResult, ...] = parts.programs.on_demand.issue(plan, rows, _request_key())
    return results


def _request_key() -> RequestKey | None:
    given = request_key()
    if given is None:
        return None
    body = hashlib.sha256(request.get_data()).hexdigest()
    return RequestKey(
        token=g.token.id,
        key=hashlib.sha256(given.encode("ascii")).digest(),
        # a plain hash of a body with little in it that is unknown could be found by trying
        body=services().here.vault.index("request", f"{request.path} {body}"),
    )


def _accepted(result: SingleResult) -> AcceptedOut:
    serial = result.name.hex()
    href = url_for("issues.one_issue", serial=serial)
    return AcceptedOut.model_validate({"serial": serial, "outcome": str(result.outcome), "href": href})
