"""JSON Schema evaluation by `jsonschema`, slow and plain: what the fast evaluator is compared with.

`jsonschema` is not among the product's requirements; tests and audits install it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from ledger.core.schema import SchemaFinding


def _is_date(value: object) -> bool:
    """RFC 3339 full-date; other kinds of value are none of `format`'s business."""
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            return False
        date.fromisoformat(value)
    return True


def _ecma(schema: Any) -> Any:
    """The schema with ECMA-262's `$` (end of the text): Python's also matches before a last line feed."""
    if isinstance(schema, list):
        return [_ecma(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "pattern" and isinstance(value, str):
            plain[key] = _to_end(value)
        elif key == "patternProperties":
            plain[key] = {_to_end(pattern): _ecma(inner) for pattern, inner in value.items()}
        else:
            plain[key] = _ecma(value)
    return plain


def _to_end(pattern: str) -> str:
    return pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern


class ReferenceSchemaValidator:
    """The same promises as RustSchemaValidator, by another implementation."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Checks and keeps `schema`; a wrong one raises what `jsonschema` raises: our own mistake."""
        Draft202012Validator.check_schema(schema)
        formats = FormatChecker(formats=())
        formats.checks("date", raises=ValueError)(_is_date)
        self._validator = Draft202012Validator(_ecma(schema), format_checker=formats)

    def is_valid(self, value: Any) -> bool:
        """True when nothing is violated."""
        return bool(self._validator.is_valid(value))

    def findings(self, value: Any) -> tuple[SchemaFinding, ...]:
        """Every violation, sorted by path and keyword."""
        found = {
            SchemaFinding(tuple(error.absolute_path), str(error.absolute_schema_path[-1]))
            for error in self._validator.iter_errors(value)
        }
        return tuple(sorted(found, key=lambda finding: ([str(p) for p in finding.path], finding.keyword)))
