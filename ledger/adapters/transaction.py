"""Signed transactions: made for the zero-fee chain, and read strictly before anything runs them.

Made: EIP-155 "legacy" transactions with gas price 0, which every EVM chain takes. Read: also EIP-2930
and EIP-1559. Blob and set-code transactions are refused: the ledger has no use for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import rlp

from ledger.adapters.abi import keccak256
from ledger.ports import ChainSigner, PreparedTransaction

if TYPE_CHECKING:
    from collections.abc import Sequence

_EIP155_OFFSET = 35
_V_OFFSET = 27


def sign_transaction(
    signer: ChainSigner,
    *,
    chain_id: int,
    nonce: int,
    to: bytes | None,
    data: bytes,
    gas: int,
) -> PreparedTransaction:
    """A transaction without fee and value.

    Args:
        signer: whose address sends it.
        chain_id: of the chain it is for, and no other.
        nonce: of the sender's account.
        to: 20 bytes, None creates a contract.
        data: calldata, or creation code.
        gas: limit, in gas.
    Source: EIP-155.
    """
    fields: Sequence[int | bytes] = (nonce, 0, gas, to or b"", 0, data)
    digest = keccak256(rlp.encode([*fields, chain_id, 0, 0]))
    signature = signer.sign_digest(digest)
    parity = signature[64] - _V_OFFSET
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    raw = bytes(rlp.encode([*fields, chain_id * 2 + _EIP155_OFFSET + parity, r, s]))
    return PreparedTransaction(hash=keccak256(raw), raw=raw, sender=signer.address, nonce=nonce)


def contract_address(sender: bytes, nonce: int) -> bytes:
    """Address of the contract that this transaction creates. Source: Yellow Paper (7), CREATE."""
    return keccak256(rlp.encode([sender, nonce]))[12:]
