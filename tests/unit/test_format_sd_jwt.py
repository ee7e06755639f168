"""The flat encoder, and the fast reader against lies."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from ledger.adapters import format_sd_jwt
from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.errors import InputError
from ledger.core.jose import b64url_encode, compact_json, jwk_thumbprint, kid_of, make_jws
from ledger.core.report import CheckId
from ledger.core.sd_jwt import (
    CHECK_OF_CODE,
    inspect_sd_jwt,
    require_algorithm,
    require_payload,
    require_signature,
    sd_hash,
)

SIGNER = MemoryCredentialSigner.from_private_number(20_261_122, (b"leaf", b"authority"))
OTHER = MemoryCredentialSigner.from_private_number(7)
FORMAT = SdJwtFormat()
STATUS = {"status_list": {"idx": 3, "uri": "https://a.example/status/00/1"}}
CLEAR = {
    "iss": "https://a.example",
    "issuer_code": "12990100MB0X12345P",
    "vct": "urn:ecert:type:X:1",
    "iat": 1_790_000_000,
    "exp": 1_792_000_000,
    "status": STATUS,
}
HIDDEN = [
    ("name", "扎西"),
    ("months", 128),
    ("address", {"city": "拉萨", "street": "北京路"}),
    ("tags", ["a", "b"]),
]


class CountingEntropy:
    """Counts how often it is asked; the same bytes each time."""

    def __init__(self) -> None:
        self.calls = 0

    def token(self, size: int) -> bytes:
        self.calls += 1
        return hashlib.shake_256(b"seed").digest(size)

    def permutation(self, size: int) -> list[int]:
        return list(range(size))


def good() -> str:
    return FORMAT.issue(CLEAR, HIDDEN, SIGNER, CountingEntropy())


def b64(value: Any) -> str:
    return b64url_encode(value if isinstance(value, bytes) else compact_json(value))


def digest(disclosure: str) -> str:
    return b64url_encode(hashlib.sha256(disclosure.encode()).digest())


def build(
    payload: dict[str, Any] | bytes, *disclosures: str, header: dict[str, Any] | bytes | None = None
) -> str:
    head = (
        {"alg": "ES256", "typ": "dc+sd-jwt", "kid": kid_of(SIGNER.thumbprint)} if header is None else header
    )
    signing_input = f"{b64(head)}.{b64(payload)}"
    return "~".join([f"{signing_input}.{b64(SIGNER.sign(signing_input.encode()))}", *disclosures, ""])


def codes(text: str) -> set[str]:
    inspection = FORMAT.inspect(text)
    for fault in inspection.faults:
        assert fault.detail["check"] == CHECK_OF_CODE[fault.code]
    assert inspection == inspect_sd_jwt(text) or {f.code for f in inspect_sd_jwt(text).faults} == {
        f.code for f in inspection.faults
    }
    return {fault.code for fault in inspection.faults}


def test_the_encoder_asks_for_randomness_once() -> None:
    entropy = CountingEntropy()
    FORMAT.issue(CLEAR, HIDDEN, SIGNER, entropy)
    assert entropy.calls == 1


def test_salts_have_144_bits_and_digests_are_in_their_own_order() -> None:
    jwt, *disclosures, last = good().split("~")
    assert last == ""
    salts = [json.loads(base64.urlsafe_b64decode(part + "=="))[0] for part in disclosures]
    assert {len(base64.urlsafe_b64decode(salt)) for salt in salts} == {18}
    assert len(set(salts)) == len(HIDDEN)
    listed = FORMAT.parse(good()).payload["_sd"]
    assert listed == sorted(listed) == [digest(part) for part in disclosures]
    assert jwt.count(".") == 2


def test_the_header_names_key_and_certificates() -> None:
    header = FORMAT.parse(good()).header
    assert header == {
        "alg": "ES256",
        "typ": "dc+sd-jwt",
        "kid": kid_of(jwk_thumbprint(SIGNER.public_jwk)),
        "x5c": [base64.b64encode(der).decode() for der in SIGNER.x5c],
    }


def test_one_format_serves_many_signers() -> None:
    fmt = SdJwtFormat()
    for signer in (SIGNER, OTHER, SIGNER.with_x5c(()), SIGNER):
        credential = fmt.parse(fmt.issue(CLEAR, HIDDEN, signer, CountingEntropy()))
        require_signature(credential, signer.public_jwk)
        assert ("x5c" in credential.header) is bool(signer.x5c)


def test_nothing_to_hide_leaves_no_digests() -> None:
    credential = FORMAT.parse(FORMAT.issue(CLEAR, [], SIGNER, CountingEntropy()))
    assert dict(credential.claims) == CLEAR
    assert (credential.disclosed, credential.undisclosed) == ((), 0)


@pytest.mark.parametrize(
    ("payload", "disclosable"),
    [
        (CLEAR, [("name", 1), ("name", 2)]),
        (CLEAR, [("iss", "https://b.example")]),
        (CLEAR, [("exp2", 1), ("status", {})]),
        ({**CLEAR, "_sd": []}, []),
        (CLEAR, [("_sd", 1)]),
        (CLEAR, [("amount", 1.5)]),
    ],
)
def test_the_encoder_refuses_our_own_mistakes(
    payload: dict[str, Any], disclosable: list[tuple[str, Any]]
) -> None:
    with pytest.raises(RuntimeError):
        FORMAT.issue(payload, disclosable, SIGNER, CountingEntropy())


def test_the_fast_reader_reads_our_own_and_only_these() -> None:
    assert format_sd_jwt._read_plain(good()) is not None
    jwt, _, *rest = good().split("~")
    assert format_sd_jwt._read_plain("~".join([jwt, *rest])) is not None
    spaced = build(json.dumps({**CLEAR, "_sd": [], "_sd_alg": "sha-256"}).encode())
    assert format_sd_jwt._read_plain(spaced) is None
    assert codes(spaced) == set()


def swapped() -> str:
    """A disclosure that the issuer never saw in the place of a real one."""
    jwt, _, *rest = good().split("~")
    return "~".join([jwt, b64(["c2FsdHNhbHRzYWx0c2FsdHNh", "name", "别人"]), *rest])


def change(part: int, edit: Callable[[str], str]) -> str:
    """One part of the issuer JWT edited as text."""
    jwt, *rest = good().split("~")
    segments = jwt.split(".")
    segments[part] = edit(segments[part])
    return "~".join([".".join(segments), *rest])


def with_disclosure(value: Any, payload: dict[str, Any] | None = None, **more: Any) -> str:
    part = b64(value)
    return build({**(payload or CLEAR), "_sd": [digest(part)], "_sd_alg": "sha-256", **more}, part)


def last_bits(segment: str) -> str:
    """The same bytes spelt otherwise: bits beyond the last byte set."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return segment[:-1] + letters[letters.index(segment[-1]) + 1]


