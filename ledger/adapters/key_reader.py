"""Reads new passkeys (WebAuthn registration) and recovers the account behind a wallet's signature."""

from __future__ import annotations

import coincurve
import sha3

from ledger.core.errors import InputError
from ledger.core.signing import Site

ADDRESS_BYTES = 20
SIGNATURE_BYTES = 65
RECOVERY_OFFSET = 27
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # EIP-2


class PeopleKeyReader:
    """See services.signing_book.KeyReader."""

    def registered(self, answer: str, challenge: bytes, site: Site) -> tuple[bytes, bytes]:
        """Raises InputError(SIGNING_PASSKEY_REFUSED)."""
        from webauthn import verify_registration_response  # noqa: PLC0415  0.1 s, to enrol only
        from webauthn.helpers import decode_credential_public_key  # noqa: PLC0415
        from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415
        from webauthn.helpers.decode_credential_public_key import DecodedEC2PublicKey  # noqa: PLC0415
        from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

        try:
            found = verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                require_user_verification=True,
                supported_pub_key_algs=[COSEAlgorithmIdentifier.ECDSA_SHA_256],
            )
            key = decode_credential_public_key(found.credential_public_key)
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise InputError(
                "SIGNING_PASSKEY_REFUSED",
                "The new passkey does not fit: other site, not verified, or not ES256.",
            ) from error
        if not isinstance(key, DecodedEC2PublicKey) or len(key.x) != 32 or len(key.y) != 32:
            raise InputError("SIGNING_PASSKEY_REFUSED", "The new passkey is not of the P-256 kind.")
        return found.credential_id, key.x + key.y

    def recovered(self, digest: bytes, signature: bytes) -> bytes | None:
        """Address of the account that signed, None for nobody."""
        if len(signature) != SIGNATURE_BYTES or signature[-1] not in {27, 28}:
            return None
        if int.from_bytes(signature[32:64], "big") > HALF_ORDER:
            return None
        raw = signature[:64] + bytes([signature[64] - RECOVERY_OFFSET])
        try:
            key = coincurve.PublicKey.from_signature_and_message(raw, digest, hasher=None)
        except ValueError:  # r or s is no number of the curve
            return None
        point = key.format(compressed=False)[1:]
        return bytes(sha3.keccak_256(point).digest()[-ADDRESS_BYTES:])
