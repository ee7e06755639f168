"""The examples of RFC 9901's last draft: every one is read, verified and put together again."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

import pytest

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.core.jose import b64url_encode, verify_es256
from ledger.core.sd_jwt import parse_key_binding, sd_hash
from tests.needs import shared_files

FILE = shared_files("vectors/sd-jwt/examples.json")[0]
COUNT = 9
pytestmark = pytest.mark.needs("shared")


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(FILE.read_text())
    return loaded


def example(number: int) -> tuple[str, dict[str, Any]]:
    """Text with a tilde: the first example is the issuer-signed JWT alone."""
    found = document()["examples"][number]
    text = found["compact"]
    return (text if "~" in text else f"{text}~"), found


def test_all_examples_are_there() -> None:
    assert len(document()["examples"]) == COUNT


@pytest.mark.parametrize("number", range(COUNT))
def test_example(number: int) -> None:
    text, expected = example(number)
    inspection = SdJwtFormat().inspect(text)
    credential = inspection.credential
    assert inspection.faults == ()
    assert credential is not None
    assert credential.payload == expected["issuer_payload"]
    valid = verify_es256(document()["issuer_jwk"], credential.signing_input, credential.signature)
    assert valid is expected["issuer_signature_valid"]
    assert len(credential.disclosed) == len(expected["disclosures"])
    for disclosure in expected["disclosures"]:
        assert disclosure["encoded"] in text.split("~")
        assert b64url_encode(hashlib.sha256(disclosure["encoded"].encode()).digest()) == disclosure["digest"]
        assert holds(credential.claims, disclosure["decoded"])
    assert "_sd" not in json.dumps(credential.claims)


def holds(claims: Any, disclosure: list[Any]) -> bool:
    """Whether the disclosed name stands somewhere (a value may itself hold further digests)."""
    if isinstance(claims, dict):
        if len(disclosure) == 3 and disclosure[1] in claims:
            return True
        return any(holds(value, disclosure) for value in claims.values())
    if isinstance(claims, list):
        plain = not isinstance(disclosure[-1], dict)
        if len(disclosure) == 2 and (disclosure[1] in claims or not plain):
            return True
        return any(holds(value, disclosure) for value in claims)
    return False


@pytest.mark.parametrize("number", range(COUNT))
def test_key_binding(number: int) -> None:
    text, expected = example(number)
    credential = SdJwtFormat().parse(text)
    if "kb_jwt_payload" not in expected:
        assert credential.key_binding_jwt is None
        return
    assert credential.key_binding_jwt is not None
    binding = parse_key_binding(credential.key_binding_jwt)
    assert binding.payload == expected["kb_jwt_payload"]
    assert (binding.payload["sd_hash"] == sd_hash(text)) is expected["kb_sd_hash_matches"]
    assert verify_es256(credential.payload["cnf"]["jwk"], binding.signing_input, binding.signature)


@pytest.mark.parametrize("number", range(1, COUNT))
def test_every_example_has_lies(number: int) -> None:
    text, expected = example(number)
    jwt, first, *rest = text.split("~")
    fmt = SdJwtFormat()
    lies = {
        "DISCLOSURE_TWICE": "~".join([jwt, first, first, *rest]),
        "DISCLOSURE_UNKNOWN": "~".join([jwt, b64url_encode(b'["s","x",1]'), first, *rest]),
        "BASE64_NOT_CANONICAL": "~".join([jwt, first + "=", *rest]),
    }
    for code, lie in lies.items():
        assert code in {fault.code for fault in fmt.inspect(lie).faults}
    assert expected["all_digests_found"]
