"""Checkpoints: one spelling, one key's word, and what two of them prove."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.checkpoint import (
    MAX_CHECKPOINT_BYTES,
    Checkpoint,
    contradict,
    encode_checkpoint,
    operator_key,
    parse_checkpoint,
    require_ledger,
    require_signed,
    sign_checkpoint,
)
from ledger.core.errors import InputError
from ledger.core.model import BlockRef, KeyRecord, Purpose

ONE, OTHER = (MemoryCredentialSigner.from_private_number(number) for number in (31, 32))
SEEN = Checkpoint(
    b"\x01" * 32, 1_500_000_001, BlockRef(17, b"\x02" * 32, 1_795_305_600), b"\x03" * 32, 1_795_305_601
)
SIGNED = sign_checkpoint(SEEN, ONE)
DATA = encode_checkpoint(SIGNED)


def test_what_is_written_is_what_is_read() -> None:
    assert parse_checkpoint(DATA) == SIGNED
    assert parse_checkpoint(DATA).thumbprint == ONE.thumbprint
    require_signed(parse_checkpoint(DATA))
    require_ledger(SIGNED, SEEN.ledger_id, SEEN.chain_id)
    assert len(DATA) < MAX_CHECKPOINT_BYTES / 3


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("block_number", -1),
        ("block_number", True),
        ("block_number", 2**53),
        ("block_hash", "0x" + "AB" * 32),
        ("block_hash", "0x" + "ab" * 31),
        ("ledger_id", "ab" * 32),
        ("state_root", 5),
        ("chain_id", "eip155:0"),
        ("chain_id", 7),
        ("signature", "A" * 86),
        ("signature", "!!"),
        ("signature", None),
        ("version", 2),
        ("version", True),
        ("jwk", {**ONE.public_jwk, "d": "AAAA"}),
        ("jwk", {**ONE.public_jwk, "x": ONE.public_jwk["y"]}),
        ("jwk", []),
        ("extra", 1),
    ],
)
def test_another_shape_is_refused(member: str, value: object) -> None:
    document = {**json.loads(DATA), member: value}
    with pytest.raises(InputError) as refused:
        require_signed(parse_checkpoint(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()))
    assert refused.value.code in ("CHECKPOINT_SHAPE", "CHECKPOINT_SIGNATURE")


def test_a_second_spelling_is_refused() -> None:
    for data in (
        DATA + b"\n",
        b" " + DATA,
        DATA.replace(b'":', b'": ', 1),
        json.dumps(json.loads(DATA)).encode(),
    ):
        with pytest.raises(InputError, match="CHECKPOINT_SHAPE"):
            parse_checkpoint(data)


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_no_changed_byte_is_believed(at: int, change: int) -> None:
    changed = DATA[:at] + bytes([DATA[at] ^ change]) + DATA[at + 1 :]
    with pytest.raises(InputError):
        require_signed(parse_checkpoint(changed))


@given(st.binary(max_size=300) | st.integers(0, len(DATA) - 1).map(lambda end: DATA[:end]))
def test_garbage_is_refused_with_our_own_error(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_checkpoint(data)


def test_a_signature_is_for_one_text_by_one_key() -> None:
    stolen = replace(SIGNED, jwk=OTHER.public_jwk)
    later = replace(SIGNED, checkpoint=replace(SEEN, signed_at=SEEN.signed_at + 1))
    for forged in (stolen, later):
        with pytest.raises(InputError, match="CHECKPOINT_SIGNATURE"):
            require_signed(forged)
    with pytest.raises(InputError, match="CHECKPOINT_LEDGER"):
        require_ledger(SIGNED, b"\x09" * 32, SEEN.chain_id)
    with pytest.raises(InputError, match="CHECKPOINT_LEDGER"):
        require_ledger(SIGNED, SEEN.ledger_id, 5)


def test_two_stories_about_one_height_contradict_each_other() -> None:
    again = sign_checkpoint(replace(SEEN, signed_at=SEEN.signed_at + 20), OTHER)
    forked = sign_checkpoint(replace(SEEN, block=replace(SEEN.block, hash=b"\x09" * 32)), ONE)
    backdated = sign_checkpoint(replace(SEEN, block=replace(SEEN.block, time=5)), ONE)
    other_state = sign_checkpoint(replace(SEEN, state_root=b"\x08" * 32), ONE)
    higher = sign_checkpoint(replace(SEEN, block=BlockRef(18, b"\x09" * 32, 6)), ONE)
    elsewhere = sign_checkpoint(replace(SEEN, ledger_id=b"\x07" * 32, state_root=b"\x08" * 32), ONE)
    assert [contradict(SIGNED, one) for one in (again, forked, backdated, other_state, higher, elsewhere)] == [
        False, True, True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"purpose": Purpose.CREDENTIAL}, False),
        ({"thumbprint": OTHER.thumbprint}, False),
        ({"valid_from": SEEN.signed_at}, True),
        ({"valid_from": SEEN.signed_at + 1}, False),
        ({"valid_until": SEEN.signed_at}, False),
        ({"compromised_since": SEEN.signed_at}, False),
        ({"compromised_since": SEEN.signed_at + 1}, True),
    ],
)
def test_the_operators_key_is_registered_honest_and_of_this_purpose(
    changes: dict[str, object], *, may: bool
) -> None:
    key = KeyRecord("12990100XXXX000190", 1, ONE.thumbprint, Purpose.CHECKPOINT, 0, 2**40, None)
    found = operator_key(SIGNED, [replace(key, **changes)])  # type: ignore[arg-type]
    assert (found is not None) is may
