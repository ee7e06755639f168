"""JOSE parts that several formats share: base64url, strict JSON, thumbprints, ES256, compact JWS.

Pure: bytes in, values out. Parsers here are strict (parse, print, compare) and raise InputError;
they believe nothing and check no time. Every key is P-256, every signature ES256: one algorithm,
so that no token can choose another. What a token means is left to the module that owns it.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ledger.core.errors import InputError

SIGNATURE_BYTES = 64  # r ‖ s, RFC 7518 §3.4
COORDINATE_BYTES = 32
COORDINATE_TEXT = 43  # base64url of 32 bytes
MAX_JWS_BYTES = 64 * 1024  # directory entries, key-binding JWTs: a thousand times their usual size
MAX_DEPTH = 64  # nested arrays and objects; our own formats use 4
DER_SEQUENCE = 0x30
JWS_PARTS = 3

_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/\x00\x00\x00")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_PADDING = (b"", b"!", b"==", b"=")  # "!": a single left-over character encodes nothing
_ES256 = ec.ECDSA(hashes.SHA256())


class Es256Signer(Protocol):
    """What a JWS needs of a signer; ledger.ports.CredentialSigner has it."""

    @property
    def thumbprint(self) -> bytes:
        """RFC 7638 thumbprint, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes r ‖ s."""


def b64url_encode(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def b64url_decode(text: str) -> bytes:
    """Bytes of a canonical base64url text.

    Raises: InputError(BASE64_NOT_CANONICAL) for padding, white space, a foreign character, an
        impossible length, or bits set beyond the last byte: all second spellings of the same bytes.
    Source: RFC 7515 §2, RFC 4648 §3.5.
    """
    data = b64url_decode_or_none(text)
    if data is None:
        raise InputError("BASE64_NOT_CANONICAL", "not canonical base64url", length=len(text))
    return data


def b64url_decode_or_none(text: str) -> bytes | None:
    """Like `b64url_decode`, None instead of an error."""
    try:
        standard = text.encode("ascii").translate(_TO_STANDARD)
        padded = standard + _PADDING[len(standard) & 3]
        data = binascii.a2b_base64(padded)
    except (UnicodeEncodeError, binascii.Error):
        return None
    return data if binascii.b2a_base64(data, newline=False) == padded else None


class _Pairs:
    """Collects whether any object of a JSON text names a member twice."""

    def __init__(self) -> None:
        self.duplicate: str | None = None

    def take(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs) and self.duplicate is None:
            names = [name for name, _ in pairs]
            self.duplicate = next(name for name in members if names.count(name) > 1)
        return members


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def read_json(raw: bytes) -> tuple[Any, str | None]:
    """Value of a JSON text, and the first member name that some object of it holds twice, or None.

    Raises: InputError(JSON_INVALID) if it is not one JSON text in UTF-8 (RFC 8259), or has a lone
        surrogate; InputError(JSON_TOO_DEEP) beyond MAX_DEPTH levels.
    """
    pairs = _Pairs()
    try:
        text = raw.decode("utf-8")
        require_depth(text)
        value = json.loads(text, object_pairs_hook=pairs.take, parse_constant=_refuse_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        raise InputError("JSON_INVALID", "not a JSON text in UTF-8") from error
    return value, pairs.duplicate


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def require_depth(text: str) -> None:
    """Counts brackets before the parser recurses: where it would fail depends on the caller's stack.

    Raises: InputError(JSON_TOO_DEEP) beyond MAX_DEPTH levels.
    """
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for character in _STRING.sub("", text):
        if character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InputError("JSON_TOO_DEEP", "the JSON text is nested too deeply", maximum=MAX_DEPTH)
        elif character in "]}":
            depth -= 1


def strict_json_object(raw: bytes) -> dict[str, Any]:
    """The object that a JSON text holds.

    Raises: InputError(JSON_INVALID, JSON_TOO_DEEP, JSON_DUPLICATE_KEY, JSON_NOT_OBJECT).
    """
    value, duplicate = read_json(raw)
    if duplicate is not None:
        raise InputError("JSON_DUPLICATE_KEY", "a JSON object names a member twice", name=duplicate)
    if not isinstance(value, dict):
        raise InputError("JSON_NOT_OBJECT", "the JSON text is not an object")
    return value


def compact_json(value: Any) -> bytes:
    """JSON without white space, members in the given order, UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """kty, crv, x, y of a P-256 key.

    Raises: InputError(JWK_INVALID) for another curve.
    """
    if not isinstance(key.curve, ec.SECP256R1):
        raise InputError("JWK_INVALID", "not a P-256 key", curve=key.curve.name)
    numbers = key.public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": b64url_encode(numbers.x.to_bytes(COORDINATE_BYTES, "big")),
        "y": b64url_encode(numbers.y.to_bytes(COORDINATE_BYTES, "big")),
    }


def jwk_thumbprint(jwk: Mapping[str, Any]) -> bytes:
    """SHA-256 thumbprint of a P-256 JWK, 32 bytes.

    Raises: InputError(JWK_INVALID).
    Source: RFC 7638 §3.
    """
    x, y = _coordinates(jwk)
    _public_key(x, y)
    text = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    return hashlib.sha256(text.encode("ascii")).digest()


