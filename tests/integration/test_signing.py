"""Keys of people, from the request to the chain: real contracts, real database, passkeys made in Python."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.adapters.signer_memory import MemoryChainSigner
from ledger.adapters.system import ManualClock
from ledger.core.errors import ConflictError, InputError, LedgerError, NotFoundError, RefusedError
from ledger.core.flow import BatchState
from ledger.core.model import ReasonClass, Role
from ledger.core.signing import Act, KeyState, Site
from ledger.core.status import Status
from ledger.services.signing_desk import Given, Signer
from ledger.services.status import Drafter, Grounds
from tests.authenticator import SITE, Authenticator
from tests.flow_world import ISSUER, START, World, chain_signer, deposit_table, found
from tests.signing_world import APPROVER, CLERK, OTHER, HomeKeys, SigningWorld

MAKERS, APPROVERS = Authenticator(0xA1), Authenticator(0xB2)
WHY = Grounds(ReasonClass.ISSUER_ERROR, "§ 5", "DOC-7")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clerk and approver with passkeys and roles; one released batch by key files; one that waits."""
    home = tmp_path_factory.mktemp("signing") / "home"
    found(home, ManualClock(START))
    world = World(home, ManualClock(START))
    world.issue_all(deposit_table(range(3)))
    signing = SigningWorld(world)
    signing.appoint(CLERK, MAKERS, Role.MAKER)
    signing.appoint(APPROVER, APPROVERS, Role.APPROVER)
    report = world.load(deposit_table(range(10, 14)))
    assert report.job_id is not None
    world.issue.close_import(report.job_id)
    world.work()
    world.close()
    return home


@pytest.fixture
def signing(template: Path, tmp_path: Path) -> Iterator[SigningWorld]:
    shutil.copytree(template, tmp_path / "home")
    world = World(tmp_path / "home", ManualClock(START))
    yield SigningWorld(world)
    world.close()


def waiting(signing: SigningWorld) -> int:
    (batch,) = signing.world.store.batches.batches(states=(BatchState.SIGNED,))
    return batch.id


def make(signing: SigningWorld, batch_id: int, authenticator: Authenticator = MAKERS, **lie: object) -> None:
    desk = signing.desk
    (key,) = desk.usable(CLERK, Role.MAKER)
    request = desk.prepare_make(CLERK, batch_id, key.id, APPROVERS.signer_id)
    given = [authenticator.get(digest) for digest in request.digests]
    desk.complete(CLERK, request.id, [replace(one, **lie) for one in given], SITE)  # type: ignore[arg-type]


def approve(signing: SigningWorld, batch_id: int) -> None:
    desk = signing.desk
    (key,) = desk.usable(APPROVER, Role.APPROVER)
    request = desk.prepare_approve(APPROVER, batch_id, key.id)
    desk.complete(APPROVER, request.id, [APPROVERS.get(digest) for digest in request.digests], SITE)


def state(signing: SigningWorld, batch_id: int) -> BatchState:
    return signing.world.store.batches.batch(batch_id).state


def code_of(error: pytest.ExceptionInfo[LedgerError]) -> str:
    return error.value.code


def test_two_passkeys_bring_a_batch_to_its_bundles(signing: SigningWorld) -> None:
    batch_id = waiting(signing)
    make(signing, batch_id)
    assert state(signing, batch_id) is BatchState.MADE
    approve(signing, batch_id)
    signing.world.work()
    assert state(signing, batch_id) is BatchState.RELEASED
    anchor = next(
        one
        for one in signing.world.view.anchors(ISSUER)
        if one.root == signing.world.store.batches.batch(batch_id).root
    )
    assert (anchor.maker, anchor.approver) == (MAKERS.signer_id, APPROVERS.signer_id)
    assert signing.desk.made_by(signing.world.store.batches.batch(batch_id)) == CLERK.person
    assert all(key.last_used_at for key in signing.book.keys(ISSUER))


def test_replacing_rows_are_signed_one_by_one_with_their_batch(signing: SigningWorld) -> None:
    world = signing.world
    report = world.load(deposit_table([0, 1], {0: "1.00", 1: "2.00"}), supersede=True)
    assert report.job_id is not None
    world.issue.close_import(report.job_id)
    world.work()
    batch_id = max(batch.id for batch in world.store.batches.batches(states=(BatchState.SIGNED,)))
    (key,) = signing.desk.usable(CLERK, Role.MAKER)
    request = signing.desk.prepare_make(CLERK, batch_id, key.id, APPROVERS.signer_id)
    assert len(request.digests) == 2, "the batch, and the batch whose credentials it replaces"
    assert [one["primaryType"] for one in signing.desk.typed(request)] == ["Batch", "StatusChange"]
    swapped = [MAKERS.get(digest) for digest in reversed(request.digests)]
    with pytest.raises(InputError) as error:
        signing.desk.complete(CLERK, request.id, swapped, SITE)
    assert code_of(error) == "ASSERTION_CHALLENGE"
    with pytest.raises(InputError) as error:
        signing.desk.complete(CLERK, request.id, swapped[:1], SITE)
    assert code_of(error) == "SIGNATURE_COUNT"
    signing.desk.complete(CLERK, request.id, [MAKERS.get(digest) for digest in request.digests], SITE)
    approve(signing, batch_id)
    world.work()
    assert state(signing, batch_id) is BatchState.RELEASED
    assert not world.store.outbox.jobs(dead=True)
    old = next(iter(world.view.anchors(ISSUER)))
    assert sum(f"{word:064x}".count("9") for word in world.view.status_words(ISSUER, old.root).values()) == 2


