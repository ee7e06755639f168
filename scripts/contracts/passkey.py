"""A passkey as an authenticator and a browser make it, with a lie for each thing that is checked."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ledger.core import eip712

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
USER_PRESENT, USER_VERIFIED, BACKED_UP = 0x01, 0x04, 0x10


@dataclass(frozen=True)
class Passkey:
    """A P-256 key on an authenticator. `flags`, `ceremony` and `high_s` are for the lies."""

    secret: int
    flags: int = USER_PRESENT | USER_VERIFIED
    ceremony: str = "webauthn.get"
    high_s: bool = False

    @property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self.secret, ec.SECP256R1())

    @property
    def signer(self) -> bytes:
        numbers = self._key.public_key().public_numbers()
        return eip712.passkey_signer(numbers.x, numbers.y)

    def sign(self, digest: bytes) -> bytes:
        """What the contracts take as this passkey's signature over a digest."""
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        client_data = json.dumps(
            {
                "type": self.ceremony,
                "challenge": challenge,
                "origin": "https://example.test",
                "crossOrigin": False,
            },
            separators=(",", ":"),
        ).encode()
        authenticator_data = hashlib.sha256(b"example.test").digest() + bytes([self.flags]) + b"\0\0\0\1"
        message = authenticator_data + hashlib.sha256(client_data).digest()
        r, s = decode_dss_signature(
            self._key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        )
        s = min(s, ORDER - s)
        numbers = self._key.public_key().public_numbers()
        assertion = eip712.PasskeyAssertion(
            qx=numbers.x,
            qy=numbers.y,
            r=r,
            s=ORDER - s if self.high_s else s,
            authenticator_data=authenticator_data,
            client_data_json=client_data,
        )
        return eip712.passkey_signature(assertion)

    def lying(self, **changes: object) -> Passkey:
        return replace(self, **changes)  # type: ignore[arg-type]
