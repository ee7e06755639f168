"""Laws of the wire format: what goes in comes out, no flipped bit goes unseen, no bytes break the reader."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.adapters import format_sd_jwt
from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import SeededEntropy
from ledger.core.errors import InputError
from ledger.core.jose import b64url_decode_or_none, b64url_encode, parse_jws
from ledger.core.sd_jwt import (
    CHECK_OF_CODE,
    RESERVED_NAMES,
    inspect_sd_jwt,
    parse_key_binding,
    require_algorithm,
    require_signature,
)

SIGNER = MemoryCredentialSigner.from_private_number(20_261_122)
FORMAT = SdJwtFormat()
CLEAR = {"iss": "https://a.example", "iat": 1_790_000_000, "status": {"status_list": {"idx": 1, "uri": "u"}}}

texts = st.text(st.characters(codec="utf-8"), max_size=12)
scalars = st.one_of(texts, st.integers(-(2**63), 2**64 - 1), st.booleans(), st.none())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(texts.filter(lambda name: name not in RESERVED_NAMES), inner, max_size=3),
    ),
    max_leaves=6,
)
FORBIDDEN = {*CLEAR, *RESERVED_NAMES, "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "issuer_code"}
disclosable = st.lists(
    st.tuples(texts.filter(lambda name: name not in FORBIDDEN), values),
    max_size=8,
    unique_by=lambda pair: pair[0],
)


def issued() -> str:
    claims = [("name", "扎西顿珠"), ("months", 128), ("address", {"city": "拉萨"}), ("balance", "83214.55")]
    return FORMAT.issue(CLEAR, claims, SIGNER, SeededEntropy(1))


GOOD = issued()


@given(disclosable, st.integers())
def test_what_was_issued_is_read(pairs: list[tuple[str, Any]], seed: int) -> None:
    credential = FORMAT.parse(FORMAT.issue(CLEAR, pairs, SIGNER, SeededEntropy(seed)))
    assert credential.claims == {**CLEAR, **dict(pairs)}
    assert set(credential.disclosed) == {name for name, _ in pairs}
    require_algorithm(credential.header)
    require_signature(credential, SIGNER.public_jwk)


@given(disclosable, st.data())
def test_any_selection_is_read(pairs: list[tuple[str, Any]], data: st.DataObject) -> None:
    jwt, *parts, _ = FORMAT.issue(CLEAR, pairs, SIGNER, SeededEntropy(2)).split("~")
    kept = data.draw(st.lists(st.sampled_from(parts), unique=True)) if parts else []
    credential = FORMAT.parse("~".join([jwt, *kept, ""]))
    assert len(credential.disclosed) == len(kept)
    assert credential.undisclosed == len(pairs) - len(kept)


@settings(max_examples=400)
@given(st.integers(0, len(GOOD) * 8 - 1))
def test_no_flipped_bit_goes_unseen(position: int) -> None:
    data = bytearray(GOOD.encode())
    data[position // 8] ^= 1 << position % 8
    text = data.decode("latin-1")
    with pytest.raises(InputError) as error:
        verify(text)
    assert error.value.code in CHECK_OF_CODE


def verify(text: str) -> None:
    credential = FORMAT.parse(text)
    require_algorithm(credential.header)
    require_signature(credential, SIGNER.public_jwk)


@given(st.binary(max_size=200))
@example(b"")
@example(b"~")
@example(b"e30.e30.~")
@example(b"bnVsbA.bnVsbA.AAAA~")
def test_random_bytes_raise_input_errors_only(data: bytes) -> None:
    text = data.decode("latin-1")
    inspection = FORMAT.inspect(text)
    assert inspection.faults
    assert all(fault.code in CHECK_OF_CODE for fault in inspection.faults)
    for parse in (parse_jws, parse_key_binding):
        with pytest.raises(InputError):
            parse(text)


json_texts = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=10,
).map(lambda value: json.dumps(value).encode())
parts = st.one_of(json_texts, st.binary(max_size=40)).map(b64url_encode)


@given(parts, parts, st.lists(parts, max_size=4), st.sampled_from(["", "x", "a.b.c"]))
def test_any_shape_is_read_or_refused(header: str, payload: str, disclosures: list[str], last: str) -> None:
    text = "~".join([f"{header}.{payload}.{'A' * 86}", *disclosures, last])
    inspection = FORMAT.inspect(text)
    assert (inspection.credential is None) <= bool(inspection.faults)
    assert all(fault.code in CHECK_OF_CODE for fault in inspection.faults)


hashed_names = st.sampled_from(["a", "b", "iss", "exp", "_sd", "..."])
hashed: st.SearchStrategy[Any] = st.tuples(
    st.just("s"), hashed_names, st.sampled_from([1, 2**70, 1.5, "x", ["y"], {"z": 1}, {"_sd": []}, None])
)


@given(st.lists(hashed, max_size=3), st.booleans(), st.booleans(), st.booleans())
def test_the_fast_reader_agrees_with_the_complete_one(
    items: list[Any], drop: bool, spaced: bool, repeat: bool
) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    encoded = [b64url_encode(json.dumps(item, separators=separators).encode()) for item in items]
    listed = [b64url_encode(hashlib.sha256(part.encode()).digest()) for part in encoded]
    payload = {**CLEAR, "_sd_alg": "sha-256", "_sd": listed[1:] if drop else listed}
    body = b64url_encode(json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode())
    header = b64url_encode(b'{"alg":"ES256","typ":"dc+sd-jwt"}')
    text = "~".join([f"{header}.{body}.{'A' * 86}", *encoded, *encoded[:repeat], ""])
    fast, complete = format_sd_jwt._read_plain(text), inspect_sd_jwt(text)
    if fast is not None:
        assert complete.faults == ()
        assert complete.credential is not None
        assert (fast.claims, set(fast.disclosed)) == (
            complete.credential.claims,
            set(complete.credential.disclosed),
        )
        for name in ("header", "payload", "undisclosed", "signature", "signing_input", "issuer_jwt"):
            assert getattr(fast, name) == getattr(complete.credential, name)


pieces = st.sampled_from(
    [
        '["s","n",1]',
        '["s","m",2]',
        ' ["s","o",3]',
        '["s","o",3] \n',
        '["s","p",1],["s","q",2]',
        '["s","p",1]\n,\t["s","q"',
        '["s","p",1],["s","q",',
        '["s","r"',
        '["s","t",',
        "2]",
        '"n",2]',
        ",2]",
        '["s","u",["x"]]',
        '["s","v","',
        '"]',
        '["s","w","a\n,\tb"]',
        '["s","x",null,1]',
        '["s","y"]',
        "[1,2,3]",
        '"abc"',
        "",
        " ",
        '["s","z",\x00 1]',
        '["s","_sd",1]',
        '["s","é",1.0]',
        '["s","\\u006e",1]',
    ]
)


@settings(max_examples=600)
@given(st.lists(pieces, min_size=1, max_size=4), st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_nothing_is_hidden_between_disclosures(texts: list[str], unused_bits: list[int]) -> None:
    encoded = [
        _with_unused_bits(b64url_encode(text.encode()), bits)
        for text, bits in zip(texts, unused_bits, strict=False)
    ]
    listed = sorted({b64url_encode(hashlib.sha256(part.encode()).digest()) for part in encoded})
    payload = {**CLEAR, "_sd_alg": "sha-256", "_sd": listed}
    body = b64url_encode(json.dumps(payload, separators=(",", ":")).encode())
    header = b64url_encode(b'{"alg":"ES256","typ":"dc+sd-jwt"}')
    text = "~".join([f"{header}.{body}.{'A' * 86}", *encoded, ""])
    fast, complete = format_sd_jwt._read_plain(text), inspect_sd_jwt(text)
    if fast is not None:
        assert complete.faults == ()
        assert complete.credential is not None
        assert fast.claims == complete.credential.claims


def _with_unused_bits(text: str, bits: int) -> str:
    """Another spelling of the same bytes, where the last character has bits to spare and `bits` is not 0."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if bits == 0 or len(text) % 4 == 0:
        return text
    return text[:-1] + alphabet[alphabet.index(text[-1]) | bits]


@given(st.binary(max_size=60))
def test_base64url_has_one_spelling(data: bytes) -> None:
    text = b64url_encode(data)
    assert b64url_decode_or_none(text) == data
    for other in (text + "=", text + "A", " " + text, text[:-1] + "."):
        assert b64url_decode_or_none(other) != data


@given(st.text(max_size=30))
def test_only_canonical_base64url_is_read(text: str) -> None:
    data = b64url_decode_or_none(text)
    if data is not None:
        assert b64url_encode(data) == text
