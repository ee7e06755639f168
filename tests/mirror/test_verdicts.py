"""What a clerk is told at a mirror about a real certificate: good, too old to tell, or cannot tell; never forged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.store import MEMORY
from ledger.adapters.system import ManualClock
from ledger.core.checkpoint import Checkpoint, SignedCheckpoint, encode_checkpoint, sign_checkpoint
from ledger.core.errors import UnavailableError
from ledger.core.flow import BatchState
from ledger.core.report import CheckId, Report
from ledger.ports import ContractCall
from tests.flow_world import START, chain_signer, deposit_table
from tests.mirror_world import Copy
from tests.witness_world import OPERATOR, WITNESSES, WitnessedWorld, found_with_checkpoints

pytestmark = pytest.mark.xdist_group("witnesses")


@dataclass
class LiveNode:
    """Port LedgerNode over an installation at work, or over what its operator shows instead."""

    world: WitnessedWorld
    chain: EmbeddedChain
    shown: SignedCheckpoint | None = None
    is_silent: bool = False
    name: str = "fund.example"

    def checkpoint(self) -> SignedCheckpoint | None:
        if self.is_silent:
            raise UnavailableError("NODE_SILENT", "gone")
        return self.shown or self.world.signed.newest("operator")

    def blocks_from(self, number: int) -> tuple[bytes, ...]:
        last = self.chain.head().number
        return tuple(self.chain.block_rlp(at) or b"" for at in range(number, last + 1))

    def block(self, number: int) -> bytes | None:
        return self.chain.block_rlp(number)

    def statements(self, number: int) -> tuple[tuple[SignedCheckpoint, ...], tuple[SignedCheckpoint, ...]]:
        kept = self.world.signed.at(number)
        return tuple(item.signed for item in kept if item.signatory == "operator"), ()

    def cosignatures(self) -> tuple[SignedCheckpoint, ...]:
        return tuple(self.world.signed.newest_of_each())

    def post_cosignature(self, signed: SignedCheckpoint) -> str:
        self.world.node.take(encode_checkpoint(signed))
        return "COSIGNED"

    def trust(self, version: int | None = None) -> bytes | None:
        del version
        return None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[WitnessedWorld]:
    clock = ManualClock(START)
    found_with_checkpoints(tmp_path / "home", clock)
    opened = WitnessedWorld(tmp_path / "home", clock, threshold=2)
    yield opened
    opened.close()


def told(world: WitnessedWorld, copy: Copy, bundle: bytes) -> Report:
    assert world.rule.trust is not None
    return world.verifier(copy.rows, world.rule.trust).verify(bundle, now=world.clock.now())


def another_history(world: WitnessedWorld) -> tuple[EmbeddedChain, SignedCheckpoint]:
    """Two blocks are replaced by three others; the operator signs."""
    info, head = world.chain.info(), world.chain.head().number
    chain = EmbeddedChain.join(
        MEMORY, world.clock, chain_id=info.chain_id, genesis_rlp=world.chain.block_rlp(0) or b""
    )
    chain.save_contracts({"registry": info.registry, "ledger": info.ledger})
    chain.import_blocks(world.chain.block_rlp(at) or b"" for at in range(1, head - 1))
    stranger = chain_signer("stranger")
    for nonce in range(3):
        chain.send(chain.prepare(ContractCall("ledger", "open", ()), stranger, nonce).raw)
        world.clock.advance(1)
        assert chain.seal() is not None
    newest = chain.head()
    stated = Checkpoint(
        info.ledger_id, info.chain_id, newest, chain.state_root(newest.number), world.clock.now()
    )
    return chain, sign_checkpoint(stated, OPERATOR)


def test_a_certificate_at_two_mirrors_through_a_bad_day(world: WitnessedWorld, tmp_path: Path) -> None:
    assert world.rule.trust is not None
    node = LiveNode(world, world.chain)
    copies = [
        Copy(tmp_path / f"mirror{at}", world.clock, world.rule.trust, [node], WITNESSES[at])
        for at in range(2)
    ]
    world.issue_all(deposit_table(range(3)))
    batch = world.store.batches.batches()[-1]
    assert batch.state is BatchState.APPROVED  # nothing leaves before two witnesses have signed
    world.checkpointer.step()
    for copy in (*copies, copies[0]):
        assert copy.step().condition == "following"
    world.clock.advance(11)
    world.work()
    assert world.store.batches.batch(batch.id).state is BatchState.RELEASED
    bundle = world.export.bundle(batch.id, 0)
    for copy in copies:
        report = told(world, copy, bundle)
        assert report.exit_code == 0, report.as_json()
        assert report.check(CheckId.FINALITY).code == "WITNESSED"
        assert not report.single_operator

    world.clock.advance(86_400)  # the operator is gone for a day
    node.is_silent = True
    for copy in copies:
        assert copy.step().code == "NODE_SILENT"
        report = told(world, copy, bundle)
        assert (report.exit_code, report.check(CheckId.STATUS_AGE).code) == (3, "VIEW_STALE")

    node.is_silent = False  # and comes back with another history, in which the certificate was never anchored
    node.chain, node.shown = another_history(world)
    for copy in copies:
        assert copy.step().condition == "refusing"
        report = told(world, copy, bundle)
        assert (report.exit_code, report.check(CheckId.FINALITY).code) == (3, "SOURCE_FORKED")
        assert not [result for result in report.checks if result.outcome.value == "failed"]
        copy.close()
    node.chain.close()
