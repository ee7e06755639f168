"""Credential types as data: the strict reading of a type file, and what the others ask of it.

A type file (`ledger/types/<CODE>.json`) holds everything that makes one licence differ from another:
fields with labels in three languages, disclosure, validity, statuses, cross-field rules, predicates
and the JSON Schema of a row. A new type is a new file and no code. The ledger knows a type by the
SHA-256 of the file's bytes; one changed byte makes another type.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.core.errors import InputError
from ledger.core.identifiers import check_type_code
from ledger.core.jose import strict_json_object
from ledger.core.predicates import Deriver, Predicate, compile_derivers, parse_predicate
from ledger.core.rules import Rule, parse_rule
from ledger.core.status import TRANSITIONS, Status
from ledger.core.type_shape import (
    Labels,
    read_bool,
    read_choice,
    read_int,
    read_labels,
    read_list,
    read_object,
    read_text,
    read_texts,
    refuse,
)

FORMAT: Final = 1
KINDS: Final = ("text", "code", "identifier", "uscc", "date", "month", "money", "ratio", "count")
SENSITIVITIES: Final = ("PUB", "BIZ", "PI", "SPI")
DISCLOSURES: Final = ("always", "consent")
HOLDERS: Final = ("natural_person", "legal_entity")
VCT_PREFIX: Final = "urn:ecert:type:"
MAX_VERSION: Final = 65_535  # uint16 in IIssuerRegistry.registerType
MAX_DAYS: Final = 36_600

RESERVED_CLAIMS: Final = frozenset(
    {
        "iss",
        "issuer_code",
        "vct",
        "vct#integrity",
        "iat",
        "nbf",
        "exp",
        "sub",
        "status",
        "cnf",
        "_sd",
        "_sd_alg",
    }
)
"""Claims of the envelope; every other claim belongs to the type."""

IDENTIFIER_CLAIM: Final = "identifier"
PROOF_NO_CLAIM: Final = "proof_no"

_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{1,63}")
_PERIOD: Final = re.compile(r"P([1-9][0-9]{0,4})D")
_SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_IDENTIFIER_PATTERN: Final = (
    r"^1\.2\.156\.3005\.2\.[0-9A-Z]{18}[0-9]{3}\.[0-9A-Z]{18}\.[0-9A-Z]{1,64}\.[0-9]{3}\.[0-9A-Z]$"
)
_PROOF_NO_PATTERN: Final = "^[0-9A-Z-]{1,64}$"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a type.

    Attributes:
        kind: one of KINDS; decides reading, normalising and spelling.
        disclosure: always (in clear) or consent (selectively disclosable).
        headers: column names that an import accepts, the Chinese label first.
        std_name: abbreviation of the national data standard, if it has one.
        values: for kind code: code to labels.
    """

    key: str
    kind: str
    required: bool
    labels: Labels
    sensitivity: str
    disclosure: str
    headers: tuple[str, ...]
    std_name: str | None
    values: Mapping[str, Labels]


@dataclass(frozen=True, slots=True)
class Validity:
    """How long a credential lives: whole days after the issue day, or until a date field.

    Both None: for ever. `field` absent in a row: for ever.
    """

    days: int | None
    field: str | None


@dataclass(frozen=True, slots=True)
class BusinessKey:
    """Fields that, with issuer and type, make a row unique. `as_of` is None where no date counts."""

    number: str
    as_of: str | None


@dataclass(frozen=True, slots=True)
class CredentialType:
    """A type file, read and checked."""

    code: str
    version: int
    type_code: str
    file_hash: bytes
    name: Labels
    defined_by: Labels
    holder: str
    open_verification: bool
    single_use: bool
    validity: Validity
    statuses: tuple[Status, ...]
    transitions: Mapping[Status, frozenset[Status]]
    business_key: BusinessKey
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...]
    predicates: tuple[Predicate, ...]
    schema: Mapping[str, Any]
    presentation_schema: Mapping[str, Any]
    derivers: tuple[Deriver, ...]

    @property
    def ref(self) -> str:
        """`CODE:version`, the name in trust files."""
        return f"{self.code}:{self.version}"

    @property
    def vct(self) -> str:
        """Type claim of the credential (SD-JWT VC)."""
        return f"{VCT_PREFIX}{self.ref}"

    @property
    def is_for_people(self) -> bool:
        """True when the holder is a natural person."""
        return self.holder == "natural_person"

    def field(self, key: str) -> Field:
        """The field of that key. Raises: KeyError."""
        for field in self.fields:
            if field.key == key:
                return field
        raise KeyError(key)

    def allows(self, before: Status, after: Status) -> bool:
        """True when this type lets a credential go from `before` to `after`."""
        return after in self.transitions.get(before, frozenset())


