"""Our signed structs as wallets want them: the JSON of eth_signTypedData_v4.

A wallet hashes this JSON itself, so a person may read there what is signed; its digest must equal the one
of ledger.core.eip712 (a test asks eth-account). Integers go as decimal text: JavaScript rounds above 2^53.
Source: EIP-712, and MetaMask's description of eth_signTypedData_v4.
"""

from __future__ import annotations

from typing import Any

from ledger.core.eip712 import (
    DOMAIN_TYPE,
    STRUCTS,
    VERSION,
    Authorisation,
    BatchWithdrawal,
    Domain,
    KeyEnrolment,
    StandingApproval,
    StatusChange,
)
from ledger.core.model import Batch

Struct = Batch | StatusChange | BatchWithdrawal | StandingApproval | Authorisation | KeyEnrolment


def typed_data(domain: Domain, struct: Struct) -> dict[str, Any]:
    """What `eth_signTypedData_v4` takes for this struct."""
    name = type(struct).__name__
    members = _members(STRUCTS[name])
    return {
        "types": {"EIP712Domain": _members(DOMAIN_TYPE), name: members},
        "primaryType": name,
        "domain": {
            "name": domain.name,
            "version": VERSION,
            "chainId": domain.chain_id,
            "verifyingContract": "0x" + domain.contract.hex(),
            "salt": "0x" + domain.ledger_id.hex(),
        },
        "message": {
            member["name"]: _value(getattr(struct, _snake(member["name"])), member["type"])
            for member in members
        },
    }


def _members(type_text: str) -> list[dict[str, str]]:
    inside = type_text[type_text.index("(") + 1 : -1]
    return [dict(zip(("type", "name"), member.split(" "), strict=True)) for member in inside.split(",")]


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def _value(value: Any, kind: str) -> str | bool:
    if kind == "bool":
        return bool(value)
    if kind == "bytes18":
        return "0x" + str(value).encode("ascii").hex()
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(int(value))