@pytest.mark.parametrize(
    ("liar", "lie", "code"),
    [
        (replace(MAKERS, flags=0x01), {}, "ASSERTION_NOT_VERIFIED"),
        (replace(MAKERS, flags=0x04), {}, "ASSERTION_NOT_VERIFIED"),
        (replace(MAKERS, flags=0x15), {}, "ASSERTION_SHAPE"),
        (replace(MAKERS, site=Site("https://evil.example", "localhost")), {}, "ASSERTION_ORIGIN"),
        (replace(MAKERS, site=Site("http://localhost:8421", "localhost")), {}, "ASSERTION_ORIGIN"),
        (replace(MAKERS, site=Site(SITE.origin, "evil.example")), {}, "ASSERTION_SITE"),
        (replace(MAKERS, ceremony="webauthn.create"), {}, "ASSERTION_TYPE"),
        (Authenticator(0xC3), {"credential_id": MAKERS.credential_id}, "ASSERTION_SIGNATURE"),
        (Authenticator(0xC3), {}, "WRONG_KEY"),
        (MAKERS, {"signature": b""}, "ASSERTION_SIGNATURE"),
        (MAKERS, {"signature": b"\x30\x06\x02\x01\x00\x02\x01\x00"}, "ASSERTION_SIGNATURE"),
        (MAKERS, {"authenticator_data": b""}, "ASSERTION_SHAPE"),
        (MAKERS, {"client_data": b"{"}, "ASSERTION_SHAPE"),
        (MAKERS, {"client_data": b" " * 3000}, "ASSERTION_SHAPE"),
    ],
)
def test_a_lie_is_refused_before_anything_is_stored(
    signing: SigningWorld, liar: Authenticator, lie: dict[str, object], code: str
) -> None:
    batch_id = waiting(signing)
    with pytest.raises(InputError) as error:
        make(signing, batch_id, liar, **lie)
    assert code_of(error) == code
    assert state(signing, batch_id) is BatchState.SIGNED


def test_an_answer_for_one_batch_is_none_for_another(signing: SigningWorld) -> None:
    batch_id = waiting(signing)
    desk = signing.desk
    (key,) = desk.usable(CLERK, Role.MAKER)
    first = desk.prepare_make(CLERK, batch_id, key.id, APPROVERS.signer_id)
    answers = [MAKERS.get(digest) for digest in first.digests]
    signing.world.clock.advance(5)
    second = desk.prepare_make(CLERK, batch_id, key.id, APPROVERS.signer_id)
    with pytest.raises(InputError) as error:
        desk.complete(CLERK, second.id, answers, SITE)
    assert code_of(error) == "ASSERTION_CHALLENGE"
    desk.complete(CLERK, first.id, answers, SITE)
    again = desk.complete(CLERK, first.id, answers, SITE)
    assert again.done_at is not None, "a double click has the effect of one"
    with pytest.raises(ConflictError) as conflict:
        desk.complete(CLERK, second.id, [MAKERS.get(digest) for digest in second.digests], SITE)
    assert code_of(conflict) == "BATCH_CHANGED"
    with pytest.raises(NotFoundError):
        desk.complete(OTHER, second.id, answers, SITE)
    signing.world.clock.advance(1000)
    with pytest.raises(ConflictError) as late:
        desk.complete(CLERK, second.id, answers, SITE)
    assert code_of(late) == "SIGNING_REQUEST_EXPIRED"