TWICE = b64(["s", "a", 1])
DOUBLE = b64(b'["s","a",1]\x00["s","b",2]')
SPACED = b64(b'["s","a",123]')[:-1] + "S"  # read loosely, its spare bits would be a space
LIES: dict[str, tuple[Callable[[], str], set[str]]] = {
    "nothing": (lambda: "", {"CREDENTIAL_EMPTY"}),
    "over 1 MiB": (lambda: good() + "A" * 2**20, {"CREDENTIAL_TOO_LARGE"}),
    "not ASCII": (lambda: good() + "é", {"CREDENTIAL_NOT_ASCII"}),
    "no tilde": (lambda: good().split("~")[0], {"CREDENTIAL_SHAPE"}),
    "truncated": (lambda: good()[:-1], {"KEY_BINDING_SHAPE"}),
    "two parts": (lambda: good().split(".")[0] + ".x~", {"CREDENTIAL_SHAPE"}),
    "binary": (lambda: "\x00\x01~", {"CREDENTIAL_SHAPE"}),
    "trailing byte": (lambda: good() + "A", {"KEY_BINDING_SHAPE"}),
    "trailing line end": (lambda: good() + "\n", {"KEY_BINDING_SHAPE"}),
    "empty disclosure": (lambda: good() + "~", {"DISCLOSURE_NOT_JSON"}),
    "header is no JSON": (lambda: build(CLEAR, header=b"{"), {"HEADER_NOT_JSON"}),
    "header is a list": (lambda: build(CLEAR, header=b"[]"), {"HEADER_NOT_JSON"}),
    "payload is no JSON": (lambda: build(b"nope"), {"PAYLOAD_NOT_JSON"}),
    "payload is UTF-16": (lambda: build('{"a":1}'.encode("utf-16")), {"PAYLOAD_NOT_JSON"}),
    "payload is null": (lambda: build(b"null"), {"PAYLOAD_NOT_JSON"}),
    "payload has NaN": (lambda: build(b'{"a":NaN}'), {"PAYLOAD_NOT_JSON"}),
    "payload has a trailing value": (lambda: build(b'{"a":1} 2'), {"PAYLOAD_NOT_JSON"}),
    "payload has a lone surrogate": (lambda: build(rb'{"a":"\ud800"}'), {"PAYLOAD_NOT_JSON"}),
    "payload nested too deeply": (
        lambda: build(b'{"a":' + b"[" * 99 + b"]" * 99 + b"}"),
        {"JSON_TOO_DEEP"},
    ),
    "unknown critical member": (
        lambda: build(CLEAR, header={"alg": "ES256", "typ": "dc+sd-jwt", "crit": ["b64"], "b64": False}),
        {"CRITICAL_UNKNOWN"},
    ),
    "padding": (lambda: change(1, lambda part: part + "="), {"BASE64_NOT_CANONICAL"}),
    "white space": (lambda: change(1, lambda part: part[:4] + "\n" + part[4:]), {"BASE64_NOT_CANONICAL"}),
    "standard alphabet": (lambda: change(2, lambda part: "+" + part[1:]), {"BASE64_NOT_CANONICAL"}),
    "bits beyond the signature": (lambda: change(2, last_bits), {"BASE64_NOT_CANONICAL"}),
    "impossible length": (lambda: change(2, lambda part: part + "AAA"), {"BASE64_NOT_CANONICAL"}),
    "bits beyond a disclosure": (
        lambda: build({**CLEAR, "_sd": [digest("WyJzIiwxXR")], "_sd_alg": "sha-256"}, "WyJzIiwxXR"),
        {"BASE64_NOT_CANONICAL"},
    ),
    "duplicate key in the header": (
        lambda: build(CLEAR, header=b'{"alg":"ES256","alg":"none","typ":"dc+sd-jwt"}'),
        {"JSON_DUPLICATE_KEY"},
    ),
    "duplicate key in the payload": (lambda: build(b'{"iss":"a","iss":"b"}'), {"JSON_DUPLICATE_KEY"}),
    "duplicate key by escape": (lambda: build(rb'{"iss":"a","\u0069ss":"b"}'), {"JSON_DUPLICATE_KEY"}),
    "duplicate key in a disclosure": (
        lambda: with_disclosure(b'["s","a",{"x":1,"x":2}]'),
        {"JSON_DUPLICATE_KEY"},
    ),
    "swapped disclosure": (swapped, {"DISCLOSURE_UNKNOWN"}),
    "disclosure twice": (
        lambda: good() + good().split("~")[1] + "~",
        {"DISCLOSURE_TWICE"},
    ),
    "digest twice": (
        lambda: build({**CLEAR, "_sd": [digest(TWICE)] * 2, "_sd_alg": "sha-256"}, TWICE),
        {"DIGEST_TWICE"},
    ),
    "digest twice, nested": (
        lambda: build({"_sd": [digest(TWICE)], "a2": {"_sd": [digest(TWICE)]}}, TWICE),
        {"DIGEST_TWICE"},
    ),
    "disclosure is no JSON": (lambda: with_disclosure(b"nope"), {"DISCLOSURE_NOT_JSON"}),
    "disclosure is an object": (lambda: with_disclosure({"a": 1, "b": 2, "c": 3}), {"DISCLOSURE_SHAPE"}),
    "disclosure is a text": (lambda: with_disclosure("abc"), {"DISCLOSURE_SHAPE"}),
    "disclosure of four": (lambda: with_disclosure(["s", "a", 1, 2]), {"DISCLOSURE_SHAPE"}),
    "salt is a number": (lambda: with_disclosure([1, "a", 1]), {"DISCLOSURE_SHAPE"}),
    "name is a number": (lambda: with_disclosure(["s", 1, 1]), {"DISCLOSURE_SHAPE"}),
    "array disclosure for an object": (lambda: with_disclosure(["s", "a"]), {"DISCLOSURE_SHAPE"}),
    "object disclosure for an array": (
        lambda: build({"a2": [{"...": digest(TWICE)}]}, TWICE),
        {"DISCLOSURE_SHAPE"},
    ),
    "name is _sd": (lambda: with_disclosure(["s", "_sd", []]), {"DISCLOSURE_RESERVED_NAME"}),
    "name is ...": (lambda: with_disclosure(["s", "...", "x"]), {"DISCLOSURE_RESERVED_NAME"}),
    "name is exp": (
        lambda: with_disclosure(["s", "exp", 9], {"iss": "https://a.example"}),
        {"DISCLOSURE_RESERVED_NAME"},
    ),
    "name is status": (lambda: with_disclosure(["s", "status", {}]), {"DISCLOSURE_RESERVED_NAME"}),
    "name is there in clear": (lambda: with_disclosure(["s", "iat", 9]), {"DISCLOSURE_NAME_TAKEN"}),
    "_sd is a text": (lambda: build({**CLEAR, "_sd": "x"}), {"SD_SHAPE"}),
    "_sd holds numbers": (lambda: build({**CLEAR, "_sd": [1]}), {"SD_SHAPE"}),
    "... outside an array": (lambda: build({**CLEAR, "...": "x"}), {"SD_SHAPE"}),
    "... with a neighbour": (lambda: build({"a": [{"...": "x", "b": 1}]}), {"SD_SHAPE"}),
    "_sd_alg nested": (lambda: build({"a": {"_sd_alg": "sha-256"}}), {"SD_SHAPE"}),
    "another digest": (lambda: build({**CLEAR, "_sd_alg": "sha-512"}), {"SD_ALG_NOT_ALLOWED"}),
    "two disclosures in one, and one of nothing": (
        lambda: build(
            {**CLEAR, "_sd": [digest("AAAA"), digest(DOUBLE)], "_sd_alg": "sha-256"}, "AAAA", DOUBLE
        ),
        {"DISCLOSURE_NOT_JSON"},
    ),
    "two disclosures in one, and an empty one": (
        lambda: build({**CLEAR, "_sd": [digest(""), digest(DOUBLE)], "_sd_alg": "sha-256"}, "", DOUBLE),
        {"DISCLOSURE_NOT_JSON"},
    ),
    "a space by bits beyond the end": (
        lambda: build({**CLEAR, "_sd": [digest(SPACED)], "_sd_alg": "sha-256"}, SPACED),
        {"BASE64_NOT_CANONICAL"},
    ),
    "digest hides a separator": (
        lambda: build(
            {**CLEAR, "_sd": ["x=\n~" + digest(TWICE), digest(TWICE)], "_sd_alg": "sha-256"}, TWICE
        ),
        set(),
    ),
}


