"""Signers whose keys live in this process only: the twins of the file signers, for tests and inside them.

Both do their arithmetic in C (OpenSSL through `cryptography`, libsecp256k1 through `coincurve`) and
release the interpreter lock while they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import coincurve
import sha3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ledger.core.jose import COORDINATE_BYTES, jwk_thumbprint, public_jwk

ADDRESS_BYTES = 20
SIGNER_ID_BYTES = 32
DIGEST_BYTES = 32
RECOVERY_OFFSET = 27  # v of Ethereum signatures; OpenZeppelin's ECDSA wants 27 or 28

_ES256 = ec.ECDSA(hashes.SHA256())


class MemoryCredentialSigner:
    """ES256 with a key in memory (port CredentialSigner)."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, x5c: Sequence[bytes] = ()) -> None:
        self._key = key
        self._public_jwk = MappingProxyType(public_jwk(key.public_key()))
        self._thumbprint = jwk_thumbprint(self._public_jwk)
        self._x5c = tuple(x5c)

    @classmethod
    def generate(cls, x5c: Sequence[bytes] = ()) -> MemoryCredentialSigner:
        """A signer with a new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()), x5c)

    @classmethod
    def from_private_number(cls, number: int, x5c: Sequence[bytes] = ()) -> MemoryCredentialSigner:
        """A signer with a chosen key: for vectors that must not change."""
        return cls(ec.derive_private_key(number, ec.SECP256R1()), x5c)

    def with_x5c(self, x5c: Sequence[bytes]) -> MemoryCredentialSigner:
        """The same key under other certificates."""
        return MemoryCredentialSigner(self._key, x5c)

    @property
    def thumbprint(self) -> bytes:
        """RFC 7638 thumbprint, 32 bytes."""
        return self._thumbprint

    @property
    def public_jwk(self) -> Mapping[str, str]:
        """kty, crv, x, y."""
        return self._public_jwk

    @property
    def x5c(self) -> tuple[bytes, ...]:
        """DER certificates, leaf first, without the root."""
        return self._x5c

    def sign(self, message: bytes) -> bytes:
        """64 bytes r ‖ s over SHA-256 of `message` (RFC 7518 §3.4)."""
        r, s = decode_dss_signature(self._key.sign(message, _ES256))
        return r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big")


class MemoryChainSigner:
    """secp256k1 with a key in memory (port ChainSigner)."""

    def __init__(self, secret: bytes) -> None:
        self._key = coincurve.PrivateKey(secret)
        point = self._key.public_key.format(compressed=False)[1:]
        self._address = bytes(sha3.keccak_256(point).digest()[-ADDRESS_BYTES:])

    @classmethod
    def generate(cls) -> MemoryChainSigner:
        """A signer with a new key."""
        return cls(coincurve.PrivateKey().secret)

    @classmethod
    def from_secret(cls, secret: bytes) -> MemoryChainSigner:
        """A signer with a chosen key of 32 bytes."""
        return cls(secret)

    @property
    def address(self) -> bytes:
        """20 bytes: the end of keccak-256 of the public point (Ethereum yellow paper, appendix F)."""
        return self._address

    @property
    def signer_id(self) -> bytes:
        """32 bytes: the address, left-padded (IIssuerRegistry)."""
        return self._address.rjust(SIGNER_ID_BYTES, b"\x00")

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v, v in {27, 28}; s is low (libsecp256k1 makes no other)."""
        if len(digest) != DIGEST_BYTES:
            raise RuntimeError("a digest has 32 bytes")
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:-1] + bytes([signature[-1] + RECOVERY_OFFSET])
