"""Statuses and standing approvals on every implementation of the Chain port (see test_chain.py)."""

from __future__ import annotations

import pytest

from ledger.adapters.abi import batch_tuple, issuer_id
from ledger.core import eip712
from ledger.core.errors import RefusedError
from ledger.core.status import TRANSITIONS, Status
from ledger.ports import ContractCall
from tests.ports.chain_world import (
    FAR,
    ROOT,
    START,
    World,
    crew,
    lane,
    signer,
)


def refused(world: World, contract: str, function: str, *args: object) -> tuple[str, object]:
    with pytest.raises(RefusedError) as caught:
        world.chain.read(ContractCall(contract, function, args))  # type: ignore[arg-type]
    return caught.value.code, caught.value.detail["values"]


class TestStatuses:
    def status(self, world: World, root: bytes, leaf: int) -> int:
        return int(world.read("ledger", "statusOf", issuer_id(ROOT), root, leaf))

    def test_pending_batches_start_so_and_only_below_their_size(self, world: World) -> None:
        world.found(ROOT)
        batch = world.anchor(world.batch(ROOT, 1, pending=True, size=70))
        assert self.status(world, batch.root, 69) == Status.PENDING
        assert refused(world, "ledger", "statusOf", issuer_id(ROOT), batch.root, 70)[0] == (
            "LedgerIndexOutOfRange"
        )
        last = world.read("ledger", "statusWord", issuer_id(ROOT), batch.root, 1)
        assert last == 0x111111

    @pytest.mark.parametrize("before", [Status.VALID, Status.PENDING, Status.SUSPENDED, Status.VOID])
    def test_the_transition_table(self, world: World, before: Status) -> None:
        world.found(ROOT, single_use=True)
        batch = world.anchor(world.batch(ROOT, 1, pending=before is Status.PENDING))
        leaves = range(len(Status))
        if before not in {Status.VALID, Status.PENDING}:
            for leaf in leaves:
                assert world.try_change(ROOT, batch.root, [lane(leaf, before)]).state == "final"
        for leaf, after in zip(leaves, Status, strict=True):
            outcome = world.try_change(ROOT, batch.root, [lane(leaf, after)])
            if after in TRANSITIONS[before]:
                assert outcome.state == "final", (before, after, outcome.error)
                assert self.status(world, batch.root, leaf) == after
            else:
                assert outcome.error is not None
                assert outcome.error[0] == "LedgerBadTransition", (before, after)

    def test_bits_outside_the_mask_stay(self, world: World) -> None:
        world.found(ROOT)
        batch = world.anchor(world.batch(ROOT, 1))
        world.try_change(ROOT, batch.root, [lane(1, Status.REVOKED)])
        outcome = world.try_change(ROOT, batch.root, [lane(2, Status.VOID), lane(64, Status.VOID)])
        assert outcome.block is not None
        (event,) = world.events(outcome.block)
        assert event.args["words"] == (0, 1)
        assert event.args["values"] == (0xB80, 0xB)

    def test_the_operator_alone_suspends_and_nothing_else(self, world: World) -> None:
        world.found(ROOT)
        batch = world.anchor(world.batch(ROOT, 1))
        assert world.try_suspend(ROOT, batch.root, [lane(5, Status.SUSPENDED)]).state == "final"
        assert self.status(world, batch.root, 5) == Status.SUSPENDED
        outcome = world.try_suspend(ROOT, batch.root, [lane(5, Status.VALID)])
        assert outcome.error is not None
        assert outcome.error[0] == "LedgerNotSuspension"

    def test_only_a_redeemer_uses_and_only_once(self, world: World) -> None:
        world.found(ROOT, single_use=True)
        batch = world.anchor(world.batch(ROOT, 1))
        redeemer = crew(ROOT).redeemer
        changes = [(0, 0xF, int(Status.USED))]
        args = (issuer_id(ROOT), batch.root, changes)
        refused_one = world.try_("ledger", "redeem", args, redeemer)
        assert refused_one.error == (
            "LedgerMissingRole",
            (issuer_id(ROOT), redeemer.signer_id),
        )
        world.must("setRole", ROOT, issuer_id(ROOT), redeemer.signer_id, 5, 1, START, FAR)
        world.do("ledger", "redeem", args, redeemer)
        assert self.status(world, batch.root, 0) == Status.USED
        twice = world.try_("ledger", "redeem", args, redeemer)
        assert twice.error is not None
        assert twice.error[0] == "LedgerBadTransition"

    def test_used_needs_a_single_use_type(self, world: World) -> None:
        world.found(ROOT)
        batch = world.anchor(world.batch(ROOT, 1))
        outcome = world.try_change(ROOT, batch.root, [lane(0, Status.USED)])
        assert outcome.error == ("LedgerNotSingleUse", (1,))

    def test_a_withdrawn_batch_takes_no_more_changes(self, world: World) -> None:
        world.found(ROOT)
        batch = world.anchor(world.batch(ROOT, 1))
        assert world.try_withdraw(ROOT, batch.root, 3).state == "final"
        assert world.read("ledger", "anchorOf", issuer_id(ROOT), batch.root)[-1] == 3
        outcome = world.try_change(ROOT, batch.root, [lane(0, Status.VOID)])
        assert outcome.error == ("LedgerAlreadyWithdrawn", (issuer_id(ROOT), batch.root, 3))
        again = world.try_withdraw(ROOT, batch.root)
        assert again.error == ("LedgerAlreadyWithdrawn", (issuer_id(ROOT), batch.root, 3))

    def test_a_nonce_counts_once(self, world: World) -> None:
        world.found(ROOT)
        batch = world.anchor(world.batch(ROOT, 1))
        world.try_change(ROOT, batch.root, [lane(0, Status.SUSPENDED)])
        world.spent -= 1
        outcome = world.try_change(ROOT, batch.root, [lane(1, Status.SUSPENDED)])
        assert outcome.error == ("LedgerNonceUsed", (issuer_id(ROOT), 1))

    def test_a_word_beyond_the_batch_and_no_changes(self, world: World) -> None:
        world.found(ROOT)
        batch = world.anchor(world.batch(ROOT, 1, size=3))
        beyond = world.try_change(ROOT, batch.root, [lane(3, Status.VOID)])
        assert beyond.error is not None
        assert beyond.error[0] == "LedgerBadWord"
        assert world.try_change(ROOT, batch.root, []).error == ("LedgerNoChanges", ())


