"""Calldata of a transaction in a block's bytes, of every kind that runs on the embedded chain; and broken blocks."""

from __future__ import annotations

from contextlib import suppress

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.adapters.chain_embedded.calldata import calldata_of
from ledger.core.errors import InputError

LEGACY = [b"\x01", b"", b"\x52\x08", b"\x11" * 20, b"", b"legacy", b"\x25", b"\x01", b"\x02"]
ACCESS = b"\x01" + rlp.encode(
    [b"\x01", b"", b"", b"", b"\x11" * 20, b"", b"access", [], b"", b"\x01", b"\x02"]
)
FEES = b"\x02" + rlp.encode(
    [b"\x01", b"", b"", b"", b"", b"\x11" * 20, b"", b"fees", [], b"", b"\x01", b"\x02"]
)
BLOCK = rlp.encode([[b"header"], [LEGACY, ACCESS, FEES, b"\x03" + rlp.encode([b"blob"])], [], []])


@pytest.mark.parametrize(("position", "data"), [(0, b"legacy"), (1, b"access"), (2, b"fees")])
def test_each_kind_of_transaction(position: int, data: bytes) -> None:
    assert calldata_of(BLOCK, position) == data


@pytest.mark.parametrize(
    ("block", "position"), [(BLOCK, 3), (BLOCK, 4), (BLOCK[:-1], 0), (b"", 0), (rlp.encode([]), 0)]
)
def test_what_is_no_block_of_ours_is_refused(block: bytes, position: int) -> None:
    with pytest.raises(InputError, match="BLOCK_SHAPE"):
        calldata_of(block, position)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3))
def test_any_bytes_are_read_or_refused(block: bytes, position: int) -> None:
    with suppress(InputError):  # anything else that is raised fails the test
        assert isinstance(calldata_of(block, position), bytes)
