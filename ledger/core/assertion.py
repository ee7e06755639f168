"""Is this a passkey's signature over this digest, made on this site by a person who was verified?

The contract asks the same questions except one: it cannot know the site. So origin and relying-party id
are compared here, before anything is stored. Malformed bytes are InputError, never a crash.
Source: Web Authentication Level 3, §7.2; contracts/src/libraries/SignerCheck.sol.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from ledger.core.eip712 import PasskeyAssertion
from ledger.core.errors import InputError
from ledger.core.jose import b64url_encode, strict_json_object
from ledger.core.signing import Site

COORDINATE = 32
HEAD_BYTES = 37  # rpIdHash 32, flags 1, counter 4
MOST_BYTES = 2048
USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP = 0x01, 0x04, 0x08, 0x10
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def read_assertion(
    digest: bytes,
    site: Site,
    public_key: bytes,
    *,
    authenticator_data: bytes,
    client_data_json: bytes,
    signature: bytes,
) -> PasskeyAssertion:
    """The assertion as the contract takes it, every question answered with yes.

    Args:
        digest: 32 bytes that must be its challenge.
        site: where it must have been made.
        public_key: qx ‖ qy, 64 bytes, of the key that was asked to sign.
        authenticator_data: bytes as the browser gave them.
        client_data_json: bytes as the browser gave them.
        signature: DER; either half of `s`, the lower one is handed on.

    Raises:
        InputError: ASSERTION_SHAPE, ASSERTION_TYPE, ASSERTION_CHALLENGE, ASSERTION_ORIGIN, ASSERTION_SITE,
            ASSERTION_NOT_VERIFIED, ASSERTION_SIGNATURE.
    """
    _check_client_data(client_data_json, digest, site)
    _check_authenticator_data(authenticator_data, site)
    qx = int.from_bytes(public_key[:COORDINATE], "big")
    qy = int.from_bytes(public_key[COORDINATE:], "big")
    try:
        key = ec.EllipticCurvePublicNumbers(qx, qy, ec.SECP256R1()).public_key()
        r, s = decode_dss_signature(signature)
        signed = authenticator_data + hashlib.sha256(client_data_json).digest()
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except (ValueError, InvalidSignature) as error:
        raise InputError(
            "ASSERTION_SIGNATURE", "The signature is not one of the chosen key over what was shown."
        ) from error
    return PasskeyAssertion(qx, qy, r, min(s, P256_ORDER - s), authenticator_data, client_data_json)


def _check_client_data(data: bytes, digest: bytes, site: Site) -> None:
    if len(data) > MOST_BYTES:
        raise InputError("ASSERTION_SHAPE", "The browser's answer is too long.")
    try:
        said = strict_json_object(data)
    except InputError as error:
        raise InputError("ASSERTION_SHAPE", "The browser's answer cannot be read.") from error
    if said.get("type") != "webauthn.get":
        raise InputError("ASSERTION_TYPE", "This is no signature but another act of the passkey.")
    challenge = b64url_encode(digest)
    given = said.get("challenge")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), challenge.encode()):
        raise InputError("ASSERTION_CHALLENGE", "Something else was signed than what was shown.")
    if said.get("origin") != site.origin or said.get("crossOrigin", False) is not False:
        raise InputError("ASSERTION_ORIGIN", "The signature was made on another site.")
    # the contract compares bytes where it is told to look: they must stand there as it spells them
    for name, value in ((b'"type":"', b'webauthn.get"'), (b'"challenge":"', challenge.encode() + b'"')):
        at = data.find(name)
        if at < 0 or not data.startswith(name + value, at):
            raise InputError("ASSERTION_SHAPE", "The browser's answer is not written as the standard says.")


def _check_authenticator_data(data: bytes, site: Site) -> None:
    if not HEAD_BYTES <= len(data) <= MOST_BYTES:
        raise InputError("ASSERTION_SHAPE", "The authenticator's answer has no valid length.")
    if data[:32] != hashlib.sha256(site.rp_id.encode()).digest():
        raise InputError("ASSERTION_SITE", "The passkey belongs to another site.")
    flags = data[32]
    if not flags & USER_PRESENT or not flags & USER_VERIFIED:
        raise InputError(
            "ASSERTION_NOT_VERIFIED", "The authenticator did not verify the person (PIN, finger or face)."
        )
    if flags & BACKED_UP and not flags & BACKUP_ELIGIBLE:
        raise InputError("ASSERTION_SHAPE", "The authenticator contradicts itself.")
