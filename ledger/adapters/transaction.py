"""Signed transactions as we make them, and read strictly: EIP-155 "legacy" ones, which every EVM chain takes.

The gas price is 0 wherever the chain allows it. What the embedded chain reads beside them stands in
its own module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import rlp

from ledger.adapters.abi import keccak256
from ledger.core.errors import InputError
from ledger.ports import ChainSigner, PreparedTransaction

if TYPE_CHECKING:
    from collections.abc import Sequence

_EIP155_OFFSET = 35
_V_OFFSET = 27
_FIELDS = 9
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # EIP-2
_ADDRESS_BYTES = 20
_FIRST_LIST_BYTE = 0xC0


def sign_transaction(
    signer: ChainSigner,
    *,
    chain_id: int,
    nonce: int,
    to: bytes | None,
    data: bytes,
    gas: int,
    gas_price: int = 0,
) -> PreparedTransaction:
    """A transaction without value.

    Args:
        signer: whose address sends it.
        chain_id: of the chain it is for, and no other.
        nonce: of the sender's account.
        to: 20 bytes, None creates a contract.
        data: calldata, or creation code.
        gas: limit, in gas.
        gas_price: wei for one gas.
    Source: EIP-155.
    """
    fields: Sequence[int | bytes] = (nonce, gas_price, gas, to or b"", 0, data)
    digest = keccak256(rlp.encode([*fields, chain_id, 0, 0]))
    signature = signer.sign_digest(digest)
    parity = signature[64] - _V_OFFSET
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    raw = bytes(rlp.encode([*fields, chain_id * 2 + _EIP155_OFFSET + parity, r, s]))
    return PreparedTransaction(hash=keccak256(raw), raw=raw, sender=signer.address, nonce=nonce)


def contract_address(sender: bytes, nonce: int) -> bytes:
    """Address of the contract that this transaction creates. Source: Yellow Paper (7), CREATE."""
    return keccak256(rlp.encode([sender, nonce]))[12:]


@dataclass(frozen=True, slots=True)
class LegacyTransaction:
    """A transaction as `sign_transaction` makes it, read back. `to`: 20 bytes, or empty for a creation."""

    hash: bytes
    raw: bytes
    sender: bytes
    nonce: int
    gas_price: int
    gas: int
    to: bytes
    data: bytes


def read_transaction(raw: bytes, chain_id: int) -> LegacyTransaction:
    """The legacy transaction in these bytes, its sender recovered.

    Args:
        raw: as it came.
        chain_id: ours.
    Raises: InputError(TRANSACTION_TYPE, TRANSACTION_INVALID, WRONG_CHAIN).
    """
    if raw[:1] < bytes([_FIRST_LIST_BYTE]):
        raise InputError("TRANSACTION_TYPE", "only legacy transactions are sent here")
    try:
        fields = rlp.decode(raw)
    except rlp.exceptions.RLPException as error:
        raise InputError("TRANSACTION_INVALID", f"not a transaction: {error}") from error
    if len(fields) != _FIELDS or not all(isinstance(item, bytes) for item in fields):
        raise InputError("TRANSACTION_INVALID", "a legacy transaction has nine fields")
    numbers = [fields[index] for index in (0, 1, 2, 4, 6, 7, 8)]
    if any(item[:1] == b"\0" for item in numbers) or len(fields[3]) not in {0, _ADDRESS_BYTES}:
        raise InputError("TRANSACTION_INVALID", "the transaction is not canonically encoded")
    nonce, gas_price, gas, _value, v, r, s = (int.from_bytes(item) for item in numbers)
    given, parity = divmod(v - _EIP155_OFFSET, 2)
    if v < _EIP155_OFFSET or given != chain_id:
        raise InputError(
            "WRONG_CHAIN",
            f"signed for chain {given}, this is chain {chain_id}",
            expected=chain_id,
            given=given,
        )
    if r >= 2**256 or s > _HALF_ORDER:
        raise InputError("TRANSACTION_INVALID", "r or s is out of range")
    digest = keccak256(rlp.encode([*fields[:6], chain_id, 0, 0]))
    sender = recover_address(digest, r.to_bytes(32) + s.to_bytes(32) + bytes([parity]))
    if sender is None:
        raise InputError("TRANSACTION_INVALID", "the signature recovers to nobody")
    return LegacyTransaction(keccak256(raw), raw, sender, nonce, gas_price, gas, fields[3], fields[5])


def recover_address(digest: bytes, signature: bytes) -> bytes | None:
    """Who signed, None when the signature recovers to nobody.

    Args:
        digest: 32 bytes.
        signature: r, s, parity: 65 bytes.
    """
    from eth_keys.datatypes import Signature  # noqa: PLC0415  only where signatures are read
    from eth_keys.exceptions import BadSignature  # noqa: PLC0415  see above
    from eth_utils.exceptions import ValidationError  # noqa: PLC0415  see above

    try:
        key = Signature(signature).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        return None
    return bytes(key.to_canonical_address())
