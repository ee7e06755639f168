"""Transactions as the chain takes them: checked once, as far as that needs no state.

py-evm compares no chain ids, so that what was signed for another chain would run here; this is the
place where it is refused, on sending and on importing alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import rlp
from eth.exceptions import UnrecognizedTransactionType
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from ledger.adapters.abi import keccak256
from ledger.core.errors import InputError

if TYPE_CHECKING:
    from eth.abc import SignedTransactionAPI

_PLAIN_TYPES = frozenset({1, 2})  # EIP-2930, EIP-1559
_FIRST_LIST_BYTE = 0xC0
_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # SEC 2, secp256k1
_NONCE_END = 2**64 - 1  # EIP-2681
_ADDRESS_BYTES = 20
_FLOOR_GAS, _FLOOR_PER_TOKEN, _TOKENS_PER_BYTE = 21_000, 10, 4  # EIP-7623


@dataclass(frozen=True, slots=True)
class CheckedTransaction:
    """A well-formed transaction of this chain with a recovered sender. `cost`: wei it may spend."""

    hash: bytes
    raw: bytes
    sender: bytes
    nonce: int
    gas: int
    cost: int
    is_legacy: bool
    inner: SignedTransactionAPI


def check_transaction(raw: bytes, chain_id: int, block_gas: int) -> CheckedTransaction:
    """What this chain could run.

    Args:
        raw: as it came.
        chain_id: ours.
        block_gas: the most that a block may use.
    Raises: InputError(TRANSACTION_INVALID, TRANSACTION_TYPE, WRONG_CHAIN, GAS_TOO_HIGH, GAS_TOO_LOW).
    """
    is_legacy = raw[:1] >= bytes([_FIRST_LIST_BYTE])
    if not is_legacy and (not raw or raw[0] not in _PLAIN_TYPES):
        raise InputError("TRANSACTION_TYPE", "only legacy, EIP-2930 and EIP-1559 transactions run here")
    try:
        inner = PragueTransactionBuilder.decode(raw)
        is_canonical = inner.encode() == raw
        given = inner.chain_id
    except (
        rlp.exceptions.RLPException, ValidationError, UnrecognizedTransactionType, ValueError,
        TypeError,
    ) as error:  # fmt: skip
        raise InputError("TRANSACTION_INVALID", f"not a transaction: {error}") from error
    if not is_canonical:
        raise InputError("TRANSACTION_INVALID", "the transaction is not canonically encoded")
    if given != chain_id:
        raise InputError(
            "WRONG_CHAIN",
            f"signed for chain {given}, this is chain {chain_id}",
            expected=chain_id,
            given=given,
        )
    _require_fields(inner)
    _require_gas(inner, block_gas)
    try:
        sender = bytes(inner.sender)
    except (BadSignature, ValidationError, ValueError) as error:
        raise InputError("TRANSACTION_INVALID", "the signature recovers to nobody") from error
    cost = inner.value + inner.gas * inner.max_fee_per_gas
    return CheckedTransaction(keccak256(raw), raw, sender, inner.nonce, inner.gas, cost, is_legacy, inner)


def _require_fields(inner: SignedTransactionAPI) -> None:
    if inner.nonce >= _NONCE_END or len(inner.to) not in {0, _ADDRESS_BYTES}:
        raise InputError("TRANSACTION_INVALID", "nonce or recipient is out of range")
    if not (0 < inner.r < _CURVE_ORDER and 0 < inner.s <= _CURVE_ORDER // 2):
        raise InputError("TRANSACTION_INVALID", "r or s is out of range")
    if inner.max_priority_fee_per_gas > inner.max_fee_per_gas:
        raise InputError("TRANSACTION_INVALID", "the priority fee exceeds the fee")


def _require_gas(inner: SignedTransactionAPI, block_gas: int) -> None:
    if inner.gas > block_gas:
        raise InputError("GAS_TOO_HIGH", f"a block has {block_gas} gas", gas=inner.gas, limit=block_gas)
    zeros = inner.data.count(0)
    tokens = zeros + _TOKENS_PER_BYTE * (len(inner.data) - zeros)
    least = max(inner.intrinsic_gas, _FLOOR_GAS + _FLOOR_PER_TOKEN * tokens)
    if inner.gas < least:
        raise InputError(
            "GAS_TOO_LOW", f"this transaction costs at least {least} gas", gas=inner.gas, limit=least
        )