@pytest.mark.parametrize("sentence", LIES)
def test_lies(sentence: str) -> None:
    make, expected = LIES[sentence]
    text = make()
    assert codes(text) == expected
    if expected:
        with pytest.raises(InputError) as error:
            FORMAT.parse(text)
        assert error.value.code in expected


def test_a_hidden_separator_does_not_list_a_digest() -> None:
    part = b64(["s", "forged", 1])
    text = build({**CLEAR, "_sd": [digest(part) + "=\n~x", "x"], "_sd_alg": "sha-256"}, part)
    assert codes(text) == {"DISCLOSURE_UNKNOWN"}


def test_all_faults_are_told_and_the_rest_is_read() -> None:
    jwt, first, second, *rest = good().split("~")
    text = "~".join([jwt, first, first, b64(["s", "x", 1]), second, *rest])
    inspection = FORMAT.inspect(text)
    assert [fault.code for fault in inspection.faults] == ["DISCLOSURE_TWICE", "DISCLOSURE_UNKNOWN"]
    assert inspection.credential is not None
    assert dict(inspection.credential.claims) == {**CLEAR, **dict(HIDDEN)}
    require_signature(inspection.credential, SIGNER.public_jwk)


def test_nested_disclosures_are_put_back() -> None:
    city = b64(["s1", "city", "拉萨"])
    address = b64(["s2", "address", {"_sd": [digest(city)], "street": "北京路"}])
    element = b64(["s3", "CN"])
    payload = {"_sd": [digest(address)], "nations": ["X", {"...": digest(element)}, {"...": "decoy"}]}
    credential = FORMAT.parse(build(payload, city, element, address))
    assert credential.claims == {"nations": ["X", "CN"], "address": {"street": "北京路", "city": "拉萨"}}
    assert credential.disclosed == ("nations[1]", "address", "address.city")
    assert credential.undisclosed == 1


