"""The public list: codec, address, and the table of published values."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import pytest

from ledger.core.errors import InputError
from ledger.core.jose import b64url_encode
from ledger.core.model import AnchorRecord, BlockRef, GrantRecord, KeyRecord, Purpose, WithdrawalCause
from ledger.core.status import Status
from ledger.core.status_list import (
    decode_status_list,
    encode_status_list,
    pack_values,
    parse_status_uri,
    published_value,
    status_uri,
    worst,
)

ISSUER, PARENT = "12990100MB0X12345P", "11990000MB0X54321A"
AT = 1_790_000_000
ANCHOR = AnchorRecord(
    issuer=ISSUER,
    root=bytes(32),
    type_id=1,
    key=1,
    size=10,
    anchored_at=AT,
    list=0,
    first_word=0,
    pending=False,
    operator=bytes(32),
    maker=bytes(32),
    approver=bytes(32),
    standing_id=bytes(32),
    block=BlockRef(5, bytes(32), AT),
    tx_hash=bytes(32),
    withdrawn_at=None,
    withdrawn_reason=None,
)
KEY = KeyRecord(ISSUER, 1, bytes(32), Purpose.CREDENTIAL, 0, 2**40, None)
GRANT = GrantRecord(ISSUER, 1, 0, 2**40, None, None, None)
ABOVE = replace(GRANT, issuer=PARENT)
RENEWED = replace(GRANT, valid_from=AT - 5)
MISCONDUCT, ORDERLY = int(WithdrawalCause.MISCONDUCT), int(WithdrawalCause.ADMINISTRATIVE)


def value(status: int = Status.VALID, **changes: Any) -> int:
    given: dict[str, Any] = {
        "anchor": ANCHOR,
        "key": KEY,
        "grants": (GRANT, ABOVE),
        "is_final": True,
        **changes,
    }
    return published_value(given["anchor"], given["key"], given["grants"], status, given["is_final"])


TABLE = {
    Status.VALID: 0,
    Status.PENDING: 2,
    Status.SUSPENDED: 2,
    Status.REVOKED: 1,
    Status.SUPERSEDED: 1,
    Status.CANCELLED: 1,
    Status.VOID: 1,
    Status.USED: 1,
}


@pytest.mark.parametrize("status", Status)
def test_the_architectures_table(status: Status) -> None:
    assert value(status) == TABLE[status]


@pytest.mark.parametrize("status", set(range(16)) - {int(status) for status in Status})
def test_undefined_statuses_are_never_good(status: int) -> None:
    assert value(status) == 1


@pytest.mark.parametrize("status", range(16))
def test_only_valid_and_nothing_else_is_zero(status: int) -> None:
    spoilt: list[dict[str, Any]] = [
        {"is_final": False},
        {"key": None},
        {"anchor": replace(ANCHOR, withdrawn_at=AT + 1, withdrawn_reason=2)},
        {"key": replace(KEY, compromised_since=AT)},
        {"key": replace(KEY, compromised_since=AT - 1)},
    ]
    for changes in spoilt:
        assert value(status, **changes) != 0
    assert (value(status) == 0) is (status == Status.VALID)


def test_before_it_is_final_it_is_suspended_and_never_milder() -> None:
    assert value(is_final=False) == 2
    assert value(Status.REVOKED, is_final=False) == 1


def test_a_compromise_breaks_what_was_anchored_at_or_after_it() -> None:
    assert value(key=replace(KEY, compromised_since=AT)) == 1
    assert value(key=replace(KEY, compromised_since=AT + 1)) == 0


def withdrawn(since: int, at: int, cause: int, grant: GrantRecord = GRANT) -> GrantRecord:
    return replace(grant, withdrawn_since=since, withdrawn_at=at, cause=cause)


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ((withdrawn(AT - 1, AT + 9, MISCONDUCT), ABOVE), 1),
        ((withdrawn(AT, AT + 9, MISCONDUCT), ABOVE), 1),
        ((withdrawn(AT + 1, AT + 9, MISCONDUCT), ABOVE), 0),
        ((withdrawn(AT - 1, AT + 9, ORDERLY), ABOVE), 0),
        ((GRANT, withdrawn(AT - 1, AT + 9, MISCONDUCT, ABOVE)), 1),
        ((GRANT, withdrawn(AT - 1, AT + 9, ORDERLY, ABOVE)), 0),
        ((withdrawn(AT - 9, AT - 5, MISCONDUCT), replace(GRANT, valid_from=AT - 4), ABOVE), 0),
        ((replace(withdrawn(AT - 9, AT - 5, MISCONDUCT), valid_until=AT), GRANT, ABOVE), 0),
        ((GRANT, withdrawn(AT - 1, AT + 9, MISCONDUCT, RENEWED), ABOVE), 1),
        ((GRANT, withdrawn(AT + 1, AT + 9, MISCONDUCT, RENEWED), ABOVE), 0),
        ((GRANT, withdrawn(AT - 1, AT + 9, ORDERLY, RENEWED), ABOVE), 0),
        ((GRANT, ABOVE, withdrawn(AT - 1, AT + 9, MISCONDUCT, replace(RENEWED, issuer=PARENT))), 1),
        ((GRANT, withdrawn(AT - 1, AT, ORDERLY, RENEWED), ABOVE), 1),
        ((GRANT, replace(RENEWED, valid_until=AT), ABOVE), 1),
    ],
)
def test_breaking_withdrawals(grants: tuple[GrantRecord, ...], expected: int) -> None:
    assert value(grants=grants) == expected


def test_the_worst_of_two() -> None:
    order = (0, 2, 1)
    for low, first in enumerate(order):
        for high, second in enumerate(order):
            assert worst(first, second) == order[max(low, high)]


def test_first_value_in_the_lowest_bits() -> None:
    assert pack_values([1, 2, 3, 0, 1], 2) == bytes([0b00_11_10_01, 0b01])
    assert pack_values([1, 0, 0, 0, 0, 0, 0, 0, 1], 1) == b"\x01\x01"
    assert pack_values([0xA, 0x5], 4) == b"\x5a"
    assert pack_values([200, 100], 8) == bytes([200, 100])
    assert pack_values([], 2) == b""


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_what_is_packed_is_read(bits: int) -> None:
    values = [(index * 7) % (1 << bits) for index in range(1001)]
    statuses = decode_status_list(encode_status_list(values, bits), bits)
    assert [statuses.value(index) for index in range(1001)] == values
    for idx in (-1, len(statuses)):
        with pytest.raises(InputError) as error:
            statuses.value(idx)
        assert error.value.code == "STATUS_INDEX_RANGE"


@pytest.mark.parametrize(("values", "bits"), [([4], 2), ([2], 1), ([1], 3)])
def test_values_must_fit(values: list[int], bits: int) -> None:
    with pytest.raises(RuntimeError):
        encode_status_list(values, bits)


BOMB = b64url_encode(zlib.compress(bytes(2**24), 9))
WHOLE = zlib.compress(bytes(8), 9)


@pytest.mark.parametrize(
    ("lst", "bits", "reason"),
    [
        (BOMB, 2, "SIZE"),
        (b64url_encode(WHOLE[:-1]), 2, "LST"),
        (b64url_encode(WHOLE + b"x"), 2, "LST"),
        (b64url_encode(WHOLE) + "=", 2, "LST"),
        (b64url_encode(WHOLE[2:-4]), 2, "LST"),
        ("", 2, "LST"),
        (b64url_encode(WHOLE), 3, "BITS"),
        (b64url_encode(WHOLE), True, "BITS"),
        (b64url_encode(WHOLE), "2", "BITS"),
    ],
)
def test_broken_lists(lst: str, bits: Any, reason: str) -> None:
    with pytest.raises(InputError) as error:
        decode_status_list(lst, bits)
    assert (error.value.code, error.value.detail["reason"]) == ("STATUS_LIST_SHAPE", reason)


def test_addresses() -> None:
    ledger = bytes(range(32))
    uri = status_uri("https://a.example/x", ledger, 7)
    parsed = parse_status_uri(uri)
    assert (parsed.iss, parsed.ledger_id, parsed.number) == ("https://a.example/x", ledger, 7)
    for lie in (
        uri + "/",
        uri.upper(),
        uri + "?x",
        uri[:-1] + "07",
        uri[:-1] + "4294967296",
        "http" + uri[5:],
        uri + "\n",
    ):
        with pytest.raises(InputError) as error:
            parse_status_uri(lie)
        assert error.value.code == "STATUS_URI"
