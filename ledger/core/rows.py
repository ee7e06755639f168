"""Checks the rows of an import against a credential type: normalise, check, explain.

Every fault names its row (the header is row 1), its column as the file spells it, and a stable code
with a sentence in Chinese and English. One fault hides what would only repeat it: a rule across
fields is left aside when one of its fields is faulty already. Rows are independent of each other;
duplicates are the store's business, which knows the business key.

Invariant: a row without errors satisfies the type's JSON Schema, so what is issued is what a verifier
will accept.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.core.cells import Cell, Quick, Slow, Value, quick_reader, slow_reader
from ledger.core.credential_type import CredentialType, Field
from ledger.core.row_messages import glyph_message, row_message
from ledger.core.rules import Mode, RuleTest, compile_rule
from ledger.core.schema import GLYPH_KEYWORD, SchemaValidator

HEADER_ROW: Final = 1
ROW_CHANGED: Final = "ROW_CHANGED"  # issued before with other values: what the store knows, not a cell
ROW_TWICE: Final = "ROW_TWICE"  # the same record earlier in the file, with other values


@dataclass(frozen=True, slots=True)
class RowIssue:
    """A fault or a warning. `column` is the header as in the file, empty when it is about the row."""

    row: int
    column: str
    code: str
    text: Mapping[str, str] | None = None

    @property
    def message(self) -> Mapping[str, str]:
        """Sentence in zh and en: the rule's own, or that of the table."""
        return self.text if self.text is not None else row_message(self.code)

    def as_json(self) -> dict[str, Any]:
        """The shape that the command line prints."""
        return {"row": self.row, "column": self.column, "code": self.code, "message": dict(self.message)}


class RowResult(NamedTuple):
    """A checked row. `fields` holds canonical values by field key, None when there are errors."""

    row: int
    fields: dict[str, Value] | None
    errors: tuple[RowIssue, ...]
    warnings: tuple[RowIssue, ...]


@dataclass(frozen=True, slots=True)
class _Column:
    index: int
    name: str
    field: Field
    quick: Quick
    slow: Slow


@dataclass(frozen=True, slots=True)
class _CompiledRule:
    test: RuleTest
    fields: frozenset[str]
    blame: str
    message: Mapping[str, str] | None


class _Fault(NamedTuple):
    code: str
    text: Mapping[str, str] | None


def header_key(text: str) -> str:
    """What two spellings of one header have in common: no spaces, half width, one case."""
    return "".join(unicodedata.normalize("NFKC", text).replace("\ufeff", "").split()).casefold()


class RowChecker:
    """Checks rows of one type; make one per run, then `bind` it to the header of each file."""

    def __init__(
        self, credential_type: CredentialType, validator: SchemaValidator, mode: Mode, today: date
    ) -> None:
        """Compiles the columns and rules.

        Args:
            credential_type: what the rows are.
            validator: of `credential_type.schema`.
            mode: in demo only fictional divisions 99xxxx are accepted, in production none of them.
            today: the issue day, Asia/Shanghai.
        """
        kinds = {field.key: field.kind for field in credential_type.fields}
        self.type = credential_type
        self.validator = validator
        self.readers = {
            field.key: (quick_reader(field), slow_reader(field, mode)) for field in credential_type.fields
        }
        self.rules = tuple(
            _CompiledRule(compile_rule(rule, kinds, mode, today), rule.fields, rule.blame, rule.message)
            for rule in credential_type.rules
        )
        self.names: dict[str, Field] = {}
        for field in credential_type.fields:
            for name in (field.key, field.labels.zh, field.std_name, *field.headers):
                if name is not None:
                    self.names[header_key(name)] = field

    def bind(self, header: Sequence[str] | None) -> BoundRows:
        """A checker for rows under this header; None for rows that name their own columns (JSON)."""
        if header is None:
            columns = [self._column(i, f.headers[0], f) for i, f in enumerate(self.type.fields)]
            return BoundRows(self, columns, 0, ())
        names = list(header)
        while names and not names[-1].strip():
            names.pop()
        columns, issues = [], []
        by_field: dict[str, str] = {}
        for i, name in enumerate(names):
            field = self.names.get(header_key(name))
            if field is None:
                code = "COLUMN_UNKNOWN" if name.strip() else "COLUMN_UNNAMED"
                issues.append(RowIssue(HEADER_ROW, name, code))
            elif field.key in by_field:
                issues.append(RowIssue(HEADER_ROW, name, "COLUMN_TWICE"))
            else:
                by_field[field.key] = name
                columns.append(self._column(i, name.strip().removeprefix("\ufeff"), field))
        if not columns:
            # Without a header the first row is somebody's data: do not repeat it in messages.
            return BoundRows(self, [], 0, (RowIssue(HEADER_ROW, "", "HEADER_NOT_RECOGNISED"),))
        issues += [
            RowIssue(HEADER_ROW, field.headers[0], "COLUMN_MISSING")
            for field in self.type.fields
            if field.required and field.key not in by_field
        ]
        return BoundRows(self, columns, len(names), tuple(issues))

    def _column(self, index: int, name: str, field: Field) -> _Column:
        return _Column(index, name, field, *self.readers[field.key])