def test_a_chain_of_disclosures_cannot_exhaust_the_stack() -> None:
    parts: list[str] = []
    inner: dict[str, Any] = {}
    for level in range(300):
        part = b64(["s", f"n{level}", inner])
        parts.append(part)
        inner = {"_sd": [digest(part)]}
    assert "JSON_TOO_DEEP" in codes(build(inner, *parts))


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"alg": "none", "typ": "dc+sd-jwt"}, "ALG_NOT_ALLOWED"),
        ({"alg": "HS256", "typ": "dc+sd-jwt"}, "ALG_NOT_ALLOWED"),
        ({"alg": ["ES256"], "typ": "dc+sd-jwt"}, "ALG_NOT_ALLOWED"),
        ({"typ": "dc+sd-jwt"}, "ALG_NOT_ALLOWED"),
        ({"alg": "ES256", "typ": "JWT"}, "TYP_NOT_ALLOWED"),
        ({"alg": "ES256"}, "TYP_NOT_ALLOWED"),
    ],
)
def test_algorithms(header: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as error:
        require_algorithm(FORMAT.parse(build(CLEAR, header=header)).header)
    assert (error.value.code, error.value.detail["check"]) == (code, CheckId.ALGORITHM)


def der(signature: bytes) -> bytes:
    parts = b"".join(
        b"\x02\x21\x00" + half if half[0] & 0x80 else b"\x02\x20" + half
        for half in (signature[:32], signature[32:])
    )
    return b"\x30" + bytes([len(parts)]) + parts


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (der, "SIGNATURE_DER"),
        (lambda raw: raw[:-1], "SIGNATURE_LENGTH"),
        (lambda raw: raw + b"\x00", "SIGNATURE_LENGTH"),
        (lambda raw: raw[1:], "SIGNATURE_LENGTH"),
        (lambda raw: bytes(len(raw)), "SIGNATURE_INVALID"),
        (lambda raw: raw[32:] + raw[:32], "SIGNATURE_INVALID"),
        (lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]), "SIGNATURE_INVALID"),
        (lambda raw: b"\xff" * len(raw), "SIGNATURE_INVALID"),
    ],
)
def test_signatures(edit: Callable[[bytes], bytes], code: str) -> None:
    jwt, *rest = good().split("~")
    signing_input = jwt.rpartition(".")[0]
    raw = SIGNER.sign(signing_input.encode())
    credential = FORMAT.parse("~".join([f"{signing_input}.{b64(edit(raw))}", *rest]))
    with pytest.raises(InputError) as error:
        require_signature(credential, SIGNER.public_jwk)
    assert (error.value.code, error.value.detail["check"]) == (code, CheckId.SIGNATURE)


