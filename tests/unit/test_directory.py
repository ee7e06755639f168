"""Directory entries: made, read, signed, and their lies."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.directory import (
    ENTRY_TYPE,
    make_directory_entry,
    parse_directory_entry,
    require_directory_signature,
)
from ledger.core.errors import InputError
from ledger.core.jose import b64url_encode, compact_json, make_jws

SIGNER, OTHER = MemoryCredentialSigner.generate(), MemoryCredentialSigner.generate()
ENTRY: dict[str, Any] = {
    "issuer": "12990100MB0X12345P",
    "name": {"zh": "示例市住房公积金管理中心", "en": "Example Housing Fund Centre"},
    "iss": "https://gjj.demo.example",
    "division": "990100",
    "iat": 1_790_000_000,
}


def test_an_entry_is_made_and_read() -> None:
    text = make_directory_entry(
        issuer=ENTRY["issuer"],
        name_zh=ENTRY["name"]["zh"],
        name_en=ENTRY["name"]["en"],
        iss=ENTRY["iss"],
        division="990100",
        issued_at=1_790_000_000,
        signer=SIGNER,
        phone="+86 891 000 0000",
    )
    entry = parse_directory_entry(text)
    assert entry.hash == hashlib.sha256(text.encode()).digest()
    assert (entry.issuer, dict(entry.name), entry.iss) == (ENTRY["issuer"], ENTRY["name"], ENTRY["iss"])
    assert (entry.division, entry.phone, entry.issued_at) == ("990100", "+86 891 000 0000", 1_790_000_000)
    require_directory_signature(entry, SIGNER.public_jwk)


def signed(**changes: Any) -> str:
    payload = {name: value for name, value in {**ENTRY, **changes}.items() if value is not None}
    return make_jws(ENTRY_TYPE, payload, SIGNER)


def test_unknown_members_are_kept_unless_critical() -> None:
    assert parse_directory_entry(signed(motto="x", crit=["name"])).issuer == ENTRY["issuer"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"issuer": None}, "issuer"),
        ({"issuer": "12990100MB0X12345"}, "issuer"),
        ({"issuer": "12990100MB0X1234I5"}, "issuer"),
        ({"name": "示例"}, "name"),
        ({"name": {"zh": "示例"}}, "name"),
        ({"name": {"zh": "", "en": "x"}}, "name"),
        ({"name": {"zh": "示例\u202e", "en": "x"}}, "name"),
        ({"name": {"zh": " 示例", "en": "x"}}, "name"),
        ({"name": {"zh": "示" * 201, "en": "x"}}, "name"),
        ({"iss": "http://gjj.demo.example"}, "iss"),
        ({"iss": "https://gjj.demo.example?x"}, "iss"),
        ({"iss": "https://user@gjj.demo.example"}, "iss"),
        ({"division": "99010"}, "division"),
        ({"division": 990100}, "division"),
        ({"iat": "1790000000"}, "iat"),
        ({"iat": True}, "iat"),
        ({"phone": ""}, "phone"),
        ({"phone": 1}, "phone"),
        ({"crit": ["motto"]}, "crit"),
        ({"crit": "name"}, "crit"),
    ],
)
def test_lies(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as error:
        parse_directory_entry(signed(**changes))
    assert (error.value.code, error.value.detail["reason"]) == ("DIRECTORY_SHAPE", field)


def with_header(**header: Any) -> str:
    members = {"alg": "ES256", "typ": ENTRY_TYPE, "kid": "x", **header}
    return f"{b64url_encode(compact_json(members))}.{b64url_encode(compact_json(ENTRY))}.{'A' * 86}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        signed() + "=",
        signed() + "\n",
        signed().replace(".", "", 1),
        "x" * 70_000,
        with_header(alg="none"),
        with_header(typ="JWT"),
        with_header(kid=1),
        with_header(crit=["x"]),
        b64url_encode(b'{"alg":"ES256","alg":"ES256"}') + ".e30.AAAA",
    ],
)
def test_broken_texts(text: str) -> None:
    with pytest.raises(InputError) as error:
        parse_directory_entry(text)
    assert error.value.code == "DIRECTORY_SHAPE"


def test_only_the_named_key_signs() -> None:
    entry = parse_directory_entry(signed())
    foreign = parse_directory_entry(make_jws(ENTRY_TYPE, ENTRY, Impostor()))
    for one, jwk in ((entry, OTHER.public_jwk), (foreign, OTHER.public_jwk), (entry, {"kty": "EC"})):
        with pytest.raises(InputError) as error:
            require_directory_signature(one, jwk)
        assert error.value.code == "DIRECTORY_SIGNATURE"


class Impostor:
    """Names one key and signs with another."""

    thumbprint = SIGNER.thumbprint

    def sign(self, message: bytes) -> bytes:
        return OTHER.sign(message)
