"""The port CredentialFormat over `sd-jwt`, the reference implementation: slow, by other people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.common import SDObj
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from ledger.core.errors import InputError
from ledger.core.jose import b64url_decode, b64url_encode, kid_of
from ledger.core.model import ParsedCredential
from ledger.core.sd_jwt import Inspection
from ledger.ports import CredentialSigner, Entropy


class ReferenceFormat:
    """Keys by kid, since this library reads nothing that it cannot verify."""

    def __init__(self, keys: Mapping[str, Mapping[str, str]]) -> None:
        self._keys = keys

    def issue(
        self,
        payload: Mapping[str, Any],
        disclosable: Sequence[tuple[str, Any]],
        signer: CredentialSigner,
        entropy: Entropy,
    ) -> str:
        claims = {**payload, **{SDObj(name): value for name, value in disclosable}}

        class Issuer(SDJWTIssuer):  # type: ignore[misc]
            def _generate_salt(self) -> str:
                return b64url_encode(entropy.token(16))

            def _create_signed_jws(self) -> None:
                header = {"alg": "ES256", "typ": "dc+sd-jwt", "kid": kid_of(signer.thumbprint)}
                parts = [b64url_encode(json.dumps(part).encode()) for part in (header, self.sd_jwt_payload)]
                signature = signer.sign(".".join(parts).encode())
                self.serialized_sd_jwt = ".".join([*parts, b64url_encode(signature)])

        return str(Issuer(claims, None).sd_jwt_issuance)

    def inspect(self, text: str) -> Inspection:
        def key(_issuer: str, header: dict[str, Any]) -> JWK:
            return JWK(**self._keys[header["kid"]])

        try:
            verifier = SDJWTVerifier(text, key)
            claims = verifier.get_verified_payload()
        except Exception as error:  # noqa: BLE001 (the library names no error of its own)
            return Inspection(None, (InputError("CREDENTIAL_SHAPE", str(error)),))
        jwt, *disclosures, last = text.split("~")
        signing_input, _, signature = jwt.rpartition(".")
        header, payload = (json.loads(b64url_decode(part)) for part in signing_input.split("."))
        names = tuple(json.loads(b64url_decode(part))[1] for part in disclosures)
        credential = ParsedCredential(
            text=text,
            issuer_jwt=jwt.encode(),
            header=header,
            payload=payload,
            claims=claims,
            disclosed=names,
            undisclosed=len(payload.get("_sd", ())) - len(names),
            key_binding_jwt=last or None,
            signing_input=signing_input.encode(),
            signature=b64url_decode(signature),
        )
        return Inspection(credential, ())

    def parse(self, text: str) -> ParsedCredential:
        inspection = self.inspect(text)
        if inspection.credential is None:
            raise inspection.faults[0]
        return inspection.credential
