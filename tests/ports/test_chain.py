"""One suite for every implementation of the Chain port: memory, embedded in memory, embedded file, a node."""

from __future__ import annotations

import pytest

from ledger.adapters.abi import batch_tuple, issuer_id, keccak256
from ledger.adapters.transaction import sign_transaction
from ledger.core import eip712
from ledger.core.errors import InputError, RefusedError, UnavailableError
from ledger.core.model import Role
from ledger.core.status import Status
from ledger.ports import ContractCall
from tests.ports.chain_world import (
    CHILD,
    FAR,
    GOVERNANCE,
    GRANDCHILD,
    NO_APPROVALS,
    ROOT,
    START,
    World,
    crew,
    founding,
    lane,
    signer,
)


def refused(world: World, contract: str, function: str, *args: object) -> tuple[str, object]:
    with pytest.raises(RefusedError) as caught:
        world.chain.read(ContractCall(contract, function, args))  # type: ignore[arg-type]
    return caught.value.code, caught.value.detail["values"]


class TestBlocks:
    def test_a_fresh_account_without_funds_can_send(self, world: World) -> None:
        stranger = signer(777)
        assert world.chain.next_nonce(stranger.address) == 0
        outcome = world.try_("registry", "acceptGovernance", (), stranger)
        assert outcome.state == "reverted"
        assert outcome.error == ("RegistryOnlyGovernance", (stranger.address,))
        assert world.chain.next_nonce(stranger.address) == 1

    def test_sealing_nothing_does_nothing(self, sealing_world: World) -> None:
        before = sealing_world.chain.head()
        sealing_world.clock.advance(100)
        assert sealing_world.chain.seal() is None
        assert sealing_world.chain.head() == before

    def test_at_most_one_block_a_second_and_its_time_is_the_clocks(self, sealing_world: World) -> None:
        sealing_world.clock.advance(5)
        sealing_world.submit("registry", "acceptGovernance", (), signer(50))
        block = sealing_world.chain.seal()
        assert block is not None
        assert block.time == sealing_world.now
        sealing_world.submit("registry", "acceptGovernance", (), signer(51))
        assert sealing_world.chain.seal() is None
        sealing_world.clock.advance(1)
        following = sealing_world.chain.seal()
        assert following is not None
        assert (following.number, following.time) == (block.number + 1, block.time + 1)

    def test_several_transactions_share_a_block_in_order_of_nonces(self, world: World) -> None:
        late = [
            world.chain.prepare(ContractCall("registry", "acceptGovernance", ()), signer(60), nonce)
            for nonce in (2, 0, 1)
        ]
        for transaction in late:
            world.chain.send(transaction.raw)
        other = world.submit("registry", "acceptGovernance", (), signer(61))
        block = world.seal()
        for transaction_hash in [*(t.hash for t in late), other]:
            assert world.chain.outcome(transaction_hash).block == block
        assert world.chain.next_nonce(signer(60).address) == 3

    def test_a_nonce_gap_waits_until_it_is_filled(self, world: World) -> None:
        call = ContractCall("registry", "acceptGovernance", ())
        first, second = (world.chain.prepare(call, signer(62), nonce) for nonce in (0, 1))
        world.chain.send(second.raw)
        world.seal()
        assert world.chain.outcome(second.hash).state == "pending"
        world.chain.send(first.raw)
        world.seal()
        assert world.chain.outcome(second.hash).state == "reverted"

    def test_the_same_nonce_twice_gives_one_execution_and_one_rejection(self, world: World) -> None:
        calls = [
            ContractCall("registry", "acceptGovernance", ()),
            ContractCall("registry", "executeReset", (issuer_id(ROOT),)),
        ]
        one, two = (world.chain.prepare(call, signer(63), 0) for call in calls)
        good = world.chain.prepare(calls[0], signer(64), 0)
        for transaction in (one, two, good):
            world.chain.send(transaction.raw)
        world.seal()
        assert world.chain.outcome(one.hash).state == "reverted"
        rejected = world.chain.outcome(two.hash)
        assert rejected.state == "rejected"
        assert rejected.error == ("NONCE_TOO_LOW", (1, 0))
        assert world.chain.outcome(good.hash).state == "reverted"
        with pytest.raises(InputError) as caught:
            world.chain.send(two.raw)
        assert caught.value.code == "NONCE_TOO_LOW"

    def test_sending_twice_has_the_effect_of_once(self, world: World) -> None:
        prepared = world.chain.prepare(ContractCall("registry", "acceptGovernance", ()), signer(65), 0)
        world.chain.send(prepared.raw)
        world.chain.send(prepared.raw)
        block = world.seal()
        world.chain.send(prepared.raw)
        assert world.seal() is None
        assert world.chain.outcome(prepared.hash).block == block

    @pytest.mark.parametrize("difference", [1, 7])
    def test_another_chain_id_is_refused(self, world: World, difference: int) -> None:
        info = world.chain.info()
        foreign = sign_transaction(
            signer(66), chain_id=info.chain_id + difference, nonce=0, to=info.ledger, data=b"",
            gas=100_000,
        )  # fmt: skip
        with pytest.raises(InputError) as caught:
            world.chain.send(foreign.raw)
        assert caught.value.code == "WRONG_CHAIN"
        assert world.chain.outcome(foreign.hash).state == "unknown"

    @pytest.mark.parametrize(
        "raw",
        [b"", b"\x00", b"\xc0", b"garbage", b"\xff" * 40, b"\xf8", bytes(300), b"\xc1\x80"],
        ids=lambda raw: raw[:6].hex() or "empty",
    )
    def test_garbage_is_refused(self, world: World, raw: bytes) -> None:
        with pytest.raises(InputError) as caught:
            world.chain.send(raw)
        assert caught.value.code in {"TRANSACTION_INVALID", "TRANSACTION_TYPE"}

    def test_a_trailing_byte_is_refused(self, world: World) -> None:
        prepared = world.chain.prepare(ContractCall("registry", "acceptGovernance", ()), signer(67), 0)
        with pytest.raises(InputError) as caught:
            world.chain.send(prepared.raw + b"\x00")
        assert caught.value.code == "TRANSACTION_INVALID"

    def test_outcomes_of_nothing_and_of_something_waiting(self, world: World) -> None:
        assert world.chain.outcome(bytes(32)).state == "unknown"
        waiting = world.submit("registry", "acceptGovernance", (), signer(68))
        assert world.chain.outcome(waiting).state == "pending"

    def test_blocks_above_the_head_are_not_there(self, world: World) -> None:
        head = world.chain.head()
        assert world.chain.block(head.number) == head
        assert world.chain.block(head.number + 1) is None
        assert world.chain.block(0) is not None

    def test_a_clock_behind_the_head_stops_clearly(self, sealing_world: World) -> None:
        sealing_world.found(ROOT)
        sealing_world.submit("registry", "acceptGovernance", (), signer(69))
        head = sealing_world.chain.head().time
        sealing_world.clock.set(head - 5)
        assert sealing_world.chain.seal() is None
        sealing_world.clock.set(head - 6)
        with pytest.raises(UnavailableError) as caught:
            sealing_world.chain.seal()
        assert caught.value.code == "CLOCK_JUMP"

    @pytest.mark.parametrize("jump", [301, -301, 86_400])
    def test_a_clock_that_jumps_stops_clearly(self, sealing_world: World, jump: int) -> None:
        sealing_world.clock.advance(1000)
        sealing_world.submit("registry", "acceptGovernance", (), signer(70))
        assert sealing_world.chain.seal() is not None
        sealing_world.submit("registry", "acceptGovernance", (), signer(70))
        sealing_world.clock.set(sealing_world.now + jump)
        with pytest.raises(UnavailableError) as caught:
            sealing_world.chain.seal()
        assert caught.value.code == "CLOCK_JUMP"

    def test_a_small_correction_of_the_clock_is_taken(self, sealing_world: World) -> None:
        sealing_world.submit("registry", "acceptGovernance", (), signer(71))
        sealing_world.clock.set(sealing_world.now + 299)
        block = sealing_world.chain.seal()
        assert block is not None
        assert block.time == sealing_world.now