def domain_claims(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The claims that belong to the type: everything but the envelope."""
    found = dict(claims)
    for name in RESERVED_CLAIMS:  # a dozen of the envelope against dozens of the type
        found.pop(name, None)
    return found


def derive(credential_type: CredentialType, fields: Mapping[str, str | int]) -> dict[str, bool]:
    """The derived yes/no claims of a row: claim name to answer."""
    answers = (derive_one(fields) for derive_one in credential_type.derivers)
    return dict(answer for answer in answers if answer is not None)


def parse_credential_type(data: bytes) -> CredentialType:
    """The credential type that these bytes describe.

    Raises: InputError TYPE_FILE_INVALID naming the place, or JSON_* for bad JSON.
    """
    root = read_object(
        strict_json_object(data),
        "$",
        (
            "format",
            "code",
            "version",
            "type_code",
            "type_code_source",
            "name",
            "defined_by",
            "holder",
            "open_verification",
            "single_use",
            "validity",
            "statuses",
            "transitions",
            "business_key",
            "fields",
            "rules",
            "predicates",
            "schema",
            "tibetan_reviewed",
        ),
        ("notes",),
    )
    read_int(root["format"], "$.format", FORMAT, FORMAT)
    read_bool(root["tibetan_reviewed"], "$.tibetan_reviewed")
    read_text(root["type_code_source"], "$.type_code_source")
    code = read_text(root["code"], "$.code")
    if not _CODE.fullmatch(code):
        raise refuse("$.code", "must be UPPER_SNAKE of 3 to 64 characters")
    fields = _read_fields(root["fields"])
    kinds = {field.key: field.kind for field in fields}
    single_use = read_bool(root["single_use"], "$.single_use")
    statuses, transitions = _read_statuses(root, single_use=single_use)
    predicates = _read_predicates(root["predicates"], kinds)
    schema = _read_schema(root["schema"], fields)
    return CredentialType(
        code=code,
        version=read_int(root["version"], "$.version", 1, MAX_VERSION),
        type_code=_read_type_code(root["type_code"]),
        file_hash=hashlib.sha256(data).digest(),
        name=read_labels(root["name"], "$.name"),
        defined_by=read_labels(root["defined_by"], "$.defined_by"),
        holder=read_choice(root["holder"], "$.holder", HOLDERS),
        open_verification=read_bool(root["open_verification"], "$.open_verification"),
        single_use=single_use,
        validity=_read_validity(root["validity"], kinds),
        statuses=statuses,
        transitions=transitions,
        business_key=_read_business_key(root["business_key"], fields),
        fields=fields,
        rules=tuple(
            parse_rule(rule, f"$.rules[{i}]", kinds)
            for i, rule in enumerate(read_list(root["rules"], "$.rules"))
        ),
        predicates=predicates,
        schema=schema,
        presentation_schema=_presentation_schema(schema, fields, predicates),
        derivers=compile_derivers(predicates),
    )


def _read_type_code(value: Any) -> str:
    text = read_text(value, "$.type_code")
    try:
        check_type_code(text)
    except InputError as error:
        raise refuse("$.type_code", error.message) from error
    return text


def _read_fields(value: Any) -> tuple[Field, ...]:
    fields: list[Field] = []
    headers: dict[str, str] = {}
    for i, item in enumerate(read_list(value, "$.fields", may_be_empty=False)):
        field = _read_field(item, f"$.fields[{i}]")
        for name in {field.key, field.labels.zh, *field.headers} | ({field.std_name} - {None}):
            if name is not None and headers.setdefault(name.casefold(), field.key) != field.key:
                raise refuse(f"$.fields[{i}].headers", f"{name} already names another field")
        if field.key in RESERVED_CLAIMS | {IDENTIFIER_CLAIM, PROOF_NO_CLAIM}:
            raise refuse(f"$.fields[{i}].key", "is a claim of the envelope")
        if field.key in (known.key for known in fields):
            raise refuse(f"$.fields[{i}].key", "is there twice")
        fields.append(field)
    return tuple(fields)


def _read_field(value: Any, where: str) -> Field:
    found = read_object(
        value,
        where,
        ("key", "kind", "required", "labels", "sensitivity", "disclosure", "headers", "std_name"),
        ("values",),
    )
    key = read_text(found["key"], f"{where}.key")
    if not _KEY.fullmatch(key):
        raise refuse(f"{where}.key", "must be lower_snake of 2 to 64 characters")
    kind = read_choice(found["kind"], f"{where}.kind", KINDS)
    if ("values" in found) != (kind == "code"):
        raise refuse(f"{where}.values", "belongs to fields of kind code, and to them only")
    values = read_object(found.get("values", {}), f"{where}.values", (), found.get("values", {}))
    std_name = found["std_name"]
    return Field(
        key=key,
        kind=kind,
        required=read_bool(found["required"], f"{where}.required"),
        labels=read_labels(found["labels"], f"{where}.labels"),
        sensitivity=read_choice(found["sensitivity"], f"{where}.sensitivity", SENSITIVITIES),
        disclosure=read_choice(found["disclosure"], f"{where}.disclosure", DISCLOSURES),
        headers=read_texts(found["headers"], f"{where}.headers", may_be_empty=False),
        std_name=None if std_name is None else read_text(std_name, f"{where}.std_name"),
        values={c: read_labels(labels, f"{where}.values.{c}") for c, labels in values.items()},
    )


def _read_validity(value: Any, kinds: Mapping[str, str]) -> Validity:
    """`P<n>D`, `FIELD:<date field> or LONG`, or `PERMANENT`."""
    text = read_text(value, "$.validity")
    if text == "PERMANENT":
        return Validity(None, None)
    period = _PERIOD.fullmatch(text)
    if period:
        return Validity(read_int(int(period[1]), "$.validity", 1, MAX_DAYS), None)
    if text.startswith("FIELD:") and text.endswith(" or LONG"):
        key = text.removeprefix("FIELD:").removesuffix(" or LONG")
        if kinds.get(key) == "date":
            return Validity(None, key)
    raise refuse("$.validity", "must be P<days>D, FIELD:<date field> or LONG, or PERMANENT")


def _read_statuses(
    root: Mapping[str, Any], *, single_use: bool
) -> tuple[tuple[Status, ...], Mapping[Status, frozenset[Status]]]:
    names = read_texts(root["statuses"], "$.statuses", may_be_empty=False)
    statuses = tuple(Status[read_choice(n, "$.statuses", Status.__members__)] for n in names)
    if Status.VALID not in statuses:
        raise refuse("$.statuses", "must hold VALID")
    if (Status.USED in statuses) != single_use:
        raise refuse("$.statuses", "USED belongs to single-use types, and to them only")
    found = read_object(root["transitions"], "$.transitions", (), names)
    transitions: dict[Status, frozenset[Status]] = {}
    for name, targets in found.items():
        where = f"$.transitions.{name}"
        after = frozenset(Status[read_choice(t, where, names)] for t in read_texts(targets, where))
        beyond = after - TRANSITIONS[Status[name]]
        if beyond:
            raise refuse(where, f"the contract knows no way to {', '.join(sorted(s.name for s in beyond))}")
        transitions[Status[name]] = after
    start = {Status.VALID, Status.PENDING}
    reached = start.union(*transitions.values())
    lost = set(statuses) - reached
    if lost:
        raise refuse("$.transitions", f"nothing leads to {', '.join(sorted(s.name for s in lost))}")
    return statuses, transitions


def _read_business_key(value: Any, fields: tuple[Field, ...]) -> BusinessKey:
    found = read_object(value, "$.business_key", ("number", "as_of"))
    required = {field.key: field.kind for field in fields if field.required}
    number = read_choice(
        found["number"],
        "$.business_key.number",
        [k for k, v in required.items() if v in {"identifier", "uscc"}],
    )
    if found["as_of"] is None:
        return BusinessKey(number, None)
    dates = [key for key, kind in required.items() if kind == "date"]
    return BusinessKey(number, read_choice(found["as_of"], "$.business_key.as_of", dates))


def _read_predicates(value: Any, kinds: Mapping[str, str]) -> tuple[Predicate, ...]:
    predicates = tuple(
        parse_predicate(item, f"$.predicates[{i}]", kinds)
        for i, item in enumerate(read_list(value, "$.predicates"))
    )
    ids = [predicate.id for predicate in predicates]
    names = [name for predicate in predicates for name in predicate.claim_names]
    names += [str(predicate.claim) for predicate in predicates if predicate.kind == "as_of"]
    taken = kinds.keys() | RESERVED_CLAIMS | {IDENTIFIER_CLAIM, PROOF_NO_CLAIM}
    if len(set(ids)) != len(ids) or len(set(names)) != len(names) or taken & set(names):
        raise refuse("$.predicates", "two predicates, or a predicate and a field, share a name")
    return predicates


_JSON_KINDS: Final = {kind: "integer" if kind == "count" else "string" for kind in KINDS}


def _read_schema(value: Any, fields: tuple[Field, ...]) -> Mapping[str, Any]:
    """The JSON Schema of a row; it and the field list must say the same."""
    schema = read_object(
        value, "$.schema", ("$schema", "type", "additionalProperties", "required", "properties"), ("allOf",)
    )
    if schema["$schema"] != _SCHEMA_DIALECT or schema["type"] != "object":
        raise refuse("$.schema", f"must be an object schema of {_SCHEMA_DIALECT}")
    if schema["additionalProperties"] is not False:
        raise refuse("$.schema.additionalProperties", "must be false")
    properties = read_object(schema["properties"], "$.schema.properties", [field.key for field in fields])
    required = set(read_texts(schema["required"], "$.schema.required"))
    if required != {field.key for field in fields if field.required}:
        raise refuse("$.schema.required", "must name exactly the required fields")
    for field in fields:
        where = f"$.schema.properties.{field.key}"
        found = properties[field.key]
        if not isinstance(found, dict) or found.get("type") != _JSON_KINDS[field.kind]:
            raise refuse(where, f"must be of type {_JSON_KINDS[field.kind]}")
        if field.kind == "code" and found.get("enum") != list(field.values):
            raise refuse(where, "enum must list the codes of the field, in order")
        if field.kind == "text" and not {"minLength", "maxLength"} <= found.keys():
            raise refuse(where, "must bound the length of a text")
        if field.kind == "count" and not {"minimum", "maximum"} <= found.keys():
            raise refuse(where, "must bound a count")
        if field.kind not in {"code", "text", "count"} and "pattern" not in found:
            raise refuse(where, "must have a pattern")
    return schema


def _presentation_schema(
    schema: Mapping[str, Any], fields: tuple[Field, ...], predicates: tuple[Predicate, ...]
) -> Mapping[str, Any]:
    """The schema of what a holder shows: only the always-fields must be there."""
    derived = {name: {"type": "boolean"} for predicate in predicates for name in predicate.claim_names}
    by_month = {
        predicate.claim_pattern: {"type": "boolean"} for predicate in predicates if predicate.claim_pattern
    }
    added = {
        IDENTIFIER_CLAIM: {"type": "string", "pattern": _IDENTIFIER_PATTERN},
        PROOF_NO_CLAIM: {"type": "string", "pattern": _PROOF_NO_PATTERN},
    }
    return {
        **schema,
        "required": [field.key for field in fields if field.disclosure == "always"],
        "properties": {**schema["properties"], **derived, **added},
        "patternProperties": by_month,
    }
