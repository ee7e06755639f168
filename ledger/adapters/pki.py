"""A small certificate authority for demo and tests: root → agency CA → leaf.

In production an agency's leaf comes from a real authority; the profile is the same: P-256, the
agency's `iss` URL as URI in subjectAltName, digitalSignature, no authority. A leaf should live as
long as the credentials it signs: standard verifiers stop accepting when it ends, ours judges the
path at the anchor's time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ledger.adapters.key_files import (
    SCRYPT_P,
    certificates_pem,
    decrypt_pkcs8,
    encrypt_pkcs8,
    path_of,
    read_private,
    replace_file,
    write_private,
)
from ledger.core.errors import InputError
from ledger.core.jose import public_key_of
from ledger.ports import Entropy, PasswordSource

SERIAL_BYTES = 16  # positive and at most 20 octets, unpredictable (RFC 5280 §4.1.2.2)
ROOT_PATH_LENGTH, AGENCY_PATH_LENGTH = 1, 0


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _usage(*, signs_certificates: bool, is_seal: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=is_seal,  # viewers of PDF files ask for it
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """An authority with its key in this process. `certificate` is DER."""

    certificate: bytes
    _key: ec.EllipticCurvePrivateKey
    _entropy: Entropy

    @classmethod
    def new_root(
        cls, name: str, *, not_before: int, not_after: int, entropy: Entropy
    ) -> CertificateAuthority:
        """A root that signs itself; its certificate is a trust anchor. Times in seconds."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _begin(_name(name), _name(name), key.public_key(), (not_before, not_after), entropy)
        builder = _as_authority(builder, key, key, ROOT_PATH_LENGTH)
        return cls(_sign(builder, key), key, entropy)

    def new_agency_ca(self, name: str, *, not_before: int, not_after: int) -> CertificateAuthority:
        """An authority under this one that signs leaves only."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _begin(self._subject, _name(name), key.public_key(), (not_before, not_after), self._entropy)
        builder = _as_authority(builder, key, self._key, AGENCY_PATH_LENGTH)
        return CertificateAuthority(_sign(builder, self._key), key, self._entropy)

    def issue_leaf(
        self,
        public_jwk: Mapping[str, Any],
        *,
        name: str,
        uri: str,
        not_before: int,
        not_after: int,
        is_seal: bool = False,
    ) -> bytes:
        """DER of a leaf for an issuer's key.

        Args:
            public_jwk: the key, P-256.
            name: common name, the agency's.
            uri: the agency's `iss`, the only subjectAltName.
            not_before: seconds.
            not_after: seconds; take the end of the last credential that the key will sign.
            is_seal: the key seals pages, so its usage names non-repudiation too.
        """
        key = public_key_of(public_jwk)
        builder = _begin(self._subject, _name(name), key, (not_before, not_after), self._entropy)
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False, is_seal=is_seal), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        return _sign(builder, self._key)

    @property
    def _subject(self) -> x509.Name:
        return x509.load_der_x509_certificate(self.certificate).subject

    def save(self, uri: str, password: str, *, scrypt_p: int = SCRYPT_P) -> None:
        """Writes the key to `file:…/NAME.key` and the certificate beside it.

        Raises: InputError(KEY_URI), ConflictError(KEY_EXISTS).
        """
        path = path_of(uri)
        write_private(path, encrypt_pkcs8(self._key, password, self._entropy, scrypt_p))
        replace_file(path.with_suffix(".crt"), certificates_pem([self.certificate]))

    @classmethod
    def load(cls, uri: str, password: PasswordSource, entropy: Entropy) -> CertificateAuthority:
        """The authority that `save` wrote.

        Raises: InputError(KEY_URI, KEY_FILE_BROKEN), NotFoundError(KEY_NOT_FOUND),
            RefusedError(KEY_PASSWORD_WRONG, KEY_FILE_OPEN_TO_OTHERS).
        """
        path = path_of(uri)
        key = decrypt_pkcs8(read_private(path), password(uri), ec.SECP256R1, path)
        try:
            certificate = x509.load_pem_x509_certificate(path.with_suffix(".crt").read_bytes())
        except (OSError, ValueError) as error:
            raise InputError("KEY_FILE_BROKEN", f"no certificate beside {path}", path=str(path)) from error
        if certificate.public_key() != key.public_key():
            raise InputError(
                "KEY_FILE_BROKEN", f"the certificate beside {path} is of another key", path=str(path)
            )
        return cls(certificate.public_bytes(serialization.Encoding.DER), key, entropy)


def _begin(
    issuer: x509.Name,
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    term: tuple[int, int],
    entropy: Entropy,
) -> x509.CertificateBuilder:
    serial = int.from_bytes(entropy.token(SERIAL_BYTES), "big") >> 1 | 1
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(datetime.fromtimestamp(term[0], UTC))
        .not_valid_after(datetime.fromtimestamp(term[1], UTC))
    )


def _as_authority(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    path_length: int,
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )


def _sign(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
