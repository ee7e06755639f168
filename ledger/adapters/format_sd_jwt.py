"""SD-JWT VC on the wire: our own flat encoder, and a fast reader that gives up early.

Encoder: every disclosure at the top level, salts of 144 random bits, one entropy call a credential.
Digests and disclosures are both put into the order of the digests, which is random because the
salts are: nobody can tell a field from its place (RFC 9901 §4.2.4.1).

Reader: `_read_plain` knows only the shape that the encoder writes (compact JSON that re-encodes to
itself, no nested digests) and answers None to anything else, be it legal or broken; then
ledger.core.sd_jwt decides. So a fault is always found by the complete reader, and the fast one need
only never accept what the complete one refuses; a property test compares the two.

It decodes payload and disclosures in one go: see `_decode_jointly` for why nothing can be hidden
between the pieces.

Source: RFC 9901; SD-JWT VC draft for typ, x5c and status.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import orjson

from ledger.adapters.json_orjson import is_flat
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
DIGEST_TEXT = 43  # base64url of 32 bytes

_TO_URL = bytes.maketrans(b"+/", b"-_")
_NOT_IN_URL = b"=\n"
# "+" and "/" are foreign to base64url: they become a character that never decodes
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/\x00\x00\x00")
_ENDS = (b"\n", b"!\n", b"==\n", b"=\n")  # what b2a_base64 would have ended with, by length mod 4
_BOUNDARY = b"\n,\t"  # JSON punctuation that cannot stand inside a string, whose controls are escaped
_BOUNDARY_TEXT = b2a_base64(_BOUNDARY, newline=False)
# What makes a text's length a multiple of 4, by length mod 4. Where the bits that no byte uses are 0,
# as they must be, it decodes to white space: "\n " or " ". Otherwise, and behind a single left-over
# character (mod 4 = 1), it decodes to something that JSON has nowhere.
_FILLERS = (b"", b"AAA", b"og", b"g")
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
def _kept_header(text: bytes) -> Mapping[str, Any] | None:
    raw = b64url_decode_or_none(text.decode("ascii"))
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
    except (_NotPlainError, ValueError):  # ValueError: base64, JSON, ASCII, and lengths that differ
        return None


def _parse_plain(text: str) -> ParsedCredential:
    _need(len(text) <= MAX_CREDENTIAL_BYTES)
    jwt, tilde, rest = text.encode("ascii").partition(b"~")  # partition looks by words, split by bytes
    header_text, _, signed = jwt.partition(b".")
    payload_text, _, signature_text = signed.partition(b".")
    _need(bool(tilde) and len(header_text) <= LONGEST_KEPT_HEADER and len(signature_text) == SIGNATURE_TEXT)
    parts = rest.split(b"~")
    header = _kept_header(header_text)
    key_binding = parts.pop().decode("ascii")
    if header is None or (key_binding and not _is_key_binding(key_binding)):
        raise _NotPlainError
    decoded = _decode_jointly([payload_text, *parts])
    body_bytes = (len(payload_text) + 3) // 4 * 3
    payload = _plain_payload(decoded[:body_bytes], len(payload_text) * 3 // 4)
    claims, names = _plain_claims(payload, parts, decoded[body_bytes + len(_BOUNDARY) :])
    return ParsedCredential(
        text,
        jwt,
        header,
        payload,
        claims,
        names,
        len(payload["_sd"]) - len(parts),
        key_binding or None,
        jwt[: -SIGNATURE_TEXT - 1],
        _decode_all([signature_text.translate(_TO_STANDARD)])[0],
    )


def _decode_jointly(texts: list[bytes]) -> bytes:
    """What the texts decode to, with white space and _BOUNDARY between them.

    Raises: ValueError for a foreign character.
    """
    whole = _BOUNDARY_TEXT.join([text + _FILLERS[len(text) & 3] for text in texts])
    _need(b"+" not in whole and b"/" not in whole and b"=" not in whole)
    # few characters of JSON in base64url are "-" or "_": this is faster than a table for all of them
    return a2b_base64(whole.replace(b"-", b"+").replace(b"_", b"/"), strict_mode=True)


def _decode_all(parts: Sequence[bytes]) -> list[bytes]:
    """Bytes of canonical texts without padding, in the standard alphabet."""
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


def _plain_payload(filled: bytes, length: int) -> dict[str, Any]:
    """A payload whose only digests are those of a top-level `_sd`.

    orjson does not see duplicate keys. But what it writes has none, so a text that equals its own
    re-encoding has none either.

    Args:
        filled: the text and white space that filled it up.
        length: bytes of the text.
    """
    payload, raw = orjson.loads(filled), filled[:length]
    if type(payload) is not dict or type(payload.get("_sd")) is not list:
        raise _NotPlainError
    _need(orjson.dumps(payload) == raw)
    _need(payload.get("_sd_alg") == DIGEST_ALGORITHM and "..." not in payload)
    for name, value in payload.items():
        if type(value) not in _PLAIN_KINDS and name != "_sd":
            _require_no_digests(b"[" + orjson.dumps(value))
    return payload


def _require_no_digests(raw: bytes) -> None:
    """`raw` as orjson writes it, so that no escape hides a name."""
    _need(b'"_sd"' not in raw and b'"..."' not in raw and b'"_sd_alg"' not in raw and is_flat(raw))


def _plain_claims(
    payload: dict[str, Any], parts: list[bytes], joined: bytes
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Claims with the disclosed ones put back, and the names of these.

    Args:
        payload: as read.
        parts: disclosures as sent.
        joined: what they decode to, with our boundaries and no others between them.
    """
    claims = payload.copy()
    digests: list[Any] = claims.pop("_sd")
    del claims["_sd_alg"]
    _require_digests(digests, parts)
    if not parts:
        return claims, ()
    salts, names, values = _plain_items(joined, parts) or _nested_items(parts)
    _need({*map(type, salts), *map(type, names)} == {str})
    disclosed = dict(zip(names, values, strict=True))
    _need(len(disclosed) == len(names) and _FORBIDDEN_NAMES.isdisjoint(disclosed))
    _need(claims.keys().isdisjoint(disclosed))
    claims.update(disclosed)
    return claims, names


