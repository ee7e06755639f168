"""An embedded chain whose trust file asks for witnesses: what waits for them, what they change, what not."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.chain_view_open import open_view
from ledger.adapters.home_files import write_file
from ledger.adapters.system import ManualClock
from ledger.adapters.token_files import TokenFiles
from ledger.bootstrap import open_verifier
from ledger.core.checkpoint import encode_checkpoint, operator_key, parse_checkpoint, require_signed
from ledger.core.flow import BatchRecord, BatchState
from ledger.core.model import BlockRef
from ledger.core.report import CheckId, CheckResult, Outcome, Report
from ledger.core.status_list import parse_status_list_token
from tests.flow_world import ISSUER, START, deposit_table
from tests.witness_world import OPERATOR, WITNESSES, WitnessedWorld, found_with_checkpoints

ANNA, BEN, CARLA = WITNESSES
NUMBERS = itertools.count(1)

pytestmark = pytest.mark.xdist_group("witnesses")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WitnessedWorld]:
    folder = tmp_path_factory.mktemp("witnessed") / "home"
    clock = ManualClock(START)
    found_with_checkpoints(folder, clock)
    opened = WitnessedWorld(folder, clock)
    yield opened
    opened.close()


@pytest.fixture
def issue(world: WitnessedWorld) -> Callable[..., BatchRecord]:
    """A batch of two rows as far as it goes without another witness."""

    def issued(threshold: int = 1) -> BatchRecord:
        world.demand(threshold)
        first = next(NUMBERS) * 10
        world.issue_all(deposit_table(range(first, first + 2)))
        return world.store.batches.batches()[-1]

    return issued


def post(world: WitnessedWorld, signed: Any) -> tuple[int, str]:
    answer = (
        world.app()
        .test_client()
        .post("/node/v1/cosignatures", data=encode_checkpoint(signed), content_type="application/json")
    )
    body = answer.get_json()
    return answer.status_code, body["code"]


def state(world: WitnessedWorld, batch: BatchRecord) -> BatchState:
    return world.store.batches.batch(batch.id).state


def public_values(world: WitnessedWorld, batch: BatchRecord) -> bytes:
    """What the list says of the batch's credentials, published now."""
    world.lists.publish(ISSUER, batch.list)
    return values_in_the_list(world, batch)


def values_in_the_list(world: WitnessedWorld, batch: BatchRecord) -> bytes:
    """What the published list says of the batch's credentials."""
    token = TokenFiles(world.folder / "published").load(ISSUER, world.chain.info().ledger_id, batch.list)
    statuses = parse_status_list_token(token or "").statuses
    start = batch.first_word * 64
    return bytes(statuses.value(start + leaf) for leaf in range(batch.size))


def finality(world: WitnessedWorld, batch: BatchRecord) -> tuple[Outcome, str]:
    """Check 16 of the batch's first bundle, by somebody who reads the chain file alone."""
    data = world.export.bundle(batch.id, 0)
    view = open_view(world.folder / "chain.db", world.clock)
    try:
        found = finality_of(world.verifier(view, world.rule.trust).verify(data, now=world.clock.now()))
    finally:
        view.close()
    return found.outcome, found.code


def finality_of(report: Report) -> CheckResult:
    """Check 16."""
    return next(one for one in report.checks if one.id is CheckId.FINALITY)


def hurry(world: WitnessedWorld) -> None:
    world.clock.advance(11)
    world.work()


def test_nothing_leaves_before_a_witness_covers_the_anchor(
    world: WitnessedWorld, issue: Callable[..., BatchRecord]
) -> None:
    batch = issue()
    before = dict(world.bundles())
    assert world.view.evidence(ISSUER, batch.root or b"", None).anchor is not None  # type: ignore[union-attr]
    assert state(world, batch) is BatchState.APPROVED
    assert public_values(world, batch) == bytes([2, 2])
    hurry(world)
    assert (state(world, batch), world.bundles()) == (BatchState.APPROVED, before)

    assert post(world, world.statement(ANNA)) == (200, "COSIGNED")
    assert post(world, world.statement(ANNA)) == (200, "COSIGNED")  # she may say so twice
    hurry(world)
    assert state(world, batch) is BatchState.RELEASED
    assert len(world.bundles()) == len(before) + 2
    assert public_values(world, batch) == bytes([0, 0])
    assert finality(world, batch) == (Outcome.PASSED, "WITNESSED")


