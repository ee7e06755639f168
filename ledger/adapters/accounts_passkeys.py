"""Log-in passkeys by py_webauthn (port Passkeys). User verification is demanded, always.

Source: W3C Web Authentication Level 2, §7.1 and §7.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json, parse_registration_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ledger.core.accounts import Place
from ledger.core.errors import InputError

RP_NAME = "ecert"
TIMEOUT_MS = 120_000


class WebauthnPasskeys:
    """Port Passkeys."""

    def registration(
        self, place: Place, user: bytes, login: str, known: Sequence[bytes], challenge: bytes
    ) -> str:
        options = generate_registration_options(
            rp_id=place.host,
            rp_name=RP_NAME,
            user_id=user,
            user_name=login,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
        )
        return options_to_json(options)

    def registered(self, place: Place, answer: str, challenge: bytes) -> tuple[bytes, bytes, int]:
        try:
            made = verify_registration_response(
                credential=parse_registration_credential_json(answer),
                expected_challenge=challenge,
                expected_rp_id=place.host,
                expected_origin=place.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError) as error:
            raise _refused() from error
        return made.credential_id, made.credential_public_key, made.sign_count

    def question(self, place: Place, known: Sequence[bytes], challenge: bytes) -> str:
        options = generate_authentication_options(
            rp_id=place.host,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            allow_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known] or None,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json(options)

    def credential_of(self, answer: str) -> bytes:
        try:
            return parse_authentication_credential_json(answer).raw_id
        except (WebAuthnException, ValueError) as error:
            raise _refused() from error

    def answered(self, place: Place, answer: str, challenge: bytes, public_key: bytes, count: int) -> int:
        try:
            done = verify_authentication_response(
                credential=parse_authentication_credential_json(answer),
                expected_challenge=challenge,
                expected_rp_id=place.host,
                expected_origin=place.origin,
                credential_public_key=public_key,
                credential_current_sign_count=count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError) as error:
            raise _refused() from error
        return done.new_sign_count


def _refused() -> InputError:
    return InputError("PASSKEY_REFUSED", "The passkey's answer does not fit; try again.")
