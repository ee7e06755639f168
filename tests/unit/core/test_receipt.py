"""Bundles: what is written is what is read, and nothing else is read."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.json_orjson import read_json as fast_read_json
from ledger.core.addresses import checksum_address
from ledger.core.canonical_json import canonical_json
from ledger.core.errors import InputError
from ledger.core.jose import read_json
from ledger.core.model import BlockRef
from ledger.core.receipt import MAX_BUNDLE_BYTES, Bundle, Receipt, encode_bundle, parse_bundle
from tests.needs import ROOT

hashes = st.binary(min_size=32, max_size=32)
counts = st.integers(0, 2**53 - 1)
extras = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).map(lambda name: "x-" + name),
    st.integers(-5, 5) | st.booleans() | st.text(st.characters(codec="utf-8"), max_size=5),
    max_size=2,
)
receipts = st.builds(
    Receipt,
    ledger_id=hashes,
    chain_id=st.integers(1, 10**15 - 1),
    contract=st.binary(min_size=20, max_size=20),
    issuer=st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=18, max_size=18),
    root=hashes,
    leaf_index=counts,
    tree_size=counts,
    path=st.lists(hashes, max_size=32).map(tuple),
    block=st.builds(BlockRef, counts, hashes, counts),
    extra=extras,
)
bundles = st.builds(
    Bundle,
    credential=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
    receipt=st.none() | receipts,
    directory_entry=st.none() | st.text("abc.", max_size=9),
    presentation=st.none() | st.fixed_dictionaries({"purpose": st.text("贷款abc", max_size=5)}),
    extra=extras,
)


@given(bundles)
def test_parse_and_encode_are_inverse_for_both_readers(bundle: Bundle) -> None:
    data = encode_bundle(bundle)
    assert parse_bundle(data, read_json) == bundle
    assert parse_bundle(data, fast_read_json) == bundle
    assert encode_bundle(parse_bundle(data)) == data


@given(bundles)
def test_what_is_written_fits_the_schema(bundle: Bundle) -> None:
    schema = json.loads((ROOT / "docs" / "bundle.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(encode_bundle(bundle)), schema)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def _outcome(reader: Any, data: bytes) -> Any:
    try:
        return reader(data)
    except InputError as error:
        return error.code


@given(json_values, st.booleans())
def test_fast_reader_equals_the_strict_one(value: Any, compact: bool) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":") if compact else None)
    data = text.encode("utf-8", "surrogatepass")
    assert repr(_outcome(fast_read_json, data)) == repr(_outcome(read_json, data))


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b"{} ",
        b"[1e400]",
        b"[NaN]",
        b"\xef\xbb\xbf{}",
        b'["\\ud800"]',
        b"[" * 2000 + b"]" * 2000,
        b"[" * 65 + b"]" * 65,
        b"[" * 64 + b"]" * 64,
        b"1" * 5000,
        b"-0.0",
        b'{"a":1}x',
        b"",
    ],
)
def test_fast_reader_refuses_what_the_strict_one_refuses(data: bytes) -> None:
    assert repr(_outcome(fast_read_json, data)) == repr(_outcome(read_json, data))


def _good() -> dict[str, Any]:
    receipt = Receipt(
        b"\x01" * 32,
        7,
        b"\xab" * 20,
        "9" * 18,
        b"\x02" * 32,
        1,
        2,
        (b"\x03" * 32,),
        BlockRef(1, b"\x04" * 32, 9),
    )
    document: dict[str, Any] = json.loads(encode_bundle(Bundle("a.b.c~", receipt)))
    return document


LIES: list[tuple[str, Any, str]] = [
    ("version", "1", "BUNDLE_SHAPE"),
    ("version", True, "BUNDLE_SHAPE"),
    ("version", 2, "BUNDLE_VERSION"),
    ("credential", "", "BUNDLE_SHAPE"),
    ("credential", None, "BUNDLE_SHAPE"),
    ("receipt", None, "RECEIPT_SHAPE"),
    ("receipt", [], "RECEIPT_SHAPE"),
    ("directory_entry", None, "BUNDLE_SHAPE"),
    ("presentation", "loan", "BUNDLE_SHAPE"),
    ("crit", [], "BUNDLE_CRITICAL"),
    ("crit", "version", "BUNDLE_CRITICAL"),
    ("crit", ["unheard_of"], "BUNDLE_CRITICAL"),
    ("crit", ["presentation"], "BUNDLE_CRITICAL"),  # known, but not there
    ("receipt.version", 2, "RECEIPT_VERSION"),
    ("receipt.version", None, "RECEIPT_SHAPE"),
    ("receipt.ledger_id", "0x" + "1" * 63, "RECEIPT_SHAPE"),
    ("receipt.ledger_id", "1" * 64, "RECEIPT_SHAPE"),
    ("receipt.root", "0x" + "A" * 64, "RECEIPT_SHAPE"),
    ("receipt.root", "0x" + "g" * 64, "RECEIPT_SHAPE"),
    ("receipt.root", "0x" + "1 " * 32, "RECEIPT_SHAPE"),
    ("receipt.root", 5, "RECEIPT_SHAPE"),
    ("receipt.chain_id", 7, "RECEIPT_SHAPE"),
    ("receipt.chain_id", "7", "RECEIPT_SHAPE"),
    ("receipt.chain_id", "eip155:", "RECEIPT_SHAPE"),
    ("receipt.chain_id", "eip155:07", "RECEIPT_SHAPE"),
    ("receipt.chain_id", "eip155:٧", "RECEIPT_SHAPE"),
    ("receipt.chain_id", "eip155:" + "9" * 5000, "RECEIPT_SHAPE"),
    ("receipt.contract", "0X" + "ab" * 20, "RECEIPT_SHAPE"),
    ("receipt.contract", "0x" + "ab" * 19, "RECEIPT_SHAPE"),
    ("receipt.contract", None, "RECEIPT_SHAPE"),
    ("receipt.issuer", "9" * 17, "RECEIPT_SHAPE"),
    ("receipt.issuer", "中" * 18, "RECEIPT_SHAPE"),
    ("receipt.leaf_index", -1, "RECEIPT_SHAPE"),
    ("receipt.leaf_index", 1.0, "RECEIPT_SHAPE"),
    ("receipt.leaf_index", True, "RECEIPT_SHAPE"),
    ("receipt.tree_size", 2**53, "RECEIPT_SHAPE"),
    ("receipt.path", "0x", "RECEIPT_SHAPE"),
    ("receipt.path", [1], "RECEIPT_SHAPE"),
    ("receipt.path", ["0x" + "1" * 62], "RECEIPT_SHAPE"),
    ("receipt.path", ["0x" + "1" * 64, ""], "RECEIPT_SHAPE"),
    ("receipt.path", ["1" * 66, "0x0x" + "1" * 62], "RECEIPT_SHAPE"),
    ("receipt.path", ["0x" + "1" * 60, "0x" + "1" * 68], "RECEIPT_SHAPE"),
    ("receipt.path", ["0x" + "A" * 64], "RECEIPT_SHAPE"),
    ("receipt.path", ["0x" + "1" * 64] * 33, "RECEIPT_SHAPE"),
    ("receipt.hash", "sha256", "RECEIPT_HASH_UNKNOWN"),
    ("receipt.block", 1, "RECEIPT_SHAPE"),
    ("receipt.block", {"number": 1, "hash": "0x" + "1" * 64}, "RECEIPT_SHAPE"),
    ("receipt.crit", ["fee"], "RECEIPT_CRITICAL"),
]


@pytest.mark.parametrize(("member", "value", "code"), LIES)
def test_lies_are_refused(member: str, value: Any, code: str) -> None:
    document = _good()
    *parents, name = member.split(".")
    target = document[parents[0]] if parents else document
    target[name] = value
    data = json.dumps(document, ensure_ascii=False).encode("utf-8")
    with pytest.raises(InputError) as error:
        parse_bundle(data)
    assert error.value.code == code


def test_a_critical_member_that_is_known_and_there_is_accepted() -> None:
    document = _good() | {"crit": ["receipt"]}
    bundle = parse_bundle(json.dumps(document).encode())
    assert bundle.extra == {"crit": ["receipt"]}


def test_an_address_has_its_checksum_or_no_capitals() -> None:
    document = _good()
    for spelling in ("0x" + "ab" * 20, checksum_address(b"\xab" * 20)):
        document["receipt"]["contract"] = spelling
        receipt = parse_bundle(json.dumps(document).encode()).receipt
        assert receipt is not None
        assert receipt.contract == b"\xab" * 20
    document["receipt"]["contract"] = checksum_address(b"\xab" * 20).swapcase().replace("0X", "0x")
    with pytest.raises(InputError) as error:
        parse_bundle(json.dumps(document).encode())
    assert error.value.code == "RECEIPT_SHAPE"


def test_size_is_judged_before_content() -> None:
    exact = b'{"version":1,"credential":"' + b"a" * (MAX_BUNDLE_BYTES - 29) + b'"}'
    assert len(exact) == MAX_BUNDLE_BYTES
    assert parse_bundle(exact).receipt is None
    with pytest.raises(InputError) as error:
        parse_bundle(exact + b" ")
    assert error.value.code == "BUNDLE_TOO_LARGE"


@pytest.mark.parametrize("text", ["a.b.c~", "\n a.b.c~d~ \r\n"])
def test_a_bare_credential_is_a_bundle_without_receipt(text: str) -> None:
    assert parse_bundle(text.encode()) == Bundle(text.strip())


# RFC 8785 §3.2.2 and appendix, without numbers that are floats

CANONICAL = [
    ({"b": 1, "a": [True, None, "\u20ac"]}, '{"a":[true,null,"\u20ac"],"b":1}'),
    (
        {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7},
        '{"\\r":2,"1":4,"\x80":6,"\xf6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}',
    ),
    ('\x08\t\n\x0c\r"\\\x1f', '"\\b\\t\\n\\f\\r\\"\\\\\\u001f"'),
    (-(2**53) + 1, "-9007199254740991"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), CANONICAL)
def test_canonical_form(value: Any, text: str) -> None:
    assert canonical_json(value) == text.encode("utf-8")


@pytest.mark.parametrize("value", [1.0, 2**53, {1: 2}, "\ud800", b"", {"a": {"b": {1}}}])
def test_values_without_a_canonical_form(value: Any) -> None:
    with pytest.raises(InputError) as error:
        canonical_json(value)
    assert error.value.code == "JSON_NOT_CANONICAL"