def test_what_was_approved_is_what_was_looked_at(signing: SigningWorld) -> None:
    """Approve after the maker signed anew: the approver's signature counts for what he saw, or not at all."""
    batch_id = waiting(signing)
    make(signing, batch_id)
    desk = signing.desk
    (key,) = desk.usable(APPROVER, Role.APPROVER)
    seen = desk.prepare_approve(APPROVER, batch_id, key.id)
    signing.world.clock.advance(3)
    make(signing, batch_id)
    with pytest.raises(ConflictError) as error:
        desk.complete(APPROVER, seen.id, [APPROVERS.get(digest) for digest in seen.digests], SITE)
    assert code_of(error) == "BATCH_CHANGED"
    assert state(signing, batch_id) is BatchState.MADE
    first, second = (desk.prepare_approve(APPROVER, batch_id, key.id) for _tab in range(2))
    desk.complete(APPROVER, first.id, [APPROVERS.get(digest) for digest in first.digests], SITE)
    with pytest.raises(ConflictError) as error:
        desk.complete(APPROVER, second.id, [APPROVERS.get(digest) for digest in second.digests], SITE)
    assert code_of(error) == "BATCH_STATE"
    signing.world.work()
    assert state(signing, batch_id) is BatchState.RELEASED


def test_nobody_approves_what_they_made(signing: SigningWorld) -> None:
    """One person with two keys, one a maker's, one an approver's: refused before the contract is asked."""
    batch_id = waiting(signing)
    second = signing.appoint(CLERK, Authenticator(0xD4), Role.APPROVER)
    desk = signing.desk
    (key,) = desk.usable(CLERK, Role.MAKER)
    assert second.signer_id not in {choice.signer_id for choice in desk.approvers(CLERK)}
    with pytest.raises(RefusedError) as error:
        desk.prepare_make(CLERK, batch_id, key.id, second.signer_id)
    assert code_of(error) == "SAME_PERSON"
    signing.give_role(MAKERS.signer_id, Role.APPROVER)
    with pytest.raises(RefusedError) as error:
        desk.prepare_make(CLERK, batch_id, key.id, MAKERS.signer_id)
    assert code_of(error) == "SAME_PERSON"
    # somebody else asks the clerk's second key to approve what the clerk's first key made: still refused
    world = signing.world
    world.approve.make(batch_id, chain_signer("maker"), second.signer_id)
    made = world.store.batches.batch(batch_id)
    request = desk.prepare_approve(CLERK, batch_id, second.id)
    assert request.act is Act.APPROVE, "made by a key that is nobody's here"
    world.store.approvals.make(replace(made, maker=MAKERS.signer_id), b"\x03", [])
    with pytest.raises(RefusedError) as error:
        desk.prepare_approve(CLERK, batch_id, second.id)
    assert code_of(error) == "SAME_PERSON"


def test_a_role_that_is_gone_signs_nothing_and_what_was_signed_fails_with_a_remedy(
    signing: SigningWorld,
) -> None:
    batch_id = waiting(signing)
    make(signing, batch_id)
    approve(signing, batch_id)
    signing.give_role(APPROVERS.signer_id, Role.APPROVER, until=0)
    signing.world.work()
    assert state(signing, batch_id) is BatchState.DEAD
    (dead,) = signing.world.store.outbox.jobs(dead=True)
    assert (dead.code, dead.detail["error"]) == ("TRANSACTION_REVERTED", "RegistryMissingRole")
    with pytest.raises(RefusedError) as error:
        make(signing, batch_id)
    assert code_of(error) == "NOT_AN_APPROVER"
    signing.give_role(APPROVERS.signer_id, Role.APPROVER)
    make(signing, batch_id)
    approve(signing, batch_id)
    signing.world.work()
    assert state(signing, batch_id) is BatchState.RELEASED, "signed anew by the same passkeys"


def test_a_wallet_signs_like_a_passkey(signing: SigningWorld) -> None:
    wallet = MemoryChainSigner.from_secret(b"\x77" * 32)
    request = signing.enrolment.begin(OTHER, Act.ENROL_WALLET, wallet.address)
    digest = request.digests[0]
    stranger = MemoryChainSigner.from_secret(b"\x78" * 32)
    with pytest.raises(InputError) as error:
        signing.enrolment.finish_wallet(OTHER, request.id, stranger.sign_digest(digest), "wallet")
    assert code_of(error) == "WALLET_SIGNATURE"
    key = signing.enrolment.finish_wallet(OTHER, request.id, wallet.sign_digest(digest), "wallet")
    signing.give_role(key.signer_id, Role.MAKER)
    batch_id = waiting(signing)
    asked = signing.desk.prepare_make(OTHER, batch_id, key.id, APPROVERS.signer_id)
    bad = Given(stranger.sign_digest(asked.digests[0]))
    with pytest.raises(InputError) as error:
        signing.desk.complete(OTHER, asked.id, [bad], SITE)
    assert code_of(error) == "WALLET_SIGNATURE"
    signature = wallet.sign_digest(asked.digests[0])
    signing.desk.complete(OTHER, asked.id, [Given(signature[:64] + bytes([signature[64] - 27]))], SITE)
    approve(signing, batch_id)
    signing.world.work()
    assert state(signing, batch_id) is BatchState.RELEASED


