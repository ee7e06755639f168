"""Credential types as verification needs them, compiled once per process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.core.credential_type import VCT_PREFIX, CredentialType
from ledger.core.schema import SchemaValidator


@dataclass(frozen=True, slots=True)
class VerifiableType:
    """A type file that we hold, with its compiled schema for presented claims.

    `required`: fields that an unabridged credential must show; a holder may withhold the disclosable.
    """

    ref: str
    code: str
    version: int
    type_code: str
    file_hash: bytes
    single_use: bool
    required: frozenset[str]
    validator: SchemaValidator


def verifiable_types(
    credential_types: Iterable[CredentialType],
    make_validator: Callable[[Mapping[str, Any]], SchemaValidator],
) -> dict[str, VerifiableType]:
    """Types by `vct`."""
    return {
        kind.vct: VerifiableType(
            ref=kind.ref,
            code=kind.code,
            version=kind.version,
            type_code=kind.type_code,
            file_hash=kind.file_hash,
            single_use=kind.single_use,
            required=frozenset(field.key for field in kind.fields if field.required),
            validator=make_validator(kind.presentation_schema),
        )
        for kind in credential_types
    }


def type_reference(vct: Any) -> str | None:
    """`CODE:version` of a vct, the key in the trust file; None for a foreign vct."""
    if type(vct) is str and vct.startswith(VCT_PREFIX):
        return vct[len(VCT_PREFIX) :]
    return None
