"""Statuses of one's own certificates; suspending, which a program may, at once and reversibly."""

from __future__ import annotations

from typing import Any, cast

from apiflask import APIBlueprint
from flask import url_for

from ledger.core.errors import ConflictError
from ledger.core.flow import Place
from ledger.core.model import CREDENTIALS_PER_WORD, ReasonClass
from ledger.core.status import Status
from ledger.core.status_list import status_uri
from ledger.services.status import Drafter, Grounds
from web.access import actor, token_allowed
from web.api.frame import note, services
from web.api.issuing import own_place
from web.api.models import CaseOut, StatusOut, SuspensionIn

API = APIBlueprint("statuses", __name__, tag="Statuses")
REASONS = {
    "holder": ReasonClass.HOLDER_REQUEST,
    "issuer-error": ReasonClass.ISSUER_ERROR,
    "authority": ReasonClass.AUTHORITY_DECISION,
    "security": ReasonClass.SECURITY,
    "administrative": ReasonClass.ADMINISTRATIVE,
}


@API.get("/statuses/<serial:serial>")
@API.output(StatusOut)
@token_allowed("statuses")
def status(serial: str) -> StatusOut:
    """The status of one certificate of one's own or of a predecessor's, as the chain has it."""
    parts = services()
    place = _place(serial)
    evidence = None
    if place.root is not None and place.leaf_index is not None:
        evidence = parts.desk.view.evidence(place.issuer, place.root, place.leaf_index)
    if evidence is None or evidence.anchor is None or evidence.status is None:
        raise ConflictError("NOT_ANCHORED_YET", "Only an anchored certificate has a status.")
    anchor = evidence.anchor
    iss = parts.here.record.agency(place.issuer).iss
    return StatusOut(
        serial=serial,
        status=cast("Any", Status(evidence.status).name),
        as_of=evidence.head.confirmed_at,
        list=status_uri(iss, parts.desk.info.ledger_id, anchor.list),
        index=anchor.first_word * CREDENTIALS_PER_WORD + (place.leaf_index or 0),
    )


@API.post("/statuses/<serial:serial>/suspension")
@API.input(SuspensionIn)
@API.output(CaseOut, status_code=202)
@token_allowed("suspend")
def suspend(serial: str, json_data: SuspensionIn) -> tuple[CaseOut, int, dict[str, str]]:
    """Suspend one certificate at once. Resuming it, and everything final, needs two people."""
    place = _place(serial)
    grounds = Grounds(REASONS[json_data.reason], json_data.legal_basis, json_data.document)
    case = services().desk.status.suspend([place.name], grounds, Drafter(uscc=actor().uscc))
    note("api.suspend", f"credential/{serial}", reason=json_data.reason)
    href = url_for("statuses.status", serial=serial)
    return CaseOut(case=case.id, state=case.state, href=href), 202, {"Location": href}


def _place(serial: str) -> Place:
    """Where a certificate lies that this organisation or a predecessor of it issued. Raises: NOT_HERE."""
    place: Place | None = services().here.store.batches.place(bytes.fromhex(serial))
    if place is not None and place.issuer in services().signing.status_desk.acted_for(actor().uscc):
        return place
    return own_place(serial)
