"""The next version of a trust file: what changes, who must sign, and how lost keys are replaced."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import jsonschema
import pytest

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.errors import InputError
from ledger.core.jose import kid_of
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
from ledger.core.trust_next import Changes, KeyChange, NewChain, next_trust, signatures_of
from tests.needs import ROOT

ANNA, BEN, CARLA, DORA, STRANGER = (
    MemoryCredentialSigner.from_private_number(number) for number in range(51, 56)
)
BANK, COURT = (MemoryCredentialSigner.from_private_number(number) for number in (61, 62))


def first(*signers: MemoryCredentialSigner, threshold: int = 1, **members: Any) -> Trust:
    document = make_trust(
        mode="production", ledger_id=b"\x01" * 32, chain_id=5, registry=ContractPin(b"\x02" * 20, b"\x03" * 32),
        ledger=ContractPin(b"\x04" * 20, b"\x05" * 32), root_issuer="12990100A99000010C", governance=b"\x06" * 20,
        x509_anchors=[b"\x30\x03"], types={"A:1": b"\x07" * 32}, not_after=date(2027, 1, 1),
        keys=[one.public_jwk for one in signers], threshold=threshold, **members,
    )  # fmt: skip
    return load_trust_bytes(sign_trust(document, signers))


def signed(data: bytes, *signers: MemoryCredentialSigner) -> bytes:
    for one in signers:  # each in his own office
        data = sign_trust(json.loads(data), [one])
    return data


def refused(code: str, data: bytes, previous: Trust) -> None:
    with pytest.raises(InputError) as error:
        load_trust_bytes(data, previous)
    assert error.value.code == code


def kid(signer: MemoryCredentialSigner) -> str:
    return kid_of(signer.thumbprint)


def test_two_witnesses_are_named_and_one_leaves_again() -> None:
    one = first(ANNA)
    named = [{**BANK.public_jwk, "name": "岚州银行"}, COURT.public_jwk]
    second = load_trust_bytes(
        signed(next_trust(one, Changes(witnesses=KeyChange(add=named, threshold=2))), ANNA), one
    )
    assert (second.version, second.witnesses.threshold) == (2, 2)
    assert second.witnesses.names == {BANK.thumbprint: "岚州银行"}
    without = Changes(witnesses=KeyChange(remove=[kid(COURT)], threshold=1), not_after=date(2028, 1, 1))
    third = load_trust_bytes(signed(next_trust(second, without), ANNA), second)
    assert set(third.witnesses.keys) == {BANK.thumbprint}
    assert (third.witnesses.names, third.raw["not_after"]) == ({BANK.thumbprint: "岚州银行"}, "2028-01-01")
    jsonschema.validate(third.raw, json.loads((ROOT / "docs" / "trust.schema.json").read_text()))


def test_what_is_not_named_stays_as_it_was() -> None:
    one = first(ANNA, finality=Finality("depth", 3), restore_notices=[RestoreNotice(1, 2, 3)])
    second = parse_trust(next_trust(one, Changes()))
    kept = one.raw.keys() - {"version", "previous", "signatures"}
    assert {name: second.raw[name] for name in kept} == {name: one.raw[name] for name in kept}
    assert (second.version, second.previous) == (2, one.fingerprint)


def test_a_lost_key_is_replaced_by_the_others() -> None:
    one = first(ANNA, BEN, CARLA, threshold=2)
    change = Changes(keys=KeyChange(remove=[kid(CARLA)], add=[DORA.public_jwk]))  # Carla's key is gone
    draft = next_trust(one, change)
    refused("TRUST_SIGNATURE", signed(draft, ANNA), one)
    assert not signatures_of(parse_trust(signed(draft, ANNA)), one).are_enough
    complete = signed(draft, ANNA, BEN)
    found = signatures_of(parse_trust(complete), one)
    assert (found.are_enough, set(found.before)) == (True, {kid(ANNA), kid(BEN)})
    second = load_trust_bytes(complete, one)
    assert set(second.keys.keys) == {ANNA.thumbprint, BEN.thumbprint, DORA.thumbprint}
    # from now on the lost key, if somebody finds it, signs nothing
    refused("TRUST_SIGNATURE", signed(next_trust(second, Changes()), CARLA, ANNA), second)


def test_all_keys_at_once_need_both_generations() -> None:
    one = first(ANNA)
    draft = next_trust(one, Changes(keys=KeyChange(remove=[kid(ANNA)], add=[BEN.public_jwk])))
    refused("TRUST_SIGNATURE", signed(draft, BEN), one)  # whoever has only the new key takes nothing over
    refused(
        "TRUST_SIGNATURE", signed(draft, ANNA), one
    )  # the new key must be there too, or nobody could go on
    assert load_trust_bytes(signed(draft, ANNA, BEN), one).version == 2


def test_a_stranger_a_gap_a_rollback_and_a_second_story() -> None:
    one = first(ANNA)
    second = load_trust_bytes(signed(next_trust(one, Changes()), ANNA), one)
    third = signed(next_trust(second, Changes(not_after=date(2029, 1, 1))), ANNA)
    refused("TRUST_SIGNATURE", signed(next_trust(one, Changes()), STRANGER), one)
    refused("TRUST_LINK", third, one)
    refused("TRUST_ROLLBACK", signed(next_trust(one, Changes(not_after=date(2030, 1, 1))), ANNA), second)
    refused("TRUST_ROLLBACK", sign_trust(one.raw, [ANNA]), second)
    other = load_trust_bytes(signed(next_trust(one, Changes(not_after=date(2031, 1, 1))), ANNA), one)
    refused("TRUST_LINK", third, other)
    assert load_trust_bytes(third, second).version == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (KeyChange(add=[ANNA.public_jwk]), "TRUST_KEY_KNOWN"),
        (KeyChange(remove=[kid(STRANGER)]), "TRUST_KEY_UNKNOWN"),
        (KeyChange(threshold=2), "TRUST_THRESHOLD"),
        (KeyChange(threshold=0), "TRUST_THRESHOLD"),
        (KeyChange(remove=[kid(ANNA)]), "TRUST_THRESHOLD"),
        (KeyChange(add=[{"kty": "EC"}]), "JWK_INVALID"),
    ],
)
def test_a_change_that_cannot_be_is_refused_by_name(change: KeyChange, code: str) -> None:
    with pytest.raises(InputError) as error:
        next_trust(first(ANNA), Changes(keys=change))
    assert error.value.code == code


def test_a_move_links_the_ledgers_and_leaves_old_notices_behind() -> None:
    one = first(ANNA, restore_notices=[RestoreNotice(1, 2, 3)])
    link = Link(one.ledger_id, one.chain_id, one.ledger.address)
    pin = ContractPin(b"\x0a" * 20, b"\x0b" * 32)
    chain = NewChain(b"\x0c" * 32, 7, pin, pin, b"\x0d" * 20, Finality("consensus"), link)
    second = load_trust_bytes(signed(next_trust(one, Changes(chain=chain)), ANNA), one)
    assert (second.ledger_id, second.chain_id, second.links, second.restore_notices) == (
        b"\x0c" * 32, 7, (link,), (),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["", "x" * 101, 5, "岚州\u202e行银", "two\nlines", " padded"])
def test_a_name_is_a_short_text(name: object) -> None:
    data = json.loads(next_trust(first(ANNA), Changes(witnesses=KeyChange(add=[BANK.public_jwk]))))
    data["witnesses"]["keys"][0]["name"] = name
    with pytest.raises(InputError, match="TRUST_SHAPE"):
        parse_trust(json.dumps(data).encode())
