"""The committed artifacts are what the sources give; numbers agree with Python; nothing is untested."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ledger.core.model import (
    DOCUMENT_TYPE,
    MAX_LEVEL,
    Purpose,
    ReasonClass,
    Role,
    StandingAct,
    WithdrawalCause,
)
from ledger.core.status import Status
from scripts.contracts import build
from scripts.contracts.lab import ARTIFACTS, load_artifact

SOURCES = ARTIFACTS.parent / "src"
LARGEST_CODE = 24_576  # EIP-170
CONTRACTS = ("IssuerRegistry", "CredentialLedger")


@pytest.mark.needs("node")
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_artifacts_are_what_the_sources_give_byte_for_byte() -> None:
    for path, text in build.build().items():
        assert path.read_text("utf-8") == text, path.name


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_settings_are_the_agreed_ones(name: str) -> None:
    artifact = load_artifact(name)
    assert artifact["settings"]["evmVersion"] == "cancun"
    assert artifact["settings"]["metadata"] == {"bytecodeHash": "none"}
    source = (SOURCES / f"{name}.sol").read_text("utf-8")
    assert f"pragma solidity {artifact['compiler']};" in source, "a deployable names its compiler exactly"
    assert len(artifact["deployedBytecode"]) // 2 - 1 <= LARGEST_CODE


def test_bases_libraries_and_interfaces_float() -> None:
    for folder in ("bases", "interfaces", "libraries"):
        for path in (SOURCES / folder).glob("*.sol"):
            assert "pragma solidity ^0.8.24;" in path.read_text("utf-8"), path.name


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((ARTIFACTS.parent / "package-lock.json").read_text("utf-8"))
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]
    assert all("integrity" in entry for name, entry in lock["packages"].items() if name)


def constants(name: str) -> dict[str, int]:
    """Named numbers of a source."""
    text = (SOURCES / name).read_text("utf-8")
    found = re.findall(r"constant (_?[A-Z_]+) = (0x[0-9a-f]+|\d+);", text)
    return {label.lstrip("_"): int(number, 0) for label, number in found}


def test_enumerations_agree_with_python() -> None:
    registry, ledger = constants("bases/RegistryState.sol"), constants("bases/LedgerState.sol")
    word = constants("libraries/StatusWord.sol")
    roles = {
        label.removeprefix("ROLE_"): number for label, number in registry.items() if label.startswith("ROLE_")
    }
    assert roles == {role.name: int(role) for role in Role}
    assert ledger["ROLE_ADMIN"] == Role.ADMIN
    assert ledger["ROLE_REDEEMER"] == Role.REDEEMER
    assert (registry["PURPOSE_CREDENTIAL"], registry["PURPOSE_SEAL"]) == (Purpose.CREDENTIAL, Purpose.SEAL)
    assert registry["PURPOSE_LAST"] == max(Purpose)
    assert sorted(Purpose) == list(range(1, registry["PURPOSE_LAST"] + 1))
    assert registry["MAX_LEVEL"] == MAX_LEVEL
    assert ledger["REASON_LAST"] == max(ReasonClass)
    assert sorted(ReasonClass) == list(range(1, ledger["REASON_LAST"] + 1))
    assert ledger["REASON_HOLDER"] == ReasonClass.HOLDER_REQUEST
    acts = {"ANCHOR": StandingAct.ANCHOR, "SUPERSEDE": StandingAct.SUPERSEDE, "USE": StandingAct.USE}
    assert {name: ledger[f"ACT_{name}"] for name in acts} == acts
    assert ledger["ACTS"] == sum(StandingAct)
    names = ("PENDING", "SUSPENDED", "SUPERSEDED", "USED")
    assert {name: word[name] for name in names} == {name: int(Status[name]) for name in names}
    for cause in WithdrawalCause:
        assert cause.is_breaking == bool(cause & registry["CAUSE_BREAKS"])
    assert DOCUMENT_TYPE == 0


def signature_names(kind: str) -> set[str]:
    entries: list[dict[str, Any]] = [entry for name in CONTRACTS for entry in load_artifact(name)["abi"]]
    return {entry["name"] for entry in entries if entry["type"] == kind}


@pytest.mark.parametrize("kind", ["function", "error", "event"])
def test_every_name_of_the_interface_is_used_by_a_test(kind: str) -> None:
    here = Path(__file__)
    texts = [path.read_text("utf-8") for path in here.parent.glob("*.py") if path != here]
    texts.append((Path(build.__file__).parent / "lab.py").read_text("utf-8"))
    unused = {
        name
        for name in signature_names(kind)
        if not any(re.search(rf"(?<![A-Za-z]){name}\b", text) for text in texts)
    }
    assert unused == set()


def test_every_declared_error_is_thrown() -> None:
    code = "".join(path.read_text("utf-8") for path in SOURCES.rglob("*.sol"))
    for name in signature_names("error") - {"InvalidShortString", "StringTooLong"}:
        assert re.search(rf"revert {name}\b", code), name
