"""Every refusal of the registry that a person can meet has its words, with the values that the contract gives."""

from __future__ import annotations

import pytest

from ledger.adapters.abi import load_artifacts
from ledger.apps.cli_deeds import ACTS, DEEDS
from ledger.apps.cli_texts_govern import GOVERN_ERRORS
from ledger.core.governed import BATCH_DEEDS
from ledger.core.governed import DEEDS as NAMES
from ledger.services.refusals import REASONS, refusal
from ledger.services.registry import ACT_ARGUMENTS

ABI = load_artifacts()["registry"].abi
ERRORS = {entry["name"]: entry["inputs"] for entry in ABI if entry["type"] == "error"}
OUR_OWN = {
    "RegistryBadCause", "RegistryBadPurpose", "RegistryBadSignature", "RegistryNonceUsed", "RegistryNotAnAct",
    "RegistryOnlySelf", "RegistryTypeExists", "RegistryKeyNotGood",
}  # fmt: skip
"""Only a fault of this program, or another call, leads to these: shown by their names."""
ISSUER, SIGNER = b"12990100MAXXXX023E", bytes(12) + b"\x11" * 20


def test_each_error_of_the_interface_has_words_or_a_reason_why_not() -> None:
    own = {name for name in ERRORS if name.startswith("Registry")}
    assert own - OUR_OWN == set(REASONS)
    assert set(REASONS) <= set(GOVERN_ERRORS)


@pytest.mark.parametrize("code", sorted(REASONS))
def test_words_name_the_values(code: str) -> None:
    kinds = {"bytes18": ISSUER, "bytes32": SIGNER, "address": b"\x22" * 20}
    values = [kinds.get(item["type"], 3) for item in ERRORS[code]]
    found = refusal("grantType", code, values)
    assert "{" not in found.message
    assert "?" not in found.detail.values()
    for language in (GOVERN_ERRORS[code].zh, GOVERN_ERRORS[code].en):
        said = language.format(**found.detail)
        if ISSUER in values:
            assert ISSUER.decode() in said
    hexed = ["0x" + value.hex() if isinstance(value, bytes) else value for value in values]
    assert refusal("grantType", code, hexed).message == found.message  # as the outbox keeps them


def test_times_roles_and_no_end_are_said_for_people() -> None:
    late = refusal("accept", "RegistryGrantExceedsParent", [ISSUER, 1, 2**40 - 1])
    assert late.detail["until"] == "no end"
    missing = refusal("propose", "RegistryMissingRole", [ISSUER, SIGNER, 4])
    assert missing.message == f"0x{'11' * 20} is no approver of {ISSUER.decode()} now."
    assert missing.detail["role_zh"] == "审批人"
    short = refusal("propose", "RegistryMissingRole", [])
    assert short.code == "RegistryMissingRole"
    assert refusal("f", "Panic", [17]).message == "The registry refused f: Panic(17)."


def test_acts_and_deeds_have_the_interfaces_arguments_and_words() -> None:
    functions = {
        entry["name"]: tuple(item["name"] for item in entry["inputs"])
        for entry in ABI
        if entry["type"] == "function"
    }
    assert {name: functions[name] for name in ACT_ARGUMENTS} == dict(ACT_ARGUMENTS)
    assert set(ACT_ARGUMENTS) <= set(ACTS)
    assert set(DEEDS) >= NAMES | BATCH_DEEDS