class TestStandingApprovals:
    def register(self, world: World, **changes: int) -> bytes:
        people = crew(ROOT)
        fields = {
            "acts": 3, "anchor_limit": 150, "supersede_limit": 2, "use_limit": 0,
            "valid_from": START, "valid_until": START + 86_400 * 3, "nonce": 1,
        } | changes  # fmt: skip
        standing = eip712.StandingApproval(
            issuer=ROOT, type_id=1, approver=people.approver.signer_id, **fields
        )
        struct = (
            issuer_id(ROOT), 1, standing.acts, standing.anchor_limit, standing.supersede_limit,
            standing.use_limit, standing.valid_from, standing.valid_until, standing.approver,
            standing.nonce,
        )  # fmt: skip
        outcome = world.try_("ledger", "registerStanding", (struct, b""), people.approver)
        assert outcome.state == "final", outcome
        return eip712.standing_digest(world.ledger_domain(), standing)

    def anchor(self, world: World, number: int, standing: bytes) -> object:
        batch = world.batch(ROOT, number)
        digest = eip712.batch_digest(world.ledger_domain(), batch)
        maker = eip712.ecdsa_signature(crew(ROOT).maker.sign_digest(digest))
        args = (batch_tuple(batch), (maker, b"", standing))
        outcome = world.try_("ledger", "anchor", args, crew(ROOT).operator)
        return outcome.error or outcome.state

    def test_it_replaces_the_approver_up_to_its_daily_limit(self, world: World) -> None:
        world.found(ROOT)
        standing = self.register(world)
        assert self.anchor(world, 1, standing) == "final"
        expected = ("LedgerStandingLimit", (standing, 1, 150, 200))
        assert self.anchor(world, 2, standing) == expected
        assert world.read("ledger", "standingUsed", standing) == (100, 0, 0)
        world.clock.advance(86_400)
        assert self.anchor(world, 2, standing) == "final"

    def test_it_ends_and_can_be_revoked(self, world: World) -> None:
        world.found(ROOT)
        standing = self.register(world)
        auth = (crew(ROOT).admin1.signer_id, 0, 0, b"")
        stranger = world.try_("ledger", "revokeStanding", (standing, issuer_id(ROOT), auth), signer(4))
        assert stranger.error == ("LedgerBadSignature", (auth[0],))
        world.do("ledger", "revokeStanding", (standing, issuer_id(ROOT), auth), crew(ROOT).admin1)
        refused_now = self.anchor(world, 1, standing)
        assert refused_now == ("LedgerStandingNotGood", (standing, world.chain.head().time))
        assert world.read("ledger", "standingOf", standing)[1] is True
        unknown = self.anchor(world, 1, b"u" * 32)
        assert unknown == ("LedgerUnknownStanding", (b"u" * 32,))
