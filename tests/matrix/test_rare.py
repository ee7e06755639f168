"""States that an honest chain cannot be in, and the properties of verification as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence
from ledger.core.checks.plan import PLAN, Needs
from ledger.core.directory import make_directory_entry
from ledger.core.errors import UnavailableError
from ledger.core.jose import make_jws
from ledger.core.model import ChainEvidence, KeyRecord
from ledger.core.report import CheckId, Outcome, Report
from ledger.services.verify import Verifier, verify
from tests.matrix import world as w
from tests.matrix.world import FakeView, World


class ChangedView(FakeView):
    """Evidence as the world has it, then changed."""

    def __init__(self, world: World, change: Callable[[ChainEvidence], ChainEvidence]) -> None:
        super().__init__(world)
        self._change = change

    def evidence(self, *args: Any, **keywords: Any) -> ChainEvidence | None:
        found = super().evidence(*args, **keywords)
        return None if found is None else self._change(found)


def verified(world: World, change: Callable[[ChainEvidence], ChainEvidence]) -> Report:
    data = world.bundle()
    verifier = Verifier(world.trust, SdJwtFormat(), world.types, ChangedView(world, change))
    return verifier.verify(data, now=world.now)


@pytest.mark.parametrize(
    ("change", "check", "outcome", "code"),
    [
        ({"key": None}, CheckId.KEY_VALID_AT_ANCHOR, Outcome.FAILED, Code.KEY_UNKNOWN),
        ({"key": None}, CheckId.KEY_COMPROMISE, Outcome.FAILED, Code.KEY_UNKNOWN),
        ({"key": None}, CheckId.ISSUER_BINDING, Outcome.FAILED, Code.ANCHOR_KEY_DIFFERS),
        ({"issuer": None}, CheckId.GRANT_AT_ANCHOR, Outcome.FAILED, Code.ISSUER_UNKNOWN),
        ({"issuer": None}, CheckId.GRANT_CHAIN, Outcome.FAILED, Code.ISSUER_UNKNOWN),
        ({"issuer": None}, CheckId.ISSUER_BINDING, Outcome.FAILED, Code.ISSUER_UNKNOWN),
        ({"ancestors": ()}, CheckId.GRANT_CHAIN, Outcome.FAILED, Code.ROOT_ISSUER_DIFFERS),
        ({"credential_key": None}, CheckId.ISSUER_BINDING, Outcome.FAILED, Code.KEY_NOT_REGISTERED),
        ({"receipt_block_hash": None}, CheckId.FINALITY, Outcome.UNKNOWN, Code.BLOCK_UNKNOWN),
        ({"credential_type": None}, CheckId.SCHEMA, Outcome.UNKNOWN, Code.ANCHOR_MISSING),
        ({"credential_type": None}, CheckId.ANCHOR_FACTS, Outcome.UNKNOWN, Code.TYPE_UNKNOWN),
        ({"status": None}, CheckId.REVOCATION, Outcome.UNKNOWN, Code.STATUS_MISSING),
    ],
)
def test_a_view_that_lacks_a_part(
    change: dict[str, Any], check: CheckId, outcome: Outcome, code: Code
) -> None:
    report = verified(World(), lambda evidence: replace(evidence, **change))
    assert (report.check(check).outcome, report.check(check).code) == (outcome, code)
    assert not report.accepted


def test_a_directory_entry_with_another_address() -> None:
    city = w.authorities().city
    entry = make_directory_entry(
        issuer=city.issuer,
        name_zh="示例",
        name_en="Example",
        iss="https://elsewhere.example",
        division="990100",
        issued_at=w.MIDNIGHT,
        signer=city.signer,
    )
    world = World(entry=entry, issuer=w.issuer_record(w.CITY, w.PROVINCE, 3, entry))
    assert world.verify().check(CheckId.ISSUER_BINDING).code == Code.DIRECTORY_ISS_DIFFERS


def test_a_directory_entry_whose_signature_was_replaced() -> None:
    entry = w.authorities().city.entry
    forged = entry[:-8] + "AAAAAAAA"
    world = World(entry=forged, issuer=w.issuer_record(w.CITY, w.PROVINCE, 3, forged))
    assert world.verify().check(CheckId.ISSUER_BINDING).code == Code.DIRECTORY_SIGNATURE


def test_a_key_binding_is_told_and_not_checked() -> None:
    world = World()
    token = make_jws(
        "kb+jwt", {"iat": 1, "aud": "a", "nonce": "n", "sd_hash": "h"}, w.authorities().city.signer
    )
    world.alter_credential = lambda text: text + token
    report = world.verify()
    assert report.check(CheckId.HOLDER_BINDING).code == Code.KEY_BINDING_NOT_CHECKED
    assert report.check(CheckId.HOLDER_BINDING).outcome is Outcome.SKIPPED


def test_algorithm_is_judged_before_any_key_is_touched() -> None:
    """A certificate that cannot be read would fail `issuer_binding`; with a bad alg nobody reads it."""
    world = World(header={"alg": "none", "x5c": ["AAAA"]})
    report = world.verify()
    assert report.check(CheckId.ALGORITHM).outcome is Outcome.FAILED
    assert report.check(CheckId.ISSUER_BINDING).code == Code.NOT_REACHED
    assert report.check(CheckId.SIGNATURE).code == Code.NOT_REACHED


def test_values_that_nobody_vouches_for_are_not_repeated() -> None:
    assert World(signature=lambda _: bytes(64)).verify().credential is None
    good = World().verify().credential
    assert good is not None
    assert good.issuer_name is not None
    assert good.issuer_name["zh"] == "示例市住房公积金管理中心"
    assert good.identifier == w.IDENTIFIER
    assert "iss" not in good.claims
    unnamed = World(has_view=False).verify().credential
    assert unnamed is not None
    assert unnamed.issuer_name is None


def test_single_operator_is_said_in_words() -> None:
    report = World().verify()
    assert report.single_operator
    assert "单方账本" in report.verdict.text["zh"]
    assert "单方账本" in report.verdict.text["en"]
    world = World()
    world.trust = replace(world.trust, finality=replace(world.trust.finality, policy="consensus"))
    world.head = replace(world.head, kind="consortium")
    assert "单方账本" not in world.verify().verdict.text["zh"]


def test_answers_of_a_batch_are_kept_only_while_the_chain_stands_still() -> None:
    world = World()
    data = world.bundle()
    verifier = world.verifier()
    assert verifier.verify(data, now=world.now).accepted
    world.key = replace(world.key, compromised_since=w.ANCHORED_AT)
    world.head = replace(world.head, block=w.block(w.HEAD_NUMBER + 1))
    report = verifier.verify(data, now=world.now)
    assert report.check(CheckId.KEY_COMPROMISE).code == Code.KEY_COMPROMISED


def test_one_shot_verification_equals_the_kept_verifier() -> None:
    world = World()
    data = world.bundle()
    report = verify(
        data, trust=world.trust, view=FakeView(world), fmt=SdJwtFormat(), types=world.types, now=world.now
    )
    assert report == world.verifier().verify(data, now=world.now)


def test_a_check_run_without_what_it_needs_is_our_own_mistake() -> None:
    empty = Evidence(
        trust=w.trust(),
        now=w.NOW,
        faults={},
        credential=None,
        receipt=None,
        chain=None,
        chain_absent=Code.NO_RECEIPT,
        is_linked=False,
        leaf=None,
        leaf_fault=None,
        path_fault=None,
        directory=None,
        directory_fault=None,
        type=None,
        list_token=None,
    )
    for step in PLAN:
        if step.needs is not Needs.NOTHING and step.id is not CheckId.SIGNATURE:
            with pytest.raises(RuntimeError):
                step.judge(empty)


def test_a_view_that_fails_halfway_is_no_lie() -> None:
    class HalfView(FakeView):
        def keys(self, issuer: str) -> tuple[KeyRecord, ...]:
            raise UnavailableError("CHAIN_UNAVAILABLE", "gone while reading")

    world = World()
    data = world.bundle()
    verifier = Verifier(world.trust, SdJwtFormat(), world.types, HalfView(world))
    report = verifier.verify(data, now=world.now, list_token=world.make_list_token())
    assert report.check(CheckId.STATUS_LIST).outcome is Outcome.UNKNOWN
    assert report.exit_code == 3


# Properties


@given(st.binary(max_size=300))
def test_any_bytes_give_a_report(data: bytes) -> None:
    report = World(has_view=False).verifier().verify(data, now=w.NOW)
    assert len(report.checks) == len(CheckId)
    assert not report.accepted


@st.composite
def mutations(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Cuts, repetitions, exchanges and single bytes anywhere."""
    kind = draw(st.sampled_from(["byte", "cut", "repeat", "insert", "swap"]))
    at = draw(st.integers(0, 10**6))
    length = draw(st.integers(1, 40))
    piece = draw(st.binary(min_size=1, max_size=8))

    def apply(data: bytes) -> bytes:
        start = at % len(data)
        if kind == "byte":
            return data[:start] + piece[:1] + data[start + 1 :]
        if kind == "cut":
            return data[:start] + data[start + length :]
        if kind == "repeat":
            return data[: start + length] + data[start:]
        if kind == "insert":
            return data[:start] + piece + data[start:]
        other = (start + length) % len(data)
        low, high = sorted((start, other))
        return (
            data[:low] + data[high : high + 1] + data[low + 1 : high] + data[low : low + 1] + data[high + 1 :]
        )

    return apply