@pytest.mark.parametrize(
    ("jwk", "code"),
    [
        (OTHER.public_jwk, "SIGNATURE_INVALID"),
        ({**SIGNER.public_jwk, "crv": "P-384"}, "JWK_INVALID"),
        ({**SIGNER.public_jwk, "x": SIGNER.public_jwk["y"]}, "JWK_INVALID"),
        ({**SIGNER.public_jwk, "x": SIGNER.public_jwk["x"][:-1] + "="}, "JWK_INVALID"),
        ({"kty": "EC", "crv": "P-256", "x": ["a"], "y": "b"}, "JWK_INVALID"),
        ({}, "JWK_INVALID"),
    ],
)
def test_keys(jwk: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as error:
        require_signature(FORMAT.parse(good()), jwk)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"iss": None}, "PAYLOAD_MISSING", "iss"),
        ({"status": None}, "PAYLOAD_MISSING", "status"),
        ({"iss": 5}, "PAYLOAD_TYPE", "iss"),
        ({"iat": "1790000000"}, "PAYLOAD_TYPE", "iat"),
        ({"iat": True}, "PAYLOAD_TYPE", "iat"),
        ({"iat": 1.5}, "PAYLOAD_TYPE", "iat"),
        ({"exp": -1}, "PAYLOAD_TYPE", "exp"),
        ({"exp": 10**12}, "PAYLOAD_TYPE", "exp"),
        ({"status": {"status_list": {"idx": True, "uri": "x"}}}, "PAYLOAD_TYPE", "status"),
        ({"status": {"status_list": {"idx": -1, "uri": "x"}}}, "PAYLOAD_TYPE", "status"),
        ({"status": {"status_list": []}}, "PAYLOAD_TYPE", "status"),
        ({"cnf": {"kid": "x"}}, "PAYLOAD_TYPE", "cnf"),
    ],
)
def test_payload_rules(changes: dict[str, Any], code: str, field: str) -> None:
    payload = {name: value for name, value in {**CLEAR, **changes}.items() if value is not None}
    with pytest.raises(InputError) as error:
        require_payload(payload)
    assert (error.value.code, error.value.detail["field"]) == (code, field)


