"""Codes that work once: of authenticator apps (TOTP) and printed recovery codes."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20  # RFC 4226 §4, R6: 160 bits
DRIFT_STEPS = 1  # RFC 6238 §5.2: one step for clocks that differ and codes typed late
RECOVERY_BYTES = 10  # 80 bits: 16 letters in four groups
_GROUP = 4


def totp_code(secret: bytes, step: int) -> str:
    """The six digits of one 30-second step (seconds since 1970 / 30). Source: RFC 6238 §4."""
    return HOTP(secret, DIGITS, SHA1(), enforce_key_length=False).generate(step).decode()  # noqa: S303


def matching_step(secret: bytes, code: str, now: int, last_step: int) -> int | None:
    """The step that this code belongs to, None when it is of none, too old, or was used.

    Args:
        secret: of the app.
        code: as typed; white space is ignored.
        now: seconds since 1970 UTC.
        last_step: the newest step whose code was used; it and older ones are refused (RFC 6238 §5.2).
    """
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    found = None
    for step in range(now // STEP_S - DRIFT_STEPS, now // STEP_S + DRIFT_STEPS + 1):
        if hmac.compare_digest(totp_code(secret, step), typed) and step > last_step:
            found = step
    return found


def base32(secret: bytes) -> str:
    """As apps take it by hand."""
    return base64.b32encode(secret).decode().rstrip("=")


def totp_uri(secret: bytes, login: str, place: str) -> str:
    """What the QR code for the app says (Key URI format of authenticator apps)."""
    label = quote(f"{place}:{login}")
    return f"otpauth://totp/{label}?secret={base32(secret)}&issuer={quote(place)}&digits={DIGITS}&period={STEP_S}"


def recovery_code(random: bytes) -> str:
    """`abcd-efgh-ijkl-mnop` out of 10 random bytes."""
    text = base64.b32encode(random).decode().lower()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def normal_recovery_code(text: str) -> str:
    """As it is looked up: small letters and digits only, without dashes and white space."""
    return "".join(character for character in text.lower() if character.isalnum())