class BoundRows:
    """Checks the rows of one file.

    Attributes:
        errors: faults of the header; while there are any, no row can be checked.
    """

    def __init__(
        self, checker: RowChecker, columns: list[_Column], width: int, errors: tuple[RowIssue, ...]
    ) -> None:
        """Use RowChecker.bind."""
        self.errors = errors
        self._checker = checker
        self._columns = columns
        self._width = width
        self._hot = [(column.index, column.field.key, column.quick, column) for column in columns]
        self._by_key = {column.field.key: column for column in columns}
        self._is_valid = checker.validator.is_valid
        self._tests = [rule.test for rule in checker.rules]

    def column_of(self, key: str) -> str:
        """The column of a field as the file spells it, empty when the file has none."""
        column = self._by_key.get(key)
        return "" if column is None else column.name

    def check(self, row: int, cells: Sequence[Cell] | Mapping[str, Cell]) -> RowResult:
        """The canonical fields of a row, or everything that is wrong with it.

        Args:
            row: number in the file, the header being 1 (JSON lines: number of the line).
            cells: in the order of the header, or by column name.
        """
        if self.errors:
            raise RuntimeError("the header has errors: no row can be checked")
        if isinstance(cells, Mapping):
            return self._check_named(row, cells)
        if len(cells) != self._width:
            return self._explain(row, cells, [])
        return self._quickly(row, cells) or self._explain(row, cells, [])

    def _quickly(self, row: int, cells: Sequence[Cell]) -> RowResult | None:
        """The result of a row without fault, None for any other: `_explain` says what is wrong with it."""
        fields: dict[str, Value] = {}
        warnings: tuple[RowIssue, ...] = ()
        for index, key, quick, column in self._hot:
            value = quick(cells[index])
            if value is None:
                reading = column.slow(cells[index])
                value = reading.value
                if reading.error is not None or (value is None and column.field.required):
                    return None
                if reading.warnings:
                    warnings += tuple(RowIssue(row, column.name, code) for code in reading.warnings)
                if value is None:
                    continue
            fields[key] = value
        if not self._is_good(fields):
            return None
        return RowResult(row, fields, (), warnings)

    def _is_good(self, fields: dict[str, Value]) -> bool:
        return self._is_valid(fields) and not any(test(fields) for test in self._tests)

    def _check_named(self, row: int, cells: Mapping[str, Cell]) -> RowResult:
        ordered: list[Cell] = [None] * len(self._columns)
        seen: set[str] = set()
        issues: list[RowIssue] = []
        for name, cell in cells.items():
            field = self._checker.names.get(header_key(name))
            if field is None or field.key in seen:
                issues.append(RowIssue(row, name, "COLUMN_UNKNOWN" if field is None else "COLUMN_TWICE"))
                continue
            seen.add(field.key)
            ordered[self._by_key[field.key].index] = cell
        found = None if issues else self._quickly(row, ordered)
        return found or self._explain(row, ordered, issues)

    def _explain(self, row: int, cells: Sequence[Cell], errors: list[RowIssue]) -> RowResult:
        """The careful way: every cell, every rule, every fault."""
        warnings: list[RowIssue] = []
        if self._width:
            extra = [cell for cell in cells[self._width :] if cell not in (None, "")]
            if extra:
                errors.append(RowIssue(row, "", "ROW_TOO_LONG"))
            if len(cells) < self._width:
                errors.append(RowIssue(row, "", "ROW_TOO_SHORT"))
            if errors:
                return RowResult(row, None, tuple(errors), ())
        fields: dict[str, Value] = {}
        faulty: set[str] = set()
        for column in self._columns:
            reading = column.slow(cells[column.index])
            code = reading.error
            if code is None and reading.value is None and column.field.required:
                code = "REQUIRED"
            if code is not None:
                errors.append(RowIssue(row, column.name, code))
                faulty.add(column.field.key)
            elif reading.value is not None:
                fields[column.field.key] = reading.value
                warnings += [RowIssue(row, column.name, warning) for warning in reading.warnings]
        errors += self._rule_faults(row, fields, faulty, self._schema_faults(fields))
        order = {column.name: column.index for column in self._columns}
        errors.sort(key=lambda issue: order.get(issue.column, -1))
        return RowResult(row, None if errors else fields, tuple(errors), tuple(warnings))

    def _schema_faults(self, fields: dict[str, Value]) -> dict[str, _Fault]:
        """Field key to code and sentence for values that the JSON Schema refuses or no font can draw."""
        if self._is_valid(fields):
            return {}
        faults: dict[str, _Fault] = {}
        for finding in self._checker.validator.findings(fields):
            if finding.path:
                key = str(finding.path[0])
                code = _schema_code(self._by_key[key].field.kind, finding.keyword)
                faults.setdefault(key, _Fault(code, glyph_message(finding.shown) if finding.shown else None))
        return faults

    def _rule_faults(
        self, row: int, fields: dict[str, Value], faulty: set[str], by_schema: dict[str, _Fault]
    ) -> list[RowIssue]:
        """Faults across fields and those of the schema.

        A rule with codes of its own (resident_id) says more about its field than the schema's pattern.
        """
        issues: list[RowIssue] = []
        for rule in self._checker.rules:
            finer = {rule.blame} if rule.message is None else set()
            in_doubt = faulty | (by_schema.keys() - finer)
            if rule.fields & in_doubt:
                continue
            code = rule.test(fields)
            if code is not None:
                issues.append(RowIssue(row, self._name(rule.blame), code, rule.message))
                faulty.add(rule.blame)
        issues += [
            RowIssue(row, self._name(key), fault.code, fault.text)
            for key, fault in by_schema.items()
            if key not in faulty
        ]
        return issues

    def _name(self, key: str) -> str:
        column = self._by_key.get(key)
        return column.name if column is not None else self._checker.type.field(key).headers[0]


_SCHEMA_CODES: Final[Mapping[tuple[str, str], str]] = {
    ("text", "maxLength"): "TEXT_TOO_LONG",
    ("identifier", "pattern"): "IDENTIFIER_CHARACTER",
    ("money", "not"): "AMOUNT_ZERO",
    ("ratio", "pattern"): "RATIO_RANGE",
    ("count", "minimum"): "COUNT_RANGE",
    ("count", "maximum"): "COUNT_RANGE",
}


def _schema_code(kind: str, keyword: str) -> str:
    if keyword == GLYPH_KEYWORD:
        return "GLYPH_MISSING"
    return _SCHEMA_CODES.get((kind, keyword), "VALUE_NOT_ALLOWED")


def business_key(credential_type: CredentialType, fields: Mapping[str, Value]) -> tuple[str, str]:
    """What makes a row unique beside issuer and type: account or licence number, and data date or ''."""
    key = credential_type.business_key
    return str(fields[key.number]), "" if key.as_of is None else str(fields[key.as_of])