def test_good_payloads_pass() -> None:
    require_payload(CLEAR)
    require_payload(
        {**{k: v for k, v in CLEAR.items() if k != "exp"}, "cnf": {"jwk": dict(OTHER.public_jwk)}}
    )


def binding(text: str, **changes: Any) -> str:
    payload = {
        "iat": 1_790_000_100,
        "aud": "https://bank.example",
        "nonce": "n",
        "sd_hash": sd_hash(text),
        **changes,
    }
    return make_jws("kb+jwt", {name: value for name, value in payload.items() if value is not None}, OTHER)


def test_a_key_binding_jwt_is_read_apart() -> None:
    text = good()
    jwt = binding(text)
    credential = FORMAT.parse(text + jwt)
    assert credential.key_binding_jwt == jwt
    assert credential.claims == FORMAT.parse(text).claims
    assert sd_hash(text + jwt) == sd_hash(text)


@pytest.mark.parametrize(
    "changes", [{"iat": None}, {"iat": "x"}, {"aud": None}, {"nonce": 1}, {"sd_hash": None}]
)
def test_a_broken_key_binding_jwt_is_told(changes: dict[str, Any]) -> None:
    text = good()
    assert codes(text + binding(text, **changes)) == {"KEY_BINDING_SHAPE"}


def test_every_code_of_this_room_is_in_the_table() -> None:
    told = set().union(*(expected for _, expected in LIES.values()))
    others = {"ALG_NOT_ALLOWED", "TYP_NOT_ALLOWED", "PAYLOAD_MISSING", "PAYLOAD_TYPE", "JWK_INVALID"}
    others |= {"SIGNATURE_DER", "SIGNATURE_LENGTH", "SIGNATURE_INVALID"}
    assert told | others == set(CHECK_OF_CODE)