class TestCalls:
    def test_arguments_that_do_not_fit_are_refused(self, world: World) -> None:
        for call in (
            ContractCall("registry", "noSuchFunction", ()),
            ContractCall("registry", "issuerOf", (bytes(19),)),
            ContractCall("ledger", "isAnchored", (issuer_id(ROOT),)),
        ):
            with pytest.raises(InputError) as caught:
                world.chain.encode(call)
            assert caught.value.code == "CALL_INVALID"

    def test_views_of_the_founding(self, world: World) -> None:
        info, root = world.chain.info(), crew(ROOT)
        assert world.read("registry", "rootIssuer") == issuer_id(ROOT)
        assert world.read("registry", "governance") == GOVERNANCE.address
        assert world.read("registry", "ledgerId") == info.ledger_id
        assert world.read("ledger", "registry") == info.registry
        assert world.read("registry", "directoryOf", issuer_id(ROOT)) == founding().directory_hash
        assert world.read("registry", "hasRole", issuer_id(ROOT), root.admin1.signer_id, 1, 0)
        parent, level, epoch, admitted, dissolved = world.read("registry", "issuerOf", issuer_id(ROOT))
        assert (parent, level, epoch, dissolved) == (issuer_id(ROOT), 1, 0, 0)
        assert START <= admitted <= world.now
        registry = eip712.registry_domain(info.chain_id, info.registry, info.ledger_id)
        assert world.read("registry", "domainSeparator") == registry.separator()
        assert world.read("ledger", "domainSeparator") == world.ledger_domain().separator()

    def test_a_refused_view_tells_the_error_and_its_values(self, world: World) -> None:
        assert refused(world, "registry", "issuerOf", issuer_id(CHILD)) == (
            "RegistryUnknownIssuer",
            ["0x" + issuer_id(CHILD).hex()],
        )
        assert refused(world, "ledger", "statusOf", issuer_id(ROOT), bytes(32), 0)[0] == ("LedgerNotAnchored")

    def test_founding_events(self, world: World) -> None:
        events = list(world.chain.events(0, world.chain.head().number))
        assert [event.name for event in events] == [
            "GovernanceTransferred", "IssuerAdmitted", "DirectorySet", "RoleSet", "RoleSet",
        ]  # fmt: skip
        admitted = events[1].args
        assert admitted["issuer"] == admitted["parent"] == issuer_id(ROOT)
        assert admitted["admin1"] == crew(ROOT).admin1.signer_id
        assert [event.log_index for event in events] == list(range(5))


