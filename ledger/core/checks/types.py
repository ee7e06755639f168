"""Credential types as verification needs them; adapters load and compile the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ledger.core.credential_type import VCT_PREFIX


class VerifiableType(Protocol):
    """A type file that we hold, compiled. `file_hash`: SHA-256 of its bytes; `type_code`: 21 characters."""

    code: str
    version: int
    type_code: str
    file_hash: bytes
    single_use: bool

    def claim_errors(self, claims: Mapping[str, Any], *, complete: bool) -> Sequence[str]:
        """What is wrong with disclosed claims; `complete`: nothing was withheld, so all must be there."""


class TypeCatalogue(Protocol):
    """The types known here."""

    def find(self, vct: str) -> VerifiableType | None:
        """The type of this `vct`, None if it is not known."""


def type_reference(vct: Any) -> str | None:
    """`CODE:version` of a vct, the key in the trust file; None for a foreign vct."""
    if type(vct) is str and vct.startswith(VCT_PREFIX):
        return vct[len(VCT_PREFIX) :]
    return None
