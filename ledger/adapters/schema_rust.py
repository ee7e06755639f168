"""JSON Schema evaluation by jsonschema-rs (draft 2020-12), behind ledger.core.schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from ledger.core.errors import InputError
from ledger.core.schema import SchemaFinding


class RustSchemaValidator:
    """A compiled schema; safe to share between threads."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Compiles `schema`. Raises: InputError SCHEMA_INVALID."""
        try:
            self._validator = jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True)
        except jsonschema_rs.ValidationError as error:
            raise InputError("SCHEMA_INVALID", f"Not a JSON Schema: {error.message}") from error

    def is_valid(self, value: Any) -> bool:
        """True when nothing is violated."""
        return self._validator.is_valid(value)

    def findings(self, value: Any) -> tuple[SchemaFinding, ...]:
        """Every violation, sorted by path and keyword."""
        found = {
            SchemaFinding(tuple(error.instance_path), str(error.schema_path[-1]))
            for error in self._validator.iter_errors(value)
        }
        return tuple(sorted(found, key=lambda finding: ([str(p) for p in finding.path], finding.keyword)))
