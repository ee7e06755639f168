"""Certificate paths of issuer keys: is this leaf under one of our anchors, at that time, and whose is it?

The path is judged at the anchor's time: a credential outlives its leaf certificate, and the registry
decides about the key (architecture section 4, check 31). Signatures and structure of a path do not
depend on time, so they are checked once and kept by the bytes of the certificates; only the interval
is compared each time. No revocation is looked up: a key's compromise is on chain.

Source: RFC 5280 §6.1 without policies and name constraints (a critical extension that we do not know
refuses the path), RFC 7515 §4.1.6 for x5c. `cryptography` reads the certificates and verifies their
signatures.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from ledger.core.errors import InputError
from ledger.core.jose import jwk_thumbprint, public_jwk

MAX_CERTIFICATES = 5  # a leaf under at most four authorities
MAX_CERTIFICATE_BYTES = 16 * 1024
SAFE_HASHES: Final = frozenset({"sha256", "sha384", "sha512"})
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
_LEAF_USES: Final = frozenset({DOCUMENT_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})
_KNOWN_EXTENSIONS: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)


@dataclass(frozen=True, slots=True)
class LeafFacts:
    """What a leaf certificate says. `uris` are the URI names of its subjectAltName.

    `not_before` and `not_after` are seconds, both inclusive. `fingerprint` is SHA-256 of the DER.
    """

    public_jwk: Mapping[str, str]
    thumbprint: bytes
    uris: tuple[str, ...]
    subject: str
    not_before: int
    not_after: int
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class _Path:
    """A path whose signatures and structure are good, and when all of it is in force."""

    leaf: LeafFacts
    not_before: int
    not_after: int


def x5c_of(header: Mapping[str, Any]) -> tuple[bytes, ...]:
    """DER certificates of a JOSE header, leaf first.

    Raises: InputError(X5C_MISSING, X5C_TOO_LONG, X5C_NOT_CERTIFICATE).
    """
    member = header.get("x5c")
    if not isinstance(member, list) or not member:
        raise InputError("X5C_MISSING", "the header has no x5c")
    if not all(isinstance(item, str) for item in member):
        raise InputError("X5C_NOT_CERTIFICATE", "x5c holds base64 texts")
    return _decode(tuple(member))


@lru_cache(maxsize=256)
def _decode(texts: tuple[str, ...]) -> tuple[bytes, ...]:
    if len(texts) > MAX_CERTIFICATES:
        raise InputError("X5C_TOO_LONG", "too many certificates", maximum=MAX_CERTIFICATES)
    certificates = []
    for text in texts:
        try:
            der = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
        except (UnicodeEncodeError, binascii.Error) as error:
            raise InputError("X5C_NOT_CERTIFICATE", "x5c holds no base64") from error
        certificates.append(der)
    return tuple(certificates)


def validate_path(x5c: Sequence[bytes], anchors: Sequence[bytes], at: int) -> LeafFacts:
    """Facts of the leaf, if its path to one of the anchors is good at a time.

    Steps: 1 read; 2 find the anchor; 3 names and signatures link by link; 4 authorities may sign;
    5 the leaf may sign credentials; 6 all of them are in force at `at`.

    Args:
        x5c: DER, leaf first, each signed by the next; the root may be left out.
        anchors: DER of trusted certificates, in any order.
        at: seconds; the anchor's time.

    Raises: InputError(X5C_MISSING, X5C_TOO_LONG, X5C_NOT_CERTIFICATE, X5C_UNKNOWN_ROOT,
        X5C_NAME_MISMATCH, X5C_BAD_SIGNATURE, X5C_NOT_CA, X5C_PATH_LENGTH, X5C_KEY_USAGE,
        X5C_LEAF_IS_CA, X5C_NOT_P256, X5C_CRITICAL_UNKNOWN, X5C_EXPIRED_AT_ANCHOR,
        X5C_NOT_YET_VALID_AT_ANCHOR).
    """
    path = _path(tuple(x5c), tuple(anchors))
    if at > path.not_after:
        raise InputError(
            "X5C_EXPIRED_AT_ANCHOR", "the certificate path had ended", at=at, not_after=path.not_after
        )
    if at < path.not_before:
        raise InputError(
            "X5C_NOT_YET_VALID_AT_ANCHOR",
            "the certificate path had not begun",
            at=at,
            not_before=path.not_before,
        )
    return path.leaf


@lru_cache(maxsize=256)
def _path(x5c: tuple[bytes, ...], anchors: tuple[bytes, ...]) -> _Path:
    if not x5c:
        raise InputError("X5C_MISSING", "there are no certificates")
    if len(x5c) > MAX_CERTIFICATES:
        raise InputError("X5C_TOO_LONG", "too many certificates", maximum=MAX_CERTIFICATES)
    chain = _to_anchor([_certificate(der) for der in x5c], [_certificate(der) for der in anchors])  # 1, 2
    for certificate, issuer in pairwise(chain):  # 3
        _require_link(certificate, issuer)
    for below, authority in enumerate(chain[1:]):  # 4
        _require_authority(authority, below)
    _require_leaf(chain[0])  # 5
    return _Path(
        leaf=leaf_facts(x5c[0]),
        not_before=max(_seconds_from(certificate) for certificate in chain),
        not_after=min(_seconds_until(certificate) for certificate in chain),
    )


@lru_cache(maxsize=256)
def leaf_facts(leaf: bytes) -> LeafFacts:
    """What a leaf certificate says, without any judgement on its path.

    Raises: InputError(X5C_NOT_CERTIFICATE, X5C_NOT_P256).
    """
    certificate = _certificate(leaf)
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InputError("X5C_NOT_P256", "the leaf's key is not P-256")
    jwk = public_jwk(key)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = tuple(names.get_values_for_type(x509.UniformResourceIdentifier))
    except x509.ExtensionNotFound:
        uris = ()
    return LeafFacts(
        public_jwk=MappingProxyType(jwk),
        thumbprint=jwk_thumbprint(jwk),
        uris=uris,
        subject=certificate.subject.rfc4514_string(),
        not_before=_seconds_from(certificate),
        not_after=_seconds_until(certificate),
        fingerprint=hashlib.sha256(leaf).digest(),
    )


_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def require_certificate(der: bytes) -> None:
    """Raises: InputError(X5C_NOT_CERTIFICATE) for bytes that are no certificate, or one that is too large."""
    _certificate(der)


def _certificate(der: bytes) -> x509.Certificate:
    """Read whole: names, key and every extension, so that nothing fails later."""
    try:
        if len(der) > MAX_CERTIFICATE_BYTES:
            raise ValueError("too large")
        certificate = x509.load_der_x509_certificate(der)
        if certificate.public_bytes(serialization.Encoding.DER) != der:
            raise ValueError("not canonical DER")
        _ = certificate.subject, certificate.issuer, certificate.extensions, certificate.public_key()
        _ = certificate.signature_hash_algorithm
    except _UNREADABLE as error:
        raise InputError("X5C_NOT_CERTIFICATE", "not an X.509 certificate that we can read") from error
    return certificate


def _to_anchor(chain: list[x509.Certificate], anchors: list[x509.Certificate]) -> list[x509.Certificate]:
    """The path from the leaf up to a trust anchor, which is its last member.

    It ends at the first certificate that is an anchor: what follows there adds no trust and may lead
    to roots that we never heard of (RFC 5280 §6.1: the anchor is where a path begins).
    """
    for place, certificate in enumerate(chain, 1):
        if certificate in anchors:
            return chain[:place]
    last = chain[-1]
    for anchor in anchors:
        if anchor.subject == last.issuer and _is_signed_by(last, anchor):
            return [*chain, anchor]
    raise InputError(
        "X5C_UNKNOWN_ROOT", "no trust anchor signed this path", issuer=last.issuer.rfc4514_string()
    )


def _is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None or algorithm.name not in SAFE_HASHES:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _require_link(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    if certificate.issuer != issuer.subject:
        raise InputError("X5C_NAME_MISMATCH", "a certificate names another issuer than the next one")
    if not _is_signed_by(certificate, issuer):
        raise InputError("X5C_BAD_SIGNATURE", "a certificate was not signed by the next one")


def _extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _require_known_extensions(certificate: x509.Certificate) -> None:
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _KNOWN_EXTENSIONS:
            raise InputError(
                "X5C_CRITICAL_UNKNOWN",
                "a certificate demands an extension that we do not know",
                oid=extension.oid.dotted_string,
            )


def _require_authority(authority: x509.Certificate, below: int) -> None:
    """`below`: authorities between this one and the leaf."""
    _require_known_extensions(authority)
    basic = _extension(authority, x509.BasicConstraints)
    if basic is None or not basic.ca:
        raise InputError("X5C_NOT_CA", "a certificate that may not sign others did")
    if basic.path_length is not None and below > basic.path_length:
        raise InputError("X5C_PATH_LENGTH", "the path is longer than an authority allows")
    usage = _extension(authority, x509.KeyUsage)
    if usage is None or not usage.key_cert_sign:
        raise InputError("X5C_KEY_USAGE", "an authority's key may not sign certificates")


def _require_leaf(leaf: x509.Certificate) -> None:
    _require_known_extensions(leaf)
    basic = _extension(leaf, x509.BasicConstraints)
    if basic is not None and basic.ca:
        raise InputError("X5C_LEAF_IS_CA", "the leaf is an authority")
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        raise InputError("X5C_KEY_USAGE", "the leaf's key may not make signatures")
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    if extended is not None and _LEAF_USES.isdisjoint(extended):
        raise InputError("X5C_KEY_USAGE", "the leaf's key is for something else than documents")


def _seconds_from(certificate: x509.Certificate) -> int:
    return int(certificate.not_valid_before_utc.timestamp())


def _seconds_until(certificate: x509.Certificate) -> int:
    return int(certificate.not_valid_after_utc.timestamp())
