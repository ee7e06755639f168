"""The test vectors of the Token Status List draft: 2^20 entries of 1, 2, 4 and 8 bits."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from ledger.core.errors import InputError
from ledger.core.jose import b64url_encode
from ledger.core.status_list import decode_status_list, encode_status_list
from tests.needs import shared_files

FILE = shared_files("vectors/token-status-list/expected.json")[0]
pytestmark = pytest.mark.needs("shared")


@cache
def vectors() -> dict[int, dict[str, Any]]:
    return {vector["bits"]: vector for vector in json.loads(FILE.read_text())["vectors"]}


def test_all_widths_are_there() -> None:
    assert sorted(vectors()) == [1, 2, 4, 8]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_decoded(bits: int) -> None:
    vector = vectors()[bits]
    statuses = decode_status_list(vector["lst"], bits)
    assert len(statuses) == vector["entries"]
    expected = {int(idx): value for idx, value in dict(vector["expected_nonzero"]).items()}
    found = {idx: value for idx in range(len(statuses)) if (value := statuses.value(idx))}
    assert found == {idx: value for idx, value in expected.items() if value}  # one vector names a zero


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_encoded_again_is_the_same_list(bits: int) -> None:
    vector = vectors()[bits]
    values = bytearray(vector["entries"])
    for idx, value in dict(vector["expected_nonzero"]).items():
        values[int(idx)] = value
    again = decode_status_list(encode_status_list(values, bits), bits)
    assert again == decode_status_list(vector["lst"], bits)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_lies(bits: int) -> None:
    lst = vectors()[bits]["lst"]
    half = len(lst) // 2
    lies = [
        lst + "=",
        lst[:-4],
        lst + "AAAA",
        "A" + lst[1:],
        lst[:half] + "." + lst[half:],
        b64url_encode(b""),
    ]
    for lie in lies:
        with pytest.raises(InputError) as error:
            decode_status_list(lie, bits)
        assert error.value.code == "STATUS_LIST_SHAPE"
    with pytest.raises(InputError):
        decode_status_list(lst, bits, max_entries=2**19)
    with pytest.raises(InputError) as beyond:
        decode_status_list(lst, bits).value(2**20)
    assert beyond.value.code == "STATUS_INDEX_RANGE"
