"""What a transaction of a sealed block called its contract with; needs no EVM."""

from __future__ import annotations

import rlp

from ledger.core.errors import InputError

_TRANSACTIONS = 1  # a block is header, transactions, uncles, withdrawals
_LEGACY_DATA = 5
_DATA_OF_TYPE = {1: 6, 2: 7}
"""Place of the calldata in EIP-2930 and EIP-1559 transactions, the only typed ones that run here."""


def calldata_of(block: bytes, position: int) -> bytes:
    """Calldata of the transaction at `position`.

    Args:
        block: RLP of a block that this chain sealed.
        position: in the block, from 0.
    Raises: InputError(BLOCK_SHAPE).
    """
    try:
        transaction = rlp.decode(block)[_TRANSACTIONS][position]
        if isinstance(transaction, bytes):
            return bytes(rlp.decode(transaction[1:])[_DATA_OF_TYPE[transaction[0]]])
        return bytes(transaction[_LEGACY_DATA])
    except (rlp.exceptions.RLPException, IndexError, KeyError, TypeError) as error:
        raise InputError("BLOCK_SHAPE", "a block of the chain file cannot be read") from error