def test_cases_of_status_changes_are_signed_by_two_passkeys(signing: SigningWorld) -> None:
    world = signing.world
    name = bytes.fromhex(next(iter(world.bundles())).split(".")[0])
    case = world.status.draft([name], Status.VOID, WHY, Drafter(CLERK.person))
    desk = signing.desk
    (maker,) = desk.usable(CLERK, Role.MAKER)
    (approver,) = desk.usable(APPROVER, Role.APPROVER)
    asked = desk.prepare_case_make(CLERK, case.id, maker.id, approver.signer_id)
    assert desk.typed(asked)[0]["primaryType"] == "StatusChange"
    desk.complete(CLERK, asked.id, [MAKERS.get(digest) for digest in asked.digests], SITE)
    with pytest.raises(ConflictError) as error:
        desk.prepare_case_make(CLERK, case.id, maker.id, approver.signer_id)
    assert code_of(error) == "CASE_STATE"
    yes = desk.prepare_case_approve(APPROVER, case.id, approver.id)
    desk.complete(APPROVER, yes.id, [APPROVERS.get(digest) for digest in yes.digests], SITE)
    world.work()
    place = world.store.batches.place(name)
    assert place is not None
    assert place.root is not None
    evidence = world.view.evidence(ISSUER, place.root, place.leaf_index)
    assert evidence is not None
    assert evidence.status == Status.VOID
    done = world.status.case(case.id)
    assert (done.state, done.person_made, done.person_approved) == ("sent", CLERK.person, APPROVER.person)

    withdrawal = world.status.draft_withdrawal(1, WHY, Drafter(CLERK.person))
    asked = desk.prepare_case_make(CLERK, withdrawal.id, maker.id, approver.signer_id)
    desk.complete(CLERK, asked.id, [MAKERS.get(digest) for digest in asked.digests], SITE)
    yes = desk.prepare_case_approve(APPROVER, withdrawal.id, approver.id)
    desk.complete(APPROVER, yes.id, [APPROVERS.get(digest) for digest in yes.digests], SITE)
    world.work()
    assert next(iter(world.view.anchors(ISSUER))).withdrawn_at is not None


def test_keys_are_ones_own_and_given_up_by_their_owner(signing: SigningWorld) -> None:
    (key,) = signing.book.keys(ISSUER, CLERK.person)
    with pytest.raises(ConflictError) as error:
        signing.enrol(OTHER, MAKERS)
    assert code_of(error) == "SIGNING_KEY_KNOWN"
    with pytest.raises(InputError) as refused:
        signing.enrol(OTHER, replace(MAKERS, secret=9, flags=0x01))
    assert code_of(refused) == "SIGNING_PASSKEY_REFUSED"
    with pytest.raises(InputError) as refused:
        signing.enrol(OTHER, replace(MAKERS, secret=9, site=Site("https://evil.example", "evil.example")))
    assert code_of(refused) == "SIGNING_PASSKEY_REFUSED"
    with pytest.raises(InputError) as refused:
        signing.enrol(OTHER, replace(MAKERS, secret=9), "\u202e" * 3)
    assert code_of(refused) == "KEY_LABEL"
    with pytest.raises(NotFoundError):
        signing.enrolment.ask_removal(OTHER, key.id)
    for who in (OTHER, Signer(CLERK.person, "11100000000013338W")):
        with pytest.raises(NotFoundError):
            signing.desk.prepare_make(who, waiting(signing), key.id, APPROVERS.signer_id)
    signing.enrolment.ask_removal(CLERK, key.id)
    (kept,) = signing.book.keys(ISSUER, CLERK.person)
    assert kept.state is KeyState.REMOVAL
    with pytest.raises(NotFoundError):
        signing.desk.prepare_make(CLERK, waiting(signing), key.id, APPROVERS.signer_id)


def test_two_log_ins_sign_with_the_servers_keys_where_that_is_switched_on(signing: SigningWorld) -> None:
    with pytest.raises(NotFoundError):
        signing.desk.prepare_make(OTHER, waiting(signing), -1, chain_signer("approver").signer_id)
    served = SigningWorld(signing.world, HomeKeys())
    desk, batch_id = served.desk, waiting(signing)
    asked = desk.prepare_make(OTHER, batch_id, -1, chain_signer("approver").signer_id)
    desk.sign_here(OTHER, asked)
    assert state(signing, batch_id) is BatchState.MADE
    with pytest.raises(RefusedError) as error:
        desk.prepare_approve(OTHER, batch_id, -2)
    assert code_of(error) == "SAME_PERSON", "one log-in is not two"
    desk.sign_here(APPROVER, desk.prepare_approve(APPROVER, batch_id, -2))
    signing.world.work()
    assert state(signing, batch_id) is BatchState.RELEASED
