"""Trust files: typed, signed by the keys of the version before, never rolled back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import jsonschema
import pytest

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.errors import InputError
from ledger.core.trust import (
    ContractPin,
    Finality,
    Link,
    RestoreNotice,
    Trust,
    load_trust_bytes,
    make_trust,
    parse_trust,
    sign_trust,
)
from tests.needs import ROOT

OLD, NEW, STRANGER = (MemoryCredentialSigner.from_private_number(number) for number in (21, 22, 23))
LEDGER_ID = b"\x01" * 32


def document(**changes: Any) -> dict[str, Any]:
    members: dict[str, Any] = {
        "mode": "demo",
        "ledger_id": LEDGER_ID,
        "chain_id": 1_500_000_001,
        "registry": ContractPin(b"\x02" * 20, b"\x03" * 32),
        "ledger": ContractPin(b"\x04" * 20, b"\x05" * 32),
        "root_issuer": "12990100A99000010C",
        "governance": b"\x06" * 20,
        "x509_anchors": [b"\x30\x03"],
        "types": {"HPF_PERSONAL_DEPOSIT:1": b"\x07" * 32},
        "not_after": date(2027, 11, 22),
        "keys": [OLD.public_jwk],
    }
    return make_trust(**{**members, **changes})


def first() -> Trust:
    return load_trust_bytes(sign_trust(document(), [OLD]))


def test_what_is_made_is_what_is_read_and_fits_the_schema() -> None:
    made = document(
        finality=Finality("depth", 12),
        witnesses=(1, [NEW.public_jwk]),
        links=[Link(b"\x09" * 32, 5, b"\x0a" * 20)],
        restore_notices=[RestoreNotice(1, 2, 3), RestoreNotice(4, 9, 5, 7, bytes(range(32)))],
    )
    data = sign_trust(made, [OLD])
    schema = json.loads((ROOT / "docs" / "trust.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(data), schema)
    trust = load_trust_bytes(data)
    assert trust.ledger == ContractPin(b"\x04" * 20, b"\x05" * 32)
    assert trust.finality == Finality("depth", 12)
    assert trust.witnesses.threshold == 1
    assert set(trust.witnesses.keys) == {NEW.thumbprint}
    assert trust.links == (Link(b"\x09" * 32, 5, b"\x0a" * 20),)
    assert trust.restore_notices == (
        RestoreNotice(1, 2, 3),
        RestoreNotice(4, 9, 5, 7, bytes(range(32))),
    )
    assert trust.x509_anchors == (b"\x30\x03",)
    assert trust.max_age_s == {"embedded": 60, "mirror": 60, "consortium": 600, "snapshot": 86_400}
    assert trust.types == {"HPF_PERSONAL_DEPOSIT:1": b"\x07" * 32}
    assert len(trust.fingerprint) == 32


def test_not_after_ends_at_24_00_in_beijing() -> None:
    assert first().not_after == 1_826_899_200  # 2027-11-22 16:00 UTC


def test_version_two_is_signed_by_the_keys_of_version_one() -> None:
    before = first()
    after = document(keys=[NEW.public_jwk], previous=before)
    assert load_trust_bytes(sign_trust(after, [OLD, NEW]), before).version == 2
    for signers in ([NEW], [STRANGER, NEW], [OLD], []):
        with pytest.raises(InputError) as error:
            load_trust_bytes(sign_trust(after, signers), before)
        assert error.value.code == "TRUST_SIGNATURE"


def test_signatures_can_be_added_one_after_the_other() -> None:
    made = document(keys=[OLD.public_jwk, NEW.public_jwk], threshold=2)
    half = sign_trust(made, [OLD])
    with pytest.raises(InputError) as error:
        load_trust_bytes(half)
    assert error.value.code == "TRUST_SIGNATURE"
    assert load_trust_bytes(sign_trust(json.loads(half), [NEW])).keys.threshold == 2
    twice = json.loads(half)
    twice["signatures"] *= 2
    with pytest.raises(InputError):
        load_trust_bytes(json.dumps(twice).encode())


def test_rolled_back_skipped_and_foreign_versions_are_refused() -> None:
    one = first()
    two = load_trust_bytes(sign_trust(document(previous=one), [OLD]), one)
    three = sign_trust(document(previous=two), [OLD])
    assert load_trust_bytes(three, two).version == 3
    other_two = sign_trust(document(previous=one, governance=b"\x0f" * 20), [OLD])
    foreign = sign_trust(document(previous=one, ledger_id=b"\x0e" * 32), [OLD])
    linked = document(
        previous=one, ledger_id=b"\x0e" * 32, links=[Link(LEDGER_ID, one.chain_id, one.ledger.address)]
    )
    for data, known, code in (
        (sign_trust(document(), [OLD]), two, "TRUST_ROLLBACK"),
        (other_two, two, "TRUST_ROLLBACK"),
        (three, one, "TRUST_LINK"),
        (sign_trust(document(previous=replace(one, raw={**one.raw, "mode": "x"})), [OLD]), one, "TRUST_LINK"),
        (foreign, one, "TRUST_LINK"),
    ):
        with pytest.raises(InputError) as error:
            load_trust_bytes(data, known)
        assert error.value.code == code
    assert load_trust_bytes(sign_trust(linked, [OLD]), one).version == 2
    assert load_trust_bytes(sign_trust(document(), [OLD]), one).fingerprint == one.fingerprint


LIES: list[tuple[str, Any]] = [
    ("version", 0),
    ("version", "1"),
    ("version", 2),  # without previous
    ("mode", "test"),
    ("ledger_id", "0x" + "AB" * 32),
    ("chain_id", "eip155:0"),
    ("contracts", {}),
    ("contracts", {"registry": {"address": "0x00", "code_hash": "0x00"}, "ledger": {}}),
    ("root_issuer", "short"),
    ("governance", None),
    ("governance", "0x" + "AB" * 20),  # capitals that are no checksum
    ("finality", {"policy": "hope"}),
    ("finality", {"policy": "depth"}),
    ("witnesses", {"threshold": 1, "keys": []}),
    ("witnesses", {"threshold": -1, "keys": []}),
    ("snapshots", {"threshold": 0}),
    ("x509_anchors", ["!!"]),
    ("x509_anchors", ["MA"]),
    ("x509_anchors", [""]),
    ("max_age_s", {"embedded": 60}),
    ("max_age_s", {"embedded": 0, "mirror": 60, "consortium": 60, "snapshot": 60}),
    ("types", {"A:1": "0x00"}),
    ("not_after", "2027-13-01"),
    ("not_after", "20271122"),
    ("not_after", 5),
    ("previous", "0x00"),
    ("links", [{}]),
    ("links", {}),
    ("restore_notices", [{"first_block": 5, "last_block": 4, "restored_at": 1}]),
    ("restore_notices", [{"first_block": 5, "last_block": 6, "restored_at": 1, "old_block": 5}]),
    (
        "restore_notices",
        [{"first_block": 5, "last_block": 6, "restored_at": 1, "old_block": 7, "old_hash": "0x" + 64 * "0"}],
    ),
    ("keys", []),
    ("keys", [{"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}]),
    ("threshold", 2),
    ("threshold", 0),
    ("signatures", [{"kid": "a", "signature": "=="}]),
    ("signatures", [1]),
    ("note", 1.5),  # a float has no canonical form
]


@pytest.mark.parametrize(("member", "value"), LIES)
def test_wrong_members_are_named(member: str, value: Any) -> None:
    signed = json.loads(sign_trust(document(), [OLD]))
    signed[member] = value
    with pytest.raises(InputError) as error:
        parse_trust(json.dumps(signed).encode())
    assert error.value.code == "TRUST_SHAPE"


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"version":1,"version":1}', b"\xff", b"{" + b" " * 300_000]
)
def test_files_that_are_no_trust_file(data: bytes) -> None:
    with pytest.raises(InputError) as error:
        parse_trust(data)
    assert error.value.code == "TRUST_SHAPE"


def test_a_critical_member_refuses_and_others_are_signed_too() -> None:
    with pytest.raises(InputError) as error:
        load_trust_bytes(sign_trust({**document(), "crit": ["fee"], "fee": 1}, [OLD]))
    assert error.value.code == "TRUST_CRITICAL"
    data = sign_trust({**document(), "note": "a"}, [OLD])
    assert load_trust_bytes(data).raw["note"] == "a"
    with pytest.raises(InputError) as error:
        load_trust_bytes(data.replace(b'"note": "a"', b'"note": "b"'))
    assert error.value.code == "TRUST_SIGNATURE"
