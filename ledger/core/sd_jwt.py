"""SD-JWT as RFC 9901 has it: reading, and the rules that an error belongs to one check.

`inspect_sd_jwt` reads any SD-JWT, flat or nested, ours or a third party's, and reports every fault
it can see beside the credential as far as it can be read, so that later checks still run on, say, a
swapped disclosure. It believes nothing: algorithm, signature and payload rules are functions of
their own (`require_algorithm`, `require_signature`, `require_payload`), since each is a check.

Invariants: every fault's code is in CHECK_OF_CODE; nothing but InputError is raised; digests are
compared as the exact text of the disclosure was sent, never re-encoded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.core.errors import InputError
from ledger.core.jose import (
    Jws,
    b64url_decode_or_none,
    b64url_encode,
    parse_jws,
    read_json,
    require_es256,
)
from ledger.core.model import ParsedCredential
from ledger.core.report import CheckId

MAX_CREDENTIAL_BYTES = 1024 * 1024  # docs/formats.md
JWT_TYPE = "dc+sd-jwt"
KEY_BINDING_TYPE = "kb+jwt"
DIGEST_ALGORITHM = "sha-256"
RESERVED_NAMES: Final = frozenset({"_sd", "...", "_sd_alg"})  # RFC 9901 §4.1, §7.1
ALWAYS_CLEAR: Final = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "issuer_code"})
"""May not be disclosures: who withholds `exp` would never expire (SD-JWT VC draft §2.2.2.3)."""

CHECK_OF_CODE: Final[Mapping[str, CheckId]] = {
    "CREDENTIAL_EMPTY": CheckId.PARSE,
    "CREDENTIAL_TOO_LARGE": CheckId.PARSE,
    "CREDENTIAL_NOT_ASCII": CheckId.PARSE,
    "CREDENTIAL_SHAPE": CheckId.PARSE,
    "HEADER_NOT_JSON": CheckId.PARSE,
    "PAYLOAD_NOT_JSON": CheckId.PARSE,
    "KEY_BINDING_SHAPE": CheckId.PARSE,
    "CRITICAL_UNKNOWN": CheckId.PARSE,
    "BASE64_NOT_CANONICAL": CheckId.CANONICAL,
    "PAYLOAD_TYPE": CheckId.PAYLOAD,
    "PAYLOAD_MISSING": CheckId.PAYLOAD,
    "JSON_TOO_DEEP": CheckId.PAYLOAD,
    "DISCLOSURE_NOT_JSON": CheckId.DISCLOSURES,
    "DISCLOSURE_SHAPE": CheckId.DISCLOSURES,
    "DISCLOSURE_UNKNOWN": CheckId.DISCLOSURES,
    "DISCLOSURE_RESERVED_NAME": CheckId.DISCLOSURES,
    "DISCLOSURE_NAME_TAKEN": CheckId.DISCLOSURES,
    "SD_SHAPE": CheckId.DISCLOSURES,
    "SD_ALG_NOT_ALLOWED": CheckId.DISCLOSURES,
    "JSON_DUPLICATE_KEY": CheckId.DUPLICATES,
    "DISCLOSURE_TWICE": CheckId.DUPLICATES,
    "DIGEST_TWICE": CheckId.DUPLICATES,
    "ALG_NOT_ALLOWED": CheckId.ALGORITHM,
    "TYP_NOT_ALLOWED": CheckId.ALGORITHM,
    "SIGNATURE_LENGTH": CheckId.SIGNATURE,
    "SIGNATURE_DER": CheckId.SIGNATURE,
    "SIGNATURE_INVALID": CheckId.SIGNATURE,
    "JWK_INVALID": CheckId.SIGNATURE,
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """Every fault that could be seen, and the credential as far as it could be read.

    `credential` is None only when the issuer-signed JWT itself cannot be read.
    """

    credential: ParsedCredential | None
    faults: tuple[InputError, ...]


def fault(code: str, message: str, **detail: Any) -> InputError:
    """An InputError that also says which check it belongs to."""
    return InputError(code, message, check=CHECK_OF_CODE[code].value, **detail)


def inspect_sd_jwt(text: str) -> Inspection:
    """Reads an SD-JWT or SD-JWT+KB, whatever its origin.

    Steps (RFC 9901 §7.1): 1 separate the parts; 2 decode the issuer JWT; 3 decode the disclosures;
    4 find digests and put disclosed values back; 5 every disclosure must have been used.
    """
    faults: list[InputError] = []
    parts = _separate(text, faults)  # 1
    if parts is None:
        return Inspection(None, tuple(faults))
    jwt, encoded, key_binding = parts
    decoded = _decode_jwt(jwt, faults)  # 2
    if decoded is None:
        return Inspection(None, tuple(faults))
    header, payload, signature = decoded
    disclosures = _decode_disclosures(encoded, faults)  # 3
    unpacking = _Unpacking(disclosures, faults)
    _check_digest_algorithm(payload, faults)
    claims = unpacking.take_object(payload, "", 0)  # 4
    claims.pop("_sd_alg", None)
    faults.extend(  # 5
        fault("DISCLOSURE_UNKNOWN", "a disclosure has no digest", digest=digest)
        for digest in disclosures
        if digest not in unpacking.used and digest not in unpacking.misplaced
    )
    credential = ParsedCredential(
        text=text,
        issuer_jwt=jwt.encode("ascii"),
        header=header,
        payload=payload,
        claims=claims,
        disclosed=tuple(unpacking.names),
        undisclosed=len(unpacking.seen) - len(unpacking.used) - len(unpacking.misplaced),
        key_binding_jwt=key_binding,
        signing_input=jwt.rpartition(".")[0].encode("ascii"),
        signature=signature,
    )
    return Inspection(credential, tuple(faults))


def _separate(text: str, faults: list[InputError]) -> tuple[str, list[str], str | None] | None:
    """Issuer JWT, disclosures, key-binding JWT or None."""
    if not text:
        faults.append(fault("CREDENTIAL_EMPTY", "there is nothing to read"))
    elif len(text) > MAX_CREDENTIAL_BYTES:
        faults.append(
            fault("CREDENTIAL_TOO_LARGE", "over 1 MiB", length=len(text), maximum=MAX_CREDENTIAL_BYTES)
        )
    elif not text.isascii():
        faults.append(fault("CREDENTIAL_NOT_ASCII", "an SD-JWT is ASCII"))
    if faults:
        return None
    jwt, *encoded = text.split("~")
    if not encoded or jwt.count(".") != 2 or not all(jwt.split(".")):
        faults.append(fault("CREDENTIAL_SHAPE", "want a.b.c~disclosure~…~ or with a key-binding JWT"))
        return None
    last = encoded.pop()
    if last:
        try:
            parse_key_binding(last)
        except InputError as error:
            faults.append(error)
    return jwt, encoded, last or None


def _decode(text: str, where: str, faults: list[InputError]) -> bytes | None:
    data = b64url_decode_or_none(text)
    if data is None:
        faults.append(fault("BASE64_NOT_CANONICAL", "not canonical base64url", where=where))
    return data


_UNUSABLE = object()


def _json(raw: bytes, code: str, where: str, faults: list[InputError]) -> Any:
    """The value, or _UNUSABLE after a fault; a duplicate key is noted only."""
    try:
        value, duplicate = read_json(raw)
    except InputError as error:
        known = error.code if error.code in CHECK_OF_CODE else code
        faults.append(fault(known, f"the {where} is not usable JSON", where=where))
        return _UNUSABLE
    if duplicate is not None:
        faults.append(
            fault("JSON_DUPLICATE_KEY", "an object names a member twice", where=where, name=duplicate)
        )
    return value


def _decode_jwt(jwt: str, faults: list[InputError]) -> tuple[dict[str, Any], dict[str, Any], bytes] | None:
    header_text, payload_text, signature_text = jwt.split(".")
    header_raw = _decode(header_text, "header", faults)
    payload_raw = _decode(payload_text, "payload", faults)
    signature = _decode(signature_text, "signature", faults)
    if header_raw is None or payload_raw is None:
        return None
    header = _json(header_raw, "HEADER_NOT_JSON", "header", faults)
    payload = _json(payload_raw, "PAYLOAD_NOT_JSON", "payload", faults)
    for value, code, where in (
        (header, "HEADER_NOT_JSON", "header"),
        (payload, "PAYLOAD_NOT_JSON", "payload"),
    ):
        if value is not _UNUSABLE and not isinstance(value, dict):
            faults.append(fault(code, f"the {where} is not an object", where=where))
    if not isinstance(header, dict) or not isinstance(payload, dict):
        return None
    if "crit" in header:
        faults.append(fault("CRITICAL_UNKNOWN", "the header demands an extension that we do not know"))
    return header, payload, signature or b""


def _decode_disclosures(encoded: list[str], faults: list[InputError]) -> dict[str, list[Any]]:
    """Digest → disclosure, in the order sent."""
    disclosures: dict[str, list[Any]] = {}
    for number, part in enumerate(encoded):
        where = f"disclosure {number}"
        digest = b64url_encode(hashlib.sha256(part.encode("ascii")).digest())
        if digest in disclosures:
            faults.append(fault("DISCLOSURE_TWICE", "a disclosure is there twice", where=where))
            continue
        raw = _decode(part, where, faults)
        if raw is None:
            continue
        value = _json(raw, "DISCLOSURE_NOT_JSON", where, faults)
        if value is _UNUSABLE:
            continue
        if not _is_disclosure(value):
            faults.append(fault("DISCLOSURE_SHAPE", "want [salt, name, value] or [salt, value]", where=where))
            continue
        disclosures[digest] = value
    return disclosures


_OBJECT_LENGTH, _ARRAY_LENGTH = 3, 2  # RFC 9901 §4.2.1, §4.2.2


def _is_disclosure(value: Any) -> bool:
    if not isinstance(value, list) or len(value) not in {_OBJECT_LENGTH, _ARRAY_LENGTH}:
        return False
    return isinstance(value[0], str) and (len(value) == _ARRAY_LENGTH or isinstance(value[1], str))


def _check_digest_algorithm(payload: Mapping[str, Any], faults: list[InputError]) -> None:
    if payload.get("_sd_alg", DIGEST_ALGORITHM) != DIGEST_ALGORITHM:
        faults.append(fault("SD_ALG_NOT_ALLOWED", "only sha-256 digests are understood"))


@dataclass(slots=True)
class _Unpacking:
    """One walk through the payload that puts disclosed values where their digests are.

    Depth is bounded by read_json for what was sent in one piece, and by MAX_CHAIN for disclosures
    that carry the digests of further ones.
    """

    disclosures: Mapping[str, list[Any]]
    faults: list[InputError]
    seen: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    misplaced: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)

    def take(self, value: Any, path: str, depth: int) -> Any:
        if depth > MAX_CHAIN:
            self.faults.append(fault("JSON_TOO_DEEP", "disclosures are nested too deeply"))
            return None
        if isinstance(value, dict):
            return self.take_object(value, f"{path}.", depth)
        if isinstance(value, list):
            return self._take_array(value, path, depth)
        return value

    def take_object(self, value: Mapping[str, Any], prefix: str, depth: int) -> dict[str, Any]:
        result = {
            name: self.take(member, prefix + name, depth + 1)
            for name, member in value.items()
            if name not in {"_sd", "..."}
        }
        if "..." in value:
            self.faults.append(fault("SD_SHAPE", "`...` belongs alone into an array element"))
        if prefix and "_sd_alg" in value:
            self.faults.append(fault("SD_SHAPE", "`_sd_alg` belongs to the top level"))
        digests = value.get("_sd", [])
        if not isinstance(digests, list) or not all(isinstance(digest, str) for digest in digests):
            self.faults.append(fault("SD_SHAPE", "`_sd` is an array of digests"))
            return result
        for digest in digests:
            disclosure = self._disclosure(digest, _OBJECT_LENGTH)
            if disclosure is None:
                continue
            name = disclosure[1]
            if name in RESERVED_NAMES or (not prefix and name in ALWAYS_CLEAR):
                self._misplace(digest, "DISCLOSURE_RESERVED_NAME", name)
            elif name in result:
                self._misplace(digest, "DISCLOSURE_NAME_TAKEN", name)
            else:
                self.used.add(digest)
                self.names.append(prefix + name)
                result[name] = self.take(disclosure[2], prefix + name, depth + 1)
        return result

    def _take_array(self, value: list[Any], path: str, depth: int) -> list[Any]:
        result: list[Any] = []
        for element in value:
            if not isinstance(element, dict) or "..." not in element:
                result.append(self.take(element, f"{path}[{len(result)}]", depth + 1))
                continue
            digest = element["..."]
            if len(element) != 1 or not isinstance(digest, str):
                self.faults.append(fault("SD_SHAPE", "an array element holds one digest under `...`"))
                continue
            disclosure = self._disclosure(digest, _ARRAY_LENGTH)
            if disclosure is not None:
                self.used.add(digest)
                self.names.append(f"{path}[{len(result)}]")
                result.append(self.take(disclosure[1], f"{path}[{len(result)}]", depth + 1))
        return result

    def _disclosure(self, digest: str, length: int) -> list[Any] | None:
        """The disclosure of this digest if it has one, of the kind that fits its place."""
        if digest in self.seen:
            self.faults.append(fault("DIGEST_TWICE", "a digest is there twice", digest=digest))
            return None
        self.seen.add(digest)
        disclosure = self.disclosures.get(digest)
        if disclosure is not None and len(disclosure) != length:
            self.misplaced.add(digest)
            self.faults.append(
                fault("DISCLOSURE_SHAPE", "an array disclosure in an object's place, or the reverse")
            )
            return None
        return disclosure

    def _misplace(self, digest: str, code: str, name: str) -> None:
        self.misplaced.add(digest)
        self.faults.append(fault(code, "a disclosure has a name that it may not have", name=name))


MAX_CHAIN = 64  # levels, as ledger.core.jose.MAX_DEPTH for a single text


def require_algorithm(header: Mapping[str, Any]) -> None:
    """Returns if the header names the one algorithm and type that we accept.

    Raises: InputError(ALG_NOT_ALLOWED, TYP_NOT_ALLOWED), before any cryptography is done.
    """
    if header.get("alg") != "ES256":
        raise fault("ALG_NOT_ALLOWED", "only ES256 is accepted", alg=str(header.get("alg"))[:32])
    if header.get("typ") != JWT_TYPE:
        raise fault("TYP_NOT_ALLOWED", f"only {JWT_TYPE} is accepted", typ=str(header.get("typ"))[:32])


def require_signature(credential: ParsedCredential, jwk: Mapping[str, Any]) -> None:
    """Returns if the key of `jwk` signed the issuer JWT.

    Raises: InputError(JWK_INVALID, SIGNATURE_DER, SIGNATURE_LENGTH, SIGNATURE_INVALID).
    """
    try:
        require_es256(jwk, credential.signing_input, credential.signature)
    except InputError as error:
        raise fault(error.code, error.message, **error.detail) from error


_CLEAR_TYPES: Final[Mapping[str, type]] = {
    "iss": str,
    "issuer_code": str,
    "vct": str,
    "iat": int,
    "exp": int,
    "nbf": int,
    "status": dict,
    "cnf": dict,
    "_sd": list,
    "_sd_alg": str,
}
_REQUIRED: Final = ("iss", "issuer_code", "vct", "iat", "status")


def require_payload(payload: Mapping[str, Any]) -> None:
    """Returns if the claims in clear are those of our own profile, of the right types.

    Raises: InputError(PAYLOAD_MISSING, PAYLOAD_TYPE); `detail` names the field.
    Source: docs/formats.md, Credential.
    """
    for name in _REQUIRED:
        if name not in payload:
            raise fault("PAYLOAD_MISSING", f"the claim {name} is missing", field=name)
    for name, wanted in _CLEAR_TYPES.items():
        if name in payload and type(payload[name]) is not wanted:
            raise fault("PAYLOAD_TYPE", f"the claim {name} has a wrong type", field=name)
    for name in ("iat", "exp", "nbf"):
        if not 0 <= payload.get(name, 0) <= _LAST_SECOND:
            raise fault("PAYLOAD_TYPE", f"the claim {name} is no time", field=name)
    reference = payload["status"].get("status_list")
    if (
        not isinstance(reference, dict)
        or type(reference.get("idx")) is not int
        or reference["idx"] < 0
        or not isinstance(reference.get("uri"), str)
    ):
        raise fault("PAYLOAD_TYPE", "status.status_list wants idx and uri", field="status")
    if "cnf" in payload and not isinstance(payload["cnf"].get("jwk"), dict):
        raise fault("PAYLOAD_TYPE", "cnf wants a jwk", field="cnf")


_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z


def parse_key_binding(jwt: str) -> Jws:
    """The key-binding JWT behind the last tilde; nothing is verified.

    Raises: InputError(KEY_BINDING_SHAPE); `detail["reason"]` is the finer code.
    Source: RFC 9901 §4.3.
    """
    try:
        jws = parse_jws(jwt)
    except InputError as error:
        raise fault("KEY_BINDING_SHAPE", "the key-binding JWT is broken", reason=error.code) from error
    payload = jws.payload
    if (
        jws.header.get("typ") != KEY_BINDING_TYPE
        or type(payload.get("iat")) is not int
        or not all(isinstance(payload.get(name), str) for name in ("aud", "nonce", "sd_hash"))
    ):
        raise fault(
            "KEY_BINDING_SHAPE", "the key-binding JWT lacks typ, iat, aud, nonce or sd_hash", reason="CLAIMS"
        )
    return jws


def sd_hash(text: str) -> str:
    """Digest over a presentation up to and with its last tilde (RFC 9901 §4.3.1)."""
    return b64url_encode(hashlib.sha256(text[: text.rindex("~") + 1].encode("ascii")).digest())