def _require_digests(digests: list[Any], parts: list[bytes]) -> None:
    """Every disclosure has a digest, no digest is there twice and no disclosure either."""
    if set(map(type, digests)) - {str}:
        raise _NotPlainError
    known = set(digests)
    _need(len(known) == len(digests))
    if not parts:
        return
    # 32 bytes and a zero are 44 characters, of which the last is "A": all are encoded in one go
    hashed = b"\0".join([sha256(part).digest() for part in parts]) + b"\0"
    standard = b2a_base64(hashed, newline=False)
    texts = standard.replace(b"+", b"-").replace(b"/", b"_").decode("ascii")
    if texts != "A".join(digests) + "A":  # something is withheld, or in another order
        found = {texts[at : at + DIGEST_TEXT] for at in range(0, len(texts) - 1, DIGEST_TEXT + 1)}
        _need(len(found) == len(parts) and found <= known)


_Columns = tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]
"""Salts, names and values of disclosures."""


def _plain_items(joined: bytes, parts: list[bytes]) -> _Columns | None:
    """Disclosures whose values are no arrays, objects or floats; None if any may be one.

    Every piece begins with a bracket, outside any string because of our boundary. When all of them
    together are as many arrays as there are pieces, and none of these holds an array, each of those
    brackets opens one of the arrays, and the one before it must be closed by then. So every piece is
    one array, and white space at most.
    """
    if {part[:2] for part in parts} != {_OPENING_TEXT}:
        return None
    items = orjson.loads(b"[" + joined + b"]")
    if len(items) != len(parts) or set(map(type, items)) != {list}:
        return None
    salts, names, values = zip(*items, strict=True)
    return (salts, names, values) if _PLAIN_KINDS.issuperset(map(type, values)) else None


_OPENING_TEXT = b2a_base64(b'["', newline=False)[:2]  # the bracket and half of the quotation mark


def _nested_items(parts: list[bytes]) -> _Columns:
    """Disclosures one by one: texts that re-encode to themselves and hold no digests."""
    raws = _decode_all([part.translate(_TO_STANDARD) for part in parts])
    items = list(map(orjson.loads, raws))
    _need(set(map(type, items)) == {list} and list(map(orjson.dumps, items)) == raws)
    for raw in raws:
        _require_no_digests(raw)
    salts, names, values = zip(*items, strict=True)
    return salts, names, values
