"""The reader with a memory says of any bytes what parse_bundle says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.adapters.json_orjson import read_json as fast_read_json
from ledger.core.errors import InputError
from ledger.core.jose import read_json
from ledger.core.model import BlockRef
from ledger.core.receipt import Bundle, Receipt, encode_bundle, parse_bundle
from ledger.services import bundle_reader
from ledger.services.bundle_reader import BundleReader

ISSUER = "12990100XXXX000190"


def bundle(
    credential: str = "e30.e30.AAAA~",
    index: int = 3,
    path: tuple[bytes, ...] = (b"\x07" * 32,) * 2,
    **more: Any,
) -> bytes:
    receipt = Receipt(
        b"\x01" * 32, 7, b"\xab" * 20, ISSUER, b"\x02" * 32, index, 5, path, BlockRef(1, b"\x03" * 32, 9)
    )
    return encode_bundle(Bundle(credential, receipt, "a.b.c", **more))


def outcome(read: Any, data: bytes) -> Any:
    try:
        return read(data)
    except InputError as error:
        return error.code


def warm(*known: bytes, reader: Any = fast_read_json) -> BundleReader:
    made = BundleReader(reader)
    for data in known:
        outcome(made.read, data)
    return made


@given(
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.integers(0, 2**53 + 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=34).map(tuple),
    st.sampled_from([read_json, fast_read_json]),
)
def test_bundles_of_a_batch_are_read_as_alone(
    credential: str, index: int, path: tuple[bytes, ...], reader: Any
) -> None:
    data = bundle(credential, index, path)
    assert outcome(warm(bundle(), reader=reader).read, data) == outcome(parse_bundle, data)


@settings(max_examples=400)
@given(
    st.integers(0, 10**6),
    st.integers(0, 4),
    st.binary(max_size=4) | st.sampled_from([b'"', b"\\", b",", b"]"]),
)
def test_any_change_is_judged_as_alone(at: int, length: int, piece: bytes) -> None:
    good = bundle()
    start = at % len(good)
    changed = good[:start] + piece + good[start + length :]
    assert outcome(warm(good).read, changed) == outcome(parse_bundle, changed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"leaf_index":3', b'"leaf_index":03'),
        (b'"leaf_index":3', b'"leaf_index":-3'),
        (b'"leaf_index":3', b'"leaf_index":3.0'),
        (b'"leaf_index":3', b'"leaf_index":9007199254740992'),
        (b'"leaf_index":3', b'"leaf_index":4,"leaf_index":3'),
        (b'"tree_size":5', b'"tree_size":05'),
        (b'"path":[', b'"path": ['),
        (b'"path":["0x07', b'"path":["0X07'),
        (b'"path":["0x07', b'"path":["0xAB'),
        (b'"],"hash"', b'",],"hash"'),
        (b'AAAA~"', b'AAAA~\x01"'),
        (b'AAAA~"', b'AAAA~\\u0041"'),
        (b'AAAA~"', b'AAAA~\\""'),
        (b'AAAA~"', b'AAAA~\xff"'),
        (b'"e30.e30.AAAA~"', b'""'),
        (b'"e30.e30.AAAA~"', b"1"),
        (b'{"version":1,"credential":', b'{"version":1, "credential":'),
    ],
)
def test_other_spellings_are_judged_as_alone(old: bytes, new: bytes) -> None:
    good = bundle()
    assert good.count(old) == 1
    changed = good.replace(old, new)
    for reader in (warm(good), warm(good, changed), warm(changed, good)):
        assert outcome(reader.read, changed) == outcome(parse_bundle, changed)
        assert reader.read(good) == parse_bundle(good)


def test_a_leaf_index_of_a_strange_member_is_not_the_receipts() -> None:
    place = b',"leaf_index":%d,"tree_size":5,"path":[]'
    good = bundle(path=())
    strange = [
        good.replace(b',"receipt":', b',"x":{"a":1' + place % index + b'},"receipt":') for index in (3, 4)
    ]
    reader = warm(strange[0])
    assert reader.read(strange[1]) == parse_bundle(strange[1])


def test_what_it_keeps_is_bounded() -> None:
    reader = BundleReader()
    for number in range(bundle_reader.KEPT_FRAMES + 9):
        reader.read(bundle(extra={"n": number}))
    assert len(reader._frames) == bundle_reader.KEPT_FRAMES
    reader = warm(bundle(extra={"n": "x" * bundle_reader.LONGEST_FRAME}))
    assert not reader._frames
