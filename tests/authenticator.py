"""An authenticator and a browser in Python: passkeys made and used as WebAuthn says, with lies on demand.

The real ones are in tests/browser; this one is for the many cases.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.core.eip712 import passkey_signer
from ledger.core.jose import b64url_encode
from ledger.core.signing import Site
from ledger.services.signing_desk import Given

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40
SITE = Site("http://localhost:8420", "localhost")


@dataclass(frozen=True)
class Authenticator:
    """One passkey. `flags` and `ceremony` are for the lies."""

    secret: int
    site: Site = SITE
    flags: int = USER_PRESENT | USER_VERIFIED
    ceremony: str = "webauthn.get"

    @property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self.secret, ec.SECP256R1())

    @property
    def point(self) -> tuple[int, int]:
        numbers = self._key.public_key().public_numbers()
        return numbers.x, numbers.y

    @property
    def signer_id(self) -> bytes:
        return passkey_signer(*self.point)

    @property
    def credential_id(self) -> bytes:
        return hashlib.sha256(b"credential %d" % self.secret).digest()[:16]

    def _client_data(self, ceremony: str, challenge: bytes) -> bytes:
        said = {
            "type": ceremony,
            "challenge": b64url_encode(challenge),
            "origin": self.site.origin,
            "crossOrigin": False,
        }
        return json.dumps(said, separators=(",", ":")).encode()

    def _head(self, flags: int) -> bytes:
        return hashlib.sha256(self.site.rp_id.encode()).digest() + bytes([flags]) + b"\0\0\0\1"

    def get(self, challenge: bytes) -> Given:
        """navigator.credentials.get"""
        client_data = self._client_data(self.ceremony, challenge)
        data = self._head(self.flags)
        message = data + hashlib.sha256(client_data).digest()
        signature = self._key.sign(message, ec.ECDSA(hashes.SHA256()))
        return Given(signature, self.credential_id, data, client_data)

    def create(self, challenge: bytes) -> str:
        """navigator.credentials.create, attestation none: the JSON of its PublicKeyCredential."""
        x, y = (number.to_bytes(32, "big") for number in self.point)
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cose
        data = self._head(self.flags | ATTESTED) + attested
        answer = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        name = b64url_encode(self.credential_id)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": {
                    "clientDataJSON": b64url_encode(self._client_data("webauthn.create", challenge)),
                    "attestationObject": b64url_encode(answer),
                },
            }
        )