_GOOD_WORLD = World()
_GOOD_BYTES = _GOOD_WORLD.bundle()
_VERIFIER = _GOOD_WORLD.verifier()


def _meaning(data: bytes) -> tuple[Any, ...] | None:
    """What a bundle says: envelope members that count, compared as values."""
    try:
        document = json.loads(data)
    except ValueError:
        return None
    receipt = dict(document.get("receipt", {}))
    receipt["contract"] = str(receipt.get("contract")).lower()
    known = {name: receipt.get(name) for name in json.loads(_GOOD_BYTES)["receipt"]}
    return (
        document.get("version"),
        frozenset(str(document.get("credential")).split("~")),
        document.get("directory_entry"),
        json.dumps(known, sort_keys=True),
    )


@given(st.lists(mutations(), min_size=1, max_size=3))
def test_a_changed_bundle_is_accepted_only_if_it_says_the_same_or_less(
    changes: list[Callable[[bytes], bytes]],
) -> None:
    data = _GOOD_BYTES
    for change in changes:
        data = change(data)
    report = _VERIFIER.verify(data, now=_GOOD_WORLD.now)
    assert len(report.checks) == len(CheckId)
    json.dumps(report.as_json())
    if not report.accepted:
        return
    found, good = _meaning(data), _meaning(_GOOD_BYTES)
    assert found is not None
    assert good is not None
    assert found[1] <= good[1]  # a holder may withhold
    assert (found[0], *found[2:]) == (good[0], *good[2:])


@given(st.data())
def test_any_exchanged_member_of_the_receipt_is_noticed(data: st.DataObject) -> None:
    document = json.loads(_GOOD_BYTES)
    receipt = document["receipt"]
    name = data.draw(st.sampled_from([*receipt, "block.number", "block.hash", "block.time"]))
    target, key = (receipt["block"], name[6:]) if name.startswith("block.") else (receipt, name)
    before = target[key]
    target[key] = data.draw(
        st.none()
        | st.integers(-2, 2**54)
        | st.text(max_size=5)
        | st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
        | st.lists(st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex()), max_size=8)
    )
    report = _VERIFIER.verify(json.dumps(document).encode(), now=_GOOD_WORLD.now)
    assert report.accepted is (target[key] == before)