class TestGovernance:
    def test_only_governance_registers_types(self, world: World) -> None:
        args = (b"1" * 21, 1, keccak256(b"file"), True)
        outcome = world.try_("registry", "registerType", args, crew(ROOT).admin1)
        assert outcome.error == ("RegistryOnlyGovernance", (crew(ROOT).admin1.address,))
        block = world.do("registry", "registerType", args, GOVERNANCE)
        (event,) = world.events(block)
        assert event.args["typeId"] == 1
        assert world.read("registry", "typeOf", 1) == (*args[:2], True, args[2])
        again = world.try_("registry", "registerType", args, GOVERNANCE)
        assert again.error == ("RegistryTypeExists", (args[0], 1))

    def test_an_act_needs_two_admins(self, world: World) -> None:
        people = crew(ROOT)
        act = world.chain.encode(
            ContractCall("registry", "setDirectory", (issuer_id(ROOT), issuer_id(ROOT), b"d" * 32))
        )
        one = (people.admin1.signer_id, 0, 0, b"")
        world.do("registry", "propose", (issuer_id(ROOT), act, one), people.admin1)
        alone = world.try_("registry", "accept", (1, act, one), people.admin1)
        assert alone.error == ("RegistrySameSigner", (people.admin1.signer_id,))
        two = (people.admin2.signer_id, 0, 0, b"")
        stranger = world.try_("registry", "accept", (1, act, two), signer(90))
        assert stranger.error == ("RegistryBadSignature", (people.admin2.signer_id,))
        other = act[:-1] + b"\x01"
        mismatch = world.try_("registry", "accept", (1, other, two), people.admin2)
        assert mismatch.error is not None
        assert mismatch.error[0] == "RegistryActMismatch"
        world.do("registry", "accept", (1, act, two), people.admin2)
        assert world.read("registry", "directoryOf", issuer_id(ROOT)) == b"d" * 32
        gone = world.try_("registry", "accept", (1, act, two), people.admin2)
        assert gone.error == ("RegistryUnknownProposal", (1,))

    def test_an_act_carried_by_somebody_else_needs_signatures(self, world: World) -> None:
        people, carrier, info = crew(ROOT), signer(91), world.chain.info()
        domain = eip712.registry_domain(info.chain_id, info.registry, info.ledger_id)
        act = world.chain.encode(
            ContractCall("registry", "setDirectory", (issuer_id(ROOT), issuer_id(ROOT), b"e" * 32))
        )

        def auth(person: object, call_hash: bytes, nonce: int) -> tuple[bytes, int, int, bytes]:
            deadline = world.now + 600
            digest = eip712.authorisation_digest(
                domain,
                eip712.Authorisation(ROOT, call_hash, person.signer_id, nonce, deadline),  # type: ignore[attr-defined]
            )
            signature = eip712.ecdsa_signature(person.sign_digest(digest))  # type: ignore[attr-defined]
            return (person.signer_id, nonce, deadline, signature)  # type: ignore[attr-defined]

        first = auth(people.admin1, eip712.propose_hash(ROOT, act), 5)
        world.do("registry", "propose", (issuer_id(ROOT), act, first), carrier)
        replayed = world.try_("registry", "propose", (issuer_id(ROOT), act, first), carrier)
        assert replayed.error == ("RegistryNonceUsed", (people.admin1.signer_id, 5))
        wrong = auth(people.admin2, eip712.accept_hash(2, act), 1)
        assert world.try_("registry", "accept", (1, act, wrong), carrier).error == (
            "RegistryBadSignature",
            (people.admin2.signer_id,),
        )
        second = auth(people.admin2, eip712.accept_hash(1, act), 2)
        world.do("registry", "accept", (1, act, second), carrier)
        assert world.read("registry", "directoryOf", issuer_id(ROOT)) == b"e" * 32

    def test_a_proposal_ends_after_seven_days_and_can_be_cancelled(self, world: World) -> None:
        people = crew(ROOT)
        act = ("setDirectory", ROOT, issuer_id(ROOT), b"f" * 32)
        for _ in range(2):
            world.act(*act, accept=False)
        auth = (people.admin2.signer_id, 0, 0, b"")
        world.do("registry", "cancel", (1, auth), people.admin2)
        data = world.chain.encode(
            ContractCall("registry", act[0], (issuer_id(ROOT), issuer_id(ROOT), b"f" * 32))
        )
        assert world.try_("registry", "accept", (1, data, auth), people.admin2).error == (
            "RegistryUnknownProposal",
            (1,),
        )
        world.clock.advance(7 * 86_400)
        late = world.try_("registry", "accept", (2, data, auth), people.admin2)
        assert late.error is not None
        assert late.error[0] == "RegistryExpired"

    def test_what_is_no_act_cannot_be_proposed(self, world: World) -> None:
        people = crew(ROOT)
        auth = (people.admin1.signer_id, 0, 0, b"")
        data = world.chain.encode(ContractCall("registry", "executeReset", (issuer_id(ROOT),)))
        outcome = world.try_("registry", "propose", (issuer_id(ROOT), data, auth), people.admin1)
        assert outcome.error == ("RegistryNotAnAct", (data[:4],))
        direct = world.try_(
            "registry", "setDirectory", (issuer_id(ROOT), issuer_id(ROOT), bytes(32)), people.admin1
        )
        assert direct.error == ("RegistryOnlySelf", (people.admin1.address,))

    def test_the_tree_grows_one_level_at_a_time(self, world: World) -> None:
        world.admit(CHILD, ROOT)
        world.admit(GRANDCHILD, CHILD)
        assert world.read("registry", "issuerOf", issuer_id(GRANDCHILD))[:2] == (
            issuer_id(CHILD),
            3,
        )
        assert world.read("registry", "isAncestor", issuer_id(ROOT), issuer_id(GRANDCHILD))
        assert not world.read("registry", "isAncestor", issuer_id(GRANDCHILD), issuer_id(ROOT))
        again = world.act(
            "admitIssuer", ROOT, issuer_id(CHILD), signer(1).signer_id, signer(2).signer_id,
            bytes(32),
        )  # fmt: skip
        assert again.error == ("RegistryIssuerExists", (issuer_id(CHILD),))

    def test_grants_follow_the_parents(self, world: World) -> None:
        world.register_type(1)
        world.admit(CHILD, ROOT)
        missing = world.act("grantType", ROOT, issuer_id(CHILD), 1, START, FAR)
        assert missing.error == ("RegistryGrantMissing", (issuer_id(ROOT), 1))
        world.must("grantType", ROOT, issuer_id(ROOT), 1, START, FAR)
        longer = world.act("grantType", ROOT, issuer_id(CHILD), 1, START, FAR + 1)
        assert longer.error == ("RegistryGrantExceedsParent", (issuer_id(ROOT), 1, FAR))
        world.must("grantType", ROOT, issuer_id(CHILD), 1, START, FAR)
        world.must("withdrawGrant", ROOT, issuer_id(CHILD), 1, START, 129)
        good, covering = world.read("registry", "grantAt", issuer_id(CHILD), 1, world.now)
        assert not good
        assert covering[:3] == (START, FAR, START)
        assert covering[4] == 129
        again = world.act("withdrawGrant", ROOT, issuer_id(CHILD), 1, START, 1)
        assert again.error is not None
        assert again.error[0] == "RegistryAlreadyWithdrawn"
        assert world.read("registry", "grantCount", issuer_id(CHILD), 1) == 1

    def test_keys_retire_and_are_compromised(self, world: World) -> None:
        thumbprint = keccak256(b"key one")
        world.must("registerKey", ROOT, issuer_id(ROOT), thumbprint, 1, START, FAR)
        twice = world.act("registerKey", ROOT, issuer_id(ROOT), thumbprint, 1, START, FAR)
        assert twice.error == ("RegistryKeyExists", (thumbprint, issuer_id(ROOT), 1))
        bad = world.act("registerKey", ROOT, issuer_id(ROOT), keccak256(b"x"), 7, START, FAR)
        assert bad.error == ("RegistryBadPurpose", (7,))
        world.clock.advance(100)
        world.must("retireKey", ROOT, issuer_id(ROOT), 1, 0)
        end = world.read("registry", "keyOf", issuer_id(ROOT), 1)[1]
        assert end == world.chain.head().time
        world.must("compromiseKey", ROOT, issuer_id(ROOT), 1, START + 10)
        later = world.act("compromiseKey", ROOT, issuer_id(ROOT), 1, START + 10)
        assert later.error == ("RegistryKeyOnlyEarlier", (START + 10, START + 10))
        good, issuer, number, key = world.read("registry", "keyAt", thumbprint, START + 9)
        assert (good, issuer, number, key[2]) == (True, issuer_id(ROOT), 1, START + 10)
        assert not world.read("registry", "keyAt", thumbprint, START + 10)[0]

    def test_roles_are_set_removed_and_reset(self, world: World) -> None:
        person = signer(95).signer_id
        world.must("setRole", ROOT, issuer_id(ROOT), person, Role.MAKER, 0, START, FAR)
        assert world.read("registry", "hasRole", issuer_id(ROOT), person, 3, 0)
        world.must("setRole", ROOT, issuer_id(ROOT), person, Role.MAKER, 0, 0, 0)
        assert not world.read("registry", "hasRole", issuer_id(ROOT), person, 3, 0)
        redeemer = world.act("setRole", ROOT, issuer_id(ROOT), person, 5, 1, START, FAR)
        assert redeemer.error == ("RegistryUnknownType", (1,))
        world.admit(CHILD, ROOT)
        world.staff(CHILD)
        world.must("scheduleReset", ROOT, issuer_id(CHILD), signer(96).signer_id, signer(97).signer_id)
        early = world.try_("registry", "executeReset", (issuer_id(CHILD),), signer(98))
        assert early.error is not None
        assert early.error[0] == "RegistryResetTooEarly"
        world.clock.advance(86_400)
        world.do("registry", "executeReset", (issuer_id(CHILD),), signer(98))
        for person_id, role, expected in (
            (crew(CHILD).admin1.signer_id, 1, False),
            (crew(CHILD).operator.signer_id, 2, False),
            (crew(CHILD).maker.signer_id, 3, False),
            (signer(96).signer_id, 1, True),
        ):
            found = world.read("registry", "hasRole", issuer_id(CHILD), person_id, role, 0)
            assert found is expected

    def test_a_dissolved_issuer_has_an_heir(self, world: World) -> None:
        world.found(ROOT, CHILD)
        batch = world.anchor(world.batch(CHILD, 1))
        world.must("dissolveIssuer", ROOT, issuer_id(CHILD), issuer_id(ROOT))
        assert world.read("registry", "successorOf", issuer_id(CHILD)) == issuer_id(ROOT)
        late = world.try_anchor(world.batch(CHILD, 2))
        assert late.error is not None
        assert late.error[0] == "RegistryDissolved"
        own = world.try_change(CHILD, batch.root, [lane(0, Status.REVOKED)])
        assert own.error == ("RegistryNotOwnAct", (issuer_id(CHILD), issuer_id(CHILD)))
        heir = world.try_change(CHILD, batch.root, [lane(0, Status.REVOKED)], by=ROOT)
        assert heir.state == "final"

    def test_governance_moves_in_two_steps(self, world: World) -> None:
        world.do("registry", "transferGovernance", (signer(99).address,), GOVERNANCE)
        assert world.read("registry", "governance") == GOVERNANCE.address
        world.do("registry", "acceptGovernance", (), signer(99))
        assert world.read("registry", "governance") == signer(99).address


