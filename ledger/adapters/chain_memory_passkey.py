"""Did this passkey sign this digest? The memory chain's twin of SignerCheck._isSignedByPasskey.

Reads the contracts' encoding (kind byte, qx, qy, WebAuthnAuth) byte by byte; malformed bytes are a no.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ledger.core.eip712 import passkey_signer
from ledger.core.jose import b64url_encode

WORD = 32
HEAD = 3 * WORD  # qx, qy, offset of the assertion
SHORTEST = 36  # rpIdHash, flags, counter less one
FIXED = 6 * WORD  # r, s, two places, two offsets
USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP = 0x01, 0x04, 0x08, 0x10
HALF_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 // 2


def is_signed_by_passkey(signer: bytes, digest: bytes, body: bytes) -> bool:
    """Whether `body` (without the kind byte) is this signer's assertion over the digest."""
    if len(body) < HEAD + FIXED or _word(body, 2) != HEAD:
        return False
    qx, qy = _word(body, 0), _word(body, 1)
    if passkey_signer(qx, qy) != signer:
        return False
    r, s, challenge_at, type_at, data_at, client_at = (_word(body, 3 + at) for at in range(6))
    data, client = _tail(body[HEAD:], data_at), _tail(body[HEAD:], client_at)
    if data is None or client is None or len(data) <= SHORTEST:
        return False
    challenge = f'"challenge":"{b64url_encode(digest)}"'.encode()
    if not client.startswith(b'"type":"webauthn.get"', type_at):
        return False
    if not client.startswith(challenge, challenge_at):
        return False
    return _is_verified(data[WORD]) and _verifies(qx, qy, r, s, data + hashlib.sha256(client).digest())


def _word(data: bytes, number: int) -> int:
    return int.from_bytes(data[number * WORD : (number + 1) * WORD], "big")


def _tail(data: bytes, at: int) -> bytes | None:
    """Bytes with their length before them, at an offset; None when they reach beyond the end."""
    if len(data) - WORD < at:
        return None
    size = int.from_bytes(data[at : at + WORD], "big")
    return None if len(data) - at - WORD < size else data[at + WORD : at + WORD + size]


def _is_verified(flags: int) -> bool:
    consistent = bool(flags & BACKUP_ELIGIBLE) or not flags & BACKED_UP
    return bool(flags & USER_PRESENT) and bool(flags & USER_VERIFIED) and consistent


def _verifies(qx: int, qy: int, r: int, s: int, message: bytes) -> bool:
    if s > HALF_ORDER:
        return False
    try:
        key = ec.EllipticCurvePublicNumbers(qx, qy, ec.SECP256R1()).public_key()
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except (ValueError, InvalidSignature):
        return False
    return True