def kid_of(thumbprint: bytes) -> str:
    """The `kid` under which a key with this thumbprint signs."""
    return b64url_encode(thumbprint)


def _coordinates(jwk: Mapping[str, Any]) -> tuple[str, str]:
    x, y = jwk.get("x"), jwk.get("y")
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or type(x) is not str or type(y) is not str:
        raise InputError("JWK_INVALID", "not a public P-256 JWK")
    if len(x) != COORDINATE_TEXT or len(y) != COORDINATE_TEXT:
        raise InputError("JWK_INVALID", "a P-256 coordinate has 43 characters")
    return x, y


@lru_cache(maxsize=1024)
def _public_key(x: str, y: str) -> ec.EllipticCurvePublicKey:
    """Kept, since loading a key costs a third of a verification."""
    x_bytes, y_bytes = b64url_decode_or_none(x), b64url_decode_or_none(y)
    if x_bytes is None or y_bytes is None:
        raise InputError("JWK_INVALID", "a coordinate is not canonical base64url")
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x_bytes, "big"), int.from_bytes(y_bytes, "big"), ec.SECP256R1()
    )
    try:
        return numbers.public_key()
    except ValueError as error:
        raise InputError("JWK_INVALID", "the point is not on P-256") from error


def public_key_of(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    """The key of a P-256 JWK.

    Raises: InputError(JWK_INVALID).
    """
    return _public_key(*_coordinates(jwk))


def require_es256(jwk: Mapping[str, Any], message: bytes, signature: bytes) -> None:
    """Returns if `signature` is r ‖ s by the key of `jwk` over SHA-256 of `message`.

    Raises: InputError(JWK_INVALID, SIGNATURE_DER, SIGNATURE_LENGTH, SIGNATURE_INVALID).
    Source: RFC 7518 §3.4: exactly 64 bytes, never DER.
    """
    if len(signature) != SIGNATURE_BYTES:
        if signature[:1] == bytes([DER_SEQUENCE]):
            raise InputError("SIGNATURE_DER", "the signature is DER, JOSE wants r ‖ s")
        raise InputError("SIGNATURE_LENGTH", "the signature is not 64 bytes", length=len(signature))
    der = encode_dss_signature(
        int.from_bytes(signature[:COORDINATE_BYTES], "big"),
        int.from_bytes(signature[COORDINATE_BYTES:], "big"),
    )
    try:
        public_key_of(jwk).verify(der, message, _ES256)
    except InvalidSignature as error:
        raise InputError("SIGNATURE_INVALID", "the signature does not fit key and text") from error


def verify_es256(jwk: Mapping[str, Any], message: bytes, signature: bytes) -> bool:
    """Whether `require_es256` accepts."""
    try:
        require_es256(jwk, message, signature)
    except InputError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Jws:
    """A compact JWS as read; nothing is verified. `signing_input` are the signed ASCII bytes."""

    text: str
    header: Mapping[str, Any]
    payload: Mapping[str, Any]
    signing_input: bytes
    signature: bytes


def parse_jws(text: str, *, max_bytes: int = MAX_JWS_BYTES) -> Jws:
    """A compact JWS whose header and payload are JSON objects.

    Raises: InputError(JWS_TOO_LARGE, JWS_SHAPE, JWS_CRITICAL, BASE64_NOT_CANONICAL, JSON_INVALID,
        JSON_TOO_DEEP, JSON_DUPLICATE_KEY, JSON_NOT_OBJECT).
    Source: RFC 7515 §5.2; `crit` §4.1.11: we understand no extension, so any is refused.
    """
    if len(text) > max_bytes:
        raise InputError("JWS_TOO_LARGE", "the JWS is too large", maximum=max_bytes)
    parts = text.split(".")
    if len(parts) != JWS_PARTS or not all(parts):
        raise InputError("JWS_SHAPE", "a compact JWS has three parts", parts=len(parts))
    header = strict_json_object(b64url_decode(parts[0]))
    payload = strict_json_object(b64url_decode(parts[1]))
    signature = b64url_decode(parts[2])
    if "crit" in header:
        raise InputError("JWS_CRITICAL", "the header demands an extension that we do not know")
    return Jws(text, header, payload, f"{parts[0]}.{parts[1]}".encode("ascii"), signature)


def make_jws(typ: str, payload: Mapping[str, Any], signer: Es256Signer, x5c: Sequence[bytes] = ()) -> str:
    """A compact JWS: ES256, `typ`, `kid`, and `x5c` (DER certificates, leaf first) if given."""
    header: dict[str, Any] = {"alg": "ES256", "typ": typ, "kid": kid_of(signer.thumbprint)}
    if x5c:
        header["x5c"] = [binascii.b2a_base64(der, newline=False).decode("ascii") for der in x5c]
    signing_input = f"{b64url_encode(compact_json(header))}.{b64url_encode(compact_json(payload))}"
    signature = signer.sign(signing_input.encode("ascii"))
    return f"{signing_input}.{b64url_encode(signature)}"
