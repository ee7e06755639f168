"""Calls and values of the contracts as bytes, and gas limits that suffice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from ledger.adapters.abi import (
    BLOCK_GAS,
    ContractCodec,
    gas_limit_of,
    issuer_id,
    json_values,
    keccak256,
    load_artifacts,
)
from ledger.core.errors import InputError, NotFoundError
from ledger.core.flow import MAX_BATCH
from ledger.core.migration import ImportedBatch, in_portions
from ledger.core.model import AnchorRecord, BlockRef, WordChange
from ledger.core.status import Status
from ledger.ports import ContractCall
from tests.ports.chain_world import GOVERNANCE, ROOT, World, embedded

UINT32 = st.integers(0, 2**32 - 1)
BYTES32 = st.binary(min_size=32, max_size=32)
CHANGES = st.lists(st.tuples(UINT32, st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1)), max_size=5)


@given(root=BYTES32, by=st.binary(min_size=18, max_size=18), reason=st.integers(0, 255), changes=CHANGES)
def test_calls_are_read_back_as_written(
    root: bytes, by: bytes, reason: int, changes: list[tuple[int, int, int]]
) -> None:
    abi = ContractCodec()["ledger"]
    args = (by, root, by, reason, tuple(changes))
    assert abi.decode_call(abi.encode("suspend", args)) == ("suspend", args)


@given(address=st.binary(min_size=20, max_size=20))
def test_addresses_are_twenty_bytes(address: bytes) -> None:
    abi = ContractCodec()["ledger"]
    assert abi.decode_call(abi.encode("handover", (bytes(18), address)))[1][1] == address


def test_calldata_is_that_of_web3() -> None:
    contract = Web3().eth.contract(abi=load_artifacts()["registry"].abi)  # type: ignore[call-overload]
    act, auth = b"\x01" * 70, (b"s" * 32, 7, 8, b"sig")
    ours = ContractCodec().encode(ContractCall("registry", "propose", (issuer_id(ROOT), act, auth)))
    theirs = contract.encode_abi("propose", args=[issuer_id(ROOT), act, auth])
    assert "0x" + ours.hex() == theirs


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ("Reverted", (b"",))),
        (b"\xde\xad\xbe\xef", ("Reverted", (b"\xde\xad\xbe\xef",))),
        (bytes.fromhex("4e487b71") + (17).to_bytes(32), ("Panic", (17,))),
        (
            bytes.fromhex("08c379a0") + (32).to_bytes(32) + (2).to_bytes(32) + b"no".ljust(32, b"\0"),
            ("Error", ("no",)),
        ),
        (keccak256(b"LedgerNotOpen()")[:4], ("LedgerNotOpen", ())),
        (
            keccak256(b"RegistryUnknownType(uint32)")[:4] + (9).to_bytes(32),
            ("RegistryUnknownType", (9,)),
        ),
    ],
)
def test_errors_by_name_and_values(data: bytes, expected: tuple[str, tuple[Any, ...]]) -> None:
    assert ContractCodec().decode_error(data) == expected


def test_values_for_json() -> None:
    assert json_values((b"\x01\xff", 3, (b"", True))) == ["0x01ff", 3, ["0x", True]]


@pytest.mark.parametrize("uscc", ["", "9910000", "99100000MB0000001AX", "九9100000MB0000001A"])
def test_an_issuer_has_eighteen_ascii_characters(uscc: str) -> None:
    with pytest.raises(InputError) as caught:
        issuer_id(uscc)
    assert caught.value.code == "ISSUER_ID"


def test_missing_artifacts_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        load_artifacts(tmp_path)
    assert caught.value.code == "ARTIFACTS_MISSING"


@pytest.mark.parametrize("size", [1, 6400, 100_000])
def test_gas_suffices_for_pending_batches_and_word_changes(size: int) -> None:
    chain, clock = embedded()
    world = World(chain, clock).found(ROOT)
    batch = world.anchor(world.batch(ROOT, 1, size=size, pending=True))
    words = min(157, (size + 63) // 64)
    lanes = 2**256 // 15 if size >= 64 else 1
    changes = [WordChange(word, lanes * 15, lanes * Status.VOID) for word in range(words)]
    assert world.try_change(ROOT, batch.root, changes).state == "final"
    chain.close()


NEWER_LIMIT = 2**24
"""What one transaction may ask for on chains of newer rules (EIP-7825)."""


def test_a_change_of_a_whole_batch_stays_below_the_limit_of_newer_chains() -> None:
    changes = [(word, 2**256 - 1, 2**256 // 15 * 2) for word in range(MAX_BATCH // 64 + 1)]
    call = ContractCall("ledger", "suspend", (b"9" * 18, bytes(32), b"9" * 18, 1, changes))
    assert gas_limit_of(call, ContractCodec().encode(call)) < NEWER_LIMIT


@pytest.mark.parametrize("words", [(), (0,) * 150 + (8,), (8,) * 30], ids=["quiet", "one at the end", "many"])
def test_gas_suffices_for_an_import_and_stays_below_the_limit_of_newer_chains(words: tuple[int, ...]) -> None:
    anchor = AnchorRecord(
        ROOT, bytes(32), 1, 1, MAX_BATCH, 1, 0, 0, False, bytes(32), bytes(32), bytes(32), bytes(32),
        BlockRef(1, bytes(32), 1), bytes(32), None, None,
    )  # fmt: skip
    portion = next(in_portions(ImportedBatch(anchor, words) for _ in range(1_000)))
    facts = (1, 1, MAX_BATCH, 1, 0, 0, 0)
    records = [
        (issuer_id(ROOT), keccak256(bytes([place])), facts, list(words)) for place in range(len(portion))
    ]
    call = ContractCall("ledger", "importAnchors", (records,))
    assert gas_limit_of(call, ContractCodec().encode(call)) < NEWER_LIMIT
    chain, clock = embedded()
    world = World(chain, clock)
    world.register_type()
    assert world.try_("ledger", "importAnchors", (records,), GOVERNANCE).state == "final"
    chain.close()


def test_no_gas_limit_exceeds_a_block() -> None:
    call = ContractCall("ledger", "suspend", ())
    assert gas_limit_of(call, bytes(10**6)) == BLOCK_GAS
