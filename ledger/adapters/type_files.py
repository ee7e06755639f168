"""The credential types of an installation: the product's own files and those of a folder beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from ledger.adapters.schema_rust import RustSchemaValidator
from ledger.core.credential_type import (
    IDENTIFIER_CLAIM,
    PROOF_NO_CLAIM,
    VCT_PREFIX,
    CredentialType,
    domain_claims,
    parse_credential_type,
)
from ledger.core.errors import ConflictError
from ledger.core.schema import SchemaValidator


class LoadedType:
    """A credential type with its compiled schemas.

    Attributes:
        type: the type as read.
        claim_names: names that do not depend on the row: fields, derived claims, identifier, proof number.
    """

    def __init__(self, credential_type: CredentialType) -> None:
        """Compiles nothing yet; each schema is compiled when first asked for."""
        self.type = credential_type
        self.code = credential_type.code
        self.version = credential_type.version
        self.type_code = credential_type.type_code
        self.file_hash = credential_type.file_hash
        self.single_use = credential_type.single_use
        derived = [name for predicate in credential_type.predicates for name in predicate.claim_names]
        self.claim_names = frozenset(
            [field.key for field in credential_type.fields] + derived + [IDENTIFIER_CLAIM, PROOF_NO_CLAIM]
        )
        self._demanded = frozenset(
            field.key for field in credential_type.fields if field.required and field.disclosure != "always"
        )

    @cached_property
    def row_validator(self) -> SchemaValidator:
        """Of a whole row, as RowChecker wants it."""
        return RustSchemaValidator(self.type.schema)

    @cached_property
    def presentation_validator(self) -> SchemaValidator:
        """Of what a holder shows: fields may be withheld unless they are always shown."""
        return RustSchemaValidator(self.type.presentation_schema)

    def claim_errors(self, claims: Mapping[str, Any], *, complete: bool) -> list[str]:
        """What is wrong with these claims, as `claim: KEYWORD`; empty when nothing is.

        Args:
            claims: disclosed values put back; claims of the envelope are left aside.
            complete: True demands every required field, False only those that are always shown.
        """
        shown = domain_claims(claims)
        errors: list[str] = []
        if not self.presentation_validator.is_valid(shown):
            errors = [
                f"{'.'.join(str(part) for part in finding.path) or '$'}: {finding.keyword.upper()}"
                for finding in self.presentation_validator.findings(shown)
            ]
        if complete and not self._demanded <= shown.keys():
            errors += [
                f"{field.key}: REQUIRED"
                for field in self.type.fields
                if field.key in self._demanded and field.key not in shown
            ]
        return errors


class TypeFiles:
    """All types known here, found by their `vct`."""

    def __init__(self, types: Iterable[CredentialType]) -> None:
        """Raises: ConflictError TYPE_TWICE when two files claim the same code and version."""
        self._by_vct: dict[str, LoadedType] = {}
        for credential_type in types:
            if credential_type.vct in self._by_vct:
                raise ConflictError("TYPE_TWICE", f"Two type files describe {credential_type.ref}.")
            self._by_vct[credential_type.vct] = LoadedType(credential_type)

    def find(self, vct: str) -> LoadedType | None:
        """The type of that `vct` (`urn:ecert:type:CODE:VERSION`), None when unknown."""
        return self._by_vct.get(vct)

    def by_ref(self, ref: str) -> LoadedType | None:
        """The type of `CODE:VERSION`, or the newest of `CODE`."""
        if ":" in ref:
            return self._by_vct.get(VCT_PREFIX + ref)
        same = [loaded for loaded in self._by_vct.values() if loaded.code == ref]
        return max(same, key=lambda loaded: loaded.version, default=None)

    def all(self) -> tuple[LoadedType, ...]:
        """Every type, by code and version."""
        return tuple(sorted(self._by_vct.values(), key=lambda loaded: (loaded.code, loaded.version)))


def builtin_type_bytes() -> dict[str, bytes]:
    """File name to bytes of the types that the product brings."""
    folder = resources.files("ledger.types")
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(".json")}


def load_types(folder: Path | None = None) -> TypeFiles:
    """The product's types and, when `folder` is given, every `*.json` in it.

    Raises: InputError TYPE_FILE_INVALID, JSON_*; ConflictError TYPE_TWICE.
    """
    contents = [data for _, data in sorted(builtin_type_bytes().items())]
    if folder is not None:
        contents += [path.read_bytes() for path in sorted(folder.glob("*.json"))]
    return TypeFiles(parse_credential_type(data) for data in contents)
