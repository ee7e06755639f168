"""A report as the bytes that programs get: docs/report.schema.json."""

from __future__ import annotations

import orjson

from ledger.core.report import CheckResult, Report, checks_as_json
from web.kept import Kept


def _written(checks: tuple[CheckResult, ...]) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(checks_as_json(checks)))


_checks: Kept[tuple[CheckResult, ...], orjson.Fragment] = Kept(_written)


def report_json(report: Report) -> bytes:
    """UTF-8 text, the same as of `report.as_json()`."""
    return orjson.dumps(report.as_json(_checks(report.checks)))
