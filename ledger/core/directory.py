"""Directory entries: an agency's name and URL, signed by its own key, hashed on chain by an ancestor.

The only source of a name on a result page. The signature proves that the agency holds its key
(proof of possession); that the entry is the agency's is what the ancestor vouches for on chain.
Which entry counts (the one on chain at anchor time) is for the caller to decide.

Source: docs/formats.md, Directory entry.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from ledger.core.errors import InputError
from ledger.core.jose import Es256Signer, Jws, jwk_thumbprint, kid_of, make_jws, parse_jws, require_es256

ENTRY_TYPE = "ecert-directory+jwt"
MAX_NAME = 200  # characters
MAX_PHONE = 40
_ISSUER: Final = re.compile(
    r"[0-9A-HJ-NP-RTUWXY]{18}"
)  # alphabet of GB 32100; check digits are the registry's
_DIVISION: Final = re.compile(r"[0-9]{6}")
_URL: Final = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
_LANGUAGES: Final = ("zh", "en")
_MEMBERS: Final = ("issuer", "name", "iss", "division", "phone", "iat", "crit")


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A directory entry as read. `hash` (32 bytes) is what goes on chain."""

    issuer: str
    name: Mapping[str, str]
    iss: str
    division: str
    phone: str | None
    issued_at: int
    kid: str
    text: str
    hash: bytes
    signing_input: bytes
    signature: bytes


def make_directory_entry(
    *,
    issuer: str,
    name_zh: str,
    name_en: str,
    iss: str,
    division: str,
    issued_at: int,
    signer: Es256Signer,
    phone: str | None = None,
) -> str:
    """Compact JWS of an entry, signed with the agency's credential key.

    Raises: InputError(DIRECTORY_SHAPE) if it could not be read back.
    """
    payload: dict[str, Any] = {
        "issuer": issuer,
        "name": {"zh": name_zh, "en": name_en},
        "iss": iss,
        "division": division,
        "iat": issued_at,
    }
    if phone is not None:
        payload["phone"] = phone
    text = make_jws(ENTRY_TYPE, payload, signer)
    parse_directory_entry(text)
    return text


@lru_cache(maxsize=256)
def parse_directory_entry(text: str) -> DirectoryEntry:
    """An entry as read; the signature is not verified yet.

    Raises: InputError(DIRECTORY_SHAPE); `detail["reason"]` is the finer code or the field.
    """
    try:
        jws = parse_jws(text)
    except InputError as error:
        raise InputError(
            "DIRECTORY_SHAPE", "the directory entry cannot be read", reason=error.code
        ) from error
    _require_members(jws)
    payload = jws.payload
    return DirectoryEntry(
        issuer=payload["issuer"],
        name=MappingProxyType(dict(payload["name"])),
        iss=payload["iss"],
        division=payload["division"],
        phone=payload.get("phone"),
        issued_at=payload["iat"],
        kid=jws.header["kid"],
        text=text,
        hash=hashlib.sha256(text.encode("ascii")).digest(),
        signing_input=jws.signing_input,
        signature=jws.signature,
    )


def _require_members(jws: Jws) -> None:
    payload, header = jws.payload, jws.header
    name, phone = payload.get("name"), payload.get("phone")
    good = {
        "alg": header.get("alg") == "ES256",
        "typ": header.get("typ") == ENTRY_TYPE,
        "kid": isinstance(header.get("kid"), str),
        "issuer": _matches(_ISSUER, payload.get("issuer")),
        "division": _matches(_DIVISION, payload.get("division")),
        "iss": _matches(_URL, payload.get("iss")),
        "iat": type(payload.get("iat")) is int and payload["iat"] >= 0,
        "phone": "phone" not in payload or (isinstance(phone, str) and 0 < len(phone) <= MAX_PHONE),
        "name": isinstance(name, dict) and all(is_name(name.get(language)) for language in _LANGUAGES),
        "crit": _understands(payload.get("crit", [])),
    }
    for field, is_good in good.items():
        if not is_good:
            raise InputError("DIRECTORY_SHAPE", f"the directory entry has no usable {field}", reason=field)


def _understands(critical: Any) -> bool:
    """Whether every member that must be understood is one that we know (docs/formats.md)."""
    return isinstance(critical, list) and all(item in _MEMBERS for item in critical)


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def is_name(value: Any, most: int = MAX_NAME) -> bool:
    """Printable, so that a name cannot rearrange the page that shows it (no direction marks); `most` characters."""
    return (
        isinstance(value, str) and 0 < len(value) <= most and value.isprintable() and value == value.strip()
    )


def require_directory_signature(entry: DirectoryEntry, jwk: Mapping[str, Any]) -> None:
    """Returns if the key of `jwk` signed the entry and is the one that it names.

    Raises: InputError(DIRECTORY_SIGNATURE); `detail["reason"]` is the finer code.
    """
    try:
        require_es256(jwk, entry.signing_input, entry.signature)
        thumbprint = jwk_thumbprint(jwk)
    except InputError as error:
        raise InputError(
            "DIRECTORY_SIGNATURE", "the directory entry's signature is wrong", reason=error.code
        ) from error
    if entry.kid != kid_of(thumbprint):
        raise InputError("DIRECTORY_SIGNATURE", "the entry names another key", reason="KID")
