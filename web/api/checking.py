"""Checking what somebody holds: the bytes are judged and forgotten; nothing is looked up by a number."""

from __future__ import annotations

from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import request

from ledger.core.errors import InputError
from ledger.core.merkle import entry_of
from ledger.core.receipt import encode_receipt, parse_bundle
from ledger.core.report import Report
from web.access import token_allowed
from web.api.answers import bundle_body, hexed
from web.api.frame import services
from web.api.issuing import receipt_out
from web.api.models import ReportOut, ReportsOut, VerifyManyIn
from web.statistics import count_one

API = APIBlueprint("verify", __name__, tag="Checking")


@API.post("/verify")
@API.output(ReportOut)
@API.doc(
    extensions=bundle_body("A bundle as it was handed in, byte for byte. Whatever it is, there is a report.")
)
@token_allowed("verify")
def verify() -> ReportOut:
    """Check one bundle.

    `receipt` and `entry` are those of the bundle: whoever does not want to believe this answer computes
    the root from them and compares it with the ledger elsewhere.
    """
    return _report(request.get_data())


@API.post("/verify/batch")
@API.input(VerifyManyIn)
@API.output(ReportsOut)
@token_allowed("verify")
def verify_many(json_data: VerifyManyIn) -> ReportsOut:
    """Check up to 20 bundles: objects, or texts that hold a bundle byte for byte."""
    return ReportsOut(
        reports=[
            _report(one.encode() if isinstance(one, str) else orjson.dumps(one)) for one in json_data.bundles
        ]
    )


def _report(data: bytes) -> ReportOut:
    count_one(services())
    return report_of(services().verify(data), data)


def report_of(report: Report, data: bytes) -> ReportOut:
    """A report with the place in the ledger that the bundle claims."""
    document: dict[str, Any] = report.as_json()
    document["single_operator"] = report.single_operator
    document["entry"] = document["receipt"] = None
    try:
        bundle = parse_bundle(data)
    except InputError:
        return ReportOut.model_validate(document)
    document["entry"] = hexed(entry_of(bundle.credential.split("~", 1)[0].encode()))
    if bundle.receipt is not None:
        document["receipt"] = receipt_out(encode_receipt(bundle.receipt))
    return ReportOut.model_validate(document)