def test_an_older_word_does_not_cover_a_newer_block_and_one_voice_is_not_two(
    world: WitnessedWorld, issue: Callable[..., BatchRecord]
) -> None:
    batch = issue(2)
    head = world.chain.head().number
    post(world, world.statement(ANNA))
    post(world, world.statement(BEN, head - 1))
    hurry(world)
    assert state(world, batch) is BatchState.APPROVED
    post(world, world.statement(BEN))
    hurry(world)
    assert state(world, batch) is BatchState.RELEASED
    assert finality(world, batch) == (Outcome.PASSED, "WITNESSED")
    assert public_values(world, batch) == bytes([0, 0])
    assert world.lists.publish_due([ISSUER]) == 0
    world.demand(3)  # a later trust file asks for more: nobody is told forged, nobody is told good
    assert finality(world, batch) == (Outcome.UNKNOWN, "WITNESS_MISSING")
    assert world.lists.publish_due([ISSUER]) > 0  # the public list says so too, at once
    assert values_in_the_list(world, batch) == bytes([2, 2])
    world.demand(0)
    assert public_values(world, batch) == bytes([0, 0])
    assert finality(world, batch) == (Outcome.PASSED, "SINGLE_OPERATOR")


def test_without_a_threshold_nobody_is_waited_for(
    world: WitnessedWorld, issue: Callable[..., BatchRecord]
) -> None:
    batch = issue(0)
    assert state(world, batch) is BatchState.RELEASED
    assert public_values(world, batch) == bytes([0, 0])


def test_a_process_that_starts_again_remembers_who_signed(
    world: WitnessedWorld, issue: Callable[..., BatchRecord]
) -> None:
    batch = issue()
    post(world, world.statement(CARLA))
    view = open_view(world.folder, world.clock)  # another process: it has nothing but the files
    try:
        head = view.head()
    finally:
        view.close()
    assert head is not None
    assert CARLA.thumbprint in {one.thumbprint for one in head.witnessed if one.block == head.block.number}
    hurry(world)
    assert state(world, batch) is BatchState.RELEASED


def test_every_block_and_every_idle_span_gets_a_checkpoint_of_the_registered_key(
    world: WitnessedWorld,
) -> None:
    world.clock.advance(60)
    assert world.checkpointer.step()
    assert not world.checkpointer.step()  # the same block, just signed
    first = world.node.checkpoint()
    world.clock.advance(21)
    assert world.checkpointer.step()
    second = world.node.checkpoint()
    assert second.checkpoint.block == first.checkpoint.block == world.chain.head()
    assert second.checkpoint.signed_at - first.checkpoint.signed_at == 21
    world.demand(0)
    world.issue_all(deposit_table([next(NUMBERS) * 10]))
    assert world.checkpointer.step()
    newest = world.node.checkpoint()
    require_signed(newest)
    assert newest.checkpoint.block == world.chain.head()
    assert newest.checkpoint.state_root == world.chain.head_header.state_root
    key = operator_key(newest, world.view.keys(ISSUER))
    assert key is not None
    assert key.thumbprint == OPERATOR.thumbprint
    assert parse_checkpoint(encode_checkpoint(newest)) == newest


def test_a_word_that_does_not_fit_our_chain_counts_for_nothing_and_is_kept(world: WitnessedWorld) -> None:
    world.demand(0)
    world.issue_all(deposit_table([next(NUMBERS) * 10]))  # a head that nobody signed yet
    head = world.chain.head()
    forked = world.statement(BEN, block=BlockRef(head.number, b"\x77" * 32, head.time))
    ahead = world.statement(BEN, block=BlockRef(head.number + 5, b"\x78" * 32, head.time + 5))
    assert post(world, forked) == (409, "CHECKPOINT_FORKED")
    assert post(world, ahead) == (409, "CHECKPOINT_AHEAD")
    view = world.view.head()
    assert view is not None
    agreeing = [one.block for one in view.witnessed if one.thumbprint == BEN.thumbprint]
    assert all(number < head.number for number in agreeing)
    strays = world.signed.stray(lambda number: getattr(world.chain.block(number), "hash", None), head.number)
    assert {encode_checkpoint(one) for one in strays} == {encode_checkpoint(one) for one in (forked, ahead)}


def test_a_page_that_runs_takes_the_next_trust_file_without_a_restart(
    world: WitnessedWorld, issue: Callable[..., BatchRecord], tmp_path: Path
) -> None:
    batch = issue(0)
    data, file = world.export.bundle(batch.id, 0), tmp_path / "trust.json"

    def put(threshold: int) -> None:
        world.demand(threshold)
        assert world.rule.trust is not None
        write_file(file, json.dumps(world.rule.trust.raw).encode())

    put(0)
    verifier = open_verifier(file, world.folder / "chain.db", world.clock)
    assert finality_of(verifier.verify(data)).code == "SINGLE_OPERATOR"
    put(3)
    assert (finality_of(verifier.verify(data)).code, verifier.trust.witnesses.threshold) == (
        "WITNESS_MISSING",
        3,
    )
    file.write_bytes(b"half a fi")  # somebody copied it by hand, and was interrupted
    assert (finality_of(verifier.verify(data)).code, verifier.trust.witnesses.threshold) == (
        "WITNESS_MISSING",
        3,
    )
    put(0)
    assert finality_of(verifier.verify(data)).code == "SINGLE_OPERATOR"
    world.demand(1)
