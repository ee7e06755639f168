"""SD-JWT VC on the wire: our own flat encoder, and a fast reader that gives up early.

Encoder: every disclosure at the top level, salts of 144 random bits, one entropy call a credential.
Digests and disclosures are both put into the order of the digests, which is random because the
salts are: nobody can tell a field from its place (RFC 9901 §4.2.4.1).

Reader: `_read_plain` knows only the shape that the encoder writes (compact JSON that re-encodes to
itself, no nested digests) and answers None to anything else, be it legal or broken; then
ledger.core.sd_jwt decides. So a fault is always found by the complete reader, and the fast one need
only never accept what the complete one refuses; a property test compares the two.

Source: RFC 9901; SD-JWT VC draft for typ, x5c and status.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import orjson

from ledger.core.errors import InputError
from ledger.core.jose import b64url_decode_or_none, kid_of, read_json
from ledger.core.model import ParsedCredential
from ledger.core.sd_jwt import (
    ALWAYS_CLEAR,
    DIGEST_ALGORITHM,
    JWT_TYPE,
    MAX_CREDENTIAL_BYTES,
    RESERVED_NAMES,
    Inspection,
    inspect_sd_jwt,
    parse_key_binding,
)
from ledger.ports import CredentialSigner, Entropy

SALT_BYTES = 18  # 144 bits, over the 128 of RFC 9901 §9.3; a multiple of 3 gives whole base64
SALT_TEXT = 24
KEPT_HEADERS = 256
LONGEST_KEPT_HEADER = 16 * 1024  # bounds the memory that strangers' headers can take
SIGNATURE_TEXT = 86  # base64url of 64 bytes

_TO_URL = bytes.maketrans(b"+/", b"-_")
_NOT_IN_URL = b"=\n"
# "+" and "/" are foreign to base64url: they become a character that never decodes
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/\x00\x00\x00")
_ENDS = (b"\n", b"!\n", b"==\n", b"=\n")  # what b2a_base64 would have ended with, by length mod 4
_FORBIDDEN_NAMES = RESERVED_NAMES | ALWAYS_CLEAR
_PLAIN_KINDS = frozenset({str, int, bool, type(None)})
_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


class SdJwtFormat:
    """The port CredentialFormat for SD-JWT VC (`dc+sd-jwt`, ES256). Thread-safe, keeps no secrets."""

    def __init__(self) -> None:
        self._headers: dict[tuple[bytes, tuple[bytes, ...]], bytes] = {}

    def issue(
        self,
        payload: Mapping[str, Any],
        disclosable: Sequence[tuple[str, Any]],
        signer: CredentialSigner,
        entropy: Entropy,
    ) -> str:
        """`payload` in clear plus every pair of `disclosable` as a salted disclosure.

        Args:
            payload: JSON values without floats; no `_sd`, `_sd_alg`.
            disclosable: distinct names that are not in `payload`.
            signer: its `x5c` and thumbprint go into the header.
            entropy: asked once, for 18 bytes a disclosure.

        Returns: `<issuer JWT>~<disclosure>~…~`.
        Raises: RuntimeError when our own code names a claim twice or hides one that must be clear.
        """
        _require_issuable(payload, disclosable)
        count = len(disclosable)
        encoded: list[bytes] = []
        digests: list[str] = []
        if count:
            salts = b2a_base64(entropy.token(SALT_BYTES * count)).translate(_TO_URL).decode("ascii")
            raws = [
                orjson.dumps((salts[at : at + SALT_TEXT], name, value), option=_STRICT)
                for at, (name, value) in zip(range(0, count * SALT_TEXT, SALT_TEXT), disclosable, strict=True)
            ]
            parts = b"~".join(map(b2a_base64, raws)).translate(_TO_URL, _NOT_IN_URL).split(b"~")
            hashed = b"~".join([b2a_base64(sha256(part).digest()) for part in parts])
            order = sorted(
                zip(hashed.translate(_TO_URL, _NOT_IN_URL).decode("ascii").split("~"), parts, strict=True)
            )
            digests = [digest for digest, _ in order]
            encoded = [part for _, part in order]
        members = {**payload, "_sd_alg": DIGEST_ALGORITHM, "_sd": digests} if count else payload
        body = orjson.dumps(members, option=_STRICT)
        signing_input = self._header(signer) + b"." + b2a_base64(body).translate(_TO_URL, _NOT_IN_URL)
        signature = b2a_base64(signer.sign(signing_input)).translate(_TO_URL, _NOT_IN_URL)
        return b"~".join([signing_input + b"." + signature, *encoded, b""]).decode("ascii")

    def _header(self, signer: CredentialSigner) -> bytes:
        """The encoded JOSE header of a signer, made once: it is half of the bytes that are signed."""
        x5c = signer.x5c
        key = (signer.thumbprint, x5c)
        header = self._headers.get(key)
        if header is None:
            members: dict[str, Any] = {"alg": "ES256", "typ": JWT_TYPE, "kid": kid_of(key[0])}
            if x5c:
                members["x5c"] = [b2a_base64(der, newline=False).decode("ascii") for der in x5c]
            header = b2a_base64(orjson.dumps(members)).translate(_TO_URL, _NOT_IN_URL)
            if len(self._headers) >= KEPT_HEADERS:
                self._headers.clear()
            self._headers[key] = header
        return header

    def inspect(self, text: str) -> Inspection:
        """Every fault that can be seen, and the credential as far as it can be read."""
        credential = _read_plain(text)
        return inspect_sd_jwt(text) if credential is None else Inspection(credential, ())

    def parse(self, text: str) -> ParsedCredential:
        """The credential; raises the first fault (InputError, code in CHECK_OF_CODE)."""
        credential = _read_plain(text)
        if credential is None:
            inspection = inspect_sd_jwt(text)
            if inspection.faults:
                raise inspection.faults[0]
            credential = inspection.credential
            if credential is None:
                raise RuntimeError("an unreadable SD-JWT without a fault")
        return credential


def _require_issuable(payload: Mapping[str, Any], disclosable: Sequence[tuple[str, Any]]) -> None:
    names = {name for name, _ in disclosable}
    if len(names) != len(disclosable) or not names.isdisjoint(payload):
        raise RuntimeError("a claim is named twice")
    if not names.isdisjoint(_FORBIDDEN_NAMES) or not RESERVED_NAMES.isdisjoint(payload):
        raise RuntimeError("a claim has a name that it may not have")
    if any(type(value) is float for _, value in disclosable):
        raise RuntimeError("a float is not a claim: use a string with its decimals (docs/formats.md)")


@lru_cache(maxsize=KEPT_HEADERS)
def _kept_header(text: str) -> Mapping[str, Any] | None:
    raw = b64url_decode_or_none(text)
    if raw is None:
        return None
    try:
        header, duplicate = read_json(raw)
    except InputError:
        return None
    if duplicate is not None or not isinstance(header, dict) or "crit" in header:
        return None
    return MappingProxyType(header)


class _NotPlainError(Exception):
    """Not the shape that `issue` writes; never leaves this module."""


def _need(condition: bool) -> None:  # noqa: FBT001 (an assertion that is also kept under -O)
    if not condition:
        raise _NotPlainError


def _read_plain(text: str) -> ParsedCredential | None:
    """The credential if it has exactly the shape that `issue` writes, else None."""
    try:
        return _parse_plain(text)
    except (_NotPlainError, Base64Error, UnicodeEncodeError, orjson.JSONDecodeError):
        return None


def _parse_plain(text: str) -> ParsedCredential:
    _need(len(text) <= MAX_CREDENTIAL_BYTES and text.isascii())
    jwt, tilde, rest = text.partition("~")
    segments = jwt.split(".")
    _need(bool(tilde) and len(segments) == 3 and len(segments[2]) == SIGNATURE_TEXT)
    header_text, payload_text, signature_text = segments
    _need(len(header_text) <= LONGEST_KEPT_HEADER)
    header = _kept_header(header_text)
    parts = rest.encode("ascii").split(b"~")
    key_binding = parts.pop().decode("ascii")
    if header is None or (key_binding and not _is_key_binding(key_binding)):
        raise _NotPlainError
    segments_and_parts = f"{payload_text}~{signature_text}~{rest}".encode("ascii")
    raws = _decode_all(segments_and_parts.translate(_TO_STANDARD).split(b"~")[:-1])
    payload = _plain_payload(raws[0])
    claims, names = _plain_claims(payload, parts, raws[2:])
    return ParsedCredential(
        text,
        jwt.encode("ascii"),
        header,
        payload,
        claims,
        names,
        len(payload["_sd"]) - len(parts),
        key_binding or None,
        jwt[: -SIGNATURE_TEXT - 1].encode("ascii"),
        raws[1],
    )


def _decode_all(parts: Sequence[bytes]) -> list[bytes]:
    """Bytes of canonical base64 texts without padding."""
    padded = [part + _ENDS[len(part) & 3] for part in parts]
    raws = list(map(a2b_base64, padded))
    _need(list(map(b2a_base64, raws)) == padded)
    return raws


def _is_key_binding(jwt: str) -> bool:
    try:
        parse_key_binding(jwt)
    except InputError:
        return False
    return True


def _plain_payload(raw: bytes) -> dict[str, Any]:
    """A payload whose only digests are those of a top-level `_sd`.

    orjson does not see duplicate keys. But what it writes has none, so a text that equals its own
    re-encoding has none either; nor has it escapes that could hide the two names searched for.
    """
    payload = orjson.loads(raw)
    if type(payload) is not dict or type(payload.get("_sd")) is not list:
        raise _NotPlainError
    _need(orjson.dumps(payload) == raw)
    _need(raw.count(b'"_sd"') == 1 and b'"..."' not in raw and payload.get("_sd_alg") == DIGEST_ALGORITHM)
    return payload


def _plain_claims(
    payload: dict[str, Any], parts: list[bytes], raws: list[bytes]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Claims with the disclosed ones put back, and the names of these."""
    claims = payload.copy()
    digests: list[str] = claims.pop("_sd")
    del claims["_sd_alg"]
    _need(set(map(type, digests)) == {str})
    ended = (_DIGEST_END.join(digests) + _DIGEST_END).encode("ascii")
    listed = ended.translate(_TO_STANDARD_DIGEST).split(b"~")[:-1]
    known = set(listed)
    _need(len(known) == len(listed) == len(digests))
    if not parts:
        return claims, ()
    hashed = set(map(b2a_base64, [sha256(part).digest() for part in parts]))
    _need(len(hashed) == len(parts) and hashed <= known)
    items = list(map(orjson.loads, raws))
    _need(set(map(type, items)) == {list} and set(map(len, items)) == {3})
    salts, names, values = zip(*items, strict=True)
    _need({str} == set(map(type, salts)) == set(map(type, names)))
    _need(_PLAIN_KINDS.issuperset(map(type, values)) or _are_plain(raws, items))
    disclosed = dict(zip(names, values, strict=True))
    _need(len(disclosed) == len(names) and _FORBIDDEN_NAMES.isdisjoint(disclosed))
    _need(payload.keys().isdisjoint(disclosed))
    claims.update(disclosed)
    return claims, names


# what b2a_base64 puts behind 32 bytes, and our separator; both foreign to a digest's own text
_DIGEST_END = "=\n~"
_TO_STANDARD_DIGEST = bytes.maketrans(b"-_+/", b"+/\x00\x00")


def _are_plain(raws: list[bytes], items: list[Any]) -> bool:
    """Whether texts with arrays, objects or floats re-encode to themselves and hold no digests."""
    return list(map(orjson.dumps, items)) == raws and not any(
        b'"_sd"' in raw or b'"..."' in raw for raw in raws
    )
