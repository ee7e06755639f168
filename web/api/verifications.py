"""Checks that a verifying agency keeps for its files, each with a receipt under the agency's seal."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, cast

from apiflask import APIBlueprint
from flask import Response, request, url_for

from ledger.core.checks.texts import text_of
from ledger.core.page import Kind
from ledger.core.verified import ReceiptState, Verification, require_purpose
from ledger.services.verified import VerifiedService
from web.access import actor, token_allowed
from web.api.answers import BINARY, PDF_TYPE, TEXT, accepted, bundle_body, file_answer
from web.api.checking import report_of
from web.api.frame import note, services
from web.api.models import (
    KeptQuery,
    PageQuery,
    VerdictOut,
    VerificationMadeOut,
    VerificationOut,
    VerificationsOut,
    Words,
)
from web.api.paging import following, parse_cursor
from web.statistics import count_one

API = APIBlueprint("verifications", __name__, tag="Verification receipts")
RECEIPT_TYPE = "application/ecert-verification+jwt"
TOKEN_ANSWERS: Any = file_answer(
    "The receipt: a JWS (`ecert-verification+jwt`) under the agency's key of purpose seal", RECEIPT_TYPE, TEXT
)
PAGE_ANSWERS: Any = file_answer("The same as a sealed PDF, the token attached", PDF_TYPE, BINARY)


@API.post("/verifications")
@API.input(KeptQuery, location="query")
@API.output(VerificationMadeOut, status_code=202)
@API.doc(
    extensions=bundle_body("A bundle as it was handed in, byte for byte: the receipt names its SHA-256.")
)
@token_allowed("receipts")
def verify(query_data: KeptQuery) -> tuple[VerificationMadeOut, int, dict[str, str]]:
    """Check one bundle for a named purpose, keep the check, and order a signed receipt over it.

    The report is in this answer; the receipt is made within seconds, `href` (also in Location) tells when.
    What is kept is sealed: outcomes, purpose and number, no other value of the certificate.
    """
    purpose = require_purpose(query_data.purpose_kind, query_data.purpose)
    services().documents.seal_key(actor().uscc)  # without one no receipt would ever be made
    data = request.get_data()
    report = services().verify(data)
    count_one(services())
    number = _service().note(
        actor(),
        report,
        kind=str(Kind.BUNDLE),
        sha256=hashlib.sha256(data).digest(),
        bundle=data,
        purpose=purpose,
        item=query_data.item_code,
    )
    _service().order_receipt(number, {actor().uscc})
    note("api.receipt", f"check/{number}", purpose=str(purpose[0]), item=query_data.item_code)
    kept = _verification(_service().check(number, {actor().uscc}))
    return accepted(VerificationMadeOut(**kept.model_dump(), report=report_of(report, data)))


@API.get("/verifications")
@API.input(PageQuery, location="query")
@API.output(VerificationsOut)
@token_allowed("receipts")
def verifications(query_data: PageQuery) -> VerificationsOut:
    """Kept checks of the organisation, people's and programs', newest first."""
    before = parse_cursor(query_data.cursor)
    found = _service().history({actor().uscc}, before, query_data.limit)
    rest = following(found, query_data.limit, lambda one: one.id)
    return VerificationsOut(items=[_verification(one) for one in found], next=rest)


@API.get("/verifications/<int:check>")
@API.output(VerificationOut)
@token_allowed("receipts")
def one_verification(check: int) -> VerificationOut:
    """One kept check, and whether its receipt is there."""
    return _verification(_service().check(check, {actor().uscc}))


@API.get("/verifications/<int:check>/receipt.jwt")
@API.doc(responses=TOKEN_ANSWERS)
@token_allowed("receipts")
def receipt_token(check: int) -> Response:
    """The signed receipt as a token; 409 RECEIPT_NOT_READY until it is made."""
    return _taken(check, "jwt")


@API.get("/verifications/<int:check>/receipt.pdf")
@API.doc(responses=PAGE_ANSWERS)
@token_allowed("receipts")
def receipt_page(check: int) -> Response:
    """The signed receipt as a sealed page; 409 RECEIPT_NOT_READY until it is made."""
    return _taken(check, "pdf")


def _taken(check: int, form: Literal["jwt", "pdf"]) -> Response:
    token, page = _service().receipt(check, {actor().uscc})
    note("api.receipt_taken", f"check/{check}", form=form)
    return Response(token, mimetype=RECEIPT_TYPE) if form == "jwt" else Response(page, mimetype=PDF_TYPE)


def _service() -> VerifiedService:
    return cast("VerifiedService", services().verified)


def _verification(one: Verification) -> VerificationOut:
    is_made = one.receipt is ReceiptState.MADE
    content = one.content
    return VerificationOut(
        verification=one.id,
        href=url_for("verifications.one_verification", check=one.id),
        checked_at=one.at,
        kind=one.kind,
        purpose_kind=cast("Any", str(one.purpose_kind)),
        purpose=None if content is None else content.purpose,
        item_code=None if content is None else content.item or None,
        sha256=None if content is None else "0x" + content.sha256,
        verdict=VerdictOut(
            national=one.national,
            code=one.code,
            text=Words(zh=text_of(one.code, "zh"), en=text_of(one.code, "en")),
        ),
        accepted=one.accepted,
        receipt=cast("Any", str(one.receipt)),
        receipt_jwt=url_for("verifications.receipt_token", check=one.id) if is_made else None,
        receipt_pdf=url_for("verifications.receipt_page", check=one.id) if is_made else None,
    )
