"""Logging in at an agency's identity provider: OpenID Connect by Authlib (port Providers).

Authorization code with PKCE (S256), state and nonce; endpoints and keys come from discovery, whose
issuer must be the one that the installation names. Of the id_token are checked: its signature by a key
of the provider (asymmetric only), iss, aud, azp, exp, iat, nonce, at_hash, and the claims that say which
agency's person this is. Nothing of it is kept but issuer and subject.
Source: OpenID Connect Core 1.0 §3.1.3.7, RFC 7636, RFC 9207, RFC 9700.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from requests import RequestException

from ledger.adapters.provider_files import Provider, load_providers
from ledger.core.accounts import Vouched
from ledger.core.errors import InputError, NotFoundError, UnavailableError
from ledger.ports import Clock, Entropy

WELL_KNOWN = "/.well-known/openid-configuration"
ALGORITHMS = ("ES256", "RS256", "PS256", "EdDSA")
ANSWER_S = 10
CLOCKS_DIFFER_S = 60
RANDOM_BYTES = 32
SCOPE = "openid"
AUTH = {True: "client_secret_basic", False: "none"}


class OidcProviders:
    """Port Providers.

    Args:
        path: of providers.json, read anew for each log-in.
        clock: for exp and iat.
        entropy: state, nonce, code verifier.
    """

    def __init__(self, path: Path, clock: Clock, entropy: Entropy) -> None:
        self._path = path
        self._clock = clock
        self._entropy = entropy

    def names(self, language: str) -> list[tuple[str, str]]:
        return [(one.id, one.name(language)) for one in load_providers(self._path).values()]

    def issuer(self, provider: str) -> str:
        return self._find(provider).issuer

    def begin(self, provider: str, redirect_uri: str) -> tuple[str, str]:
        one = self._find(provider)
        kept = {name: self._random() for name in ("state", "nonce", "verifier")}
        with self._session(one, redirect_uri) as session:
            found = self._discover(session, one)
            address, _ = session.create_authorization_url(
                found["authorization_endpoint"],
                state=kept["state"],
                nonce=kept["nonce"],
                code_verifier=kept["verifier"],
            )
        return str(address), json.dumps({"provider": one.id, "redirect_uri": redirect_uri, **kept})

    def finish(self, payload: str, answer: Mapping[str, str]) -> Vouched:
        kept = json.loads(payload)
        one = self._find(kept["provider"])
        if not hmac.compare_digest(answer.get("state", "").encode(), kept["state"].encode()):
            raise _refused("state")
        if answer.get("iss", one.issuer) != one.issuer:  # RFC 9207: which provider answered
            raise _refused("iss")
        if not answer.get("code"):
            raise _refused(answer.get("error", "code")[:40])
        with self._session(one, kept["redirect_uri"]) as session:
            found = self._discover(session, one)
            try:
                token = session.fetch_token(
                    found["token_endpoint"],
                    grant_type="authorization_code",
                    code=answer["code"],
                    redirect_uri=kept["redirect_uri"],
                    code_verifier=kept["verifier"],
                    timeout=ANSWER_S,
                )
                keys = KeySet.import_key_set(
                    cast("KeySetSerialization", self._get(session, found["jwks_uri"]))
                )
                claims = self._claims(one, token, keys, kept["nonce"])
            except RequestException as error:
                raise _away(one) from error
            except (AuthlibBaseError, JoseError, KeyError, TypeError, ValueError) as error:
                raise _refused(type(error).__name__) from error
        for name, wanted in one.claims.items():
            said = claims.get(name)
            if said != wanted and not (isinstance(said, list) and wanted in said):
                raise _refused(f"claim {name}")
        return Vouched(one.id, one.issuer, str(claims["sub"]), one.uscc)

    def _claims(self, one: Provider, token: Mapping[str, Any], keys: KeySet, nonce: str) -> Mapping[str, Any]:
        decoded = jwt.decode(str(token["id_token"]), keys, algorithms=list(ALGORITHMS))
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": one.issuer},
                "aud": {"essential": True, "value": one.client_id},
                "sub": {"essential": True},
            },
            {"nonce": nonce, "client_id": one.client_id, "access_token": token.get("access_token")},
        )
        claims.validate(now=self._clock.now(), leeway=CLOCKS_DIFFER_S)
        return dict(claims)

    def _find(self, provider: str) -> Provider:
        found = load_providers(self._path).get(provider)
        if found is None:
            raise NotFoundError("PROVIDER_UNKNOWN", f"There is no identity provider {provider!r} here.")
        return found

    def _session(self, one: Provider, redirect_uri: str) -> OAuth2Session:
        return OAuth2Session(
            one.client_id,
            one.secret,
            scope=SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=AUTH[one.secret is not None],
        )

    def _discover(self, session: OAuth2Session, one: Provider) -> Mapping[str, Any]:
        try:
            found = self._get(session, one.issuer.rstrip("/") + WELL_KNOWN)
        except (RequestException, ValueError) as error:
            raise _away(one) from error
        if found.get("issuer") != one.issuer:
            raise _refused("issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not str(found.get(name, "")).startswith(("https://", "http://127.0.0.1:")):
                raise _refused(name)
        return found

    def _get(self, session: OAuth2Session, address: str) -> dict[str, Any]:
        answer = session.get(address, withhold_token=True, timeout=ANSWER_S, allow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
        if not isinstance(found, dict):
            raise TypeError("no object")
        return found

    def _random(self) -> str:
        return base64.urlsafe_b64encode(self._entropy.token(RANDOM_BYTES)).rstrip(b"=").decode()


def _refused(why: str) -> InputError:
    return InputError("PROVIDER_REFUSED", "The identity provider's answer was not accepted.", why=why)


def _away(one: Provider) -> UnavailableError:
    return UnavailableError(
        "PROVIDER_UNAVAILABLE", f"The identity provider {one.id} does not answer; try again.", provider=one.id
    )
