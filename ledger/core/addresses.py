"""Addresses of contracts and accounts as text: EIP-55, where capitals are a checksum.

Reading is as strict as the checksum is: a text without capitals has none and is taken; one with
capitals must have all of them in the right places. Writing always sets them.
"""

from __future__ import annotations

from functools import lru_cache

from ledger.core.eip712 import keccak
from ledger.core.errors import InputError

ADDRESS_BYTES = 20
_ADDRESS_TEXT = 2 + 2 * ADDRESS_BYTES
_CAPITAL_FROM = "8"  # a letter is a capital where the hash of the digits has 8 to f in its place


@lru_cache(maxsize=1024)
def checksum_address(address: bytes) -> str:
    """EIP-55 spelling of a 20-byte address."""
    digits = address.hex()
    marks = keccak(digits.encode("ascii")).hex()
    spelled = [
        digit.upper() if mark >= _CAPITAL_FROM else digit for digit, mark in zip(digits, marks, strict=False)
    ]
    return "0x" + "".join(spelled)


def parse_address(text: object) -> bytes:
    """20 bytes of an address spelled as EIP-55 has it, or in lower case throughout.

    Raises: InputError(ADDRESS_WRONG) for anything else: other lengths, foreign characters, a wrong checksum.
    """
    if type(text) is str and len(text) == _ADDRESS_TEXT:
        try:
            address = bytes.fromhex(text[2:])
        except ValueError:
            address = b""
        if len(address) == ADDRESS_BYTES and text in {"0x" + address.hex(), checksum_address(address)}:
            return address
    raise InputError("ADDRESS_WRONG", "This is no address, or a digit or capital of it is wrong (EIP-55).")
