"""Three verifiers written by others, and a list reader of our own that shares no code with the product."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from typing import Any

from cryptography import x509
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from jwcrypto.jws import JWS  # type: ignore[import-untyped]
from openvc import VerificationPolicy, verify_credential
from openvc.errors import OpenvcError
from openvc.status import CredentialRevoked, CredentialSuspended
from openvc.status.issue import verify_status_list_token
from openvc.x5c import resolve_x5c_key
from polaris_oid4vp import sdjwt as polaris  # type: ignore[import-untyped]
from polaris_oid4vp import status as polaris_status
from sd_jwt.verifier import SDJWTVerifier


class RefusedError(Exception):
    """The verifier does not accept the credential; the first argument is STATUS if the list decided."""


STATUS = "status"


def header_of(token: str) -> dict[str, Any]:
    part = token.split(".", 1)[0]
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return header


class Verifiers:
    """Each method returns the disclosed claims or raises RefusedError."""

    def __init__(self, root: bytes, iss: str, vct: str, local: Callable[[str], str]) -> None:
        """`root`: DER of the trust anchor; `local`: where loopback has what an address names."""
        self.anchors = [x509.load_der_x509_certificate(root)]
        self.iss = iss
        self.vct = vct
        self.local = local

    def fetch(self, uri: str) -> str:
        request = urllib.request.Request(self.local(uri))
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read(), "ascii")

    def openvc(self, credential: str) -> dict[str, Any]:
        """openvc-core: the issuer's key from x5c, the list bound to the credential's issuer."""

        def resolve(uri: str) -> dict[str, Any]:
            token = self.fetch(uri)
            jwk = resolve_x5c_key(header_of(token)["x5c"], self.iss, trust_anchors=self.anchors)
            return verify_status_list_token(token, public_key_jwk=jwk, expected_uri=uri)

        try:
            result = verify_credential(
                credential,
                policy=VerificationPolicy(require_status_issuer_binding=True, expected_vct=self.vct),
                x5c_trust_anchors=self.anchors,
                resolve_status_list_token=resolve,
            )
        except OpenvcError as error:
            decided = isinstance(error, CredentialRevoked | CredentialSuspended)
            raise RefusedError(STATUS if decided else type(error).__name__, str(error)) from error
        if result.issuer != self.iss or result.status is None:
            raise RefusedError("openvc looked at no status")
        return dict(result.claims or {})

    def polaris(self, credential: str, **binding: str) -> dict[str, Any]:
        """polaris-oid4vp: an authentic verdict and a fresh VALID from the list."""

        def resolver(*, uri: str, idx: int, issuer: str | None) -> dict[str, Any]:
            authority = polaris_status.StatedAuthority()
            authority.state(
                credential_issuer=self.iss, status_uri=uri, verify=self._status_key, why="same agency"
            )
            return dict(
                polaris_status.decide_by_fetching(
                    index=idx,
                    expected_uri=uri,
                    authority=authority,
                    fetch=self.fetch,
                    credential_issuer=issuer,
                )
            )

        verdict = polaris.verify_presentation(
            credential,
            expected_nonce=binding.get("nonce", "unused"),
            expected_audience=binding.get("audience", "unused"),
            trust_anchors=self.anchors,
            require_key_binding=bool(binding),
            expected_vct=self.vct,
            status_resolver=resolver,
        )
        if not verdict.authentic:
            raise RefusedError(verdict.code, verdict.reason)
        status = verdict.revocation
        if not status["checked"] or not status["fresh"] or not verdict.iss_bound:
            raise RefusedError("no list", status)
        if status["status"] != 0:
            raise RefusedError(STATUS, status["status"])
        return dict(verdict.claims)

    def _status_key(self, signing_input: bytes, signature: bytes, header: dict[str, Any]) -> bool:
        jwk = resolve_x5c_key(header["x5c"], self.iss, trust_anchors=self.anchors)
        return bool(polaris._verify_es256(polaris._es256_public_key(jwk), signing_input, signature))

    def reference(self, credential: str) -> dict[str, Any]:
        """`sd-jwt`, the reference implementation, and the little list reader below."""

        def issuer_key(issuer: str, header: dict[str, Any]) -> JWK:
            return JWK(**resolve_x5c_key(header["x5c"], issuer, trust_anchors=self.anchors))

        try:
            claims = dict(SDJWTVerifier(credential, issuer_key).get_verified_payload())
        except Exception as error:  # the library names no error of its own
            raise RefusedError(type(error).__name__, str(error)) from error
        reference = claims["status"]["status_list"]
        if self.list_value(reference["uri"], reference["idx"]) != 0:
            raise RefusedError(STATUS)
        return claims

    def list_value(self, uri: str, idx: int) -> int:
        """The draft read literally, one bit after the other."""
        try:
            token = self.fetch(uri)
        except urllib.error.HTTPError as error:
            raise RefusedError("no list") from error
        key = JWK(**resolve_x5c_key(header_of(token)["x5c"], self.iss, trust_anchors=self.anchors))
        signed = JWS()
        signed.deserialize(token, key=key)
        claims = json.loads(signed.payload)
        if claims["sub"] != uri or not claims["iat"] <= time.time() < claims["exp"]:
            raise RefusedError("not this list, or not now")
        bits, lst = claims["status_list"]["bits"], claims["status_list"]["lst"]
        packed = zlib.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))
        if (idx + 1) * bits > len(packed) * 8:
            raise RefusedError("the list has no such index")
        return sum(
            (packed[(idx * bits + bit) // 8] >> ((idx * bits + bit) % 8) & 1) << bit for bit in range(bits)
        )
