"""Batches under a standing approval against the real contract: covered, used up, revoked, ended, other type."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.system import ManualClock
from ledger.core.eip712 import ecdsa_signature
from ledger.core.errors import ConflictError, InputError, LedgerError, NotFoundError
from ledger.core.flow import DAY_S, BatchState, JobKind, RowOutcome
from ledger.core.model import StandingAct
from ledger.core.singles import SingleGroup
from ledger.core.standing import day_of
from ledger.core.status import Status
from ledger.ports import ContractCall
from tests.flow_world import START, chain_signer, deposit_table
from tests.standing_world import StandingWorld, copy_of, deposit_fields, found_with_service


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("standing") / "home"
    found_with_service(folder)
    return folder


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[StandingWorld]:
    made = StandingWorld(copy_of(template, tmp_path / "home"), ManualClock(START))
    yield made
    made.close()


def states(world: StandingWorld) -> list[BatchState]:
    return [batch.state for batch in world.store.batches.batches()]


def test_single_rows_are_released_without_anybody(world: StandingWorld) -> None:
    standing_id = world.register()
    names = [world.single(number) for number in range(5)]
    world.work()
    assert states(world) == [BatchState.RELEASED], "one window, one batch, one chain write"
    (batch,) = world.store.batches.batches()
    assert batch.standing_id == standing_id
    assert batch.maker == chain_signer("service").signer_id
    assert set(world.bundles()) == {f"{name.hex()}.ecert.json" for name in names}
    (anchor,) = world.view.anchors()
    assert anchor.standing_id == standing_id
    for data in world.bundles().values():
        assert world.verifier().verify(data, now=world.clock.now()).accepted
    found = world.standing.standing(standing_id)
    assert (found.anchored, found.rest(StandingAct.ANCHOR)) == (5, 95)


def test_what_exceeds_the_limit_waits_for_people_and_goes_their_way(world: StandingWorld) -> None:
    world.register(anchor_limit=7)
    for number in range(5):
        world.single(number)
    world.work()
    for number in range(5, 10):
        world.single(number)
    world.work()
    assert states(world) == [BatchState.RELEASED, BatchState.SIGNED]
    world.finish()
    assert states(world) == [BatchState.RELEASED, BatchState.RELEASED]
    assert [batch.standing_id is None for batch in world.store.batches.batches()] == [False, True]


def test_the_next_day_has_a_new_limit(world: StandingWorld) -> None:
    world.register(anchor_limit=3)
    world.issue_all(deposit_table(range(3)))
    world.load(deposit_table(range(3, 6)))
    world.issue.close_batches([batch.id for batch in world.issue.open_batches()])
    world.work()
    assert states(world) == [BatchState.RELEASED, BatchState.SIGNED]
    world.clock.advance(DAY_S)
    world.work()
    world.standing.sanction_waiting()
    world.work()
    assert states(world) == [BatchState.RELEASED, BatchState.RELEASED]


def test_revoked_between_queueing_and_the_chain_it_waits_for_people(world: StandingWorld) -> None:
    standing_id = world.register()
    world.single(1)
    while not any(batch.state is BatchState.APPROVED for batch in world.store.batches.batches()):
        world.worker.run_once()
    signer = chain_signer("approver")
    call = ("revokeStanding", standing_id)
    wanted = world.standing.revocation(standing_id, "12990100XXXX000190", signer.signer_id)
    authority = (wanted.signer, 0, 0, b"")
    args = (standing_id, wanted.by.encode(), authority)
    revoking = world.chain.prepare(
        ContractCall("ledger", call[0], args), signer, world.chain.next_nonce(signer.address)
    )
    world.chain.send(revoking.raw)  # before the worker sends the batch: the contract has the last word
    world.work()
    (batch,) = world.store.batches.batches()
    assert batch.state is BatchState.SIGNED
    assert batch.reason == "STANDING_REFUSED LedgerStandingNotGood"
    assert batch.standing_id is None
    assert batch.maker is None
    assert world.store.outbox.jobs(dead=True) == ()
    assert world.standing.standing(standing_id).terms.revoked_at is not None
    world.finish()
    assert states(world) == [BatchState.RELEASED]


@pytest.mark.parametrize("who", ["approver", "admin1"])
def test_approver_and_admin_revoke_by_signature_alone(world: StandingWorld, who: str) -> None:
    standing_id = world.register()
    world.revoke(standing_id, who)
    assert world.standing.standing(standing_id).terms.revoked_at is not None
    world.single(1)
    world.work()
    assert states(world) == [BatchState.SIGNED]
    with pytest.raises(ConflictError) as refused:
        world.standing.revocation(standing_id, "12990100XXXX000190", chain_signer(who).signer_id)
    assert refused.value.code == "STANDING_REVOKED"


def test_nobody_else_revokes_or_registers(world: StandingWorld) -> None:
    standing_id = world.register()
    world.revoke(standing_id, "maker")
    assert world.standing.standing(standing_id).terms.revoked_at is None
    (dead,) = world.store.outbox.jobs(dead=True)
    assert dead.detail["error"] == "LedgerMissingRole"
    draft = world.standing.draft(
        "12990100XXXX000190", 1, approver=chain_signer("approver").signer_id, anchor_limit=9
    )
    forged = ecdsa_signature(chain_signer("service").sign_digest(world.standing.digest(draft)))
    world.standing.register(draft, forged)
    world.work()
    assert {job.detail["error"] for job in world.store.outbox.jobs(dead=True)} == {
        "LedgerMissingRole",
        "LedgerBadSignature",
    }
    assert len(world.standing.standings()) == 1


def test_ended_other_type_and_documents_cover_nothing(world: StandingWorld) -> None:
    world.register(type_id=0)
    world.register(valid_until=world.clock.now() + 600)
    assert world.standing.covering("12990100XXXX000190", 1, 5) is not None
    assert world.standing.covering("12990100XXXX000190", 2, 5) is None
    assert world.standing.covering("12990100XXXX000190", 0, 5) is not None
    world.clock.advance(600)
    world.work()
    assert world.standing.covering("12990100XXXX000190", 1, 5) is None
    world.single(1)
    world.work()
    assert states(world) == [BatchState.SIGNED]


def test_without_a_service_key_nothing_goes_by_itself(world: StandingWorld, monkeypatch: Any) -> None:
    world.register()
    # reason: this agency has made no service key
    monkeypatch.setattr(type(world.agencies), "service", lambda _self, _issuer: None)
    world.single(1)
    world.work()
    assert states(world) == [BatchState.SIGNED]


def test_replacing_needs_a_limit_of_its_own(world: StandingWorld) -> None:
    world.register(anchor_limit=50)
    old = world.single(1)
    world.work()
    world.single(1, "1.00", supersede=True)
    world.work()
    assert states(world) == [BatchState.RELEASED, BatchState.SIGNED], "no act for replacing"
    world.register(anchor_limit=50, supersede_limit=1)
    world.work()
    world.standing.sanction_waiting()
    world.work()
    assert states(world) == [BatchState.RELEASED, BatchState.RELEASED]
    place = world.store.batches.place(old)
    assert place is not None
    assert place.root is not None
    evidence = world.view.evidence(place.issuer, place.root, place.leaf_index)
    assert evidence is not None
    assert evidence.status == Status.SUPERSEDED
    found = [one for one in world.standing.standings() if one.terms.supersede_limit]
    assert found[0].rest(StandingAct.SUPERSEDE) == 0


def test_three_times_the_usual_rate_is_told_once_a_day(world: StandingWorld) -> None:
    world.register(anchor_limit=1000)
    for day in range(3):
        world.issue_all(deposit_table(range(day * 4, day * 4 + 4)))
        world.clock.advance(DAY_S)
        world.work()
    assert world.alarms == []
    world.issue_all(deposit_table(range(100, 111)))
    assert world.alarms == []
    world.issue_all(deposit_table(range(200, 203)))
    world.issue_all(deposit_table(range(300, 303)))
    (alarm,) = world.alarms
    assert (alarm.usual, alarm.leaves) == (4, 14)
    assert world.standing.alarms() == (alarm,)
    assert states(world) == [BatchState.RELEASED] * 6, "told, not stopped"


def test_days_that_are_over_are_added_up_once(world: StandingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.register(anchor_limit=1000)
    asked: list[int] = []
    uses = world.store.standing.uses

    def counted(standing_id: bytes, since_day: int) -> object:
        asked.append(since_day)
        return uses(standing_id, since_day)

    # reason: counts; the store itself answers
    monkeypatch.setattr(world.store.standing, "uses", counted)
    for first in (0, 10, 20):
        world.issue_all(deposit_table(range(first, first + 2)))
    today = day_of(world.clock.now())
    assert [since < today for since in asked].count(True) == 1
    world.clock.advance(DAY_S)
    world.issue_all(deposit_table(range(30, 32)))
    assert [since < today for since in asked].count(True) == 2


def test_a_person_who_is_faster_keeps_the_batch(world: StandingWorld) -> None:
    standing = world.standing
    world.issue_all(deposit_table(range(2)))
    world.register()
    world.load(deposit_table(range(10, 12)))
    world.issue.close_batches([batch.id for batch in world.issue.open_batches()])
    signing = world.signing
    while True:
        lease = world.store.outbox.claim((JobKind.SIGN, JobKind.ROOT), "test", 60)
        if lease is None:
            break
        (signing.sign if lease.job.kind is JobKind.SIGN else signing.root)(lease)
    stale = world.store.batches.batches(states=(BatchState.SIGNED,))[0]
    world.make(stale.id)
    assert standing.sanction(stale) is False
    assert world.store.batches.batch(stale.id).state is BatchState.MADE


def test_terms_that_the_contract_would_refuse_are_refused_first(world: StandingWorld) -> None:
    approver = chain_signer("approver").signer_id
    now = world.clock.now()
    for code, terms in (
        ("STANDING_LIMIT", {"anchor_limit": 0}),
        ("STANDING_LIMIT", {"anchor_limit": 2**32}),
        ("STANDING_TOO_LONG", {"anchor_limit": 1, "valid_until": now + 31 * DAY_S + 1}),
        ("STANDING_TOO_LONG", {"anchor_limit": 1, "valid_until": now - 1}),
    ):
        with pytest.raises(InputError) as refused:
            world.standing.draft("12990100XXXX000190", 1, approver=approver, **terms)
        assert refused.value.code == code
    with pytest.raises(NotFoundError):
        world.standing.standing(bytes(32))


def test_who_lost_a_race_is_judged_anew(world: StandingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests at once say different things of one record; a third, elsewhere, was faster with the second's."""
    service, answers = world.singles, dict[str, RowOutcome | str]()
    store_for_good = service._singles.add

    def too_late(groups: Sequence[SingleGroup]) -> None:
        monkeypatch.undo()
        world.new_singles().issue(world.plan(), [deposit_fields(900, "2.00")])
        store_for_good(groups)

    def send(balance: str) -> None:
        try:
            (result,) = service.issue(world.plan(), [deposit_fields(900, balance)])
            answers[balance] = result.outcome
        except LedgerError as error:
            answers[balance] = error.code

    # reason: the other process must come between this one's look and its store
    monkeypatch.setattr(service._singles, "add", too_late)
    threads = [threading.Thread(target=send, args=(balance,)) for balance in ("1.00", "2.00")]
    with service._leader_lock:
        for number, thread in enumerate(threads, start=1):
            thread.start()
            while len(service._queue) < number:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert answers == {"1.00": "ROWS_REFUSED", "2.00": RowOutcome.ALREADY}