class TestAnchors:
    def test_an_anchor_is_stored_and_told(self, world: World) -> None:
        world.found(ROOT, CHILD)
        batch = world.batch(CHILD, 1)
        outcome = world.try_anchor(batch)
        assert outcome.block is not None
        stored = world.read("ledger", "anchorOf", issuer_id(CHILD), batch.root)
        assert stored == (1, 1, 100, outcome.block.time, 0, 2, 0)
        (event,) = world.events(outcome.block)
        assert event.name == "BatchAnchored"
        assert event.args == {
            "issuer": issuer_id(CHILD), "root": batch.root, "typeId": 1, "key": 1, "size": 100,
            "anchoredAt": outcome.block.time, "list": 0, "firstWord": 2, "pending": False,
            "operator": crew(CHILD).operator.signer_id, "maker": batch.maker,
            "approver": batch.approver, "standingId": bytes(32),
        }  # fmt: skip
        assert world.read("ledger", "batchDigest", batch_tuple(batch)) == eip712.batch_digest(
            world.ledger_domain(), batch
        )

    def test_a_root_is_stored_at_most_once(self, world: World) -> None:
        world.found(ROOT)
        batch = world.anchor(world.batch(ROOT, 1))
        anchored_at = world.chain.head().time
        again = world.try_anchor(batch)
        assert again.state == "reverted"
        expected = (issuer_id(ROOT), batch.root, anchored_at)
        assert again.error == ("LedgerRootAlreadyAnchored", expected)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"deadline": START - 1}, "LedgerExpired"),
            ({"size": 0}, "LedgerBadSize"),
            ({"first_word": 2**32 - 1}, "LedgerBadRange"),
            ({"type_id": 2}, "RegistryGrantMissing"),
            ({"key": 2}, "RegistryKeyNotGood"),
            ({"maker": signer(5).signer_id}, "RegistryMissingRole"),
            ({"approver": crew(ROOT).maker.signer_id}, "LedgerSameSigner"),
            ({"type_id": 0, "list": 1}, "LedgerBadDocumentBatch"),
            ({"type_id": 0, "first_word": 0}, "RegistryKeyNotGood"),
        ],
        ids=str,
    )
    def test_what_is_wrong_with_a_batch(self, world: World, change: dict[str, object], error: str) -> None:
        world.found(ROOT)
        outcome = world.try_anchor(world.batch(ROOT, 1, **change))
        assert outcome.error is not None
        assert outcome.error[0] == error
        assert not world.read("ledger", "isAnchored", issuer_id(ROOT), world.batch(ROOT, 1).root)

    def test_signatures_are_of_exactly_this_batch(self, world: World) -> None:
        world.found(ROOT)
        batch, other = world.batch(ROOT, 1), world.batch(ROOT, 1, size=101)
        _, approvals = world.anchor_args(other)
        operator = crew(ROOT).operator
        swapped = world.try_("ledger", "anchor", (batch_tuple(batch), approvals), operator)
        assert swapped.error == ("LedgerBadSignature", (batch.maker,))
        nothing = world.try_("ledger", "anchor", (batch_tuple(batch), NO_APPROVALS), operator)
        assert nothing.error == ("LedgerBadSignature", (batch.maker,))
        carrier = world.try_("ledger", "anchor", world.anchor_args(batch), signer(44))
        assert carrier.error == (
            "RegistryMissingRole",
            (issuer_id(ROOT), signer(44).signer_id, 2),
        )

    def test_nothing_before_the_ledger_opens(self, world: World) -> None:
        outcome = world.try_anchor(world.batch(ROOT, 1))
        assert outcome.error == ("LedgerNotOpen", ())

    def test_an_invalid_one_in_the_middle_leaves_the_others(self, world: World) -> None:
        world.found(ROOT)
        operator = crew(ROOT).operator
        batches = [world.batch(ROOT, n) for n in (1, 2, 1, 3)]
        hashes = [world.submit("ledger", "anchor", world.anchor_args(batch), operator) for batch in batches]
        block = world.seal()
        outcomes = [world.chain.outcome(transaction) for transaction in hashes]
        assert [outcome.state for outcome in outcomes] == ["final", "final", "reverted", "final"]
        assert {outcome.block for outcome in outcomes} == {block}

    def test_many_in_one_call_are_all_or_nothing(self, world: World) -> None:
        world.found(ROOT)
        pairs = [world.anchor_args(world.batch(ROOT, n)) for n in (1, 2)]
        many = tuple(zip(*pairs, strict=True))
        world.do("ledger", "anchorMany", many, crew(ROOT).operator)
        assert world.read("ledger", "isAnchored", issuer_id(ROOT), world.batch(ROOT, 2).root)
        mixed = tuple(zip(*(world.anchor_args(world.batch(ROOT, n)) for n in (3, 2)), strict=True))
        outcome = world.try_("ledger", "anchorMany", mixed, crew(ROOT).operator)
        assert outcome.state == "reverted"
        assert not world.read("ledger", "isAnchored", issuer_id(ROOT), world.batch(ROOT, 3).root)

    def test_imports_keep_their_times(self, world: World) -> None:
        world.register_type(1)
        record = (issuer_id(ROOT), b"r" * 32, (1, 1, 65, START - 999, 3, 4, 0), (0, 8))
        stranger = world.try_("ledger", "importAnchors", ([record],), signer(3))
        assert stranger.error == ("LedgerOnlyGovernance", (signer(3).address,))
        block = world.do("ledger", "importAnchors", ([record],), GOVERNANCE)
        (event,) = world.events(block)
        assert event.args["anchor"] == record[2]
        assert event.args["words"] == (0, 8)
        assert world.read("ledger", "statusOf", issuer_id(ROOT), b"r" * 32, 64) == Status.REVOKED
        world.do("ledger", "open", (), GOVERNANCE)
        late = world.try_("ledger", "importAnchors", ([record],), GOVERNANCE)
        assert late.error == ("LedgerAlreadyOpen", ())

    def test_handed_over_means_no_more_writes(self, world: World) -> None:
        world.found(ROOT)
        successor = bytes([9]) * 20
        world.do("ledger", "handover", (issuer_id(ROOT), successor), GOVERNANCE)
        outcome = world.try_anchor(world.batch(ROOT, 1))
        assert outcome.error == ("LedgerIsHandedOver", (issuer_id(ROOT), successor))
        assert world.read("ledger", "handedOverTo", issuer_id(ROOT)) == successor
