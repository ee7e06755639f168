"""A report as the bytes that programs get: docs/report.schema.json."""

from __future__ import annotations

import orjson

from ledger.core.report import Report, checks_as_json
from web.kept import Kept

_checks = Kept[orjson.Fragment]()


def report_json(report: Report) -> bytes:
    """UTF-8 text, the same as of `report.as_json()`."""
    checks = report.checks
    written = _checks(lambda: orjson.Fragment(orjson.dumps(checks_as_json(checks))), checks)
    return orjson.dumps(report.as_json(written))
