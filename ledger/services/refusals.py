"""What the registry's custom errors mean: one sentence each, with who and what by name.

The contract is the judge; this only says its reasons so that a person knows what to do. Values come as
the chain gives them (bytes, int) or as the outbox keeps them (0x-hex).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ledger.core.eip712 import signer_text
from ledger.core.errors import RefusedError
from ledger.core.flow import SHANGHAI_S

ROLE_NAMES: Final = {1: "admin", 2: "operator", 3: "maker", 4: "approver", 5: "redeemer"}
_ROLES_ZH: Final = {1: "管理员", 2: "操作员", 3: "经办人", 4: "审批人", 5: "核销人"}
_ISSUER_BYTES = 18
_WORD = 32
_NO_END = 2**40 - 1

REASONS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "RegistryUnknownIssuer": (("issuer",), "{issuer} is no agency of this ledger."),
    "RegistryIssuerExists": (("issuer",), "{issuer} is an agency of this ledger already."),
    "RegistryBadIssuerId": (("issuer",), "{issuer} is no USCC: 18 digits and capital letters are."),
    "RegistryTooDeep": (("parent", "level"), "The tree has five levels: {parent} cannot have children."),
    "RegistryNotAncestor": (
        ("by", "issuer"),
        "{by} may not do this to {issuer}: only its parent, or for withdrawals, keys and resets any agency above "
        "it, may.",
    ),
    "RegistryNotOwnAct": (("by", "issuer"), "{by} cannot act for {issuer}: this is for its own admins."),
    "RegistryDissolved": (
        ("issuer", "time"),
        "{issuer} was dissolved at {time}: its successor or parent acts.",
    ),
    "RegistryUnknownType": (("type_id",), "The ledger has no type number {type_id}."),
    "RegistryGrantMissing": (
        ("issuer", "type_id"),
        "{issuer} was never granted type number {type_id}: grant it there first.",
    ),
    "RegistryGrantNotGood": (
        ("issuer", "type_id", "time"),
        "The grant of {issuer} for type number {type_id} is not good at {time}: it ended or was withdrawn.",
    ),
    "RegistryGrantExceedsParent": (
        ("issuer", "type_id", "until"),
        "{issuer} itself holds type number {type_id} only until {until}: name an earlier end.",
    ),
    "RegistryAlreadyWithdrawn": (
        ("issuer", "type_id", "time"),
        "The grant of {issuer} for type number {type_id} was withdrawn at {time} already.",
    ),
    "RegistryBadInterval": (
        ("since", "until"),
        "From {since} until {until} cannot be: the end must come after the beginning, and neither a running grant "
        "nor an admin without an end may begin later than now.",
    ),
    "RegistryBadRole": (("role", "type_id"), "Role {role} does not exist, or does not go with that type."),
    "RegistryKeyExists": (
        ("thumbprint", "issuer", "number"),
        "This key is registered already, as number {number} of {issuer}.",
    ),
    "RegistryUnknownKey": (("issuer", "number"), "{issuer} has no key number {number}."),
    "RegistryKeyOnlyEarlier": (
        ("time", "wanted"),
        "The key is reported compromised since {time} already; the date can only move earlier, not to {wanted}.",
    ),
    "RegistrySinceOutOfRange": (
        ("since", "earliest", "latest"),
        "{since} is out of range: it must lie between {earliest} and {latest}.",
    ),
    "RegistryMissingRole": (("issuer", "signer", "role"), "{signer} is no {role} of {issuer} now."),
    "RegistrySameSigner": (("signer",), "{signer} cannot stand for both: two different people must."),
    "RegistryExpired": (("end", "time"), "This ended at {end} (it was {time}): let it be proposed again."),
    "RegistryUnknownProposal": (
        ("proposal",),
        "Proposal {proposal} does not wait: it was accepted or cancelled, or never made.",
    ),
    "RegistryActMismatch": (("proposal",), "Proposal {proposal} is about something else."),
    "RegistryNoReset": (("issuer",), "No reset of {issuer} is announced."),
    "RegistryResetTooEarly": (
        ("issuer", "time"),
        "The reset of {issuer} can be carried out from {time} on: a reset is announced 24 hours ahead.",
    ),
    "RegistryZeroSigner": ((), "A signer of zeros is nobody."),
    "RegistryTooManyOperators": (
        ("issuer", "limit"),
        "{issuer} has {limit} operators, the most there may be: remove one first.",
    ),
    "RegistryTooFewAdmins": (
        ("issuer",),
        "{issuer} would have fewer than two admins without an end: appoint the new one before the old one goes.",
    ),
    "RegistryOnlyGovernance": (("caller",), "{caller} is not the governance key of this ledger."),
}
_TIMES = frozenset({"time", "until", "since", "earliest", "latest", "end", "wanted"})


def refusal(function: str, code: str, values: Sequence[Any]) -> RefusedError:
    """The error of a call that the registry refused.

    Args:
        function: what was called.
        code: name of the custom error.
        values: its values, in the contract's order.
    """
    found = REASONS.get(code)
    if found is None:
        shown = ", ".join(_text("", value) for value in values)
        return RefusedError(
            code, f"The registry refused {function}: {code}({shown}).", call=function, values=shown
        )
    names, sentence = found
    detail = {name: _text(name, value) for name, value in zip(names, values, strict=False)}
    detail.update({name: "?" for name in names if name not in detail})
    if "role" in names:
        given = list(values)[names.index("role") :]
        detail["role_zh"] = _ROLES_ZH.get(given[0], str(given[0])) if given else "?"
    return RefusedError(code, sentence.format(**detail), call=function, **detail)


def _text(name: str, value: Any) -> str:
    """A value for people."""
    if isinstance(value, str) and value.startswith("0x"):
        value = bytes.fromhex(value[2:])
    if isinstance(value, bytes):
        if len(value) == _ISSUER_BYTES and value.isascii():
            return value.decode("ascii")
        return signer_text(value) if len(value) == _WORD else "0x" + value.hex()
    if name in _TIMES and isinstance(value, int):
        return _time(value)
    if name == "role" and value in ROLE_NAMES:
        return ROLE_NAMES[value]
    return str(value)


def _time(seconds: int) -> str:
    """Asia/Shanghai, said so; the contracts' largest time is no end."""
    if seconds >= _NO_END:
        return "no end"
    moment = datetime.fromtimestamp(seconds, UTC) + timedelta(seconds=SHANGHAI_S)
    return moment.strftime("%Y-%m-%d %H:%M:%S +08:00")
